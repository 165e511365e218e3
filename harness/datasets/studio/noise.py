"""Noise from fixed tables: the same on every device, and a function of a seed and of coordinates alone."""

from functools import lru_cache

import numpy as np
import torch

Tensor = torch.Tensor
_SIDE = 256


@lru_cache(maxsize=4)
def tile(device: str) -> Tensor:
    """Return (256 * 256, 4) smooth-free white noise in [0, 1)."""
    values = np.random.default_rng(20250101).random((_SIDE * _SIDE, 4), dtype=np.float32)
    return torch.tensor(values, device=device)


def value_noise(x: Tensor, y: Tensor, channels: int = 1) -> Tensor:
    """Return smooth noise in [0, 1] at points (x, y) of a unit lattice that repeats after 256 cells; (..., channels)."""
    x0, y0 = torch.floor(x), torch.floor(y)
    fx, fy = x - x0, y - y0
    fx, fy = fx * fx * (3 - 2 * fx), fy * fy * (3 - 2 * fy)
    ix, iy = x0.to(torch.int64) & 255, (y0.to(torch.int64) & 255) << 8
    ix1, iy1 = (ix + 1) & 255, (iy + 256) & 65535
    table = tile(str(x.device))[:, :channels].contiguous()

    def at(i: Tensor) -> Tensor:
        return table.index_select(0, i.reshape(-1)).view(*x.shape, channels)

    wx, wy = fx[..., None], fy[..., None]
    top = at(iy + ix) * (1 - wx) + at(iy + ix1) * wx
    low = at(iy1 + ix) * (1 - wx) + at(iy1 + ix1) * wx
    return top * (1 - wy) + low * wy


def ramp(low: float, high: float, x: Tensor) -> Tensor:
    """Return the cubic step from 0 at `low` to 1 at `high`."""
    t = ((x - low) / (high - low)).clamp(0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def mix(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """Return a + (b - a) t."""
    return a + (b - a) * t
