"""Noise from fixed tables: the same on every device, and a function of a seed and of coordinates alone."""

from functools import lru_cache

import numpy as np
import torch

Tensor = torch.Tensor
_SIDE = 256
_ROW = _SIDE + 1  # the first column and row are repeated at the end, so that neighbours need no modulus


@lru_cache(maxsize=4)
def tile(device: str) -> tuple[Tensor, ...]:
    """Return four tables of 257 x 257 white noise in [0, 1), flat, whose last row and column are their first."""
    values = np.random.default_rng(20250101).random((4, _SIDE, _SIDE), dtype=np.float32)
    wide = np.pad(values, ((0, 0), (0, 1), (0, 1)), mode="wrap")
    return torch.tensor(wide.reshape(4, -1), device=device).unbind(0)


def _cell(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the lattice cell, 0 to 255, and the smoothed place inside it."""
    low = torch.floor(x)
    f = x - low
    return low.to(torch.int32).bitwise_and_(255), f * f * (3 - 2 * f)


def value_noise(x: Tensor, y: Tensor, channels: int = 1) -> Tensor:
    """Return smooth noise in [0, 1], (..., channels), at (x, y) of a unit lattice that repeats after 256 cells."""
    (ix, fx), (iy, fy) = _cell(x), _cell(y)
    first = torch.add(ix, iy, alpha=_ROW)
    index = first.reshape(-1)
    out = []
    for table in tile(str(x.device))[:channels]:
        a, b, c, d = (table[k:].index_select(0, index).view(first.shape) for k in (0, 1, _ROW, _ROW + 1))
        out.append(torch.lerp(torch.lerp(a, b, fx), torch.lerp(c, d, fx), fy))
    return out[0][..., None] if channels == 1 else torch.stack(out).movedim(0, -1)


def grid_noise(x: Tensor, y: Tensor, channels: int = 1) -> tuple[Tensor, ...]:
    """Return `value_noise` at every pair of columns x (W,) and rows y (H,), as (H, W) for each channel."""
    (ix, fx), (iy, fy) = _cell(x), _cell(y)
    out = []
    for table in tile(str(x.device))[:channels]:
        square = table.view(_ROW, _ROW)
        columns = torch.lerp(square.index_select(1, ix), square[:, 1:].index_select(1, ix), fx)
        out.append(torch.lerp(columns.index_select(0, iy), columns[1:].index_select(0, iy), fy[:, None]))
    return tuple(out)


def ramp(low: float, high: float, x: Tensor) -> Tensor:
    """Return the cubic step from 0 at `low` to 1 at `high`."""
    t = ((x - low) / (high - low)).clamp(0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def mix(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """Return a + (b - a) t."""
    return a + (b - a) * t
