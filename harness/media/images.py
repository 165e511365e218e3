"""Reading and writing pictures, in one place, so that every part sees the same pixels."""

import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from ..errors import MediaError
from .content import Picture

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".gif"})
MAX_PIXELS = 1 << 27
"""A larger picture is refused before it is decoded: 16 times 4k."""
_DECODING: tuple[type[Exception], ...] = (
    *(ArithmeticError, EOFError, LookupError, OSError, SyntaxError, TypeError, ValueError),
    *(struct.error, zlib.error, Image.DecompressionBombError),
)
"""What Pillow's decoders raise on broken files."""


def read_image(path: Path) -> Picture:
    """Read a picture as (H, W, 3) uint8 RGB.

    EXIF rotation is applied. Grey becomes three equal channels. Transparency is laid over white. 16-bit grey is rounded
    to 8 bits; of 16-bit colour, the upper 8 bits are kept. CMYK is converted. Of an animation, the first frame is read.
    Colour profiles are ignored.

    Raises:
        MediaError: The file is missing, empty, truncated, not a picture, or has more than `MAX_PIXELS` pixels.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of odd metadata; what matters is raised
            with Image.open(path) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise MediaError(f"{path}: {image.width} x {image.height} pixels, more than {MAX_PIXELS} in all")
                image.load()
                return _to_rgb(ImageOps.exif_transpose(image))
    except UnidentifiedImageError as error:
        size = path.stat().st_size
        raise MediaError(f"{path}: {'empty file' if size == 0 else 'not a picture'}, {size} bytes") from error
    except FileNotFoundError as error:
        raise MediaError(f"{path}: no such file") from error
    except _DECODING as error:
        raise MediaError(f"{path}: cannot be decoded: {error}") from error


def _to_rgb(image: Image.Image) -> Picture:
    if image.mode.startswith("I;16") or image.mode in {"I", "F"}:
        return _from_deep(np.asarray(image), integer=image.mode != "F")
    if image.mode in {"RGBA", "LA", "PA", "RGBa", "La"} or "transparency" in image.info:
        rgba = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    return np.asarray(image.convert("RGB"), dtype=np.uint8)


def _from_deep(samples: NDArray[np.generic], *, integer: bool) -> Picture:
    """Scale grey samples of more than 8 bits: 16-bit integers by 1/257, floats from [0, 1]."""
    scale = 1 / 257 if integer else 255.0
    if not integer and not np.isfinite(samples).all():
        raise ValueError("it holds NaN or infinity")
    grey = np.clip(np.rint(samples.astype(np.float64) * scale), 0, 255).astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2)


def write_png(path: Path, pixels: Picture) -> None:
    """Write (H, W, 3) uint8 RGB as PNG; nothing is lost."""
    Image.fromarray(pixels).save(path, format="PNG", compress_level=1)


def resize(pixels: Picture, width: int, height: int) -> Picture:
    """Resize with an antialiased Lanczos filter; the same size is returned as it is."""
    if pixels.shape[:2] == (height, width):
        return pixels
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS), dtype=np.uint8)


def crop_square(pixels: Picture) -> Picture:
    """Return the largest centred square."""
    height, width = pixels.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return pixels[top : top + side, left : left + side]


def check_picture(pixels: object) -> str | None:
    """Return what is wrong with a picture that a generator handed back, or None."""
    if not isinstance(pixels, np.ndarray):
        return f"expected a numpy array (H, W, 3) uint8, found {type(pixels).__name__}"
    if np.issubdtype(pixels.dtype, np.floating) and not np.isfinite(pixels).all():
        return f"holds NaN or infinity ({pixels.dtype} {pixels.shape})"
    if pixels.ndim != 3 or pixels.shape[2] != 3 or 0 in pixels.shape:
        return f"expected shape (H, W, 3), found {pixels.shape}"
    if pixels.dtype != np.uint8:
        return f"expected uint8 in 0..255, found {pixels.dtype}"
    return None
