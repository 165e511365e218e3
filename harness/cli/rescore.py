"""`fauxbench rescore RUN`."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from . import options


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("rescore")(rescore)


def rescore(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    write: Annotated[bool, typer.Option("--write", help="Write scores.parquet first, from the run's scores/.")] = False,
    export: Annotated[
        Path | None, typer.Option("--export", help="Write the scores as CSV into this new folder, and stop.")
    ] = None,
    json_: options.Json = False,
) -> None:
    """Recompute every detection number of a run from its item scores; fail (1) on any difference."""
    from ..score_table import export_scores, write_scores
    from ..scores import rescore as rescore_run

    if export is not None:
        places = [str(place) for place in export_scores(run, export)]
        typer.echo(json.dumps(places) if json_ else "\n".join(places))
        return
    if write:
        write_scores(run)
    found = rescore_run(run)
    if json_:
        typer.echo(json.dumps(asdict(found)))
    else:
        for finding in found.findings:
            typer.echo(str(finding))
        said = f"{len(found.findings)} differences" if found.findings else "no difference"
        typer.echo(f"{found.rows} rows from {found.scores} scores in {found.source}: {said}")
    if found.findings:
        raise typer.Exit(1)
