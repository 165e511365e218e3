"""Sealed sets with terms of their own."""

from pathlib import Path

import numpy as np

from fauxbench.harness.media.content import ImageMedia
from fauxbench.harness.media.item import Item, Kind, Modality
from fauxbench.harness.media.mediaset import MediaSetWriter, Terms


def seal(folder: Path, terms: Terms, *, count: int = 6, side: int = 8) -> Path:
    """Write a set of `count` grey pictures."""
    writer = MediaSetWriter(folder, name="s", origin="folder", terms=terms)
    for number in range(count):
        item = Item(id=f"a{number}", modality=Modality.IMAGE, kind=Kind.REAL, group="g")
        writer.add(item, ImageMedia(pixels=np.full((side, side, 3), number, np.uint8)))
    writer.seal()
    return folder
