"""Where the samples lie: another filter, and a move by whole pixels."""

from typing import Literal

import numpy as np
from PIL import Image

from ..media.content import Picture

Filter = Literal["box", "bilinear", "bicubic", "lanczos"]
FILTERS = {
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


def resample(pixels: Picture, *, factor: float = 1.1, filter: Filter = "bicubic") -> Picture:  # noqa: A002 - its name
    """Return the picture made smaller and enlarged again, both ways with an antialiased filter; its size stays.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        factor: How many times smaller, at least 1.
        filter: Of Pillow.

    Raises:
        ValueError: A parameter is outside its range.
    """
    if factor < 1.0 or filter not in FILTERS:
        raise ValueError(f"factor={factor}, filter={filter!r}; legal: at least 1, {', '.join(FILTERS)}")
    height, width = pixels.shape[:2]
    small = Image.fromarray(pixels).resize(
        (max(1, round(width / factor)), max(1, round(height / factor))), FILTERS[filter]
    )
    return np.asarray(small.resize((width, height), FILTERS[filter]), dtype=np.uint8)


def move(pixels: Picture, *, right: int = 1, down: int = 0) -> Picture:
    """Return the picture moved by whole pixels; what comes in is the edge, repeated.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        right: Pixels; below 0 is left.
        down: Pixels; below 0 is up.
    """
    height, width = pixels.shape[:2]
    rows = np.clip(np.arange(height) - down, 0, height - 1)
    columns = np.clip(np.arange(width) - right, 0, width - 1)
    return np.ascontiguousarray(pixels[rows][:, columns])
