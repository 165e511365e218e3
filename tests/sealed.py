"""Sealed sets with terms of their own."""

from pathlib import Path

import numpy as np

from fauxbench.harness.errors import Failure
from fauxbench.harness.media.content import ImageMedia
from fauxbench.harness.media.item import Item, Kind, Modality, Split
from fauxbench.harness.media.mediaset import MediaSetWriter, Terms


def seal(folder: Path, terms: Terms, *, count: int = 6, side: int = 8) -> Path:
    """Write a set of `count` grey pictures."""
    writer = MediaSetWriter(folder, name="s", origin="folder", terms=terms)
    for number in range(count):
        item = Item(id=f"a{number}", modality=Modality.IMAGE, kind=Kind.REAL, group="g")
        writer.add(item, ImageMedia(pixels=np.full((side, side, 3), number, np.uint8)))
    writer.seal()
    return folder


def in_splits(folder: Path, *, each: int = 2, splits: bool = True, kind: Kind = Kind.REAL, side: int = 32) -> Path:
    """Write a rendered set of two people in each split, who speak two languages; one picture failed."""
    terms = Terms(people="rendered", permits=("evaluate", "train", "edit", "manipulate", "publish"), grant="rendered")
    writer = MediaSetWriter(folder, name="studio", origin="studio", terms=terms)
    rng = np.random.default_rng(5)
    for person in range(6):
        split, name = (list(Split)[person % 3] if splits else None), f"studio-{person:05d}"
        for number in range(each):
            item = Item(
                id=f"{name}/{number}",
                modality=Modality.IMAGE,
                kind=kind,
                visual_fake=kind.fakes(Modality.IMAGE).visual,
                group="studio",
                split=split,
                language=("en", "cmn")[person // 3],
                clusters={"identity": name},
                facts={"transcript": f"words {person} {number}", "points": {"nose": [10.0, 20.0]}},
            )
            writer.add(item, ImageMedia(pixels=rng.integers(0, 255, (side, side, 3), dtype=np.uint8)))
    lost = Failure(request_id="studio-00002/9", kind="unreadable", message="lost")
    writer.fail(lost, Split.TEST if splits else None, "studio-00002")
    writer.facts = {"recipe": "r", "targets": "t"}
    writer.seal()
    return folder
