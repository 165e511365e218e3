"""Printing results on a terminal."""

import json
from pathlib import Path
from typing import Any

import typer

from ..store.schema import Results


def results(found: Results) -> None:
    """Print every table of a run, then its warnings."""
    from rich.console import Console

    from ..report import rich_table, tables

    console = Console()
    for name, table in tables(found).items():
        if not name.startswith("matrix") or console.is_terminal:
            console.print(rich_table(table))
    for warning in found.warnings:
        typer.echo(f"warning: {warning}")


def preview(
    suite: str,
    store: Path | None,
    device: str,
    workers: int | None,
    *,
    as_json: bool,
    size: str | None = None,
    refit: bool = False,
    data: Path | None = None,
    brief: bool = False,
) -> None:
    """Print what a run would do; `brief`: in one line, on stderr."""
    from ..execute.display import span
    from ..run import default_workers
    from ..run import preview as preview_suite

    found = preview_suite(suite, store=store, device=device, size=size, refit=refit, data=data)
    count = workers or default_workers()
    total = sum(found.seconds.values()) / min(count, max(len(found.seconds), 1))
    units: list[dict[str, Any]] = [
        {"unit": unit.id, "kind": unit.kind, "cached": unit.id in found.cached, "seconds": found.seconds.get(unit.id)}
        for unit in found.plan.units
    ]
    trained = {
        unit.id.removeprefix("fit "): found.seconds[unit.id]
        for unit in found.plan.units
        if unit.kind == "fit" and unit.id in found.seconds
    }
    if as_json:
        record = {"units": units, "cached": len(found.cached), "to_do": len(found.seconds), "seconds": total}
        typer.echo(json.dumps({**record, "trained": trained}))
        return
    for unit in () if brief else units:
        state = "cached" if unit["cached"] else f"to do, about {span(unit['seconds'])}"
        typer.echo(f"{unit['unit']:<60} {state}")
    typer.echo(
        f"{len(units)} units: {len(found.cached)} cached, {len(found.seconds)} to do, "
        f"about {span(total)} with {count} workers",
        err=brief,
    )
    if trained:
        names, seconds = ", ".join(trained), span(sum(trained.values()))
        typer.echo(
            f"trained here, because no weights that come with them serve: {names} ({seconds} of work)", err=brief
        )
