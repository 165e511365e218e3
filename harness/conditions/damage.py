"""What can happen to finished pixels: rounding, contrast, colour, blur, noise, a block in front, blocks lost."""

import cv2
import numpy as np

from ..media.content import Picture


def round_colours(pixels: Picture, *, step: int = 2) -> Picture:
    """Return the picture with each channel rounded to multiples of `step`, 1 to 128, half to even.

    Raises:
        ValueError: `step` is outside its range.
    """
    if not 1 <= step <= 128:
        raise ValueError(f"step={step}; legal: 1 to 128")
    levels = np.clip(np.rint(np.arange(256) / step) * step, 0, 255).astype(np.uint8)
    return np.asarray(levels[pixels], dtype=np.uint8)


def change_contrast(pixels: Picture, *, factor: float = 0.6) -> Picture:
    """Return the picture with its differences from its mean colour multiplied by `factor`, at least 0.

    Raises:
        ValueError: `factor` is below 0.
    """
    if factor < 0.0:
        raise ValueError(f"factor={factor}; legal: at least 0")
    mean = pixels.mean(axis=(0, 1), dtype=np.float64)
    return np.asarray(np.rint(np.clip(mean + factor * (pixels - mean), 0.0, 255.0)), dtype=np.uint8)


def blur(pixels: Picture, *, sigma: float = 0.015) -> Picture:
    """Return the picture after a Gaussian whose standard deviation is `sigma` of the shorter side; 0 changes nothing.

    Raises:
        ValueError: `sigma` is below 0.
    """
    if sigma < 0.0:
        raise ValueError(f"sigma={sigma}; legal: at least 0")
    width = sigma * min(pixels.shape[:2])
    if width == 0.0:
        return pixels.copy()
    blurred = cv2.GaussianBlur(pixels.astype(np.float32), (0, 0), width, borderType=cv2.BORDER_REPLICATE)
    return np.rint(np.clip(blurred, 0.0, 255.0)).astype(np.uint8)


def add_noise(pixels: Picture, *, deviation: float = 15.0, seed: int = 0) -> Picture:
    """Return the picture with Gaussian noise added to every channel of every pixel.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        deviation: Standard deviation in levels of 255, at least 0.
        seed: Decides the noise.

    Raises:
        ValueError: `deviation` is below 0.
    """
    if deviation < 0.0:
        raise ValueError(f"deviation={deviation}; legal: at least 0")
    noise = np.random.default_rng(seed).standard_normal(pixels.shape, dtype=np.float32)
    noisy = np.multiply(noise, np.float32(deviation), out=noise)
    noisy += pixels
    return np.asarray(np.rint(np.clip(noisy, 0.0, 255.0, out=noisy), out=noisy).astype(np.uint8))


def cover(pixels: Picture, *, share: float = 0.1, x: float = 0.5, y: float = 0.5) -> Picture:
    """Return the picture with a grey block in front, of the picture's own shape.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        share: Of the area, 0 to 1.
        x: Where, 0 is the left edge and 1 the right; the block stays inside.
        y: Likewise, from the top.

    Raises:
        ValueError: A parameter is outside its range.
    """
    if not all(0.0 <= value <= 1.0 for value in (share, x, y)):
        raise ValueError(f"share={share}, x={x}, y={y}; legal: 0 to 1")
    height, width = pixels.shape[:2]
    high, wide = round(height * share**0.5), round(width * share**0.5)
    top, left = round(y * (height - high)), round(x * (width - wide))
    covered = pixels.copy()
    covered[top : top + high, left : left + wide] = 128
    return covered


def change_saturation(pixels: Picture, *, factor: float = 0.4) -> Picture:
    """Return the picture with its differences from its own grey (ITU-R BT.601) multiplied by `factor`, at least 0.

    Raises:
        ValueError: `factor` is below 0.
    """
    if factor < 0.0:
        raise ValueError(f"factor={factor}; legal: at least 0")
    grey = (pixels @ np.array([0.299, 0.587, 0.114]))[:, :, None]
    return np.asarray(np.rint(np.clip(grey + factor * (pixels - grey), 0.0, 255.0)), dtype=np.uint8)


def drop_blocks(pixels: Picture, *, share: float = 0.05, side: int = 8, seed: int = 0) -> Picture:
    """Return the picture with square blocks of a grid black.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        share: Of the blocks, 0 to 1; at least one block is lost where it is above 0.
        side: Of a block, pixels, at least 1.
        seed: Decides which.

    Raises:
        ValueError: A parameter is outside its range.
    """
    if not 0.0 <= share <= 1.0 or side < 1:
        raise ValueError(f"share={share}, side={side}; legal: 0 to 1, at least 1")
    rows, columns = -(-pixels.shape[0] // side), -(-pixels.shape[1] // side)
    count = min(rows * columns, max(round(share * rows * columns), int(share > 0)))
    lost = np.zeros(rows * columns, dtype=bool)
    lost[np.random.default_rng(seed).permutation(rows * columns)[:count]] = True
    mask = lost.reshape(rows, columns).repeat(side, axis=0).repeat(side, axis=1)[: pixels.shape[0], : pixels.shape[1]]
    return np.where(mask[:, :, None], np.uint8(0), pixels)
