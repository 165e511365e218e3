"""Building a system that is no Python class from what a unit says of it."""

import os
from collections.abc import Mapping
from pathlib import Path

from ..canonical import JSON, digest_of, digest_of_file
from ..cards import GeneratorCard
from ..contracts import Generator
from ..errors import InputError
from .spec import CommandSpec, HttpSpec

ELSEWHERE = ("command", "http")
"""Words of `use` that stand for a connector whose system runs elsewhere."""


def command_identity(spec: CommandSpec) -> str:
    """Return the code identity of a command: its words, its variables, and the files that make its numbers.

    Raises:
        InputError: A declared file, or the program, is not there.
    """
    files = [[name, digest_of_file(path)] for name, path in declared_files(spec)]
    return digest_of(["command", list(spec.argv), spec.environment, files])


def http_identity(spec: HttpSpec, version: str) -> str:
    """Return the identity of a service: its address and the version that is declared of it."""
    return digest_of(["http", spec.url, version])


def check_program(spec: CommandSpec) -> None:
    """Raise InputError if the program of a command is not on this machine."""
    import shutil

    word = spec.argv[0]
    path = str(spec.folder / word) if os.sep in word else word
    if shutil.which(path, path=spec.environment.get("PATH")) is None:
        where = f"in {spec.folder}" if os.sep in word else "on the PATH"
        raise InputError(f"command.argv: no program '{word}' {where} that can be run")


def build(
    connector: str, description: Mapping[str, JSON], card: GeneratorCard, parameters: Mapping[str, JSON]
) -> Generator:
    """Return the Generator that speaks with a system.

    Args:
        connector: One of `ELSEWHERE`.
        description: Of the suite, with the working folder absolute.
        card: The system's.
        parameters: Passed on as they are.

    Raises:
        InputError: The variable that should hold the token is not set.
    """
    if connector == "command":
        from .command import CommandGenerator

        return CommandGenerator(card, parameters, CommandSpec.model_validate(description))
    from .http import HttpGenerator

    spec = HttpSpec.model_validate(description)
    return HttpGenerator(card, parameters, spec, token_of(spec))


def token_of(spec: HttpSpec) -> str | None:
    """Return the bearer token, from the variable that the suite names.

    Raises:
        InputError: It is not set.
    """
    if spec.token is None:
        return None
    found = os.environ.get(spec.token)
    if not found or not found.isascii() or not found.isprintable():
        raise InputError(f"http.token: the variable {spec.token} holds no token; set it")
    return found


def resolved(spec: CommandSpec, base: Path) -> CommandSpec:
    """Return a command whose working folder is absolute.

    Raises:
        InputError: It is not there, or the program is not.
    """
    folder = (base / spec.folder).resolve()
    if not folder.is_dir():
        raise InputError(f"command.folder: expected a folder at {folder} (paths are relative to {base})")
    found = spec.model_copy(update={"folder": folder})
    check_program(found)
    return found


def declared_files(spec: CommandSpec) -> list[tuple[str, Path]]:
    """Return the files whose content is part of a system's identity, with their names, sorted.

    They are those that it declares, folders whole, and every word of `argv` that names a file: a script is part of the
    system even if nobody thought of declaring it. The program itself counts only if it lies in the working folder.

    Raises:
        InputError: A declared file is not there.
    """
    found: dict[str, Path] = {}
    for declared in spec.files:
        path = spec.folder / declared
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
            found |= {(declared / p.relative_to(path)).as_posix(): p for p in inside}
        elif path.is_file():
            found[declared.as_posix()] = path
        else:
            raise InputError(f"files: {declared} is not in {spec.folder}")
    first = () if os.path.isabs(spec.argv[0]) or os.sep not in spec.argv[0] else spec.argv[:1]  # noqa: PTH117
    for word in (*first, *spec.argv[1:]):
        path = spec.folder / word
        if len(word) < 4096 and "\0" not in word and path.is_file():
            found.setdefault(word, path)
    return sorted(found.items())
