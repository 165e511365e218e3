"""`fauxbench data faces` and `fauxbench data sound`: cut faces out of clips and pictures, bring sounds to one form."""

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import InputError, MediaError
from . import options

if TYPE_CHECKING:
    from ..preprocess.prepare import FaceSet
    from ..preprocess.protocol import FaceProtocol
    from ..safeguards.derived import Descent, Parent

Source = Annotated[Path, typer.Argument(metavar="PATH", help="A file, or a folder of them.")]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="A new folder for what is made.")]


def register(data: typer.Typer) -> None:
    """Add both to the verb `data`."""
    data.command("faces")(faces)
    data.command("sound")(sound)


def faces(
    path: Source,
    out: Out,
    frames: Annotated[int | None, typer.Option(min=1, help="Samples of each clip, evenly; default 32.")] = None,
    fps: Annotated[float | None, typer.Option(help="Samples a second, instead of --frames.")] = None,
    finder: Annotated[str, typer.Option(help="mtcnn (extra faces) or mediapipe (needs uv).")] = "mtcnn",
    probability: Annotated[float | None, typer.Option(help="Least; default 0.9, of mediapipe 0.5.")] = None,
    smallest: Annotated[float, typer.Option(help="Pixels of the smallest face that counts.")] = 20.0,
    choice: Annotated[str, typer.Option(help="largest, central, mask or all.")] = "largest",
    mask: Annotated[Path | None, typer.Option(help="Clip or picture, white where altered; of one file.")] = None,
    align: Annotated[
        str, typer.Option(help="template (five points), box, or steady (the box, evened over a clip).")
    ] = "template",
    margin: Annotated[float, typer.Option(help="Room on each side, share of the tight square.")] = 0.3,
    size: Annotated[int, typer.Option(help="Side in pixels.")] = 224,
    missing: Annotated[str, typer.Option(help="Samples without the face: skip, bridge or refuse.")] = "skip",
    store: options.Store = None,
    device: options.Device = "cpu",
    json_: options.Json = False,
) -> None:
    """Cut the faces out of clips and pictures, one folder a file, and say what is missing.

    Faces are PNG files; faces.json beside them holds boxes, points, times, and each sample without the face with its
    reason. They are kept in the store by content and protocol; those of synthetic files leave marked. Exits with 1 if a
    file could not be read.
    """
    from ..preprocess.frames import FrameProtocol
    from ..preprocess.protocol import FaceProtocol

    options.check_device(device)
    if frames is not None and fps is not None:
        raise InputError("--frames and --fps: give one of them")
    protocol = FaceProtocol(
        frames=FrameProtocol(count=frames or 32 if fps is None else None, fps=fps),
        finder=finder,  # type: ignore[arg-type]
        probability=probability if probability is not None else 0.5 if finder == "mediapipe" else 0.9,
        smallest=smallest,
        choice=choice,  # type: ignore[arg-type]
        align=align,  # type: ignore[arg-type]
        margin=margin,
        size=size,
        missing=missing,  # type: ignore[arg-type]
    )
    if (choice == "mask") != (mask is not None) or (mask is not None and path.is_dir()):
        raise InputError("--choice mask needs --mask, which goes with one file")
    files = _files(path, {"image", "video"})
    told, failed = _cut_faces(files, out, protocol, mask, store, device)
    _tell_faces(out, protocol, told, failed, json_=json_)


def _cut_faces(
    files: list[tuple[str, Path]],
    out: Path,
    protocol: "FaceProtocol",
    mask: Path | None,
    store: Path | None,
    device: str,
) -> tuple[dict[str, Any], dict[str, str]]:
    """Cut the faces out of files into folders; return a summary of each, and what is wrong with those not read."""
    from ..connect.faces import MediaPipeFaces, face_finder
    from ..preprocess.cache import faces_of
    from ..run import default_store
    from ..safeguards.derived import Descent
    from ..store.store import Store, new_folder

    kept, finds = Store(store or default_store()), face_finder(protocol, device)
    descent = Descent("data faces", kept.root)
    told: dict[str, Any] = {}
    failed: dict[str, str] = {}
    try:
        with new_folder(out) as folder:
            for name, file in _watched(files):
                try:
                    parent = descent.parent(file)
                    made = faces_of(file, protocol, finds, kept, mask=mask)
                    _copy_faces(made, folder, name, descent, parent)
                except MediaError as error:
                    failed[name] = str(error)
                    continue
                told[name] = _summary(made)
            descent.finish()
    finally:
        if isinstance(finds, MediaPipeFaces):
            finds.close()
    return told, failed


def _copy_faces(made: "FaceSet", folder: Path, name: str, descent: "Descent", parent: "Parent | None") -> None:
    """Copy faces out of the store; those of a synthetic file leave marked."""
    from ..media.content import ImageMedia
    from ..media.images import read_image

    skipped = ("unit.json",) if parent is None else ("unit.json", "*.png")
    shutil.copytree(made.folder, folder / name, ignore=shutil.ignore_patterns(*skipped))
    if parent is not None:
        for face in made.faces:
            pixels = read_image(made.folder / face.file)
            descent.write(ImageMedia(pixels=pixels), parent, folder, f"{name}/{face.file}")


def _summary(made: "FaceSet") -> dict[str, Any]:
    samples = {face.sample for face in made.faces if not face.bridged}
    return {
        "asked": made.asked,
        "found": len(samples),
        "bridged": sum(face.bridged for face in made.faces),
        "people": made.people,
        "findings": [finding.record() for finding in made.findings],
        "missing": [one._asdict() for one in made.missing],
    }


def _tell_faces(
    out: Path, protocol: "FaceProtocol", told: dict[str, Any], failed: dict[str, str], *, json_: bool
) -> None:
    import numpy as np

    from ..stats.intervals import wilson

    hits = [hit for one in told.values() for hit in [1] * one["found"] + [0] * (one["asked"] - one["found"])]
    folders = {name.rpartition("/")[0] for name in told}  # one a person, or one that holds them all
    homes = [name.rpartition("/")[0] if len(folders) > 1 else name for name in told]
    clusters = [
        home or name for home, (name, one) in zip(homes, told.items(), strict=True) for _ in range(one["asked"])
    ]
    interval = wilson(np.array(hits), clusters, cluster="folder") if hits else None
    rate = {"found": sum(hits), "asked": len(hits), "value": sum(hits) / len(hits) if hits else None}
    rate["low"], rate["high"] = (interval.low, interval.high) if interval else (None, None)
    if json_:
        told_all = {"path": str(out), "protocol": protocol.record(), "rate": rate, "files": told, "failed": failed}
        typer.echo(json.dumps(told_all, ensure_ascii=False))
    else:
        typer.echo(str(out))
        bounds = f" (95 % interval {rate['low']:.1%} to {rate['high']:.1%})" if interval else ""
        share = f", {rate['value']:.1%}{bounds}" if hits else ""
        lost = f"; {len(failed)} of {len(told) + len(failed)} files refused or not read" if failed else ""
        typer.echo(f"faces in {rate['found']} of {rate['asked']} samples of {len(told)} files{share}{lost}")
        for name, one in told.items():
            for finding in one["findings"]:
                typer.echo(f"{name}: {finding['kind']}: {finding['message']}")
            if one["missing"]:
                first = one["missing"][0]
                typer.echo(f"{name}: {len(one['missing'])} missing, first at {first['time']:.2f} s: {first['reason']}")
        for name, reason in failed.items():
            typer.echo(f"{name}: refused or not read: {reason}", err=True)
    if failed:
        raise typer.Exit(1)


def sound(
    path: Source,
    out: Out,
    rate: Annotated[int, typer.Option(help="Samples a second.")] = 16_000,
    loudness: Annotated[float, typer.Option(help="LUFS, BS.1770; 0 leaves it as it is.")] = -23.0,
    trim: Annotated[bool, typer.Option("--trim", help="Cut what is before and after speech.")] = False,
    noise: Annotated[str, typer.Option(help="keep, or spectral-gate: lower stationary noise.")] = "keep",
    json_: options.Json = False,
) -> None:
    """Bring the sound of files to one form: mono WAV of one rate and loudness.

    sounds.json beside them says what was done to each. What is made of synthetic files leaves marked. Exits with 1 if a
    file could not be read.
    """
    from ..media.content import SoundMedia
    from ..media.encode import write_sound
    from ..preprocess.sound import SoundProtocol, prepare_sound
    from ..run import default_store
    from ..safeguards.derived import Descent
    from ..store.store import new_folder

    protocol = SoundProtocol(rate=rate, loudness=loudness or None, trim=trim, noise=noise)  # type: ignore[arg-type]
    files = _files(path, {"audio", "video"})
    told: dict[str, Any] = {}
    failed: dict[str, str] = {}
    descent = Descent("data sound", default_store())
    with new_folder(out) as folder:
        for name, file in _watched(files):
            try:
                parent, made = descent.parent(file), prepare_sound(file, protocol)
                if parent is not None:
                    media = SoundMedia(sound=made.sound, sample_rate=made.rate)
                    descent.write(media, parent, folder, f"{name}.wav")
            except MediaError as error:
                failed[name] = str(error)
                continue
            if parent is None:
                place = folder / f"{name}.wav"
                place.parent.mkdir(parents=True, exist_ok=True)
                write_sound(place, made.sound, made.rate)
            told[name] = made.record()
        descent.finish()
        record = {"schema_version": 1, "protocol": protocol.record(), "files": told, "failed": failed}
        (folder / "sounds.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    if json_:
        typer.echo(json.dumps({"path": str(out), **record}, ensure_ascii=False))
    else:
        typer.echo(f"{out}\n{len(told)} sounds")
        for name, one in told.items():
            for note in one["notes"]:
                typer.echo(f"{name}: {note}")
        for name, reason in failed.items():
            typer.echo(f"{name}: not read: {reason}", err=True)
    if failed:
        raise typer.Exit(1)


def _files(path: Path, wanted: set[str]) -> list[tuple[str, Path]]:
    """Return the name that each file's results have, its relative path, and the file."""
    from ..datasets.access import check_path
    from ..datasets.listing import list_media
    from ..media.read import modality_of

    if not path.exists():
        raise InputError(f"{path}: nothing there")
    check_path(path)
    if path.is_file():
        return [(path.name, path)]
    found = [(file.relative_to(path).as_posix(), file) for file in list_media(path)]
    kept = [(name, file) for name, file in found if str(modality_of(file)) in wanted]
    if not kept:
        raise InputError(f"{path}: nothing of these kinds in it: {', '.join(sorted(wanted))}")
    return kept


def _watched(files: list[tuple[str, Path]]) -> Iterator[tuple[str, Path]]:
    for place, one in enumerate(files, 1):
        yield one
        if sys.stderr.isatty():
            typer.echo(f"\r{place} of {len(files)} files\x1b[K", err=True, nl=place == len(files))
