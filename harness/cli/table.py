"""`fauxbench table RUN`."""

from pathlib import Path
from typing import Annotated

import typer

from ..errors import InputError
from . import options


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("table")(table)


def table(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    format_: options.Format = "markdown",
    name: Annotated[str | None, typer.Option("--table", "-t", help="One table; default all.")] = None,
    json_: options.Json = False,
) -> None:
    """Print the tables of a run: LaTeX (booktabs), Markdown, CSV or HTML."""
    from ..cards import did_you_mean
    from ..report import FORMATS, render, tables
    from ..report.html import page
    from ..store.schema import read_results

    if format_ not in FORMATS:
        raise InputError(f"--format {format_}{did_you_mean(format_, FORMATS)}; legal: {', '.join(FORMATS)}")
    if json_:
        typer.echo(read_results(run).model_dump_json())
        return
    found = tables(read_results(run))
    if name is not None and name not in found:
        raise InputError(f"no table '{name}'{did_you_mean(name, found)}; there are: {', '.join(found)}")
    if format_ == "html":
        typer.echo(page([one for key, one in found.items() if name in {None, key}], f"{run.name}: tables"))
        return
    typer.echo("\n\n".join(render(one, format_).rstrip() for key, one in found.items() if name in {None, key}))
