"""The sources of a class that a user keeps in a file: the file, and whatever it imports from beside it."""

import ast
from collections.abc import Iterator
from pathlib import Path

from .errors import InputError


def parse(path: Path) -> ast.Module:
    """Parse a Python file.

    Raises:
        InputError: It is not Python; the message names the line.
    """
    try:
        return ast.parse(path.read_bytes(), filename=str(path))
    except (SyntaxError, ValueError) as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) else ""
        raise InputError(f"{path}{line}: not Python: {getattr(error, 'msg', error)}") from error


def names_bound(path: Path) -> set[str]:
    """Return the names that a file binds at its top level: classes, assignments, imports.

    Raises:
        InputError: It is not Python.
    """
    found: set[str] = set()
    for node in parse(path).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        else:
            found |= {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return found


def local_sources(path: Path) -> list[Path]:
    """Return a file and the files beside it that it imports, directly or not, sorted; packages whole.

    Raises:
        InputError: One of them is not Python.
    """
    folder = path.parent
    found: set[Path] = set()
    waiting = [path]
    while waiting:
        file = waiting.pop()
        if file in found:
            continue
        found.add(file)
        for name in _imported(file):
            if (folder / f"{name}.py").is_file():
                waiting.append(folder / f"{name}.py")
            elif (folder / name / "__init__.py").is_file():
                waiting += sorted((folder / name).rglob("*.py"))
    return sorted(found)


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]
