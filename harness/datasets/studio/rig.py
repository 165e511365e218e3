"""The rig: factors of a person and a state to the vertices of the posed head, the eyes and the true points."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

from .chart import hairline
from .fields import jaw_weight, nearest_vertex, person_fields, state_fields
from .noise import ramp
from .sculpt import EYE_HALF, EYE_RADIUS, EYE_X, EYE_Z, MOUTH_HALF, MOUTH_Y, HeadGrid, head_grid, smooth

Tensor = torch.Tensor
Factors = Mapping[str, float]

_PIVOT = (0.0, -9.0, -1.5)
_HINGE = (0.0, -2.0, 0.0)
_JAW_DEGREES = 17.0


class Columns:
    """Factors of a batch by name, each a (B,) tensor."""

    def __init__(self, rows: Sequence[Factors], device: str | torch.device) -> None:
        names = list(rows[0])
        table = np.array([[row[name] for name in names] for row in rows], dtype=np.float64)
        self._columns = dict(zip(names, torch.tensor(table, dtype=torch.float32, device=device).unbind(1), strict=True))

    def __getitem__(self, name: str) -> Tensor:
        return self._columns[name]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the factors."""
        return tuple(self._columns)

    def stack(self, names: Sequence[str]) -> Tensor:
        """Return (B, len(names))."""
        return torch.stack([self._columns[name] for name in names], 1)


@dataclass(frozen=True, slots=True, eq=False)
class Posed:
    """The head of every picture of a batch.

    Attributes:
        shape: (B, R, C, 3) vertices in the head's own frame, before the pose.
        head: (B, R, C, 3) vertices in the world.
        rotation: (B, 3, 3) of the head; `body` is that of the shoulders.
        body: (B, 3, 3).
        jaw: (B, 3, 3) rotation of the jaw in the head's frame.
        eyes: (B, 2, 3) centres of the eyeballs in the head's frame.
        lids: (B, 2, 2) height of the upper and lower lid over the eye's centre, for both eyes.
        points: (B, P, 3) true points in the world.
        centre: (B, 3) middle of the head in the world, for the camera.
        upper_jaw: (B, 3) how far the upper jaw stands from the average one, in the head's frame.
    """

    shape: Tensor
    head: Tensor
    rotation: Tensor
    body: Tensor
    jaw: Tensor
    eyes: Tensor
    lids: Tensor
    points: Tensor
    centre: Tensor
    upper_jaw: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Rig:
    """Constants of the rig at one level of detail, on one device."""

    grid: HeadGrid
    rest: Tensor
    person_names: tuple[str, ...]
    person: Tensor
    state_names: tuple[str, ...]
    state: Tensor
    jaw: Tensor
    follow: Tensor
    scalp: Tensor
    lid_index: Tensor
    lid_skin: Tensor
    marks: Tensor
    faces: Tensor
    back: Tensor
    ahead: Tensor


@lru_cache(maxsize=8)
def rig(detail: float, device: str) -> Rig:
    """Return the rig at a level of detail; shared, do not change it."""
    grid = head_grid(detail)
    people, states = person_fields(grid), state_fields(grid)
    rest = grid.rest.reshape(-1, 3)
    eye_gap = np.abs(grid.gap.reshape(-1, 2)[:, 0])
    near = np.hypot(np.abs(rest[:, 0]) - EYE_X, rest[:, 1]) < 2.6
    index = np.flatnonzero(near & (rest[:, 2] > 2.0))

    def tensor(values: np.ndarray) -> Tensor:
        kind = torch.float32 if values.dtype.kind == "f" else torch.int64
        return torch.tensor(np.ascontiguousarray(values), dtype=kind, device=device)

    return Rig(
        grid=grid,
        rest=tensor(grid.rest),
        person_names=tuple(people),
        person=tensor(np.stack([f.reshape(-1) for f in people.values()])),
        state_names=tuple(states),
        state=tensor(np.stack([f.reshape(-1) for f in states.values()])),
        jaw=tensor(jaw_weight(grid)),
        follow=tensor(smooth(32.5, 25.0, grid.gap.reshape(-1, 2)[:, 0] + 12.0)),
        scalp=tensor(rest[:, 1] - hairline(np.degrees(np.arctan2(rest[:, 0], rest[:, 2] + 1.0)))),
        lid_index=tensor(index),
        lid_skin=tensor(EYE_RADIUS + 0.11 * smooth(0.0, 0.1, eye_gap[index]) + 0.003),
        marks=tensor(_marks(grid)),
        faces=tensor(grid.faces),
        back=tensor(grid.back),
        ahead=tensor(grid.ahead),
    )


def _marks(grid: HeadGrid) -> np.ndarray:
    """Return the vertices of all points but the eyes, in the order of `POINTS` from the nose on."""
    find = nearest_vertex
    lids = [find(grid, side * EYE_X, 0.0, below=low) for side in (-1, 1) for low in (0, 1)]
    return np.array(
        [
            find(grid, 0.0, -4.05),
            find(grid, -MOUTH_HALF, MOUTH_Y, below=0),
            find(grid, MOUTH_HALF, MOUTH_Y, below=0),
            find(grid, 0.0, -11.2),
            find(grid, -3.3, 2.3),
            find(grid, 3.3, 2.3),
            find(grid, 0.0, MOUTH_Y, below=0),
            find(grid, 0.0, MOUTH_Y, below=1),
            *lids,
        ]
    )


def rotation(yaw: Tensor, pitch: Tensor, roll: Tensor) -> Tensor:
    """Return (B, 3, 3): pitch first, then yaw, then roll in the plane of the picture; degrees."""
    yaw, pitch, roll = (torch.deg2rad(t) for t in (yaw, pitch, roll))
    zero, one = torch.zeros_like(yaw), torch.ones_like(yaw)

    def matrix(*cells: Tensor) -> Tensor:
        return torch.stack(cells, -1).view(*yaw.shape, 3, 3)

    about_x = matrix(one, zero, zero, zero, pitch.cos(), pitch.sin(), zero, -pitch.sin(), pitch.cos())
    about_y = matrix(yaw.cos(), zero, yaw.sin(), zero, one, zero, -yaw.sin(), zero, yaw.cos())
    about_z = matrix(roll.cos(), roll.sin(), zero, -roll.sin(), roll.cos(), zero, zero, zero, one)
    return about_z @ about_y @ about_x


def turn(points: Tensor, matrix: Tensor) -> Tensor:
    """Rotate (B, ..., 3) points by (B, 3, 3), written out so that every picture rounds alike in any batch."""
    shape = (matrix.shape[0],) + (1,) * (points.dim() - 2)
    x, y, z = points.unbind(-1)
    m = [[matrix[:, i, j].view(shape) for j in range(3)] for i in range(3)]
    return torch.stack([m[i][0] * x + m[i][1] * y + m[i][2] * z for i in range(3)], -1)


def place(points: Tensor, posed_rotation: Tensor) -> Tensor:
    """Move (B, ..., 3) points from the head's frame into the world."""
    pivot = torch.tensor(_PIVOT, device=points.device)
    return turn(points - pivot, posed_rotation) + pivot


def swing(points: Tensor, jaw: Tensor) -> Tensor:
    """Turn (B, ..., 3) points of the head's frame about the hinge of the jaw."""
    hinge = torch.tensor(_HINGE, device=points.device)
    return turn(points - hinge, jaw) + hinge


def _blend(coefficients: Tensor, basis: Tensor) -> Tensor:
    """Return (B, N), one product per picture: a product of all at once may round by the size of the batch."""
    return torch.stack([torch.mv(basis.T, row) for row in coefficients.unbind(0)])


def person_coefficients(r: Rig, p: Columns) -> Tensor:
    """Return (B, K) weights of the person's fields."""
    special = {"age": (p["age"] - 30.0).clamp(min=-8.0) / 50.0, "masculinity": p["masculinity"] - 0.5}
    return torch.stack([special.get(name, p[name]) for name in r.person_names], 1)


def _lid_heights(p: Columns, s: Columns) -> Tensor:
    """Return (B, 2, 2) opening of the upper and lower lid of both eyes."""
    old = (p["age"] - 30.0).clamp(min=0.0) / 50.0
    look = s["gaze_y"] * 0.1
    upper = 0.54 + 0.08 * p["eye_open"] - 0.09 * old + 0.26 * s["lid_raise"] - 0.2 * s["lid_tight"] + 1.4 * look
    upper = upper - 0.1 * s["smile"] - 0.08 * s["brow_lower"] - 0.14 * s["nose_wrinkle"]
    lower = (
        0.40 + 0.03 * p["eye_open"] - 0.2 * s["cheek_raise"] - 0.16 * s["lid_tight"] - 0.6 * look - 0.07 * s["smile"]
    )
    lower = lower.clamp(min=0.02) + 0.04 * s["lid_raise"]
    rows = []
    for name in ("blink_left", "blink_right"):
        blink = s[name].clamp(0.0, 1.0)
        rows.append(torch.stack([(1 - blink) * upper - blink * (lower * 0.9), lower * (1 - 0.1 * blink)], 1))
    return torch.stack(rows, 1)


def eye_centres(p: Columns) -> Tensor:
    """Return (B, 2, 3) centres of the eyeballs in the head's frame, left of the picture first."""
    x = EYE_X + 0.22 * p["eye_spacing"]
    x = x * (1.0 + 0.05 * p["head_width"] + 0.03 * p["face_width"])
    y = 0.12 + 0.25 * p["eye_height"]
    z = EYE_Z - 0.12 * p["eye_depth"] + 0.08 * p["midface_forward"] + 0.05 * p["brow_ridge"]
    skew = 0.12 * p["skew_eyes"]
    return torch.stack([torch.stack([-x, y - skew, z], 1), torch.stack([x, y + skew, z], 1)], 1)


def _fit_lids(r: Rig, shape: Tensor, eyes: Tensor) -> Tensor:
    """Push the lids out onto the eyeballs (B, V, 3)."""
    part = shape.index_select(1, r.lid_index)
    right = (part[..., 0:1] > 0).to(part.dtype)
    centre = eyes[:, None, 0] * (1 - right) + eyes[:, None, 1] * right
    away = part - centre
    flat = away[..., 0] ** 2 + away[..., 1] ** 2
    dome = torch.sqrt((r.lid_skin[None] ** 2 - flat).clamp(min=0.0))
    gap = (dome - away[..., 2]) * ramp(1.75, 1.3, flat)
    push = 0.5 * (gap + torch.sqrt(gap * gap + 0.0025)) * ramp(2.6, 1.6, flat)  # a rounded max(gap, 0)
    moved = torch.cat([part[..., :2], part[..., 2:] + push[..., None]], -1)
    return shape.index_copy(1, r.lid_index, moved)


def pose(r: Rig, p: Columns, s: Columns) -> Posed:
    """Deform and place the heads of a batch."""
    batch, rows, cols = p["age"].shape[0], *r.rest.shape[:2]
    lids = _lid_heights(p, s)
    lid_names = ("upper_left", "lower_left", "upper_right", "lower_right")
    by_name = dict(zip(lid_names, lids.reshape(batch, 4).unbind(1), strict=True))
    weights = torch.stack([by_name[n] if n in by_name else s[n] for n in r.state_names], 1)
    still = r.rest.reshape(1, -1) + _blend(person_coefficients(r, p), r.person)
    above_lip = r.marks[-5 - 1]
    upper_jaw = still.view(batch, -1, 3)[:, above_lip] - r.rest.view(-1, 3)[above_lip]
    shape = (still + _blend(weights, r.state)).view(batch, -1, 3)
    zero = torch.zeros_like(s["yaw"])
    jaw = rotation(zero, -_JAW_DEGREES * s["jaw_open"], zero)
    shape = shape + r.jaw[None, :, None] * (swing(shape, jaw) - shape)
    shape = shape + torch.stack([r.jaw * 0.6 * side for side in s["jaw_side"]])[..., None] * shape.new_tensor(
        [1.0, 0, 0]
    )
    eyes = eye_centres(p)
    shape = _fit_lids(r, shape, eyes)
    head_turn = rotation(s["yaw"], s["pitch"], s["roll"])
    body_turn = rotation(0.25 * s["yaw"], 0.1 * s["pitch"], 0.1 * s["roll"])
    follow = r.follow[None, :, None]
    world = follow * place(shape, head_turn) + (1 - follow) * place(shape, body_turn)
    pupils = place(eyes + shape.new_tensor([0.0, 0.0, EYE_RADIUS]), head_turn)
    points = torch.cat([pupils, world.index_select(1, r.marks)], 1)
    grid = (batch, rows, cols, 3)
    centre = place(shape.new_tensor([0.0, -0.6, 0.0]).expand(batch, 3), head_turn)
    return Posed(shape.view(grid), world.view(grid), head_turn, body_turn, jaw, eyes, lids, points, centre, upper_jaw)


def grid_normals(points: Tensor, back: Tensor, ahead: Tensor, *, closed: bool = True) -> Tensor:
    """Return unit normals (B, R, C, 3) of a grid; a closed one has its first column again as its last."""
    du = torch.empty_like(points)
    du[:, :, 1:-1] = points[:, :, 2:] - points[:, :, :-2]
    if closed:
        du[:, :, 0] = du[:, :, -1] = points[:, :, 1] - points[:, :, -2]
    else:
        du[:, :, 0], du[:, :, -1] = points[:, :, 1] - points[:, :, 0], points[:, :, -1] - points[:, :, -2]
    dv = points.index_select(1, ahead) - points.index_select(1, back)
    normal: Tensor = torch.linalg.cross(dv, du, dim=-1)
    length: Tensor = torch.linalg.vector_norm(normal, dim=-1, keepdim=True)
    return normal / length.clamp(min=1e-6)


def mouth_half(p: Columns) -> Tensor:
    """Return (B,) half the width of the mouth at rest."""
    return MOUTH_HALF * (1.0 + 0.1 * p["mouth_width"])


def eye_half(p: Columns) -> Tensor:
    """Return (B,) half the width of an eye's opening."""
    return EYE_HALF * (1.0 + 0.11 * p["eye_size"])
