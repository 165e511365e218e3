"""The command line: one module a verb. Nothing heavy is imported before a verb needs it."""

import sys

import typer

from ..errors import FauxbenchError, StorageError

INTERRUPTED = 130
STORAGE = 3
INPUT = 2

app = typer.Typer(
    name="fauxbench",
    help="Benchmark generators of synthetic media, and the detectors that should catch them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _load_verbs() -> None:
    if app.registered_commands:
        return
    from . import (
        audit,
        board,
        check_generator,
        compare,
        consent,
        data,
        detect,
        doctor,
        export,
        fit,
        generate,
        inspect,
        keys,
        list_,
        measure,
        report,
        rescore,
        run,
        store,
        table,
        terms,
    )

    first = (run, measure, audit, compare, detect, fit, generate, check_generator, data, export, table, report, rescore)
    for verb in (*first, list_, terms, consent, keys, inspect, board, store, doctor):
        verb.register(app)


def main() -> None:
    """Run the command line: 0 done, 1 a finding, 2 wrong input, 3 disk full, 130 interrupted."""
    _load_verbs()
    try:
        app()
    except StorageError as error:
        _fail(str(error), STORAGE)
    except FauxbenchError as error:
        _fail(str(error), INPUT)
    except SystemExit as ended:
        if ended.code == INTERRUPTED:  # what typer makes of Ctrl-C
            sys.stderr.write("fauxbench: interrupted; the same command resumes\n")
        raise


def _fail(message: str, code: int) -> None:
    sys.stderr.write(f"fauxbench: {message}\n")
    sys.exit(code)
