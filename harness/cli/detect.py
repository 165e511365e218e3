"""`fauxbench detect FILE_OR_FOLDER`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import InputError
from . import options

if TYPE_CHECKING:
    from ..detect import Detection, Trained


RENDERED = "marked: synthetic: rendered"
"""How the marks begin of what the studio rendered: what shipped detectors learned from."""


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("detect")(detect)


def detect(
    source: Annotated[Path, typer.Argument(help="A picture, a clip, a sound, or a folder of them.")],
    with_: Annotated[
        str | None,
        typer.Option(
            "--with",
            help="RUN_FOLDER:DETECTOR, a folder of saved weights, a name that comes trained (cnn, spectrum), "
            "file.py:Class, or a YAML file; default cnn.",
        ),
    ] = None,
    heat_map: Annotated[
        Path | None, typer.Option(help="Draw where it looked: a PNG, PDF or SVG file, or a folder for several.")
    ] = None,
    curve: Annotated[Path | None, typer.Option(help="Draw P(fake) over time, likewise.")] = None,
    store: options.Store = None,
    device: options.Device = "cpu",
    json_: options.Json = False,
) -> None:
    """Say how likely files are to be fake, by one detector: P(fake), its spread over frames, what it learned from.

    Exits with 1 if a file of a folder could not be judged.
    """
    options.check_device(device)
    from ..detect import NOT_PROOF
    from ..detect import detect as ask
    from ..detect_figures import check_place

    for option, place in (("--heat-map", heat_map), ("--curve", curve)):
        if place is not None:
            check_place(place, option)
    trained, found = ask(source, with_=with_, store=store, device=device)
    marks = _marks(source) if source.is_file() else None
    lost = [one for one in found if one.record.status != "ok"]
    judged = [one.item for one in found if one.record.status == "ok"]
    outside = None if not judged or (marks or "").startswith(RENDERED) else trained.outside(judged)
    drawn: list[Path] = []
    if heat_map or curve:
        from ..detect_figures import write_curves, write_heat_maps

        drawn += write_heat_maps(trained, found, heat_map, device) if heat_map else []
        drawn += write_curves(trained, found, curve) if curve else []
    if json_:
        document = {
            "detector": trained.document(),
            "items": [one.document() for one in found],
            "not_judged": len(lost),
            "outside": outside,
            "marks": marks,
            "figures": [str(path) for path in drawn],
            "warning": NOT_PROOF,
        }
        typer.echo(json.dumps(document, ensure_ascii=False))
    else:
        _print(trained, found, outside, marks, drawn)
    if lost:
        raise typer.Exit(1)


def _print(
    trained: "Trained", found: "list[Detection]", outside: str | None, marks: str | None, drawn: list[Path]
) -> None:
    from ..detect import NOT_PROOF

    for one in found:
        typer.echo(_line(one))
    if outside:
        typer.echo(f"outside what it learned from: {outside}.")
    lost = sum(one.record.status != "ok" for one in found)
    if lost:
        typer.echo(f"{lost} of {len(found)} files could not be judged")
    typer.echo(f"marks: {marks or 'not looked for in a folder; fauxbench inspect FILE says it of one file'}")
    for path in drawn:
        typer.echo(f"drawn: {path}")
    for line in _said_of(trained):
        typer.echo(line)
    typer.echo(NOT_PROOF)


def _marks(file: Path) -> str:
    """Return whether a file carries fauxbench's marks; the detector knows nothing of them."""
    from ..safeguards.inspecting import inspect

    try:
        found = inspect(file)
    except InputError as error:
        return f"not looked for: {error}"
    if found.findings:
        return f"broken: {'; '.join(found.findings)}"
    return f"{'marked' if found.marked else 'not marked'}: {found.verdict}"


def _line(one: "Detection") -> str:
    record = one.record
    if record.fake is None:
        return f"{one.file}: {record.status}: {record.reason}"
    said = f"{one.file}: P(fake) {record.fake:.3f}"
    if one.interval:
        said += f" [{one.interval[0]:.3f}, {one.interval[1]:.3f}] over {len(record.frames)} frames or windows"
    said += ", above its threshold" if one.called_fake else ", below its threshold"
    return "\n  note: ".join([said, *one.notes])


def _said_of(trained: "Trained") -> list[str]:
    card, threshold = trained.card, trained.detector.threshold
    lines = [
        f"{card.name}@{card.version} ({trained.source}), threshold {threshold:.3f}, judges: {card.target}; "
        f"{trained.learned}."
    ]
    measured = trained.about.get("measured")
    if measured:
        lines.append("On held-out files of that kind: " + ", ".join(f"{n} {v:g}" for n, v in measured.items()) + ".")
    return lines
