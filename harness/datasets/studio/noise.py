"""Noise from fixed tables: the same on every device, and a function of a seed and of coordinates alone."""

from functools import lru_cache

import numpy as np
import torch

Tensor = torch.Tensor
_SIDE = 256


@lru_cache(maxsize=4)
def tile(device: str) -> tuple[Tensor, ...]:
    """Return four tables of 256 * 256 white noise in [0, 1)."""
    values = np.random.default_rng(20250101).random((4, _SIDE * _SIDE), dtype=np.float32)
    return torch.tensor(values, device=device).unbind(0)


def value_noise(x: Tensor, y: Tensor, channels: int = 1) -> Tensor:
    """Return smooth noise in [0, 1], (..., channels), at (x, y) of a unit lattice that repeats after 256 cells."""
    x0, y0 = torch.floor(x), torch.floor(y)
    fx, fy = x - x0, y - y0
    fx, fy = fx * fx * (3 - 2 * fx), fy * fy * (3 - 2 * fy)
    ix, iy = x0.to(torch.int64) & 255, (y0.to(torch.int64) & 255) << 8
    ix1, iy1 = (ix + 1) & 255, (iy + 256) & 65535
    corners = [(a + b).reshape(-1) for b in (iy, iy1) for a in (ix, ix1)]
    out = []
    for table in tile(str(x.device))[:channels]:
        a, b, c, d = (table.index_select(0, i).view(x.shape) for i in corners)
        out.append(torch.lerp(torch.lerp(a, b, fx), torch.lerp(c, d, fx), fy))
    return torch.stack(out).movedim(0, -1)


def ramp(low: float, high: float, x: Tensor) -> Tensor:
    """Return the cubic step from 0 at `low` to 1 at `high`."""
    t = ((x - low) / (high - low)).clamp(0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def mix(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """Return a + (b - a) t."""
    return a + (b - a) * t
