"""`fauxbench board`: publish a run on a leaderboard, check a leaderboard, show its ranking."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ..cards import did_you_mean
from ..errors import InputError
from . import options

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
HOME = Path("leaderboards")

To = Annotated[Path, typer.Option("--to", help="The folder of leaderboards.")]


def register(parent: typer.Typer) -> None:
    """Add the verb to the command line."""
    parent.add_typer(app, name="board", help="Publish runs on leaderboards, and check those.")


@app.callback()
def board() -> None:
    """Publish runs on leaderboards, check that their numbers hold, and show rankings."""


@app.command("publish")
def publish(
    run: Annotated[Path, typer.Argument(help="A finished run folder.")],
    to: To = HOME,
    store: options.Store = None,
    json_: options.Json = False,
) -> None:
    """Put a run on its suite's leaderboard: rows, item scores, cards and code identity; no media. Prints the entry."""
    from ..board.publish import publish as publish_run

    place = publish_run(run, to, store)
    typer.echo(json.dumps({"entry": str(place), "id": place.stem}) if json_ else str(place))


@app.command("check")
def check(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="All leaderboards, or that of one suite.")] = HOME,
    json_: options.Json = False,
) -> None:
    """Make the rows again from the stored scores; fail (1) on any difference."""
    from ..board.check import check as check_boards

    found = check_boards(folder)
    if json_:
        typer.echo(json.dumps(asdict(found)))
    else:
        for finding in found.findings:
            typer.echo(str(finding))
        said = options.counted(len(found.findings), "finding", "findings") if found.findings else "no difference"
        entries = options.counted(found.entries, "entry", "entries")
        rows = options.counted(found.recomputed, "row", "rows")
        typer.echo(
            f"{entries}: {rows} made again from item scores, {found.compared} others "
            f"(their media are not here) compared with the digest of their results: {said}"
        )
    if found.findings:
        raise typer.Exit(1)


@app.command("show")
def show(
    suite: Annotated[str, typer.Argument(help="The suite's name.")],
    to: To = HOME,
    write: Annotated[bool, typer.Option("--write", help="Write the table in the leaderboard anew.")] = False,
    json_: options.Json = False,
) -> None:
    """Print the ranking: rows of one protocol side by side, with rank intervals; detectability is never ranked."""
    from ..board.entry import entries_of, read_entry
    from ..board.ranking import ranking
    from ..report import rich_table
    from ..store.schema import read_replicates

    folder = to / suite
    if not entries_of(folder):
        known = sorted(path.name for path in to.iterdir() if entries_of(path)) if to.is_dir() else []
        there = f"; there are: {', '.join(known)}" if known else ""
        raise InputError(f"{to}: no leaderboard '{suite}'{did_you_mean(suite, known)}{there}")
    if write:
        from ..board.publish import write_table

        write_table(folder)
    entries = [read_entry(path) for path in entries_of(folder)]
    found = ranking(entries, {entry.id: read_replicates(folder / entry.id) for entry in entries})
    if json_:
        rows = [row.model_dump(mode="json") for row in found.rows]
        typer.echo(json.dumps({"entries": [one.id for one in entries], "rows": rows, "notes": found.notes}))
        return
    from rich.console import Console

    for table in found.tables:
        Console().print(rich_table(table))
    for note in found.notes:
        typer.echo(note)
