"""`fauxbench audit metrics`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from ..errors import InputError
from . import options

audit = typer.Typer(
    help="Look into fauxbench's own instruments.", no_args_is_help=True, rich_markup_mode=None, add_completion=False
)


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.add_typer(audit, name="audit")


@audit.callback()
def _verb() -> None:
    """Look into fauxbench's own instruments."""  # a callback keeps `metrics` a sub-command while it is the only one


@audit.command("metrics")
def metrics(
    data: Annotated[
        Path | None, typer.Option(help="Real media, best one sub-folder a person; default rendered people.")
    ] = None,
    kind: Annotated[
        str | None, typer.Option(help="image, video or audio; default what --data holds, without it pictures.")
    ] = None,
    n: Annotated[
        int | None, typer.Option("--n", min=2, help="Items on each side; default 120 pictures, 24 clips, 40 sounds.")
    ] = None,
    metrics: Annotated[str | None, typer.Option(help="Names, separated by commas; default all that apply.")] = None,
    instruments: Annotated[str | None, typer.Option(help="Names, separated by commas.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the tables: in every format, or in that of --format.")
    ] = None,
    store: options.Store = None,
    device: options.Device = "cpu",
    workers: options.Workers = None,
    format_: Annotated[str | None, typer.Option("--format", "-f", help="latex, markdown, csv or html.")] = None,
    json_: options.Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    """Show how metrics react to changes of real media that people do not notice, and to ones that they can."""
    from ..audit import audit_metrics
    from ..execute.display import Display, display_for
    from ..report import FORMATS, SUFFIXES, render, rich_table

    if format_ is not None and format_ not in FORMATS:
        raise InputError(f"--format {format_}: legal: {', '.join(FORMATS)}")
    options.check_device(device)
    found = audit_metrics(
        data,
        kind=kind,
        n=n,
        metrics=options.words(metrics) if metrics else None,
        instruments=options.words(instruments) if instruments else None,
        store=store,
        device=device,
        workers=workers,
        display=Display() if quiet else display_for(),
    )
    tables = found.tables()
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        for name, table in tables.items():
            for form in (format_,) if format_ else FORMATS:
                (out / f"{name}{SUFFIXES[form]}").write_text(render(table, form), encoding="utf-8")
    if json_:
        typer.echo(json.dumps(found.record(), ensure_ascii=False))
    elif format_:
        typer.echo("\n".join(render(table, format_) for table in tables.values()))
    else:
        from rich.console import Console

        for table in tables.values():
            Console().print(rich_table(table))
    for warning in found.results.warnings:
        typer.echo(f"warning: {warning}", err=True)
