"""The chart of the head's surface: where every texel lies on the average head, and to which region it belongs."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from scipy.interpolate import PchipInterpolator

from .noise import grid_noise
from .sculpt import EYE_HALF, EYE_X, MOUTH_HALF, Array, blob, head_grid, lip_heights, smooth

Tensor = torch.Tensor

# degrees around the head from the middle of the face, and the height at which hair begins
_HAIRLINE = np.array(
    [(0, 7.0), (14, 7.2), (26, 6.9), (36, 6.6), (46, 5.0), (55, 3.2), (63, 0.8), (72, -1.6), (80, -2.0), (86, 1.2),
     (97, 1.6), (106, -1.0), (118, -4.2), (140, -6.6), (180, -7.0)], dtype=float
)  # fmt: skip


def hairline(angle: Array) -> Array:
    """Return the height of the average hairline at `angle` degrees from the middle of the face."""
    return np.asarray(PchipInterpolator(_HAIRLINE[:, 0], _HAIRLINE[:, 1])(np.clip(np.abs(angle), 0, 180)))


@dataclass(frozen=True, slots=True, eq=False)
class Chart:
    """Maps of a T x T texture, each (T, T) unless stated.

    Attributes:
        x, y, z: Position on the average head.
        arc: Distance from the middle along the surface; with `s` it is a nearly undistorted pair of coordinates.
        s: Distance from the crown along the front profile.
        cell: (T, T, 2) width and height of a texel in centimetres.
        masks: Region weights in [0, 1] by name.
        reach: (4, T) least and greatest y of every row's part of the face, and x of every column's.
    """

    x: Tensor
    y: Tensor
    z: Tensor
    arc: Tensor
    s: Tensor
    cell: Tensor
    masks: dict[str, Tensor]
    reach: Array

    def noise(self, along: float, down: float, x: float = 0.0, y: float = 0.0, channels: int = 1) -> tuple[Tensor, ...]:
        """Return noise (T, T) for each channel, of so many cells a centimetre, shifted by (x, y) cells."""
        return grid_noise(self.arc[0] * along + x, self.s[:, 0] * down + y, channels)

    def window(self, x: float, y: float, radius: float) -> tuple[slice, slice]:
        """Return rows and columns that hold every texel of the face within a square around (x, y)."""
        y0, y1, x0, x1 = self.reach
        return _span((y1 >= y - radius) & (y0 <= y + radius)), _span((x1 >= x - radius) & (x0 <= x + radius))


def _span(mask: Array) -> slice:
    """Return the span from the first true cell to the last."""
    found = np.flatnonzero(mask)
    return slice(int(found[0]), int(found[-1]) + 1) if len(found) else slice(0, 0)


def _reach(x: Array, y: Array, face: Array) -> Array:
    """Return (4, T) least and greatest y of every row's part of the face, and x of every column's."""
    low, high = (np.where(face, 0.0, sign * np.inf) for sign in (1, -1))
    return np.stack([(y + low).min(1), (y + high).max(1), (x + low).min(0), (x + high).max(0)])


def _resample(side: int) -> tuple[Array, Array]:
    """Return rest positions (T, T, 3) and s (T,) at texel centres."""
    grid = head_grid(1.0)
    t = (np.arange(side) + 0.5) / side
    v, u = grid.uv[:, 0, 1], grid.uv[0, :, 1 - 1]
    r = np.clip(np.searchsorted(v, t, side="right") - 1, 0, len(v) - 2)
    c = np.clip(np.searchsorted(u, t, side="right") - 1, 0, len(u) - 2)
    fr = np.clip((t - v[r]) / np.maximum(v[r + 1] - v[r], 1e-9), 0, 1)[:, None, None]
    fc = np.clip((t - u[c]) / np.maximum(u[c + 1] - u[c], 1e-9), 0, 1)[None, :, None]
    p = grid.rest
    top = p[r][:, c] * (1 - fc) + p[r][:, c + 1] * fc
    low = p[r + 1][:, c] * (1 - fc) + p[r + 1][:, c + 1] * fc
    s_rows = grid.gap[:, 0, 0] + 12.0
    return top * (1 - fr) + low * fr, np.interp(t, v, s_rows)


def _hair_masks(x: Array, y: Array, z: Array, s: Array, front: Array) -> dict[str, Array]:
    angle = np.degrees(np.arctan2(x, z + 1.0))
    beard = smooth(-5.0, -6.6, y + 0.45 * np.maximum(np.abs(x) - 3.0, 0)) * smooth(27.5, 25.5, s) * smooth(-1.8, 0.2, z)
    beard = np.maximum(
        beard,
        smooth(4.4, 5.4, np.abs(x)) * smooth(-1.0, -2.4, y) * smooth(0.2, 1.0, z) * smooth(3.6, 2.4, z) * (s < 26),
    )
    upper, lower = lip_heights(x)
    gap = s - 19.1
    lips = smooth(1.25, 1.0, np.where(gap < 0, -gap / upper, gap / lower)) * (np.abs(x) < MOUTH_HALF + 0.15) * front
    below = np.exp(-(((y + 8.6) / 0.5) ** 2)) * np.exp(-((x / 0.9) ** 2))
    moustache = smooth(-5.1, -5.7, y + 0.1 * np.abs(x)) * smooth(-7.9, -6.7, y - 0.12 * np.abs(x)) * front
    moustache = moustache * smooth(3.5, 1.7, np.abs(x))
    chin = np.exp(-((np.abs(x) / 2.2) ** 4)) * smooth(-8.2, -9.4, y) * smooth(25.5, 24.6, s) * front
    return {
        "scalp": y - hairline(angle),
        "angle": angle,
        "beard": beard * (1 - lips) * (1 - 0.6 * np.exp(-(((y + 8.0) / 0.6) ** 2)) * np.exp(-((x / 1.9) ** 2)) * front)
        + below * 0.5 * front,
        "moustache": moustache * (1 - lips),
        "goatee": np.maximum(chin, below * 0.8 * front),
    }


def _line_masks(x: Array, y: Array, front: Array) -> dict[str, Array]:
    ax = np.abs(x)
    wave = 0.12 * np.sin(1.7 * x) + 0.06 * np.sin(4.1 * x + 1.0)
    rows = (
        np.exp(-((((y + wave - 3.0 + 0.02 * x**2) % 0.85 - 0.42) / 0.13) ** 2))
        * smooth(3.2, 4.2, y)
        * smooth(7.4, 6.4, y)
    )
    rows = rows * smooth(5.6, 3.2, ax) * front
    out, up = ax - (EYE_X + EYE_HALF), y - 0.1
    around = np.degrees(np.arctan2(up, np.maximum(out, 1e-3)))
    feet = np.exp(-((((around + 10 * out) % 19 - 9.5) / 4.0) ** 2)) * smooth(0.12, 0.35, out) * smooth(1.9, 0.9, out)
    feet = feet * smooth(62, 35, np.abs(around)) * front
    fold = 1.72 + 0.62 * np.clip(-4.4 - y, 0.0, 4.0)
    fold_line = np.exp(-(((ax - fold) / 0.14) ** 2)) * smooth(-8.0, -7.2, y) * smooth(-4.2, -5.0, y) * front
    frown = np.exp(-(((ax - 0.5) / 0.12) ** 2)) * np.exp(-(((y - 2.7) / 0.8) ** 2)) * front
    lower = np.exp(-(((np.hypot(ax - 3.0, (y - 0.6) * 1.15) - 2.1) / 0.1) ** 2)) + 0.7 * np.exp(
        -(((np.hypot(ax - 3.0, (y - 0.6) * 1.1) - 1.55) / 0.08) ** 2)
    )
    lower = lower * smooth(-0.3, -0.8, y) * smooth(4.9, 4.0, ax) * smooth(1.3, 2.0, ax) * front
    marionette = (
        np.exp(-(((ax - 2.75 - 0.12 * (-7.4 - y)) / 0.13) ** 2)) * smooth(-9.8, -9.0, y) * smooth(-7.3, -7.7, y) * front
    )
    return {
        "forehead_lines": rows,
        "crows_feet": feet,
        "fold_line": fold_line,
        "frown_lines": frown,
        "lower_lid_lines": lower,
        "marionette": marionette,
    }


def _face_masks(x: Array, y: Array, s: Array, front: Array) -> dict[str, Array]:
    ax, eye_gap, gap = np.abs(x), s - 12.0, s - 19.1
    upper, lower = lip_heights(x)
    t = np.where(gap < 0, -gap / upper, gap / lower)
    lips = smooth(1.08, 0.9, t) * smooth(MOUTH_HALF + 0.12, MOUTH_HALF - 0.12, ax) * front
    e = (ax - EYE_X) / EYE_HALF
    lid = np.clip(1 - np.abs(e) ** 2.4, 0, 1)
    edge = np.clip(1 - np.abs(e) ** 6, 0, 1) * front
    brow_mid = 2.22 + 0.3 * np.exp(-(((ax - 3.7) / 1.3) ** 2)) - 0.12 * (ax < 1.6) - 0.28 * smooth(4.2, 5.4, ax)
    return {
        "front": front,
        "lips": lips,
        "lip_t": np.clip(t, 0, 4),
        "cheeks": blob(x, y, (4.0, -3.4), (1.9, 1.5)) * front,
        "nose": blob(x, y, (0.0, -4.2), (1.7, 1.3)) * front,
        "nostrils": blob(x, y, (0.66, -5.06), (0.4, 0.17), 1.5) * front,
        "chin": blob(x, y, (0.0, -10.4), (1.8, 1.2)) * front,
        "forehead": blob(x, y, (0.0, 5.2), (4.5, 2.0)) * front,
        "socket": blob(x, y, (3.0, 0.0), (1.9, 1.25)) * front,
        "under_eye": blob(x, y, (2.75, -1.05), (1.35, 0.5)) * front,
        "upper_edge": np.exp(-((eye_gap / 0.15) ** 2)) * (eye_gap <= 0) * edge,
        "lower_edge": np.exp(-((eye_gap / 0.08) ** 2)) * (eye_gap > 0) * edge,
        "crease": np.exp(-(((-eye_gap - 0.14 - 0.42 * lid) / 0.1) ** 2)) * smooth(1.22, 0.95, np.abs(e)) * front,
        "upper_lid": smooth(0.75, 0.4, -eye_gap) * (eye_gap <= 0) * lid**0.5 * front,
        "inner_corner": np.exp(-(((ax - EYE_X + EYE_HALF) / 0.2) ** 2) - (eye_gap / 0.2) ** 2) * front,
        "brow_x": np.clip((ax - 1.15) / 4.1, -0.5, 1.5),
        "brow_y": y - brow_mid,
        "t_zone": np.maximum(blob(x, y, (0, 4.5), (2.8, 2.2)), blob(x, y, (0, -2.5), (0.9, 3.0))) * front,
    }


@lru_cache(maxsize=8)
def chart(side: int, device: str) -> Chart:
    """Return the maps for a texture of `side` texels; shared, do not change them."""
    rest, s_row = _resample(side)
    x, y, z = rest[..., 0], rest[..., 1], rest[..., 2]
    s = np.broadcast_to(s_row[:, None], x.shape)
    front = smooth(0.5, 3.0, z) * smooth(26.0, 24.0, s)
    cell = np.stack([np.linalg.norm(np.gradient(rest, axis=k), axis=-1) for k in (1, 0)], -1).clip(0.005)
    arc = np.broadcast_to(((np.arange(side) + 0.5) / side - 0.5)[None] * 29.0, x.shape)
    masks = _face_masks(x, y, s, front) | _line_masks(x, y, front) | _hair_masks(x, y, z, s, front)

    def tensor(values: Array) -> Tensor:
        return torch.tensor(np.ascontiguousarray(values), dtype=torch.float32, device=device)

    flat = [tensor(v) for v in (x, y, z, arc, s, cell)]
    kept = {k: tensor(v) for k, v in masks.items()}
    return Chart(flat[0], flat[1], flat[2], flat[3], flat[4], flat[5], kept, _reach(x, y, front > 0))
