"""Step that takes pictures from clips, so that systems of pictures can learn where the real set holds clips."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice

from ...canonical import JSON
from ...errors import Failure, MediaError
from ...media.content import ImageMedia
from ...media.images import crop_square
from ...media.item import Item, Modality
from ...media.mediaset import MediaSetWriter
from ...media.read import read_frames
from ..step import Outcome, Step
from .sets import outcome_of_set

EACH = 8
"""Pictures of a clip, evenly over it, where it does not say which of its frames are labelled."""


def stills(step: Step) -> Outcome:
    """Write square pictures of every clip of the real set, with the labels that the clip has of them."""
    real = step.set("real")
    writer = MediaSetWriter(
        step.out / "set", name=real.card.name, origin=real.card.origin, modality=Modality.IMAGE, terms=real.card.terms
    )
    for done, item in enumerate(real, 1):
        try:
            _write(writer, item)
        except MediaError as error:
            writer.fail(Failure(request_id=item.id, kind="unreadable", message=str(error)), item.split, item.cluster)
        step.progress(done / max(1, len(real)), f"stills of {done} of {len(real)} clips")
    return outcome_of_set(writer.seal())


def _write(writer: MediaSetWriter, item: Item) -> None:
    labels = labels_of(item)
    if item.location is None:
        raise MediaError(f"{item.id}: no file on this machine")
    wanted = set(labels) or _evenly(item)
    last = max(wanted)
    for number, frame in enumerate(islice(read_frames(item.location), last + 1)):
        if number not in wanted:
            continue
        facts: dict[str, JSON] = {"clip": item.id, "frame": number}
        facts |= _moved(item, labels[number], *frame.shape[:2]) if number in labels else {}
        still = replace(
            item, id=f"{item.id}/{number:05d}", modality=Modality.IMAGE, facts=facts, sources=(item.id,), language=None
        )
        writer.add(still, ImageMedia(pixels=crop_square(frame)))


def labels_of(item: Item) -> dict[int, Mapping[str, JSON]]:
    """Return what a clip says of some of its frames: number -> points and factors."""
    found = item.facts.get("frames")
    rows = found if isinstance(found, Sequence) and not isinstance(found, str) else ()
    return {int(row["frame"]): row for row in rows if isinstance(row, Mapping) and "frame" in row}


def _evenly(item: Item) -> set[int]:
    seconds, fps = float(item.facts.get("seconds") or 1.0), float(item.facts.get("fps") or 25.0)
    total = max(1, round(seconds * fps))
    return {int((k + 0.5) * total / EACH) for k in range(EACH)}


def _moved(item: Item, row: Mapping[str, JSON], height: int, width: int) -> dict[str, JSON]:
    """Return the labels of a frame for the square in its middle; what holds throughout is the clip's."""
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    points = {name: [float(x) - left, float(y) - top] for name, (x, y) in dict(row["points"]).items()}
    return {"points": points, "factors": {**dict(item.facts.get("factors") or {}), **dict(row["factors"])}}
