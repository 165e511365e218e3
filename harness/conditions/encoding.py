"""JPEG and WebP, there and back."""

import io
from typing import Literal

import numpy as np
from PIL import Image

from ..media.content import Picture

Chroma = Literal["4:2:0", "4:4:4"]


def compress(pixels: Picture, *, quality: int = 75, chroma: Chroma = "4:2:0") -> Picture:
    """Return the picture after one JPEG encoding.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        quality: Of libjpeg, 1 to 100.
        chroma: Whether colour differences are kept at half the resolution or in full.

    Raises:
        ValueError: A parameter is outside its range.
    """
    if not 1 <= quality <= 100 or chroma not in ("4:2:0", "4:4:4"):
        raise ValueError(f"quality={quality}, chroma={chroma!r}; legal: 1 to 100, 4:2:0 or 4:4:4")
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="JPEG", quality=quality, subsampling=chroma)
    return np.asarray(Image.open(file).convert("RGB"), dtype=np.uint8)


def compress_webp(pixels: Picture, *, quality: int = 75) -> Picture:
    """Return the picture after one lossy WebP encoding.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        quality: Of libwebp, 0 to 100.

    Raises:
        ValueError: `quality` is outside its range.
    """
    if not 0 <= quality <= 100:
        raise ValueError(f"quality={quality}; legal: 0 to 100")
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="WEBP", quality=quality)
    return np.asarray(Image.open(file).convert("RGB"), dtype=np.uint8)
