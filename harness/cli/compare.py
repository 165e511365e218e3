"""`fauxbench compare RUN_A:name@1 RUN_B:name@2`."""

import json
from typing import Annotated

import typer

from . import options


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("compare")(compare)


def compare(
    a: Annotated[str, typer.Argument(help="The old system: RUN:name@version, or a detector: RUN:cnn.")],
    b: Annotated[str, typer.Argument(help="The new one: RUN:name@version, or name@version of the same run.")],
    alpha: Annotated[float, typer.Option(min=0.0001, max=0.5, help="Level of the tests, after Holm.")] = 0.05,
    every: Annotated[bool, typer.Option("--all", help="Every measure of detection, at every threshold.")] = False,
    format_: Annotated[str | None, typer.Option("--format", "-f", help="latex, markdown, csv or html.")] = None,
    json_: options.Json = False,
) -> None:
    """Say whether B is better than A, worse, or no evidence. Exit code 0, 1 if worse, 2 if not comparable."""
    from ..compare import compare as compare_systems
    from ..report import render, rich_table

    options.check_format(format_)
    found = compare_systems(a, b, alpha=alpha, every=every)
    if json_:
        typer.echo(json.dumps(found.record(), ensure_ascii=False))
    elif format_:
        typer.echo(render(found.table(), format_))
    else:
        from rich.console import Console

        Console().print(rich_table(found.table()))
    raise typer.Exit(found.exit_code)
