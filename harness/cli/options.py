"""Options that several verbs share."""

from pathlib import Path
from typing import Annotated

import typer

from ..errors import InputError

Store = Annotated[
    Path | None,
    typer.Option(help="The store; default FAUXBENCH_STORE or the platform's cache folder.", show_default=False),
]
Device = Annotated[str, typer.Option(help="cpu, cuda, cuda:1, mps.")]
Workers = Annotated[
    int | None, typer.Option(min=1, help="Processes at once; default one a processor.", show_default=False)
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Format = Annotated[str, typer.Option("--format", "-f", help="latex, markdown, csv or html.")]


def check_device(device: str) -> None:
    """Raise InputError if torch cannot use `device` here."""
    if device == "cpu":
        return
    import torch

    kind, _, number = device.partition(":")
    devices = {"cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available())}
    if not (number or "0").isdecimal() or int(number or 0) >= devices.get(kind, 0):
        have = ", ".join(f"{name}:{i}" for name, count in devices.items() for i in range(count))
        raise InputError(f"--device {device}: not here; there is: cpu{', ' + have if have else ''}")


def check_format(name: str | None) -> None:
    """Raise InputError if no table can be written so; None is the terminal."""
    if name is None:
        return
    from ..report import FORMATS

    if name not in FORMATS:
        raise InputError(f"--format {name}: legal: {', '.join(FORMATS)}")


def words(text: str) -> tuple[str, ...]:
    """Return the words of a list with commas, each once."""
    return tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))


def counted(number: int, one: str, many: str) -> str:
    """Return a number with its noun."""
    return f"{number:,} {one if number == 1 else many}"
