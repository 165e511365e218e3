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
    paper: Annotated[
        Path | None, typer.Option("--paper", help="A folder for the figures as PDF and PNG and the tables as text.")
    ] = None,
    json_: options.Json = False,
) -> None:
    """Write a run as one page that opens from disk: sortable tables, figures, samples, protocol, warnings."""
    from ..errors import InputError
    from ..report.figures import figures
    from ..report.page import report_page
    from ..report.paper import write_paper
    from ..store.schema import read_results
    from ..store.store import storage_errors, write_atomically

    place = out or run / "report.html"
    if place.is_dir():
        raise InputError(f"--out {place}: a folder; give a file, for instance {place / 'report.html'}")
    if paper is not None and paper.exists() and not paper.is_dir():
        raise InputError(f"--paper {paper}: a file; give a folder")
    results = read_results(run)
    drawn = list(figures(run, results))
    text = report_page(run, drawn)
    with storage_errors(place):
        place.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(place, text)
    written = [place]
    if paper is not None:
        with storage_errors(paper):
            written += write_paper(paper, results, drawn)
    if json_:
        typer.echo(json.dumps({"page": str(place), "bytes": len(text.encode()), "paper": list(map(str, written[1:]))}))
    else:
        typer.echo(str(place))
        if paper is not None:
            typer.echo(f"{paper}: {len(written) - 1} files")
