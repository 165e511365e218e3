"""Detectors that a YAML file describes: a program (`command`) or a service (`http`).

use: command
name: my-detector
version: "1"
target: visual
command: {argv: [python3, detector.py], files: [detector.py], modality: image}
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BeforeValidator, Field, ValidationError, model_validator

from ..canonical import JSON, digest_of
from ..cards import DetectorCard, Document, Name, Parameter, Version
from ..contracts import Detector
from ..errors import InputError
from .attach import command_identity, http_identity, resolved, token_of
from .spec import CommandSpec, HttpSpec


class DetectorFile(Document):
    """A detector whose code is elsewhere."""

    use: Literal["command", "http"]
    name: Name
    version: Annotated[Version, BeforeValidator(lambda v: str(v) if type(v) is int else v)]
    title: str = ""
    target: Literal["visual", "audio", "any"] = "visual"
    """The truth that it is scored against."""
    threshold: float = Field(default=0.5, ge=0, le=1)
    """P(fake) from which an item counts as fake, unless its training says another."""
    parameters: dict[str, bool | int | float | str] = {}
    """Passed on as they are."""
    command: CommandSpec | None = None
    http: HttpSpec | None = None

    @model_validator(mode="after")
    def _described(self) -> "DetectorFile":
        given = [name for name in ("command", "http") if getattr(self, name) is not None]
        if given != [self.use]:
            raise ValueError(
                f"use: {self.use} needs `{self.use}:` and nothing else, found {', '.join(given) or 'none'}"
            )
        return self

    @property
    def spec(self) -> CommandSpec | HttpSpec:
        """How it is reached."""
        found = self.command or self.http
        assert found is not None
        return found

    @property
    def card(self) -> DetectorCard:
        """Its card."""
        spec = self.spec
        return DetectorCard(
            name=self.name,
            version=self.version,
            title=self.title or spec.title,
            modality=spec.modality,
            licence=spec.licence,
            reference=spec.reference,
            target=self.target,
            fits=spec.trains,
            parameters={n: Parameter(default=v, description="passed on") for n, v in self.parameters.items()},
        )


def read_file(path: Path) -> DetectorFile:
    """Read a detector's YAML file; the working folder of a command becomes absolute.

    Raises:
        InputError: No such file, no YAML, a key that is wrong, or a program that is not there.
    """
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"no detector at {path} ({error.strerror})") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not YAML: {error}") from error
    try:
        read = DetectorFile.model_validate(found)
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, e['loc'])) or 'detector'}: {e['msg']}" for e in error.errors()]
        raise InputError(f"{path}: " + "; ".join(lines)) from error
    if read.command is None:
        return read
    return read.model_copy(update={"command": resolved(read.command, path.parent)})


def card_of(path: Path) -> DetectorCard:
    """Return the card of a described detector."""
    return read_file(path).card


def identity(path: Path) -> str:
    """Return the code identity: the program's words, variables and files, or the service's address and version."""
    read = read_file(path)
    if read.command is not None:
        return digest_of([command_identity(read.command), read.threshold])
    assert read.http is not None
    return digest_of([http_identity(read.http, read.version), read.threshold])


def class_of(path: Path) -> type[Detector]:
    """Return a class that is built like any other: `Cls(card, parameters)`."""
    read = read_file(path)
    if read.command is not None:
        from .command_detector import CommandDetector

        command = read.command

        class Command(CommandDetector):
            def __init__(self, card: DetectorCard, parameters: Mapping[str, JSON]) -> None:
                super().__init__(card, parameters, command, threshold=read.threshold)

        return Command
    from .http_detector import HttpDetector

    assert read.http is not None
    http: HttpSpec = read.http

    class Service(HttpDetector):
        def __init__(self, card: DetectorCard, parameters: Mapping[str, JSON]) -> None:
            super().__init__(card, parameters, http, token_of(http), threshold=read.threshold)

    return Service
