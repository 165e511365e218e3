"""`fauxbench inspect FILE`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import options

if TYPE_CHECKING:
    from ..safeguards.inspecting import Inspection


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("inspect")(inspect)


def inspect(
    file: Annotated[Path, typer.Argument(help="A picture, clip or sound.")],
    authority: Annotated[
        list[Path] | None, typer.Option(help="Another's authority.pem, whose signatures you trust.")
    ] = None,
    json_: options.Json = False,
) -> None:
    """Say what marks a file carries, whether its signature holds, and which run made it.

    Exits with 1 if something is wrong with it: damage, a signature that does not hold, marks that contradict.
    """
    from ..safeguards.inspecting import inspect as inspect_file

    found = inspect_file(file, authority or ())
    if json_:
        typer.echo(json.dumps(found.record(), ensure_ascii=False))
    else:
        _print(found)
    if found.findings:
        raise typer.Exit(1)


def _print(found: "Inspection") -> None:
    typer.echo(f"{found.path}: {found.verdict}")
    signed, mark = found.credentials, found.watermark
    if mark is None:
        watermark = f"not looked for: {found.not_searched}" if found.not_searched else "none found"
    elif mark.mark is None:
        watermark = f"found, too weak to be read (by chance: {mark.false_positive_rate:.1g})"
    else:
        one = mark.mark
        kind = "stands for real in its set" if one.kind == "real" else one.kind.replace("_", " ")
        watermark = (
            f"run {one.run}, item {one.item}, generator {one.generator}, {kind}; {mark.corrected} bits put right "
            f"(by chance: {mark.false_positive_rate:.1g})"
        )
    typer.echo(f"watermark    {watermark}")
    by = f", signed by {signed.signer}" if signed.signer else ""
    typer.echo(f"credentials  {signed.state}{by}")
    typer.echo(f"source type  {signed.source_type or 'none'}; XMP: {found.xmp or 'none'}")
    beside = "none beside it"
    if found.sidecar:
        beside = f"{found.sidecar.path}: {'this very file' if found.sidecar.intact else 'another file'}"
    typer.echo(f"sidecar      {beside}")
    for finding in found.findings:
        typer.echo(f"wrong        {finding}")
