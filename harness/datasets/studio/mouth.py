"""The inside of the mouth: teeth, gums, tongue and the dark behind them."""

from functools import lru_cache

import numpy as np
import torch

from .parts import PLAIN, Part, flat_light, grid_faces
from .rig import Columns, Posed, grid_normals, place, swing
from .sculpt import Array, smooth

Tensor = torch.Tensor

_WIDTHS = np.array([0.0, 0.86, 1.54, 2.32, 3.02, 3.72, 4.6])  # where teeth meet along the arch, from the middle


def _arch(t: Array, front: float) -> tuple[Array, Array]:
    """Return x, z at distance t along the arch of the teeth."""
    x = 2.75 * np.tanh(t / 3.0)
    return x, front - 0.4 * x**2 - 0.02 * x**4


def _tooth_row(lower: bool, cols: int, rows: int) -> tuple[Array, Array, Array]:
    """Return rest points (rows, cols, 3), whiteness (rows, cols) and occlusion (rows, cols)."""
    t = np.linspace(-4.4, 4.4, cols)[None]
    v = np.linspace(0.0, 1.0, rows)[:, None]
    x, z = _arch(t, 8.15 if lower else 8.4)
    edges = np.concatenate([-_WIDTHS[:0:-1], _WIDTHS])
    if lower:
        edges = edges * 0.72
    near = np.min(np.abs(t[..., None] - edges), axis=-1)
    k = np.clip(np.searchsorted(edges, t[0]) - 1, 0, len(edges) - 2)
    phase = (t[0] - edges[k]) / (edges[k + 1] - edges[k])
    crown = np.sqrt(np.clip(1 - (2 * phase - 1) ** 4, 0, 1))[None]
    length = 1.0 - 0.16 * np.clip(np.abs(t) / 2.2, 0, 1) * (np.abs(t) > 0.86)
    gum = 0.32 + 0.1 * (1 - crown)
    if lower:
        y = -7.15 + 0.03 - 0.95 * (1 - v) * length - 0.1 * (1 - crown) * v
        white = smooth(gum - 0.06, gum + 0.06, v * np.ones_like(t))
    else:
        y = -7.22 + 0.14 * (1 - crown) * v**2 + 1.55 * (1 - v) + 0.1 * (1 - length)
        white = smooth(gum - 0.06, gum + 0.06, v * np.ones_like(t))
    bulge = 0.14 * crown * np.sin(np.pi * np.clip(v * 0.8 + 0.2, 0, 1)) - 0.14 * np.exp(-((near / 0.08) ** 2)) * white
    points = np.stack(np.broadcast_arrays(x, y, z + bulge), -1)
    shut = (0.35 + 0.65 * smooth(3.6, 0.8, np.abs(t))) * (1 - 0.5 * np.exp(-((near / 0.07) ** 2)) * white)
    return points, white, shut * np.ones_like(v)


def _tongue(cols: int, rows: int) -> Array:
    u, v = np.linspace(-1, 1, cols)[None], np.linspace(0, 1, rows)[:, None]
    x = 1.75 * u * np.sqrt(1 - 0.75 * (v - 0.25).clip(0) ** 2)
    y = (
        -8.35
        + 0.75 * (1 - u**2) * np.sin(np.pi * (0.15 + 0.6 * (1 - v)))
        - 0.12 * np.exp(-((u / 0.12) ** 2))
        - 0.5 * v**4
    )
    z = 3.0 + 4.6 * v - 0.9 * u**2 * v
    return np.stack(np.broadcast_arrays(x, y, z), -1)


@lru_cache(maxsize=8)
def _constants(cols: int, rows: int, device: str) -> dict[str, Tensor]:
    values: dict[str, Array] = {"tongue": _tongue(max(6, cols // 4), 2 * rows)}
    for name, lower in (("upper", False), ("lower", True)):
        points, white, shut = _tooth_row(lower, cols, rows)
        values |= {name: points, f"{name}_white": white, f"{name}_shut": shut}
    u, v = np.linspace(-1, 1, 11)[None], np.linspace(0, 1, 9)[:, None]
    values["cave"] = np.stack(
        np.broadcast_arrays(2.85 * u, -4.9 - 4.4 * v, 7.3 - 4.6 * np.cos(1.45 * u) * np.sin(np.pi * v) ** 0.6), -1
    )
    return {k: torch.tensor(np.ascontiguousarray(v), dtype=torch.float32, device=device) for k, v in values.items()}


def _part(points: Tensor, colour: Tensor, light: Tensor) -> Part:
    """Return a grid of points (B, R, C, 3), seen from both sides, as a part."""
    batch, r, c = points.shape[:3]
    index = torch.arange(r, device=points.device)
    normals = grid_normals(points, (index - 1).clamp(min=0), (index + 1).clamp(max=r - 1), closed=False)
    flat = (batch, r * c, 3)
    return Part(
        PLAIN,
        points.reshape(flat),
        normals.reshape(flat),
        colour.expand_as(points).reshape(flat),
        light.reshape(flat),
        grid_faces(r, c, str(points.device)),
        True,
        False,
    )


def mouth_parts(p: Columns, s: Columns, posed: Posed, anchor: Tensor, detail: float) -> list[Part]:
    """Build teeth, tongue and the cave of the mouth.

    Args:
        p: Persons.
        s: States.
        posed: Their heads.
        anchor: (B, 3) how far this person's upper jaw stands from the average one.
        detail: Level of detail, 1 is the finest.
    """
    cols, rows = max(25, round(120 * detail)), max(4, round(9 * detail))
    const = _constants(cols, rows, str(anchor.device))
    batch = anchor.shape[0]
    shift = (anchor + anchor.new_tensor([0.0, 0.0, -0.05]))[:, None, None]
    wide = (1.0 + 0.05 * p["mouth_width"] + 0.03 * p["face_width"]).view(-1, 1, 1, 1)
    stretch = torch.cat([wide, torch.ones_like(wide), torch.ones_like(wide)], -1)
    old = ((p["age"] - 20.0) / 60.0).clamp(0, 1)[:, None, None, None]
    enamel = anchor.new_tensor([0.74, 0.70, 0.60]) * (1 - old * anchor.new_tensor([0.1, 0.16, 0.3]))
    gum = anchor.new_tensor([0.42, 0.14, 0.13]).view(1, 1, 1, 3)
    parts = []
    gape = (
        (s["jaw_open"] + 0.3 * s["lip_part"] + 0.3 * s["upper_lip_raise"] + 0.25 * s["smile"])
        .clamp(0, 1)
        .view(-1, 1, 1)
    )
    for name in ("upper", "lower"):
        points = const[name][None] * stretch + shift
        if name == "lower":
            points = swing(points, posed.jaw)
        white = const[f"{name}_white"][None, :, :, None]
        shut = const[f"{name}_shut"][None] * (0.4 + 0.5 * gape)
        light = torch.stack(
            [
                shut.expand(batch, -1, -1),
                1.1 + 0 * shut.expand(batch, -1, -1),
                torch.zeros_like(shut).expand(batch, -1, -1),
            ],
            -1,
        )
        parts.append(_part(place(points, posed.rotation), gum + (enamel - gum) * white, light))
    tongue = const["tongue"][None] + shift
    raised = s["tongue"].view(-1, 1, 1)
    ahead = (tongue[..., 2] - 3.0) / 4.6
    tongue = torch.stack([tongue[..., 0], tongue[..., 1] + 0.9 * raised * ahead**2, tongue[..., 2] + 0.3 * raised], -1)
    tongue = place(swing(tongue, posed.jaw), posed.rotation)
    parts.append(_part(tongue, gum * gum.new_tensor([1.0, 0.9, 0.95]), flat_light(tongue, 0.3, 0.6)))
    cave = const["cave"][None] * stretch + shift
    fall = torch.linspace(0, 1, cave.shape[1], device=cave.device).view(1, -1, 1, 1)
    cave = place(cave + fall * (swing(cave, posed.jaw) - cave), posed.rotation)
    parts.append(_part(cave, gum * gum.new_tensor([0.22, 0.2, 0.2]), flat_light(cave, 0.12, 0.0)))
    return parts
