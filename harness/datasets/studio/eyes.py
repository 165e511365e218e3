"""Eyeballs: geometry, and the colours of sclera, iris and pupil."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
import torch

from .noise import mix, ramp, value_noise
from .parts import EYE, Part, grid_faces
from .rig import Columns, Posed, place, rotation, turn
from .sculpt import EYE_RADIUS

Tensor = torch.Tensor

_IRIS = 0.5  # sine of the angle between the axis and the edge of the iris


@lru_cache(maxsize=8)
def _cap(rings: int, segments: int, device: str) -> Tensor:
    """Return (rings * segments, 3) directions of the front of a unit sphere."""
    theta = np.linspace(0.02, np.deg2rad(88.0), rings)[:, None]
    phi = np.linspace(0.0, 2 * np.pi, segments)[None]
    cap = np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta) * np.ones_like(phi)], -1)
    return torch.tensor(cap.reshape(-1, 3), dtype=torch.float32, device=device)


def eye_parts(p: Columns, s: Columns, posed: Posed, rings: int) -> list[Part]:
    """Build both eyeballs; the paint channels carry the direction in the frame of the gaze."""
    segments = 2 * rings
    cap = _cap(rings, segments, str(posed.eyes.device))
    gaze = rotation(30.0 * s["gaze_x"], 25.0 * s["gaze_y"], torch.zeros_like(s["gaze_x"]))
    local = turn(cap[None].expand(gaze.shape[0], -1, -1), gaze)
    parts = []
    for k in range(2):
        points = posed.eyes[:, k, None] + EYE_RADIUS * local
        height = EYE_RADIUS * local[..., 1]
        upper, lower = posed.lids[:, k, 0:1], posed.lids[:, k, 1:2]
        shade = ramp(-0.05, 0.42, upper - 0.12 - height) * ramp(-0.2, 0.2, height + lower + 0.12)
        corner = ramp(1.5, 0.7, (EYE_RADIUS * local[..., 0]).abs())
        light = torch.stack([0.22 + 0.78 * shade * (0.5 + 0.5 * corner), torch.ones_like(shade), corner], -1)
        parts.append(
            Part(
                EYE,
                place(points, posed.rotation),
                turn(local, posed.rotation),
                cap[None].expand_as(points),
                light,
                grid_faces(rings, segments, str(points.device)),
                casts=False,
            )
        )
    return parts


def iris_colours(person: Mapping[str, float]) -> np.ndarray:
    """Return (2, 3) linear colours of the inner and the outer iris."""
    m, tint = person["iris_melanin"], person["iris_tint"]
    light = np.array([0.16, 0.25, 0.36]) * (1 - tint) + np.array([0.17, 0.27, 0.15]) * tint
    hazel, brown = np.array([0.23, 0.14, 0.045]), np.array([0.075, 0.032, 0.014])
    outer = light + (hazel - light) * min(1.0, m * 2.2) if m < 0.45 else hazel + (brown - hazel) * (m - 0.45) / 0.55
    inner = outer * 0.6 + 0.4 * np.array([0.30, 0.19, 0.06]) * (1 - 0.75 * m)
    return np.asarray(np.stack([inner, outer]))


def eye_table(persons: Sequence[Mapping[str, float]], device: str) -> Tensor:
    """Return (B, 12): inner and outer iris, sclera, size of the pupil, seed, redness."""
    rows = []
    for p in persons:
        old = max(0.0, (p["age"] - 30) / 50)
        sclera = (
            np.array([0.74, 0.70, 0.67]) * (1 - 0.12 * p["melanin"]) * np.array([1, 1 - 0.03 * old, 1 - 0.12 * old])
        )
        extra = [
            0.34 + 0.1 * (p["texture_seed"] % 7) / 7 - 0.05 * old,
            p["texture_seed"] % 97,
            0.4 + 0.4 * p["redness"],
        ]
        rows.append(np.concatenate([iris_colours(p).reshape(-1), sclera, extra]))
    return torch.tensor(np.array(rows), dtype=torch.float32, device=device)


def eye_colour(direction: Tensor, corner: Tensor, row: tuple[Tensor, ...]) -> Tensor:
    """Return the linear albedo (3, N) at directions (3, N) of the gaze's frame; `row` holds the table's columns."""
    x, y, _ = direction
    r = torch.sqrt(x * x + y * y + 1e-9) / _IRIS
    turnwise = torch.atan2(y, x)
    seed = row[10]
    fibre = value_noise(turnwise * 14.0 + seed, r * 2.5 + seed)[..., 0]
    fibre = 0.6 * fibre + 0.4 * value_noise(turnwise * 30.0 + seed, r * 4.0)[..., 0]
    blend = ramp(0.45, 0.75, r + 0.25 * (fibre - 0.5))
    level = (0.55 + 0.95 * fibre) * (1.0 - 0.75 * ramp(0.78, 1.0, r))
    pupil = ramp(-0.04, 0.05, r - row[9])
    vein = ramp(0.6, 0.85, value_noise(turnwise * 5.0 + seed, r * 3.0 + seed)[..., 0]) * ramp(1.25, 2.0, r)
    red = 0.35 * vein * row[11] + 0.55 * ramp(0.55, 0.0, corner)
    outside = ramp(0.95, 1.07, r)
    out = []
    for k, absorb in enumerate((0.08, 0.75, 0.7)):
        iris = 0.004 + (mix(row[k], row[3 + k], blend) * level - 0.004) * pupil
        out.append(mix(iris, row[6 + k] * torch.exp(-absorb * red), outside))
    return torch.stack(out)
