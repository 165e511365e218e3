"""Displacement fields of the head: what one unit of a factor does to every vertex of the average head.

A head is the average head plus a weighted sum of these fields: a linear shape model in the sense of Blanz and Vetter (A
Morphable Model for the Synthesis of 3D Faces, SIGGRAPH 1999), but sculpted by hand, not learned from anybody.
"""

from collections.abc import Callable

import numpy as np

from .sculpt import EYE_HALF, EYE_X, MOUTH_HALF, MOUTH_Y, Array, HeadGrid, blob, lip_heights, smooth

Field = Array


class Canvas:
    """Coordinates of the average head, flattened to (V,), and helpers that return (V, 3) fields."""

    def __init__(self, grid: HeadGrid) -> None:
        rest = grid.rest.reshape(-1, 3)
        self.x, self.y, self.z = rest.T
        self.side = np.where(self.x < 0, -1.0, 1.0)
        self.front = smooth(-1.5, 3.0, self.z)
        self.gap = grid.gap.reshape(-1, 2)
        self.below = np.repeat(grid.side, grid.rest.shape[1], axis=0) > 0
        s = self.gap[:, 0] + 12.0
        self.neck = smooth(23.6, 27.5, s)
        self.lift = smooth(34.0, 27.0, s)  # fades what moves the chin towards the foot of the neck

    def field(self, dx: Array | float = 0.0, dy: Array | float = 0.0, dz: Array | float = 0.0) -> Field:
        """Stack three displacements."""
        return np.stack([np.broadcast_to(d, self.x.shape) for d in (dx, dy, dz)], axis=-1).astype(np.float64)

    def spot(self, at: tuple[float, float], size: tuple[float, float], power: float = 1.0) -> Array:
        """Return a mirrored bump on the front of the head."""
        return np.asarray(blob(self.x, self.y, at, size, power) * self.front * (1.0 - self.neck))

    def eye(self, size: float = 2.1) -> Array:
        """Return 1 around both eyes, flat in the middle."""
        return self.spot((EYE_X, 0.1), (size, 0.8 * size), 2.0)


def _skull_fields(c: Canvas) -> dict[str, Field]:
    x, y, z, side, front = c.x, c.y, c.z, c.side, c.front
    top, low = smooth(2.0, 10.0, y), smooth(0.0, -11.0, y)
    return {
        "head_width": c.field(0.05 * x * (1 - 0.7 * c.neck)),
        "head_height": c.field(0.0, 0.75 * top),
        "head_depth": c.field(0.0, 0.0, 0.05 * z * smooth(2.0, -4.0, z) * (1 - c.neck)),
        "face_length": c.field(0.0, -0.55 * low * c.lift),
        "face_width": c.field(0.055 * x * np.exp(-(((y + 3.0) / 4.0) ** 2)) * (1 - c.neck)),
        "forehead_slope": c.field(0.0, 0.0, -0.75 * smooth(2.5, 9.5, y) * front),
        "temple_hollow": c.field(
            -0.2 * side * c.spot((6.6, 3.0), (1.5, 2.0)), 0.0, -0.2 * c.spot((6.0, 3.2), (1.4, 2.0))
        ),
        "brow_ridge": c.field(0.0, -0.06 * c.spot((2.4, 2.0), (2.4, 0.9)), 0.33 * c.spot((2.3, 2.2), (2.4, 0.9))),
        "cheekbone": c.field(
            0.3 * side * c.spot((5.4, -2.0), (1.8, 1.4)),
            0.1 * c.spot((4.8, -2.2), (1.7, 1.3)),
            0.3 * c.spot((4.7, -2.2), (1.6, 1.2)),
        ),
        "cheek_full": c.field(
            0.42 * side * c.spot((5.2, -5.4), (2.2, 2.4)), 0.0, 0.38 * c.spot((4.4, -5.4), (1.8, 2.2))
        ),
        "jaw_width": c.field(0.095 * x * np.exp(-(((y + 7.6) / 3.0) ** 2)) * (1 - 0.6 * c.neck)),
        "jaw_square": c.field(
            0.45 * side * c.spot((4.6, -8.9), (1.6, 1.8)),
            -0.4 * c.spot((4.6, -8.6), (1.7, 2.0)),
            0.25 * c.spot((4.2, -9.0), (1.6, 1.6)),
        ),
        "chin_width": c.field(
            0.4 * np.tanh(x / 1.3) * np.exp(-(((y + 10.6) / 1.5) ** 2)) * front, 0.0, -0.05 * c.spot((0, -10.6), (1, 1))
        ),
        "chin_length": c.field(0.0, -0.55 * smooth(-8.3, -11.0, y) * c.lift * front),
        "chin_forward": c.field(
            0.0, 0.0, 0.5 * smooth(-7.9, -10.4, y) * c.lift * front * smooth(6.0, 2.0, np.abs(x)) * smooth(3, 7, z)
        ),
        "chin_cleft": c.field(
            0.0, 0.0, -0.28 * np.exp(-((x / 0.28) ** 2)) * np.exp(-(((y + 10.6) / 0.7) ** 2)) * front
        ),
        "midface_forward": c.field(0.0, 0.0, 0.4 * c.spot((0.0, -4.8), (4.2, 3.6))),
        "neck_width": c.field(0.11 * x * c.neck, 0.0, 0.07 * z * c.neck),
        "skew_jaw": c.field(0.28 * smooth(-5.0, -10.0, y) * front * c.lift),
        "masculinity": c.field(
            0.075 * x * np.exp(-(((y + 8.2) / 2.8) ** 2)) * (1 - 0.5 * c.neck) + 0.16 * x * c.neck,
            -0.6 * smooth(-7.0, -11.0, y) * c.lift,
            0.5 * c.spot((2.2, 2.3), (2.6, 0.9)) + 0.2 * c.spot((0.0, -2.5), (1.0, 2.0)),
        ),
    }


def _nose_fields(c: Canvas) -> dict[str, Field]:
    x, y = c.x, c.y
    column = np.exp(-((np.abs(x) / 2.0) ** 4)) * c.front
    return {
        "nose_length": c.field(0.0, -0.42 * column * smooth(0.6, -3.6, y) * smooth(-7.2, -5.0, y)),
        "nose_width": c.field(0.3 * c.side * c.spot((1.2, -4.6), (0.9, 0.8))),
        "nose_bridge_height": c.field(0.0, 0.0, 0.38 * c.spot((0.0, -0.3), (0.95, 2.1))),
        "nose_bridge_width": c.field(0.2 * np.tanh(x / 0.4) * c.spot((0.0, -1.0), (1.6, 2.2))),
        "nose_hump": c.field(0.0, 0.0, 0.24 * c.spot((0.0, -1.5), (0.8, 0.9)) - 0.06 * c.spot((0.0, -3.2), (0.8, 0.6))),
        "nose_tip_size": c.field(
            0.22 * np.tanh(x / 0.4) * c.spot((0.0, -4.0), (1.2, 0.8)), 0.0, 0.12 * c.spot((0.0, -4.1), (0.9, 0.7))
        ),
        "nose_tip_up": c.field(0.0, 0.34 * c.spot((0.0, -4.4), (1.2, 0.9)), 0.06 * c.spot((0.0, -4.2), (0.9, 0.8))),
        "nose_forward": c.field(0.0, 0.0, 0.42 * c.spot((0.0, -4.0), (1.3, 1.9))),
        "nostril_size": c.field(
            0.13 * c.side * c.spot((1.3, -4.8), (0.5, 0.45)), -0.08 * c.spot((1.1, -4.9), (0.5, 0.3))
        ),
        "skew_nose": c.field(0.25 * c.spot((0.0, -3.6), (1.5, 2.2))),
    }


def _mouth_fields(c: Canvas) -> dict[str, Field]:
    x, y, d, under = c.x, c.y, np.abs(c.gap[:, 1]), c.below[:, 1]
    upper, lower = lip_heights(x)
    reach = np.sqrt(np.clip(1 - (x / (MOUTH_HALF + 0.2)) ** 2, 0, 1)) * c.front
    rise = np.exp(-(((d / upper - 1.0) / 0.9) ** 2)) * np.clip(d / upper, 0, 1)
    drop = np.exp(-(((d / lower - 1.0) / 0.9) ** 2)) * np.clip(d / lower, 0, 1)
    swell = c.spot((0.0, MOUTH_Y), (2.6, 1.4))
    red_up, red_low = np.where(under, 0.0, rise) * reach, np.where(under, drop, 0.0) * reach
    puff_up = np.where(under, 0.0, np.exp(-(((d / upper - 0.55) / 0.4) ** 2))) * reach
    puff_low = np.where(under, np.exp(-(((d / lower - 0.55) / 0.4) ** 2)), 0.0) * reach
    bow = np.exp(-(((np.abs(x) - 0.5) / 0.35) ** 2)) - 1.2 * np.exp(-((x / 0.24) ** 2))
    flat = np.exp(-((x / 3.6) ** 4)) * c.front * (1 - c.neck)
    return {
        "mouth_width": c.field(0.1 * x * np.exp(-(((y - MOUTH_Y) / 1.5) ** 2)) * flat),
        "mouth_height": c.field(0.0, 0.3 * c.spot((0.0, MOUTH_Y), (3.8, 1.8), 2.0)),
        "upper_lip": c.field(0.0, 0.2 * red_up, 0.14 * puff_up),
        "lower_lip": c.field(0.0, -0.24 * red_low, 0.17 * puff_low),
        "lip_forward": c.field(0.0, 0.0, 0.32 * swell),
        "cupid_bow": c.field(0.0, 0.11 * bow * red_up),
        "mouth_corner": c.field(0.0, 0.2 * c.spot((MOUTH_HALF, MOUTH_Y), (0.9, 0.8))),
        "philtrum": c.field(
            0.0, 0.0, -0.1 * c.spot((0.0, -6.1), (0.3, 0.5)) + 0.05 * c.spot((0.55, -6.1), (0.25, 0.5))
        ),
        "skew_mouth": c.field(
            0.14 * c.spot((0.0, -7.2), (3.4, 2.0)), 0.08 * np.tanh(x / 2) * c.spot((0, -7.2), (3.4, 1.6))
        ),
    }


def _eye_fields(c: Canvas) -> dict[str, Field]:
    x, y, eye = c.x, c.y, c.eye()
    out = np.abs(x) - EYE_X
    return {
        "eye_spacing": c.field(0.22 * c.side * eye),
        "eye_height": c.field(0.0, 0.25 * eye),
        "eye_size": c.field(0.11 * c.side * out * eye, 0.06 * y * eye),
        "eye_tilt": c.field(0.0, 0.11 * out * c.eye(2.3)),
        "eye_depth": c.field(0.0, 0.0, -0.22 * c.eye(1.8)),
        "lid_crease": c.field(
            0.0,
            -0.12 * c.spot((3.3, 1.15), (1.7, 0.4)),
            -0.16 * c.spot((3.2, 0.95), (1.7, 0.42)) + 0.05 * c.spot((3.2, 1.6), (1.7, 0.4)),
        ),
        "skew_eyes": c.field(0.0, 0.12 * np.tanh(x / 2.0) * eye),
        "eye_bags": c.field(
            0.0, 0.0, 0.16 * c.spot((2.95, -1.15), (1.25, 0.3)) - 0.1 * c.spot((2.9, -1.6), (1.3, 0.25))
        ),
        "age": _age_field(c),
    }


def _age_field(c: Canvas) -> Field:
    fold = 1.75 + 0.62 * np.clip(-4.4 - c.y, 0.0, 4.0)
    crease = np.exp(-(((np.abs(c.x) - fold) / 0.28) ** 2)) * smooth(-9.0, -7.0, c.y) * smooth(-4.0, -4.9, c.y) * c.front
    jowl = c.spot((3.9, -9.3), (1.5, 1.3))
    return c.field(
        0.12 * c.side * jowl - 0.15 * c.side * c.spot((5.4, -5.5), (1.6, 1.6)),
        -0.35 * jowl - 0.1 * c.spot((0, -4.4), (1.4, 1.0)) - 0.12 * c.spot((4.2, 1.4), (1.2, 0.7)),
        0.12 * jowl - 0.22 * crease + 0.12 * c.spot((3.4, -5.4), (1.0, 1.4)) - 0.1 * c.spot((0, -7.1), (2.2, 0.8)),
    )


def person_fields(grid: HeadGrid) -> dict[str, Field]:
    """Return a (V, 3) field for every factor of `PERSON` that changes the shape of the head."""
    c = Canvas(grid)
    return _skull_fields(c) | _nose_fields(c) | _mouth_fields(c) | _eye_fields(c)


def _lid_field(c: Canvas, side: float, upper: bool) -> Field:
    """Return the opening of one lid by one centimetre in the middle."""
    e = (side * c.x - EYE_X) / EYE_HALF  # -1 at the nose, +1 at the temple
    inside = np.clip(1.0 - np.abs(e) ** (2.3 if upper else 2.0), 0.0, 1.0) ** 0.85
    curve = inside * ((1.0 - 0.14 * e) if upper else (1.0 + 0.22 * e))
    d = np.abs(c.gap[:, 0])
    mine = c.below[:, 0] != upper
    fade = np.exp(-((d / (0.78 if upper else 0.7)) ** 2))
    return c.field(0.0, (1.0 if upper else -1.0) * np.where(mine, curve * fade, 0.0) * c.front)


def _lip_openings(c: Canvas) -> tuple[Array, Array]:
    """Return weights of the upper and the lower lip that part them at the slit."""
    reach = np.clip(1 - (np.abs(c.x) / MOUTH_HALF) ** 2.2, 0, 1) ** 0.8 * c.front
    d = np.abs(c.gap[:, 1])
    fade = np.exp(-((d / 1.3) ** 2)) * reach
    return np.where(c.below[:, 1], 0.0, fade), np.where(c.below[:, 1], fade, 0.0)


def _brow_actions(c: Canvas) -> dict[str, Field]:
    x, side = c.x, c.side
    return {
        "brow_inner_up": c.field(0.0, 0.75 * c.spot((1.3, 2.9), (1.4, 1.5)) + 0.2 * c.spot((1.5, 5.0), (2.0, 1.6))),
        "brow_outer_up": c.field(0.0, 0.7 * c.spot((4.6, 2.6), (1.8, 1.5)) + 0.2 * c.spot((4.5, 5.0), (2.0, 1.6))),
        "brow_lower": c.field(
            -0.3 * side * c.spot((1.9, 2.3), (1.3, 1.0)),
            -0.6 * c.spot((1.6, 2.4), (1.8, 1.1)) - 0.3 * c.spot((3.8, 2.3), (1.8, 1.0)),
            0.18 * c.spot((1.1, 2.2), (0.6, 0.8)) - 0.12 * np.exp(-((x / 0.3) ** 2)) * c.spot((0, 2.5), (1, 0.9)),
        ),
        "nose_wrinkle": c.field(
            0.08 * side * c.spot((1.2, -4.4), (0.8, 0.7)),
            0.35 * c.spot((1.2, -3.9), (1.0, 1.3))
            - 0.3 * c.spot((1.4, 2.1), (1.6, 1.0))
            + 0.25 * c.spot((1.6, -6.3), (1.4, 0.8)),
            0.15 * c.spot((1.3, -1.2), (0.7, 0.9)),
        ),
        "cheek_raise": c.field(
            0.05 * side * c.spot((4.4, -2.4), (1.6, 1.2)),
            0.38 * c.spot((3.8, -2.1), (2.0, 1.1)),
            0.28 * c.spot((3.8, -2.0), (1.6, 0.9)),
        ),
    }


def _lip_actions(c: Canvas) -> dict[str, Field]:
    x, y, side = c.x, c.y, c.side
    up, low = _lip_openings(c)
    corner, wide = c.spot((MOUTH_HALF, MOUTH_Y), (1.25, 1.15)), c.spot((0.0, MOUTH_Y), (3.2, 1.5), 2.0)
    band = np.exp(-(((y - MOUTH_Y) / 1.7) ** 2)) * np.exp(-((x / 3.8) ** 4)) * c.front * (1 - c.neck)
    pucker = c.spot((0.0, MOUTH_Y), (2.3, 1.5))
    fold = np.exp(-(((np.abs(x) - 3.2) / 0.35) ** 2)) * np.exp(-(((y + 6.2) / 1.3) ** 2)) * c.front
    return {
        "upper_lip_raise": c.field(
            0.0, 0.55 * up + 0.25 * c.spot((1.6, -5.6), (1.4, 1.0)), 0.1 * c.spot((1.8, -5.2), (1.0, 0.8))
        ),
        "smile": c.field(
            0.62 * side * corner + 0.12 * side * c.spot((3.6, -5.0), (1.4, 1.4)),
            0.62 * corner + 0.3 * c.spot((3.7, -4.2), (1.8, 1.7)) - 0.1 * c.spot((0.0, -7.0), (1.2, 0.6)),
            -0.35 * corner + 0.42 * c.spot((3.9, -3.7), (1.4, 1.3)) - 0.18 * fold - 0.15 * pucker,
        ),
        "dimple": c.field(0.25 * side * corner, 0.06 * corner, -0.35 * c.spot((3.0, MOUTH_Y), (0.7, 0.7))),
        "frown": c.field(0.08 * side * corner, -0.5 * corner - 0.1 * c.spot((3.2, -8.2), (1.2, 1.0)), -0.06 * corner),
        "chin_raise": c.field(
            0.0,
            0.3 * c.spot((0.0, -8.4), (2.2, 1.6)) + 0.2 * c.spot((0, -10.5), (1.5, 1.0)),
            0.18 * c.spot((0.0, -7.7), (1.9, 0.6)),
        ),
        "lip_press": c.field(0.0, -0.16 * up + 0.2 * low, -0.24 * wide),
        "lip_width": c.field(0.17 * x * band, 0.0, -0.12 * c.spot((0.0, MOUTH_Y), (2.6, 1.4))),
        "lip_round": c.field(-0.26 * x * band, 0.1 * up - 0.1 * low, 0.6 * pucker),
        "lip_part": c.field(0.0, 0.24 * up - 0.34 * low, 0.05 * low),
    }


def state_fields(grid: HeadGrid) -> dict[str, Field]:
    """Return a (V, 3) field for every action unit, and four for the lids (`upper_left`, `lower_left`, ...)."""
    c = Canvas(grid)
    fields = _brow_actions(c) | _lip_actions(c)
    for name, side in (("left", -1.0), ("right", 1.0)):
        fields[f"upper_{name}"] = _lid_field(c, side, True)
        fields[f"lower_{name}"] = _lid_field(c, side, False)
    return fields


def jaw_weight(grid: HeadGrid) -> Array:
    """Return (V,) how far each vertex follows the jaw, 0 to 1."""
    c = Canvas(grid)
    hinge = smooth(-3.6, -9.6, c.y + 0.28 * np.clip(np.abs(c.x) - 2.5, 0, 4))
    d = np.abs(c.gap[:, 1])
    slit = np.clip(1 - (np.abs(c.x) / (MOUTH_HALF + 0.15)) ** 2.5, 0, 1) ** 0.6 * np.exp(-((d / 2.4) ** 2)) * c.front
    weight = np.where(c.below[:, 1], hinge + (1 - hinge) * slit, hinge * (1 - slit))
    return np.asarray(weight * smooth(31.0, 24.5, c.gap[:, 0] + 12.0) * smooth(-3.0, 1.5, c.z))


Lookup = Callable[[float, float], int]


def nearest_vertex(grid: HeadGrid, x: float, y: float, *, below: int | None = None) -> int:
    """Return the front vertex nearest to (x, y); `below` picks the copy of a doubled row (0 upper, 1 lower)."""
    rest = grid.rest.reshape(-1, 3)
    cost = (rest[:, 0] - x) ** 2 + (rest[:, 1] - y) ** 2 + 1e3 * (rest[:, 2] < 0)
    if below is not None:
        side = np.repeat(grid.side, grid.rest.shape[1], axis=0)
        channel = 0 if y > -3.5 else 1
        cost = cost + 1e3 * ((side[:, channel] > 0) != bool(below))
    return int(np.argmin(cost))
