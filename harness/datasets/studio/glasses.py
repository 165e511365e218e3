"""Glasses: rims, bridge and temples as tubes, and the glint of the lenses."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
import torch

from .parts import PLAIN, Part
from .rig import Columns, Posed, place

Tensor = torch.Tensor


@lru_cache(maxsize=8)
def _tube_faces(paths: tuple[int, ...], around: int, device: str) -> Tensor:
    faces, first = [], 0
    for steps in paths:
        i = np.arange(steps - 1)[:, None] * around + np.arange(around)[None]
        j = np.arange(steps - 1)[:, None] * around + (np.arange(around) + 1)[None] % around
        quads = np.stack([np.stack([i, j, i + around], -1), np.stack([j, j + around, i + around], -1)], 2)
        faces.append(quads.reshape(-1, 3) + first)
        first += steps * around
    return torch.tensor(np.concatenate(faces), device=device)


def _tube(path: Tensor, radius: Tensor, around: int, tall: float = 1.0) -> tuple[Tensor, Tensor]:
    """Return points and normals (B, K * around, 3) of tubes along (B, K, 3) of radii (B,)."""
    step = torch.empty_like(path)
    step[:, 1:-1] = path[:, 2:] - path[:, :-2]
    step[:, 0], step[:, -1] = path[:, 1] - path[:, 0], path[:, -1] - path[:, -2]
    step = step / step.norm(dim=-1, keepdim=True).clamp(min=1e-6)
    ahead = path.new_tensor([0.02, 0.05, 1.0]).expand_as(step)
    one = torch.linalg.cross(step, ahead, dim=-1)
    one = one / one.norm(dim=-1, keepdim=True).clamp(min=1e-3)
    two = torch.linalg.cross(step, one, dim=-1)
    angle = torch.arange(around, device=path.device) * (6.2832 / around)
    normal = one[:, :, None] * angle.cos()[:, None] * tall + two[:, :, None] * angle.sin()[:, None]
    points = path[:, :, None] + radius.view(-1, 1, 1, 1) * normal
    unit = normal / normal.norm(dim=-1, keepdim=True)
    return points.reshape(path.shape[0], -1, 3), unit.reshape(path.shape[0], -1, 3)


def _lens_path(c: Columns, posed: Posed, side: int, steps: int) -> Tensor:
    """Return (B, steps, 3) the outline of a lens in the head's frame."""
    angle = torch.linspace(0.0, 6.2832, steps, device=posed.eyes.device)[None]
    power = (0.95 - 0.5 * c["glasses_shape"])[:, None]
    half_x = (2.15 + 0.55 * c["glasses_size"])[:, None]
    half_y = (1.45 + 0.75 * c["glasses_size"] + 0.3 * (1 - c["glasses_shape"]))[:, None]
    sign = -1.0 if side == 0 else 1.0
    u = angle.cos().sign() * angle.cos().abs() ** power
    v = angle.sin().sign() * angle.sin().abs() ** power
    x = posed.eyes[:, side, 0:1] + sign * 0.1 + half_x * u
    y = posed.eyes[:, side, 1:2] - 0.3 + half_y * v * (1.0 - 0.1 * sign * u)
    z = posed.eyes[:, side, 2:3] + 2.55 - 0.045 * x**2 + 0.1 * v
    return torch.stack([x, y, z], -1)


def glasses_parts(c: Columns, posed: Posed, scenes: Sequence[Mapping[str, float]], detail: float) -> list[Part]:
    """Build the frames; pictures without glasses get tubes of no thickness at no cost in pixels."""
    steps, around = max(13, round(48 * detail)), 4 if detail < 0.6 else 6
    batch = len(scenes)
    worn = (c["glasses"] > 0.5).float()
    radius = (0.055 + 0.17 * c["glasses_rim"] ** 1.5) * worn
    paths = [_lens_path(c, posed, side, steps) for side in (0, 1)]
    inner = [paths[0][:, 0], paths[1][:, steps // 2]]
    t = torch.linspace(0, 1, 6, device=radius.device)[None, :, None]
    arc = radius.new_tensor([0.0, 0.5, 0.35])
    bridge = (
        inner[0][:, None] * (1 - t) + inner[1][:, None] * t + arc * (4 * t * (1 - t)) + radius.new_tensor([0, 0.35, 0])
    )
    pieces = [(path, radius) for path in paths] + [(bridge, radius)]
    for side, sign in ((0, -1.0), (1, 1.0)):
        hinge = paths[side][:, steps // 2 if side == 0 else 0] + radius.new_tensor([sign * 0.15, 0.55, -0.15])
        width = posed.shape[..., 0].abs().amax(dim=(1, 2))
        ear = torch.stack([sign * (width * 0.98 + 0.1), posed.eyes[:, side, 1] + 0.6, torch.full_like(width, -1.5)], 1)
        temple = hinge[:, None] * (1 - t) + ear[:, None] * t
        bow = torch.stack([sign * 0.9 * (t * (1 - t)).squeeze(-1) * 2.2, 0 * t.squeeze(-1), 0 * t.squeeze(-1)], -1)
        pieces.append((temple + bow, radius))
    points, normals = zip(*(_tube(path, r, around) for path, r in pieces), strict=True)
    flat, normal = torch.cat(points, 1), torch.cat(normals, 1)
    dark = c["glasses_dark"][:, None]
    metal = (c["glasses_rim"][:, None] < 0.3).float()
    tone = metal * (0.5 - 0.42 * dark) + (1 - metal) * (0.22 * (1 - dark) ** 2 + 0.008)
    warm = c["glasses_shape"][:, None]
    colour = torch.stack(
        [
            tone * (1.0 + 0.5 * warm * (1 - dark)),
            tone * (1.0 + 0.1 * warm * (1 - dark)),
            tone * (1 - 0.45 * warm * (1 - dark)),
        ],
        -1,
    )
    light = torch.stack(
        [
            torch.ones_like(flat[..., 0]),
            (0.9 + 1.2 * metal).expand(batch, flat.shape[1]),
            torch.zeros_like(flat[..., 0]),
        ],
        -1,
    )
    away = place(flat + normal, posed.rotation)
    world = place(flat, posed.rotation)
    faces = _tube_faces(tuple(p.shape[1] for p, _ in pieces), around, str(flat.device))
    return [Part(PLAIN, world, away - world, colour.expand(batch, flat.shape[1], 3), light, faces, True, True)]


def lens_glint(c: Columns, posed: Posed) -> Tensor:
    """Return (B, 2, 24, 3) outlines of the lenses in the world, for the reflection drawn over the eyes."""
    outline = torch.stack([_lens_path(c, posed, side, 24) for side in (0, 1)], 1)
    return place(outline.reshape(outline.shape[0], -1, 3), posed.rotation).view(outline.shape)
