"""Steps that audit a test set: what could tell real from fake besides what a detector should look at."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...canonical import JSON, digest_of
from ...errors import MediaError
from ...media.images import read_image
from ...media.item import Item, Modality, Split
from ...media.read import read_frames
from ...stats.lines import of_split
from ...stats.score import Measurement
from ...stats.shortcut_rows import alone, reencoded_areas
from ..step import Outcome, Step
from .detection import clusters_of, question_of, read_lines
from .measures import measurement_record

RING = 0.05
"""Width of the border of a picture, as a share of its shorter side; one pixel at least."""
Traits = dict[str, dict[str, JSON]]
"""Shortcut -> name -> number, or a word."""


def traits(step: Step) -> Outcome:
    """Read what each test item shows besides its content, one line an item."""
    items = step.set("set").select(Split.TEST)
    lines: list[dict[str, JSON]] = []
    for done, item in enumerate(items, 1):
        labels = clusters_of(item)
        line: dict[str, JSON] = {"item": item.id, "cluster": labels if isinstance(labels, str) else list(labels)}
        try:
            line["traits"] = traits_of(item)
        except (MediaError, OSError) as error:
            line["reason"] = str(error)
        lines.append(line)
        step.progress(done / len(items), f"{done} of {len(items)} files")
    (step.out / "traits.json").write_text(json.dumps(lines, allow_nan=False), encoding="utf-8")
    return Outcome(output=digest_of(lines), facts={"items": len(lines)})


def traits_of(item: Item) -> Traits:
    """Return what a file shows by each shortcut that its kind of media has.

    Raises:
        MediaError: It cannot be decoded.
    """
    if item.location is None:
        raise MediaError(f"{item.id}: no file on this machine")
    size = item.location.stat().st_size
    found: Traits = _of_picture(item.location) if item.modality is Modality.IMAGE else _of_stream(item.location)
    amount = float(found.pop("amount")["of"])
    found["bitrate"] = {"bytes": math.log1p(size), "each": math.log((1.0 + size) / max(amount, 1e-3))}
    found["format"]["suffix"] = item.location.suffix.lower()
    if item.modality is not Modality.AUDIO:
        found["border"] = _border(_first_picture(item))
    return found


def _first_picture(item: Item) -> NDArray[np.uint8]:
    path = item.location or Path()
    if item.modality is Modality.IMAGE:
        return read_image(path)
    return next(iter(read_frames(path)))


def _of_picture(path: Path) -> Traits:
    from PIL import Image

    try:
        with Image.open(path) as picture:
            width, height = picture.size
            tables = getattr(picture, "quantization", None) or {}
            return {
                "format": {"kind": str(picture.format), "mode": picture.mode, "tables": _sum_of(tables.values())},
                "size": {"width": width, "height": height},
                "metadata": {
                    "exif": len(picture.getexif()),
                    "info": len(picture.info),
                    "names": " ".join(sorted(map(str, picture.info))),
                },
                "amount": {"of": float(width * height)},
            }
    except (OSError, ValueError) as error:
        raise MediaError(f"{path}: {error}") from error


def _sum_of(tables: Iterable[Iterable[int]]) -> float:
    return float(sum(sum(table) for table in tables))


def _of_stream(path: Path) -> Traits:
    import av

    try:
        with av.open(str(path), metadata_errors="replace") as container:
            seconds = float(container.duration or 0) / av.time_base
            found: Traits = {
                "format": {"kind": container.format.name},
                "duration": {"seconds": seconds},
                "metadata": {
                    "tags": len(container.metadata),
                    "names": " ".join(sorted(container.metadata)),
                    "encoder": str(container.metadata.get("encoder", "")),
                },
                "amount": {"of": seconds},
            }
            for stream in container.streams.video[:1]:
                found["size"] = {"width": stream.width, "height": stream.height}
                found["format"] |= {"video": stream.codec_context.name, "pixels": str(stream.codec_context.pix_fmt)}
                found["duration"] |= {"frames": int(stream.frames), "fps": float(stream.average_rate or 0)}
            for sound in container.streams.audio[:1]:
                found["format"] |= {"audio": sound.codec_context.name, "rate": str(sound.codec_context.sample_rate)}
                found["format"] |= {"channels": str(sound.codec_context.channels)}
            return found
    except (av.FFmpegError, OSError, UnicodeDecodeError) as error:
        raise MediaError(f"{path}: {error}") from error


def _border(pixels: NDArray[np.uint8]) -> dict[str, JSON]:
    """Return mean and spread of each colour along each side."""
    wide = max(1, round(RING * min(pixels.shape[:2])))
    sides = {"top": pixels[:wide], "bottom": pixels[-wide:], "left": pixels[:, :wide], "right": pixels[:, -wide:]}
    found: dict[str, JSON] = {}
    for name, side in sides.items():
        flat = side.reshape(-1, 3).astype(np.float64)
        for place, colour in enumerate("rgb"):
            found |= {
                f"{name} {colour}": float(flat[:, place].mean()),
                f"{name} {colour} sd": float(flat[:, place].std()),
            }
    return found


def shortcuts(step: Step) -> Outcome:
    """Return how well each shortcut alone tells the items of two sets apart."""
    lines = {role: json.loads((step.inputs[role] / "traits.json").read_text(encoding="utf-8")) for role in _SIDES}
    lost = sum("traits" not in line for part in lines.values() for line in part)
    failures = {"unreadable": lost} if lost else {}
    found = alone(
        lines["real"], lines["synthetic"], [str(name) for name in step.key["shortcuts"]], int(step.key["seed"])
    )
    records = {name: {**measurement_record(made.found, failures), "p": made.p} for name, made in found.items()}
    return _measured(step, records)


_SIDES = ("real", "synthetic")


def overlap(step: Step) -> Outcome:
    """Return which share of each test set shows people, or is content, that a detector was trained on."""
    learnt = [item for role in step.inputs if role.startswith("train-") for item in step.set(role).select(Split.TRAIN)]
    people = {person for item in learnt for person in people_of(item)}
    content = {item.content for item in learnt}
    records: dict[str, JSON] = {}
    for role, name in dict(step.key["names"]).items():
        if role not in step.inputs:
            continue
        items = step.set(role).select(Split.TEST)
        known = [item for item in items if people_of(item)]
        seen = {
            "people": (known, [bool(people.intersection(people_of(item))) for item in known]),
            "content": (items, [item.content in content for item in items]),
        }
        for what, (those, hits) in seen.items():
            records[f"{name} {what}"] = measurement_record(_share(those, hits, what), {})
    return _measured(step, records)


def people_of(item: Item) -> frozenset[str]:
    """Return who can be seen or heard, as far as it is known."""
    names = ("identity", "source_identity", "speaker")
    return frozenset(item.clusters[name] for name in names if name in item.clusters)


def _share(items: Sequence[Item], hits: Sequence[bool], what: str) -> Measurement:
    if not items:
        return Measurement(value=None, n=0, reason="no person is known" if what == "people" else "no items")
    return Measurement(value=sum(hits) / len(hits), n=len(hits))


def reencoded(step: Step) -> Outcome:
    """Compare a detector's area on clean sets with that on sets that went through one encoder, real and fake alike."""
    question = question_of(step.key)
    parts = [[of_split(read_lines(step.inputs[f"{side}{when}"]), "test") for side in _SIDES] for when in ("", "-again")]
    found = reencoded_areas(parts[0], parts[1], question)
    records = {name: measurement_record(one, {}) for name, one in found.items()}
    return _measured(step, records)


def _measured(step: Step, records: Mapping[str, JSON]) -> Outcome:
    (step.out / "measurement.json").write_text(json.dumps(records, allow_nan=False), encoding="utf-8")
    facts: dict[str, JSON] = {"measurements": dict(records)}
    return Outcome(output=digest_of(facts), facts=facts)
