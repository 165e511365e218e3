"""`fauxbench store`: how much the store holds, and removing what was not used for long."""

import datetime
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..canonical import JSON
from . import options

if TYPE_CHECKING:
    from ..store.prune import Kept, Pruned
    from ..store.store import Store

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
_UNITS = ("B", "kB", "MB", "GB", "TB")
_SHOWN = 10


def register(parent: typer.Typer) -> None:
    """Add the verb to the command line."""
    parent.add_typer(app, name="store", help="Say what the store holds, and keep it bounded.")


@app.callback()
def store() -> None:
    """Say what the store holds, and keep it bounded."""


@app.command("size")
def size(
    store: options.Store = None,
    runs: Annotated[Path, typer.Option(help="Folder of run folders, to say what each rests on.")] = Path("runs"),
    json_: options.Json = False,
) -> None:
    """Say how much lies in the store, by kind of unit and by run."""
    from ..store.prune import by_kind, bytes_of, kept_in

    opened = _opened(store)
    every = kept_in(opened)
    others = {name: bytes_of(opened.root / name) for name in ("partial", "weights", opened.memory_file.name)}
    kinds, of_runs = by_kind(every), _of_runs(every, runs)
    total = sum(one.size for one in every)
    if json_:
        document = {
            "store": str(opened.root),
            "bytes": total,
            "kinds": {kind: {"units": count, "bytes": held} for kind, (count, held) in kinds.items()},
            "runs": {run: {"units": count, "bytes": held} for run, (count, held) in of_runs.items()},
            "others": others,
        }
        typer.echo(json.dumps(document, ensure_ascii=False))
        return
    typer.echo(f"{opened.root}: {said(total)} in {len(every)} units")
    _print("kind", kinds)
    _print("run (units that several rest on count for each)", of_runs)
    typer.echo("besides: " + ", ".join(f"{name} {said(held)}" for name, held in others.items()))


def _print(head: str, lines: Mapping[str, tuple[int, int]]) -> None:
    typer.echo(f"{'units':>8} {'size':>10}  {head}")
    for name, (count, held) in lines.items():
        typer.echo(f"{count:8d} {said(held):>10}  {name}")


def _of_runs(every: "list[Kept]", runs: Path) -> dict[str, tuple[int, int]]:
    """Return units and bytes of each run folder, and of the units that none of them rests on."""
    from ..store.prune import units_of_run

    found, known = {}, frozenset[str]()
    for run in sorted(path for path in runs.iterdir() if path.is_dir()) if runs.is_dir() else ():
        mine = units_of_run(run)
        if mine:
            own = [one.size for one in every if one.name in mine]
            found[run.name] = len(own), sum(own)
            known |= mine
    rest = [one.size for one in every if one.name not in known]
    return {**found, f"of no run in {runs}": (len(rest), sum(rest))}


@app.command("prune")
def prune(
    store: options.Store = None,
    older_than: Annotated[
        float | None, typer.Option(metavar="DAYS", min=0, help="Remove what was not used for so many days.")
    ] = None,
    max_size: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Then remove more until the rest fits: 10GB, 500MB, 1.5GiB.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go; remove nothing.")] = False,
    json_: options.Json = False,
) -> None:
    """Remove units, least recently used first; never one that a run needs now, and never weights."""
    from ..store.prune import prune as prune_store
    from ..store.prune import read_size

    limit = read_size(max_size) if max_size is not None else None
    found = prune_store(_opened(store), older_than=older_than, max_size=limit, dry_run=dry_run)
    if json_:
        document = {
            "dry_run": dry_run,
            "removed": [_record(one) for one in found.removed],
            "busy": [_record(one) for one in found.busy],
            "freed": sum(one.size for one in found.removed),
            "left": found.left,
        }
        typer.echo(json.dumps(document))
        return
    _say(found, "would be removed" if dry_run else "removed", limit)


def _say(found: "Pruned", what: str, limit: int | None) -> None:
    for one in found.removed[:_SHOWN]:
        used = datetime.datetime.fromtimestamp(one.used, tz=datetime.UTC)
        typer.echo(f"{said(one.size):>10}  {one.kind} {one.name[:12]}, last used {used:%Y-%m-%d %H:%M} UTC")
    if len(found.removed) > _SHOWN:
        typer.echo(f"{'':10}  and {len(found.removed) - _SHOWN} more")
    freed = sum(one.size for one in found.removed)
    typer.echo(f"{len(found.removed)} units {what}: {said(freed)}; {said(found.left)} left")
    if found.busy:
        typer.echo(f"{len(found.busy)} units stay: a run needs them now")
    if limit is not None and found.left > limit:
        typer.echo(f"warning: {said(found.left)} are more than --max-size; give the command again later", err=True)


def _record(one: "Kept") -> dict[str, JSON]:
    return {"kind": one.kind, "name": one.name, "bytes": one.size, "used": one.used}


def _opened(place: Path | None) -> "Store":
    from ..run import default_store
    from ..store.prune import open_store

    return open_store(place or default_store())


def said(size: int) -> str:
    """Return bytes in words: `1.2 GB`."""
    value, unit = float(size), 0
    while value >= 999.5 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{size} B" if unit == 0 else f"{value:.3g} {_UNITS[unit]}"
