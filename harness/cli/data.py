"""`fauxbench data`: render the studio, verify a copy of a published data set, write a fixture of one."""

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..cards import did_you_mean
from ..errors import InputError
from . import options, preprocess
from .progress import told

if TYPE_CHECKING:
    from ..datasets.studio_set import StudioFolder

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
SOURCES = ("studio",)


def register(parent: typer.Typer) -> None:
    """Add the verb to the command line."""
    parent.add_typer(app, name="data", help="Make and verify data sets.")


@app.callback()
def data() -> None:
    """Make and verify data sets."""


@app.command("render")
def render(
    source: Annotated[str, typer.Argument(help="What to render: studio, people who never lived.")],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder for the set.")],
    people: Annotated[int, typer.Option(min=1, help="People.")] = 8,
    per_person: Annotated[int, typer.Option(min=0, help="Pictures of each person.")] = 8,
    size: Annotated[int, typer.Option(min=32, max=1080, help="Side of the pictures.")] = 256,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    clips: Annotated[int, typer.Option(min=0, help="Talking clips of each person.")] = 0,
    sounds: Annotated[int, typer.Option(min=0, help="Spoken sounds of each person.")] = 0,
    seconds: Annotated[float, typer.Option(min=1, max=300, help="Length of clips and sounds.")] = 4.0,
    languages: Annotated[str, typer.Option(help="Spoken in turn by the people: en,es,de,id,cmn,yue,vi,th.")] = "en",
    height: Annotated[int, typer.Option(help="Of clips: 240, 360, 480, 720, 1080 (16:9).")] = 240,
    offset: Annotated[int, typer.Option(help="Frames by which sound comes late in clips; negative: early.")] = 0,
    rt60: Annotated[float, typer.Option(help="Reverberation: seconds to fall by 60 dB; 0 none.")] = 0.0,
    snr: Annotated[float | None, typer.Option(help="Noise in the room: signal-to-noise ratio in dB.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    """Render pictures (PNG), talking clips (MP4) and sounds (WAV) with everything that is true of them.

    DIR becomes a sealed set: items.jsonl holds one line a file, provenance.jsonl says that no camera made it.
    """
    if source not in SOURCES:
        raise InputError(f"data render {source}{did_you_mean(source, SOURCES)}; legal: {', '.join(SOURCES)}")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder}: not empty; choose a new folder")
    from ..datasets.studio.recipe import StudioRecipe
    from ..datasets.studio.speech import ClipRecipe, Room, SpeechRecipe
    from ..datasets.studio_set import StudioFolder

    room = Room(rt60=rt60, snr=snr) if rt60 or snr is not None else None
    codes = tuple(code for code in languages.split(",") if code)
    asked = StudioFolder(
        pictures=StudioRecipe(people=people, per_person=per_person, size=size, seed=seed) if per_person else None,
        clips=ClipRecipe(
            people=people,
            clips_per_person=clips,
            seconds=seconds,
            height=height,
            languages=codes,
            seed=seed,
            offset_frames=offset,
            room=room,
        )
        if clips
        else None,
        sounds=SpeechRecipe(people=people, per_person=sounds, seconds=seconds, languages=codes, seed=seed, room=room)
        if sounds
        else None,
    )
    typer.echo(str(_rendered(asked, folder, quiet=quiet)))


def _rendered(asked: "StudioFolder", folder: Path, *, quiet: bool) -> Path:
    from ..datasets.studio_set import TERMS, write_studio
    from ..generate import publish_set
    from ..media.mediaset import MediaSetWriter

    parent = folder.absolute().parent
    try:
        parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written: {error.strerror}; choose another folder") from error
    with tempfile.TemporaryDirectory(prefix=".fauxbench-", dir=parent) as scratch:
        writer = MediaSetWriter(
            Path(scratch) / "set", name="studio", origin="studio", modality=asked.modality, terms=TERMS
        )
        with told(_expected(asked), quiet=quiet) as step:
            with step("render") as tell:
                made = write_studio(writer, asked, tell)
            with step("mark") as tell:
                published = publish_set(made, folder, origin=f"studio {asked.digest}", progress=tell)
    return published.folder


def _expected(asked: "StudioFolder") -> dict[str, float]:
    """Return about how many seconds rendering and marking take, for the time left before it is known."""
    from ..planning.sets import FPS, FRAME_COST

    clips, sounds, pictures = asked.clips, asked.sounds, asked.pictures
    render = 0.3 * pictures.people * pictures.per_person if pictures else 0.0
    render += sounds.people * sounds.each * (sounds.seconds or 4.0) * 0.03 if sounds else 0.0
    if clips:
        frames = clips.people * clips.clips_per_person * (clips.seconds or 4.0) * FPS
        render += frames * FRAME_COST.get(clips.height, 0.2)
    return {"render": render, "mark": render / 2}


def _silent(done: float, message: str) -> None:
    """Say nothing."""


def _tell(done: float, message: str) -> None:
    typer.echo(f"\r{done:4.0%} {message}\x1b[K", err=True, nl=done >= 1)


@app.command("verify")
def verify(
    name: Annotated[str, typer.Argument(help="Data set; `fauxbench terms list` names them.")],
    path: Annotated[Path, typer.Argument(help="Where it lies.")],
    deep: Annotated[bool, typer.Option("--deep", help="Decode every file, too.")] = False,
    compression: Annotated[str | None, typer.Option(help="faceforensics: raw, c0, c23, c40.")] = None,
    manipulations: Annotated[str, typer.Option(help="Groups of fakes, with commas; default: all.")] = "",
    media: Annotated[str | None, typer.Option(help="voxceleb, lrs: wav, aac, m4a, mp4.")] = None,
    show: Annotated[int, typer.Option(min=0, help="Findings to print of each kind; 0 prints all.")] = 10,
    json_: options.Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    """Say what is missing, extra, damaged, mislabelled, in two splits, or leads out of a copy of a data set.

    Exits with 1 if there is anything. Without --deep, names, sizes and lists are read, and nothing is decoded.
    """
    import json

    from ..datasets.access import terms_of
    from ..datasets.layouts import dataset_card
    from ..datasets.layouts.reading import Options
    from ..datasets.verify import verify as verify_copy

    card = dataset_card(name)
    if not path.is_dir():
        raise InputError(f"{path}: expected the folder of a data set, found {'a file' if path.exists() else 'nothing'}")
    terms_of(card, path)
    chosen = Options(compression=compression, manipulations=options.words(manipulations), media=media)
    report = verify_copy(name, path, chosen, deep=deep, progress=_silent if quiet or json_ or not _watched() else _tell)
    if json_:
        typer.echo(json.dumps(report.record(), ensure_ascii=False))
    else:
        _print(report.record(), show)
    if report.findings:
        raise typer.Exit(1)


def _watched() -> bool:
    return sys.stderr.isatty()


def _print(report: dict[str, Any], show: int) -> None:
    fake = report["fake"]
    typer.echo(f"{report['dataset']} at {report['path']}: {report['files']:,} files, {report['items']:,} items,")
    typer.echo(f"{fake['visual']:,} of them with a fake picture, {fake['audio']:,} with a fake sound")
    columns = ("train", "validation", "test", "none")
    width = max((len(group) for group in report["groups"]), default=0)
    typer.echo(f"\n{'':<{width}}" + "".join(f"{column:>12}" for column in columns))
    for group, splits in report["groups"].items():
        typer.echo(f"{group:<{width}}" + "".join(f"{splits.get(column, 0):>12,}" for column in columns))
    for note in report["notes"]:
        typer.echo(f"note: {note}")
    typer.echo("")
    for kind, count in report["counts"].items():
        shown = [f for f in report["findings"] if f["kind"] == kind][: show or None]
        for finding in shown:
            typer.echo(f"{kind:<10}  {finding['path']}: {finding['message']}")
        if len(shown) < count:
            typer.echo(f"{kind:<10}  ... and {count - len(shown):,} more; --show 0 prints all")
    total = sum(report["counts"].values())
    counted = ", ".join(f"{count:,} {kind}" for kind, count in report["counts"].items())
    typer.echo(f"{total:,} findings: {counted}" if total else "no findings")


@app.command("unpack")
def unpack(
    path: Annotated[Path, typer.Argument(help="A Hugging Face data set on disk: Arrow or Parquet.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="A new folder.")],
    label: Annotated[str | None, typer.Option(help="The column that says real or fake.")] = None,
    fake: Annotated[str, typer.Option(help="Its values that are fake, with commas.")] = "",
    real: Annotated[str, typer.Option(help="Its values that are real, with commas.")] = "",
    media: Annotated[str | None, typer.Option(help="The column with the media; default: the one that says so.")] = None,
    person: Annotated[str | None, typer.Option(help="The column that says who it is.")] = None,
    json_: options.Json = False,
) -> None:
    """Write the media inside the tables of a Hugging Face data set into files, once, byte for byte.

    DIR is then a data set `huggingface`. Which rows are fake is yours to say: by --label, --fake and --real, or by
    fauxbench-labels.json beside the tables.
    """
    import json

    from ..datasets.access import check_path
    from ..datasets.unpack import unpack as unpack_set

    if not path.is_dir():
        raise InputError(f"{path}: expected the folder of a data set, found {'a file' if path.exists() else 'nothing'}")
    check_path(path)
    if label is None and (fake or real or media or person):
        raise InputError("--fake, --real, --media and --person go with --label")
    told: dict[str, Any] = {"label": label, "fake": options.words(fake), "real": options.words(real)}
    told |= {name: value for name, value in (("media", media), ("person", person)) if value}
    done = unpack_set(path, out, told if label else None)
    if json_:
        typer.echo(json.dumps({"path": str(done.folder), "files": done.files, "tables": done.tables}))
    else:
        typer.echo(f"{done.folder}\n{done.files} files from {done.tables} tables")


@app.command("fixture")
def fixture(
    name: Annotated[str, typer.Argument(help="Data set; `fauxbench terms list` names them.")],
    path: Annotated[Path, typer.Argument(help="A new folder.")],
    broken: Annotated[bool, typer.Option("--broken", help="With every known defect.")] = False,
    json_: options.Json = False,
) -> None:
    """Write a tiny data set of studio people in its official layout.

    It needs no terms, because nobody in it ever lived. With --broken, what was put wrong is listed, and how it must be
    found.
    """
    import json

    from ..datasets.fixture import write_fixture

    defects = write_fixture(name, path, broken=broken)
    if json_:
        typer.echo(json.dumps({"path": str(path), "defects": [defect._asdict() for defect in defects]}))
        return
    typer.echo(str(path))
    for defect in defects:
        found = f"{defect.finding}{' with --deep' if defect.deep else ''}" if defect.finding else "to be read"
        typer.echo(f"{defect.path}: {defect.name}: {found}")


preprocess.register(app)
