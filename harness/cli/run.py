"""`fauxbench run SUITE`."""

from pathlib import Path
from typing import Annotated

import typer

from . import options


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("run")(run)


def run(
    suite: Annotated[str, typer.Argument(help="A suite file, or the name of one: see `fauxbench list suites`.")],
    runs: Annotated[Path, typer.Option(help="Where the run folder goes.")] = Path("runs"),
    store: options.Store = None,
    device: options.Device = "cpu",
    workers: options.Workers = None,
    size: Annotated[
        str | None, typer.Option(help="One of the sizes of the suite; `full` prints its estimate first.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print the plan.")] = False,
    retry: Annotated[bool, typer.Option("--retry", help="Do units again in which items failed.")] = False,
    data: Annotated[Path | None, typer.Option(help="Where the suite's data lies; default: what it says.")] = None,
    refit: Annotated[bool, typer.Option("--refit", help="Train every generator anew, even if weights ship.")] = False,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Exit with 1 if any item failed, not only if all did."),
    ] = False,
    json_: options.Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    """Run a suite; the last line printed is the run folder. The same command resumes an interrupted run."""
    from ..execute.display import Display, display_for
    from ..run import run as run_suite
    from . import show

    if dry_run:
        show.preview(suite, store, device, workers, as_json=json_, size=size, refit=refit, data=data)
        return
    if size and not quiet:
        show.preview(suite, store, device, workers, as_json=False, size=size, refit=refit, data=data, brief=True)
    display = Display() if quiet else display_for()
    options.check_device(device)
    result = run_suite(
        suite,
        runs=runs,
        store=store,
        device=device,
        workers=workers,
        display=display,
        retry=retry,
        size=size,
        refit=refit,
        data=data,
    )
    if json_:
        typer.echo(result.results.model_dump_json())
        typer.echo(str(result.folder), err=True)
    else:
        show.results(result.results)
        typer.echo(str(result.folder))
    states = [system.status for system in result.results.systems]
    if set(states) == {"failed"} or (strict and set(states) != {"ok"}):
        raise typer.Exit(1)
