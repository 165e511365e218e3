"""Sources that make a number: a user's file and what it imports from beside it, a module and what it reaches here."""

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from .errors import InputError

HARNESS = Path(__file__).parent
PLUMBING = frozenset(
    {
        *("errors.py", "canonical.py", "cards.py", "contracts.py", "registry.py", "sources.py", "execute/step.py"),
        *("instruments/__init__.py", "metrics/__init__.py", "store/memory.py", "store/store.py"),
    }
)
"""Parts of the harness that name, find, check and keep: no number depends on them."""


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


def reached(files: Iterable[Path]) -> list[Path]:
    """Return modules of the harness and every module of it that they import, at any depth, but for `PLUMBING`; sorted.

    Imports inside functions count. Those for types alone count too, which can only make an identity too narrow.
    """
    found: set[Path] = set()
    waiting = list(files)
    while waiting:
        file = waiting.pop()
        if file not in found and file.relative_to(HARNESS).as_posix() not in PLUMBING:
            found.add(file)
            waiting += _relative(file)
    return sorted(found)


@cache
def _relative(file: Path) -> tuple[Path, ...]:
    """Return the files that the relative imports of a module of the harness lead to."""
    found: list[Path | None] = []
    for node in ast.walk(parse(file)):
        if not isinstance(node, ast.ImportFrom) or not node.level:
            continue
        base = file.parents[node.level - 1].joinpath(*(node.module or "").split("."))
        inside = [_module(base / alias.name) if base.is_dir() else None for alias in node.names]
        found += [one or _module(base) for one in inside]
    return tuple(dict.fromkeys(one for one in found if one is not None))


def _module(place: Path) -> Path | None:
    """Return the file of a module or a package."""
    tries = (place.with_name(f"{place.name}.py"), place / "__init__.py")
    return next((file for file in tries if file.is_file()), None)
