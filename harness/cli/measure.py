"""`fauxbench measure REAL FAKE`."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import InputError
from . import options

if TYPE_CHECKING:
    from ..measure import Measured
    from ..report.model import Table
    from ..store.schema import Row

INPUT = "folder, zip file, MediaSet, or statistics of pytorch-fid (.npz with mu and sigma)"


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("measure")(measure)


def measure(
    real: Annotated[Path, typer.Argument(help=f"Real pictures: {INPUT}.")],
    fake: Annotated[Path, typer.Argument(help="Synthetic pictures, likewise.")],
    metrics: Annotated[str | None, typer.Option(help="Names, separated by commas; default all that apply.")] = None,
    instruments: Annotated[str | None, typer.Option(help="Names, separated by commas.")] = None,
    protocol: Annotated[
        str | None, typer.Option(help="resize=clean|pytorch-fid|tf1, precision=fp32|bf16; separated by commas.")
    ] = None,
    save_stats: Annotated[
        Path | None, typer.Option(help="Write mu and sigma of the real pictures, as pytorch-fid reads them.")
    ] = None,
    store: options.Store = None,
    device: options.Device = "cpu",
    workers: options.Workers = None,
    format_: Annotated[str | None, typer.Option("--format", "-f", help="latex, markdown, csv or html.")] = None,
    json_: options.Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    """Score how real synthetic pictures look, beside real against held-out real and slightly degraded."""
    from ..execute.display import Display, display_for
    from ..measure import INSTRUMENTS, METRICS
    from ..measure import measure as measure_sets
    from ..report import FORMATS, provenance, render, rich_table

    if format_ is not None and format_ not in FORMATS:
        raise InputError(f"--format {format_}: legal: {', '.join(FORMATS)}")
    options.check_device(device)
    found = measure_sets(
        real,
        fake,
        metrics=options.words(metrics) if metrics else METRICS,
        instruments=options.words(instruments) if instruments else INSTRUMENTS,
        protocol=_pairs(protocol or ""),
        save_stats=save_stats,
        store=store,
        device=device,
        workers=workers,
        display=Display() if quiet else display_for(),
    )
    if json_:
        rows = [row.model_dump(mode="json") for row in found.rows]
        positions = [position.model_dump(mode="json") for position in found.positions]
        document = {"rows": rows, "positions": positions, "warnings": found.results.warnings}
        typer.echo(json.dumps(document, ensure_ascii=False))
        return
    table = _table(found, provenance(found.results))
    if format_:
        typer.echo(render(table, format_))
    else:
        from rich.console import Console

        Console().print(rich_table(table))
    for warning in found.results.warnings:
        typer.echo(f"warning: {warning}", err=True)


def _pairs(text: str) -> dict[str, str]:
    """Return `resize=tf1,precision=bf16` as a mapping."""
    found = {}
    for word in options.words(text):
        name, sign, value = word.partition("=")
        if not sign:
            raise InputError(f"--protocol {text}: expected NAME=VALUE, separated by commas, found '{word}'")
        found[name.strip()] = value.strip()
    return found


def _table(found: "Measured", origin: dict[str, str]) -> "Table":
    """Return the table of all rows, with the degraded control named and the positions in a column of their own."""
    from ..conditions.control import DEGRADED, SAID
    from ..report import measure_table
    from ..report.model import Cell, Column

    table = measure_table(_beside(found.rows), origin=origin)
    if not found.positions:
        return table
    positions = {position.metric: position for position in found.positions}
    lines = []
    for line, row in zip(table.rows, _beside(found.rows), strict=True):
        cells = list(line.cells)
        if row.system == DEGRADED:
            cells[0] = replace(cells[0], text=f"real ({SAID})")
        position = positions.get(row.metric) if row.role == "system" else None
        notes = (position.reason,) if position and position.reason else ()
        cells.append(Cell(value=position.value if position else None, footnotes=notes))
        lines.append(replace(line, cells=tuple(cells)))
    n = ", ".join(str(n) for n in sorted({position.n for position in found.positions}))
    note = (
        f"position: 0 is where real pictures lie and 1 where slightly degraded ones do, n {n} on each side, the "
        "same half of the real pictures as reference"
    )
    column = Column(key="position", label="position", form="number", decimals=2)
    return replace(table, columns=(*table.columns, column), rows=tuple(lines), notes=(*table.notes, note))


def _beside(rows: "Sequence[Row]") -> list["Row"]:
    """Put the rows of one metric beside each other."""
    order = list(dict.fromkeys(row.metric for row in rows))
    return sorted(rows, key=lambda row: order.index(row.metric))
