"""`fauxbench audit metrics` and `fauxbench audit marking`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import options

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..report import Table

audit = typer.Typer(
    help="Look into fauxbench's own instruments.", no_args_is_help=True, rich_markup_mode=None, add_completion=False
)


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.add_typer(audit, name="audit")


@audit.callback()
def _verb() -> None:
    """Look into fauxbench's own instruments."""


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

    options.check_format(format_)
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
    _tell(found.tables(), found.record() if json_ else None, out, format_)
    for warning in found.results.warnings:
        typer.echo(f"warning: {warning}", err=True)


@audit.command("marking")
def marking(
    data: Annotated[
        Path | None, typer.Option(help="Real pictures, best one sub-folder a person; default rendered people.")
    ] = None,
    fakes: Annotated[
        str | None,
        typer.Option(help="RUN:name@version: its fakes against its real pictures, before and after marking."),
    ] = None,
    n: Annotated[
        int | None, typer.Option("--n", min=10, help="Pictures at most; default 240, of a folder all.")
    ] = None,
    side: Annotated[int, typer.Option(min=32, max=1024, help="Of the pictures, in pixels.")] = 96,
    metrics: Annotated[
        str | None, typer.Option(help="Names, separated by commas, or none; default all that apply.")
    ] = None,
    instruments: Annotated[str | None, typer.Option(help="Names, separated by commas.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the tables: in every format, or in that of --format.")
    ] = None,
    store: options.Store = None,
    workers: options.Workers = None,
    format_: Annotated[str | None, typer.Option("--format", "-f", help="latex, markdown, csv or html.")] = None,
    json_: options.Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    """Show what marking does to metrics and detectors, and what the watermark survives.

    The key of this audit is no secret: what is marked with it stays in the store and is removed.
    """
    from ..audit_marking import audit_marking
    from ..execute.display import Display, display_for
    from ..export import find_set, real_beside

    options.check_format(format_)
    chosen = options.words(metrics) if metrics else None
    beside = real_beside(fakes, store) if fakes else None
    found = audit_marking(
        data,
        fakes=find_set(fakes, store)[0] if fakes else None,
        real=beside.items if beside else (),
        n=n,
        side=side,
        metrics=() if chosen == ("none",) else chosen,
        instruments=options.words(instruments) if instruments else None,
        store=store,
        workers=workers,
        display=Display() if quiet else display_for(),
    )
    _tell(found.tables(), found.record() if json_ else None, out, format_)


def _tell(tables: "Mapping[str, Table]", record: object, out: Path | None, form: str | None) -> None:
    """Print tables, or the record as JSON where there is one, and write them to `out`."""
    from ..report import FORMATS, SUFFIXES, render, rich_table

    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        for name, table in tables.items():
            for one in (form,) if form else FORMATS:
                (out / f"{name}{SUFFIXES[one]}").write_text(render(table, one), encoding="utf-8")
    if record is not None:
        typer.echo(json.dumps(record, ensure_ascii=False))
    elif form:
        typer.echo("\n".join(render(table, form) for table in tables.values()))
    else:
        from rich.console import Console

        for table in tables.values():
            Console().print(rich_table(table))
