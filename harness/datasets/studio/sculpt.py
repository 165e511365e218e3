"""The average head as a grid: rows run from the crown over the face and down the neck, columns run around the head.

Two rows, at the eyes and at the mouth, are doubled; where the lids and lips part, the quads between the two copies are
left out, so that the grid opens there. Coordinates are centimetres: x to the right of the picture, y up, z forward.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.interpolate import PchipInterpolator

Array = np.ndarray

EYE_X, EYE_HALF, EYE_RADIUS, EYE_Z = 3.15, 1.52, 1.2, 7.05
MOUTH_Y, MOUTH_HALF = -7.1, 2.55
_EYE_S, _MOUTH_S, _END_S = 12.0, 19.1, 35.0

# s, front y, front z, side x, side y, side z, back y, back z, squareness
_PROFILE = np.array(
    [
        (0.0, 12.0, -1.0, 0.00, 12.0, -1.0, 12.0, -1.0, 2.0),
        (0.6, 11.75, 2.2, 3.10, 11.75, -1.0, 11.75, -4.2, 2.0),
        (1.6, 11.0, 4.8, 4.90, 11.0, -1.0, 11.0, -6.6, 2.05),
        (3.4, 9.0, 7.3, 6.60, 9.1, -1.2, 8.9, -9.0, 2.15),
        (5.6, 6.4, 8.65, 7.45, 6.5, -1.3, 6.0, -10.2, 2.3),
        (8.0, 4.0, 9.15, 7.65, 4.1, -1.3, 3.2, -10.4, 2.35),
        (9.6, 2.4, 9.25, 7.55, 2.4, -1.3, 1.2, -10.2, 2.35),
        (12.0, 0.0, 8.85, 7.25, 0.0, -1.3, -1.2, -9.7, 2.25),
        (14.5, -2.5, 8.75, 7.05, -1.9, -1.3, -3.2, -9.0, 2.15),
        (16.9, -4.9, 8.85, 6.85, -3.4, -1.2, -4.8, -8.2, 2.1),
        (19.1, -7.1, 8.85, 6.55, -4.7, -1.0, -6.0, -7.5, 2.1),
        (20.9, -8.9, 8.45, 6.30, -5.7, -0.8, -6.9, -7.1, 2.1),
        (22.7, -10.6, 8.35, 6.00, -6.6, -0.6, -7.7, -6.8, 2.1),
        (23.6, -11.4, 7.75, 5.70, -7.2, -0.5, -8.2, -6.6, 2.05),
        (24.6, -11.85, 6.4, 5.45, -7.9, -0.6, -8.8, -6.4, 2.0),
        (26.6, -12.4, 4.3, 5.25, -9.3, -1.0, -9.8, -6.2, 2.0),
        (28.6, -14.0, 3.1, 5.35, -11.4, -1.4, -12.0, -6.3, 2.0),
        (31.5, -16.8, 3.1, 5.9, -14.4, -1.8, -15.0, -6.9, 2.0),
        (35.0, -20.5, 4.4, 9.0, -17.6, -2.2, -18.0, -7.6, 2.0),
    ]
)

# rows per centimetre of the front profile
_DENSITY_S = np.array([0, 6, 8.5, 10.2, 11.0, 12.9, 14.0, 15.5, 16.6, 17.6, 18.3, 20.2, 21.2, 23.0, 25.0, 27.0, 35.0])
_DENSITY = np.array([1.3, 1.3, 2.6, 4.0, 7.0, 7.0, 3.2, 3.4, 6.0, 5.0, 7.5, 7.5, 3.5, 3.0, 2.4, 1.3, 1.0])


@dataclass(frozen=True, slots=True, eq=False)
class HeadGrid:
    """The average head at one level of detail.

    Attributes:
        rest: (R, C, 3) positions with all lids and lips closed, in centimetres.
        uv: (R, C, 2) texture coordinates in [0, 1]: around the head, from crown to neck.
        faces: (T, 3) indices into the flattened grid, counter-clockwise from outside.
        gap: (R, C) distance along the front profile to the eye and the mouth slit, in two channels, positive below;
            the doubled rows carry -0.0 and +0.0 as a sign in `side`.
        side: (R, 2) -1 for rows above the eye and mouth slit, +1 for rows below.
        back, ahead: (R,) row before and after for finite differences, never across a slit.
        detail: The level of detail.
    """

    rest: Array
    uv: Array
    faces: Array
    gap: Array
    side: Array
    back: Array
    ahead: Array
    detail: float


def smooth(low: float, high: float, x: Array) -> Array:
    """Return the cubic step from 0 at `low` to 1 at `high`."""
    t = np.clip((x - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t))


def blob(x: Array, y: Array, at: tuple[float, float], size: tuple[float, float], power: float = 1.0) -> Array:
    """Return a Gaussian bump of height 1, mirrored on both sides of the face."""
    r = ((np.abs(x) - at[0]) / size[0]) ** 2 + ((y - at[1]) / size[1]) ** 2
    return np.asarray(np.exp(-(r**power)))


def _row_positions(detail: float) -> tuple[Array, Array, Array]:
    """Return s, v and the segment (0 above the eyes, 1, 2 below the mouth) of every row."""
    fine = np.linspace(0.0, _END_S, 3501)
    total = np.concatenate([[0.0], np.cumsum(np.diff(fine) * np.interp(fine[1:], _DENSITY_S, _DENSITY))])
    cuts = np.interp([0.0, _EYE_S, _MOUTH_S, _END_S], fine, total)
    s, v, part = [], [], []
    for k in range(3):
        n = max(6, round(detail * (cuts[k + 1] - cuts[k]))) + 1
        levels = np.linspace(cuts[k], cuts[k + 1], n)
        s.append(np.interp(levels, total, fine))
        v.append(levels / cuts[3])
        part.append(np.full(n, k))
    return np.concatenate(s), np.concatenate(v), np.concatenate(part)


def _columns(detail: float) -> tuple[Array, Array]:
    front, behind = max(10, round(42 * detail)), max(4, round(14 * detail))
    q = np.linspace(0.0, 1.0, front + 1)
    half = np.concatenate([90.0 * (0.72 * q + 0.28 * q**2.2), 90.0 + 90.0 * np.linspace(0, 1, behind + 1)[1:]])
    u_half = np.concatenate([0.38 * q, 0.38 + 0.12 * np.linspace(0, 1, behind + 1)[1:]])
    return np.deg2rad(np.concatenate([-half[:0:-1], half])), 0.5 + np.concatenate([-u_half[:0:-1], u_half])


def _skull(s: Array, angle: Array) -> Array:
    """Return the smooth ground form (R, C, 3): superelliptic sections along the profile curves."""
    front_y, front_z, side_x, side_y, side_z, back_y, back_z, square = (
        PchipInterpolator(_PROFILE[:, 0], _PROFILE[:, k])(s)[:, None] for k in range(1, 9)
    )
    sin, cos = np.sin(angle)[None], np.cos(angle)[None]
    reach_x = np.sign(sin) * np.abs(sin) ** (2.0 / square)
    reach_z = np.abs(cos) ** (2.0 / square)
    ahead = cos >= 0
    tilt = smooth(0.3, 1.08, np.abs(sin)) / smooth(0.3, 1.08, np.array(1.0))
    y = np.where(ahead, front_y + (side_y - front_y) * tilt, back_y + (side_y - back_y) * sin**2)
    z = np.where(ahead, side_z + (front_z - side_z) * reach_z, side_z + (back_z - side_z) * reach_z)
    return np.stack([side_x * reach_x, np.broadcast_to(y, z.shape), z], axis=-1)


def nose_ridge(y: Array) -> tuple[Array, Array]:
    """Return height and half-width of the ridge of the nose at height y."""
    knots = np.array([-6.2, -5.35, -5.0, -4.75, -4.4, -4.0, -3.0, -1.5, 0.0, 1.0, 2.2, 3.2])
    height = np.array([0.0, 0.02, 0.75, 1.65, 2.2, 2.25, 1.9, 1.35, 0.75, 0.42, 0.2, 0.0])
    width = np.array([0.8, 0.85, 0.9, 0.95, 0.98, 0.95, 0.85, 0.78, 0.72, 0.72, 0.9, 1.0])
    clipped = np.clip(y, knots[0], knots[-1])
    return PchipInterpolator(knots, height)(clipped), PchipInterpolator(knots, width)(clipped)


def _relief(x: Array, y: Array) -> Array:
    """Return the forward displacement of the face's features over the ground form."""
    height, width = nose_ridge(y)
    z = height * np.exp(-(np.abs(x / width) ** 2.1))
    z += 0.75 * blob(x, y, (1.25, -4.5), (0.55, 0.52)) + 0.2 * blob(x, y, (0.0, -4.3), (0.75, 0.5))
    z -= 0.55 * blob(x, y, (0.62, -5.0), (0.36, 0.26))
    z += 0.42 * blob(x, y, (2.7, 2.35), (2.1, 0.85)) + 0.15 * blob(x, y, (0.0, 2.5), (1.0, 0.9))
    z -= 0.95 * blob(x, y, (2.75, 0.1), (1.55, 1.05)) + 0.55 * blob(x, y, (1.45, 0.35), (0.6, 0.75))
    z += 0.45 * blob(x, y, (4.7, -2.3), (1.7, 1.2)) - 0.18 * blob(x, y, (2.5, -1.7), (1.0, 0.4))
    z += 0.25 * blob(x, y, (2.6, -2.9), (1.3, 1.1))
    z += 0.42 * blob(x, y, (0.0, -6.8), (2.7, 1.7)) - 0.16 * blob(x, y, (0.0, -6.05), (0.3, 0.55))
    z += 0.08 * blob(x, y, (0.52, -6.1), (0.25, 0.5))
    z -= 0.32 * blob(x, y, (0.0, -8.95), (1.7, 0.5)) - 0.55 * blob(x, y, (0.0, -10.5), (1.5, 0.95))
    z -= 0.22 * blob(x, y, (3.05, -7.2), (0.6, 0.7)) + 0.3 * blob(x, y, (5.2, -6.2), (1.5, 1.8))
    fold = 1.75 + 0.62 * np.clip(-4.4 - y, 0.0, 4.0)
    z -= 0.16 * np.exp(-(((np.abs(x) - fold) / 0.3) ** 2)) * smooth(-8.2, -6.4, y) * smooth(-4.0, -4.9, y)
    z -= 0.25 * blob(x, y, (6.3, 3.4), (1.1, 1.8))
    return np.asarray(z)


def lip_heights(x: Array) -> tuple[Array, Array]:
    """Return the height of the red of the upper and the lower lip at x on the average face."""
    t = np.clip(np.abs(x) / MOUTH_HALF, 0.0, 1.0)
    upper = 0.72 * (1 - t**1.7) + 0.1 * np.exp(-(((np.abs(x) - 0.45) / 0.4) ** 2)) - 0.13 * np.exp(-((x / 0.26) ** 2))
    return np.maximum(upper, 0.06), np.maximum(0.98 * (1 - t**2.2), 0.06)


def _lips(x: Array, gap: Array, below: Array) -> Array:
    """Return the forward displacement of the red of the lips, rolled in at the slit."""
    upper, lower = lip_heights(x)
    fade = np.sqrt(np.clip(1 - (np.abs(x) / (MOUTH_HALF + 0.1)) ** 2.5, 0.0, 1.0))
    t = np.abs(gap) / np.where(below, lower, upper)
    bulge = np.where(below, 0.46, 0.36) * np.exp(-(((t - 0.5) / 0.42) ** 2)) + 0.06 * np.exp(
        -(((t - 1.02) / 0.16) ** 2)
    )
    return np.asarray(fade * (bulge - 0.6 * np.exp(-((np.abs(gap) / 0.13) ** 2))))


def _faces(rest: Array, part: Array) -> Array:
    rows, cols = rest.shape[:2]
    index = np.arange(rows * cols).reshape(rows, cols)
    keep = np.ones((rows - 1, cols - 1), bool)
    x = (rest[:, 1:, 0] + rest[:, :-1, 0])[:-1] / 2
    eye = np.flatnonzero((part[:-1] == 0) & (part[1:] == 1))[0]
    mouth = np.flatnonzero((part[:-1] == 1) & (part[1:] == 2))[0]
    keep[eye] &= (np.abs(np.abs(x[eye]) - EYE_X) > EYE_HALF) | (rest[eye, :-1, 2] < 0)
    keep[mouth] &= (np.abs(x[mouth]) > MOUTH_HALF) | (rest[mouth, :-1, 2] < 0)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]
    quads = np.stack([np.stack([a, c, b], -1), np.stack([b, c, d], -1)], axis=2)
    return quads[keep].reshape(-1, 3)


def _snap(angle: Array, s: float, targets: tuple[float, ...]) -> Array:
    """Move the nearest columns so that the row at s has a vertex at every target x, on both sides."""
    out = angle.copy()
    for target in targets:
        for sign in (-1.0, 1.0):
            fine = np.linspace(0.0, np.pi / 2, 2000) * sign
            x = _skull(np.array([s]), fine)[0, :, 0]
            want = fine[np.argmin(np.abs(x - sign * target))]
            out[np.argmin(np.abs(out - want))] = want
    return out


@lru_cache(maxsize=8)
def head_grid(detail: float = 1.0) -> HeadGrid:
    """Build the average head.

    Args:
        detail: Rows and columns relative to the finest level of about 110 by 113.

    Returns:
        The grid; it is shared, do not change it.
    """
    s, v, part = _row_positions(detail)
    angle, u = _columns(detail)
    angle = _snap(angle, _EYE_S, (EYE_X - EYE_HALF, EYE_X + EYE_HALF))
    angle = _snap(angle, _MOUTH_S, (MOUTH_HALF,))
    rest = _skull(s, angle)
    front = np.cos(angle)[None] > 0
    x, y = rest[..., 0], rest[..., 1]
    gap = np.stack([s - _EYE_S, s - _MOUTH_S], -1)[:, None, :] * np.ones((1, len(angle), 1))
    side = np.stack([np.where(part == 0, -1, 1), np.where(part < 2, -1, 1)], -1)
    depth = smooth(0.0, 0.45, np.cos(angle))[None] * smooth(25.5, 23.5, s)[:, None]
    rest[..., 2] += depth * (_relief(x, y) + _lips(x, gap[..., 1], (part == 2)[:, None]) * front)
    rows = len(s)
    back, ahead = np.maximum(np.arange(rows) - 1, 0), np.minimum(np.arange(rows) + 1, rows - 1)
    for k in (0, 1):
        last = np.flatnonzero(part == k)[-1]
        ahead[last], back[last + 1] = last, last + 1
    uv = np.stack(np.broadcast_arrays(u[None], v[:, None]), -1)
    return HeadGrid(rest, uv, _faces(rest, part), gap, side, back, ahead, detail)
