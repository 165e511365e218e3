"""`fauxbench export SET --as FORM --out DIR`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from ..cards import did_you_mean
from ..errors import InputError, RefusedError
from . import options


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("export")(export)


def export(
    set_: Annotated[str, typer.Argument(metavar="SET", help="A MediaSet folder, or RUN:name@version.")],
    out: Annotated[Path, typer.Option(help="A new folder.")],
    as_: Annotated[str, typer.Option("--as", help="folder, csv or deepfakebench.")] = "folder",
    masks: Annotated[bool, typer.Option("--masks", help="Also write which pixels were changed.")] = False,
    store: options.Store = None,
    json_: options.Json = False,
) -> None:
    """Write a set, marked, in a form that other tools read."""
    from ..export import FORMS, export_set, find_set, real_beside
    from ..parallel_detection import with_detectability
    from ..safeguards.detectability import detectability_of
    from ..safeguards.publishing import why_not_hand_on

    if as_ not in FORMS:
        raise InputError(f"--as {as_}{did_you_mean(as_, FORMS)}; legal: {', '.join(FORMS)}")
    media, origin = find_set(set_, store)
    reasons = why_not_hand_on(media)
    if reasons:
        raise RefusedError(f"{set_}: {'; '.join(reasons)}")
    real = real_beside(set_, store)
    media = with_detectability(media, real or (), real.digest if real else None)
    written = str(export_set(media, as_, out, origin, masks=masks, real=real or ()))
    if detectability_of(media.card) is None:
        typer.echo(
            "warning: not scored by detectors, because no real items are at hand: it cannot be published", err=True
        )
    typer.echo(json.dumps({"path": written, "form": as_, "items": len(media)}) if json_ else written)
