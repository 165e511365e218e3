"""`fauxbench data render studio DIR`."""

import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from ..cards import did_you_mean
from ..errors import InputError

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
SOURCES = ("studio",)


def register(parent: typer.Typer) -> None:
    """Add the verb to the command line."""
    parent.add_typer(app, name="data", help="Make data sets.")


@app.callback()
def data() -> None:
    """Make data sets."""


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
    from ..datasets.studio_set import TERMS, StudioFolder, write_studio
    from ..generate import publish_set
    from ..media.mediaset import MediaSetWriter

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
    parent = folder.absolute().parent
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fauxbench-", dir=parent) as scratch:
        writer = MediaSetWriter(
            Path(scratch) / "set", name="studio", origin="studio", modality=asked.modality, terms=TERMS
        )
        made = write_studio(writer, asked, _silent if quiet or not sys.stderr.isatty() else _tell)
        published = publish_set(made, folder, origin=f"studio {asked.digest}")
    typer.echo(str(published.folder))


def _silent(done: float, message: str) -> None:
    """Say nothing."""


def _tell(done: float, message: str) -> None:
    typer.echo(f"\r{done:4.0%} {message}\x1b[K", err=True, nl=done >= 1)
