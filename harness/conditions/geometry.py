"""Size and place: a height, a scale, a turn, a crop, and a line of text on top."""

import cv2
import numpy as np

from ..media.content import Picture
from ..media.images import resize
from .change import EmptyCellError
from .resolution import MIN_SIDE

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_CAPITAL = 21.0
"""Pixels of a capital letter of the font at scale 1."""


def bring_to_height(pixels: Picture, *, height: int = 360) -> Picture:
    """Return the picture with its shorter side at `height` pixels, both sides even, by an antialiased Lanczos filter.

    Raises:
        EmptyCellError: It is smaller than that; nothing is up-scaled.
        ValueError: `height` is below 2.
    """
    if height < 2:
        raise ValueError(f"height={height}; legal: at least 2")
    high, wide = pixels.shape[:2]
    if min(high, wide) < height:
        raise EmptyCellError(f"{wide} x {high} pixels are not up-scaled to {height}p")
    factor = height / min(high, wide)
    if factor == 1.0:
        return pixels
    return resize(pixels, *(2 * max(1, round(side * factor / 2)) for side in (wide, high)))


def scale_down(pixels: Picture, *, factor: float = 2.0) -> Picture:
    """Return the picture `factor` times smaller (at least 1), both sides even, no side below 4 pixels.

    Raises:
        ValueError: `factor` is below 1.
    """
    if factor < 1.0:
        raise ValueError(f"factor={factor}; legal: at least 1")
    high, wide = pixels.shape[:2]
    return resize(pixels, *(min(s, max(MIN_SIDE, 2 * round(s / factor / 2))) for s in (wide, high)))


def rotate(pixels: Picture, *, degrees: float = 5.0) -> Picture:
    """Return the picture turned about its middle, above 0 anticlockwise; its size stays, its edge is mirrored."""
    high, wide = pixels.shape[:2]
    turn = cv2.getRotationMatrix2D(((wide - 1) / 2, (high - 1) / 2), degrees, 1.0)
    turned = cv2.warpAffine(pixels, turn, (wide, high), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(turned, dtype=np.uint8)


def crop(pixels: Picture, *, share: float = 0.8, side: int = 0, x: float = 0.5, y: float = 0.5) -> Picture:
    """Return a part of the picture, at the size it has there.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        share: Of each side that is kept, above 0, at most 1; both sides become even.
        side: In place of `share`, a square of this many pixels; 0 for none.
        x: Where, 0 is the left edge and 1 the right.
        y: Likewise, from the top.

    Raises:
        EmptyCellError: The picture is smaller than the square.
        ValueError: A parameter is outside its range.
    """
    if not (0.0 < share <= 1.0 and side >= 0 and 0.0 <= x <= 1.0 and 0.0 <= y <= 1.0):
        raise ValueError(f"share={share}, side={side}, x={x}, y={y}; legal: above 0 to 1, at least 0, 0 to 1")
    height, width = pixels.shape[:2]
    if side > min(height, width):
        raise EmptyCellError(f"{width} x {height} pixels hold no square of {side}")
    high, wide = (side or max(1, 2 * int(length * share / 2)) for length in (height, width))
    top, left = round(y * (height - high)), round(x * (width - wide))
    return np.ascontiguousarray(pixels[top : top + high, left : left + wide])


def write_text(pixels: Picture, *, text: str = "LIVE", height: float = 0.08, x: float = 0.5, y: float = 0.9) -> Picture:
    """Return the picture with a line of white text that has a dark edge; what is too long leaves on the right.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        text: ASCII.
        height: Of a capital letter, as a share of the shorter side, above 0 to 1.
        x: Where, 0 is the left edge and 1 the right; the text stays inside where it fits.
        y: Likewise, from the top.

    Raises:
        ValueError: A parameter is outside its range.
    """
    if not (0.0 < height <= 1.0 and 0.0 <= x <= 1.0 and 0.0 <= y <= 1.0):
        raise ValueError(f"height={height}, x={x}, y={y}; legal: above 0 to 1, 0 to 1")
    written = pixels.copy()
    scale = height * min(pixels.shape[:2]) / _CAPITAL
    stroke = max(1, round(2 * scale))
    (wide, high), _ = cv2.getTextSize(text, _FONT, scale, stroke)
    at = (max(0, round(x * (pixels.shape[1] - wide))), high + max(0, round(y * (pixels.shape[0] - high))))
    cv2.putText(written, text, at, _FONT, scale, (16, 16, 16), 3 * stroke, cv2.LINE_AA)
    cv2.putText(written, text, at, _FONT, scale, (245, 245, 245), stroke, cv2.LINE_AA)
    return written
