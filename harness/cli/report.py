"""`fauxbench report RUN`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from . import options


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("report")(report)


def report(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The page; default RUN/report.html.", show_default=False)
    ] = None,
    json_: options.Json = False,
) -> None:
    """Write a run as one page that opens from disk: sortable tables, figures, samples, protocol, warnings."""
    from ..errors import InputError
    from ..report.page import report_page
    from ..store.store import storage_errors, write_atomically

    place = out or run / "report.html"
    if place.is_dir():
        raise InputError(f"--out {place}: a folder; give a file, for instance {place / 'report.html'}")
    text = report_page(run)
    with storage_errors(place):
        place.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(place, text)
    typer.echo(json.dumps({"page": str(place), "bytes": len(text.encode())}) if json_ else str(place))
