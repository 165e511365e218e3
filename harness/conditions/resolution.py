"""Resolution: down and up again, with or without JPEG in between."""

from ..media.content import Picture
from ..media.images import resize
from .encoding import compress

MIN_SIDE = 4
"""No side is made smaller than this, in pixels."""


def change_resolution(pixels: Picture, *, factor: float = 2.0, jpeg: int = 0) -> Picture:
    """Return the picture made smaller and enlarged again; its size stays.

    Both ways with an antialiased Lanczos filter.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        factor: How many times smaller, at least 1.
        jpeg: Quality, 1 to 95, of a JPEG (4:2:0) at the smaller size; 0 for none.

    Raises:
        ValueError: A parameter is outside its range.
    """
    if factor < 1.0 or not 0 <= jpeg <= 95:
        raise ValueError(f"factor={factor}, jpeg={jpeg}; legal: at least 1, 0 to 95")
    height, width = pixels.shape[:2]
    small = resize(pixels, *(min(side, max(MIN_SIDE, round(side / factor))) for side in (width, height)))
    if jpeg:
        small = compress(small, quality=jpeg)
    return resize(small, width, height)
