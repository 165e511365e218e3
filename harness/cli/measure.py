"""`fauxbench measure REAL FAKE`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from ..errors import InputError
from . import options


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("measure")(measure)


def measure(
    real: Annotated[Path, typer.Argument(help="Folder of real pictures.")],
    fake: Annotated[Path, typer.Argument(help="Folder of synthetic pictures.")],
    metrics: Annotated[str | None, typer.Option(help="Names, separated by commas; default all that apply.")] = None,
    instruments: Annotated[str | None, typer.Option(help="Names, separated by commas.")] = None,
    store: options.Store = None,
    device: options.Device = "cpu",
    workers: options.Workers = None,
    format_: Annotated[str | None, typer.Option("--format", "-f", help="latex, markdown, csv or html.")] = None,
    json_: options.Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    """Score how real a folder of synthetic pictures looks, beside real against held-out real."""
    from ..execute.display import Display, display_for
    from ..measure import INSTRUMENTS, METRICS
    from ..measure import measure as measure_folders
    from ..report import FORMATS, measure_table, provenance, render, rich_table

    if format_ is not None and format_ not in FORMATS:
        raise InputError(f"--format {format_}: legal: {', '.join(FORMATS)}")
    options.check_device(device)
    found = measure_folders(
        real,
        fake,
        metrics=options.words(metrics) if metrics else METRICS,
        instruments=options.words(instruments) if instruments else INSTRUMENTS,
        store=store,
        device=device,
        workers=workers,
        display=Display() if quiet else display_for(),
    )
    if json_:
        rows = [row.model_dump(mode="json") for row in found.rows]
        typer.echo(json.dumps({"rows": rows, "warnings": found.results.warnings}, ensure_ascii=False))
        return
    table = measure_table(found.rows, origin=provenance(found.results))
    if format_:
        typer.echo(render(table, format_))
    else:
        from rich.console import Console

        Console().print(rich_table(table))
    for warning in found.results.warnings:
        typer.echo(f"warning: {warning}", err=True)
