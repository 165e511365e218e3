"""`fauxbench measure REAL FAKE`."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import InputError
from . import options

if TYPE_CHECKING:
    from ..measure import Measured
    from ..store.schema import Row

INPUT = "folder, zip file, MediaSet, or statistics of pytorch-fid (.npz with mu and sigma)"


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("measure")(measure)


def measure(
    real: Annotated[Path, typer.Argument(help=f"Real pictures, clips or sounds: {INPUT}.")],
    fake: Annotated[Path, typer.Argument(help="Synthetic ones, likewise.")],
    metrics: Annotated[
        str | None,
        typer.Option(
            help="Names, separated by commas: fd is read through all instruments, fid or fd[spectrum] through one. "
            "Default all that apply.",
            show_default=False,
        ),
    ] = None,
    instruments: Annotated[str | None, typer.Option(help="Names, separated by commas.")] = None,
    protocol: Annotated[
        str | None, typer.Option(help="resize=clean|pytorch-fid|tf1, precision=fp32|bf16, faces=middle|found.")
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
    """Score how real synthetic pictures, clips or sounds are, beside real against held-out and degraded real.

    Metrics over pairs (SSIM, PSNR, LPIPS, MCD, ...) compare each synthetic file with the real file of the same name:
    the same path below its folder, whatever the suffix. The others compare the two sets, whatever files are called.

    Ends with 1 if nothing that was asked for could be measured.
    """
    from ..datasets.inputs import check_sides
    from ..metrics.offers import check_names

    options.check_format(format_)
    asked = {"metrics": options.words(metrics) or None if metrics else None}
    asked["instruments"] = options.words(instruments) or None if instruments else None
    check_names(asked["metrics"], asked["instruments"])
    check_sides(real, fake)  # all of it before anything heavy is imported
    from ..execute.display import Display, display_for
    from ..measure import measure as measure_sets

    options.check_device(device)
    found = measure_sets(
        real,
        fake,
        **asked,
        protocol=_pairs(protocol or ""),
        save_stats=save_stats,
        store=store,
        device=device,
        workers=workers,
        display=Display() if quiet else display_for(),
    )
    _show(found, format_, json_=json_)
    if found.why_nothing:
        typer.echo(f"fauxbench: {found.why_nothing}", err=True)
        raise typer.Exit(1)


def _show(found: "Measured", format_: str | None, *, json_: bool) -> None:
    from ..report import measure_table, provenance, render, rich_table

    if json_:
        document = {
            "rows": [row.model_dump(mode="json") for row in found.rows],
            "positions": [position.model_dump(mode="json") for position in found.positions],
            "on_both_sides": found.shared._asdict() if found.shared else None,
            "warnings": found.results.warnings,
        }
        typer.echo(json.dumps(document, ensure_ascii=False))
        return
    table = measure_table(_beside(found.rows), origin=provenance(found.results))
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


def _beside(rows: "Sequence[Row]") -> list["Row"]:
    """Put the rows of one metric beside each other."""
    order = list(dict.fromkeys(row.metric for row in rows))
    return sorted(rows, key=lambda row: order.index(row.metric))
