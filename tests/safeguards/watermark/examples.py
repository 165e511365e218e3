import numpy as np
from numpy.typing import NDArray

from fauxbench.harness.media.item import Kind
from fauxbench.harness.safeguards.watermark import Mark

KEY = bytes(range(32))


def smooth(size: int, seed: int, width: int | None = None) -> NDArray[np.uint8]:
    """A picture whose spectrum falls as natural ones do, by a cosine series."""
    rng = np.random.default_rng(seed)
    height, width = size, width or size
    y, x = (np.arange(side)[:, None] + 0.5 for side in (height, width))
    u = np.arange(24)
    down, across = np.cos(np.pi * y * u / height), np.cos(np.pi * x * u / width)
    power = 1.0 / (1.0 + np.hypot(*np.meshgrid(u, u))) ** 1.5
    planes = [down @ (rng.standard_normal((24, 24)) * power) @ across.T for _ in range(3)]
    return np.clip(128 + 45 * np.stack(planes, axis=-1), 0, 255).astype(np.uint8)


def mark_of(item: int, kind: Kind = Kind.FULLY_SYNTHETIC) -> Mark:
    return Mark(run="0123abcd", item=f"{item:08x}", generator="beef", kind=kind)


def psnr(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    return float(10 * np.log10(255.0**2 / np.mean((a.astype(np.float64) - b) ** 2)))
