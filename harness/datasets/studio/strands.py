"""Strands: where hairs are rooted, how they grow over the head, and the ribbons that draw them."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

from .chart import chart
from .noise import value_noise
from .parts import HAIR, Part
from .sculpt import Array, HeadGrid, head_grid

Tensor = torch.Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Roots:
    """Fixed places on the head from which strands grow.

    Attributes:
        index: (N, 4) vertices around each root.
        weight: (N, 4) their weights.
        at: (N, 3) position on the average head.
        uv: (N, 2) texture coordinates.
        chance: (N, 6) uniform random numbers.
    """

    index: Tensor
    weight: Tensor
    at: Tensor
    uv: Tensor
    chance: Tensor

    def gather(self, vertices: Tensor) -> Tensor:
        """Return (B, N, C) values at the roots from (B, V, C) at the vertices."""
        picked = vertices.index_select(1, self.index.reshape(-1)).view(vertices.shape[0], -1, 4, vertices.shape[2])
        return (picked * self.weight[None, :, :, None]).sum(2)


def attach(grid: HeadGrid, uv: Array) -> tuple[Array, Array]:
    """Return the four vertices around texture coordinates (N, 2) and their weights."""
    v, u = grid.uv[:, 0, 1], grid.uv[0, :, 0]
    r = np.clip(np.searchsorted(v, uv[:, 1], side="right") - 1, 0, len(v) - 2)
    c = np.clip(np.searchsorted(u, uv[:, 0], side="right") - 1, 0, len(u) - 2)
    fr = np.clip((uv[:, 1] - v[r]) / np.maximum(v[r + 1] - v[r], 1e-9), 0, 1)
    fc = np.clip((uv[:, 0] - u[c]) / np.maximum(u[c + 1] - u[c], 1e-9), 0, 1)
    n = len(u)
    index = np.stack([r * n + c, r * n + c + 1, (r + 1) * n + c, (r + 1) * n + c + 1], 1)
    return index, np.stack([(1 - fr) * (1 - fc), (1 - fr) * fc, fr * (1 - fc), fr * fc], 1)


@lru_cache(maxsize=16)
def roots(region: str, count: int, detail: float, device: str) -> Roots:
    """Draw `count` roots, evenly over the skin of a region (`scalp` or `beard`)."""
    side = 320
    c = chart(side, "cpu")
    m = c.masks
    if region == "scalp":
        mask = (m["scalp"] > -0.25).numpy().astype(float)
    else:
        mask = torch.maximum(torch.maximum(m["beard"], m["goatee"]), m["moustache"]).numpy().astype(float) ** 2
        mask = mask * (c.z > 0.5).numpy()
    weight = (mask * c.cell.prod(-1).numpy()).reshape(-1)
    rng = np.random.default_rng([20250303, count])
    total = np.cumsum(weight)
    ticks = (np.arange(count) + rng.random(count)) / count * total[-1]
    texel = np.minimum(np.searchsorted(total, ticks), side * side - 1)
    uv = np.stack([texel % side + rng.random(count), texel // side + rng.random(count)], 1) / side
    order = rng.permutation(count)
    uv, texel = uv[order], texel[order]
    index, w = attach(head_grid(detail), uv)
    at = torch.stack([c.x, c.y, c.z], -1).reshape(-1, 3)[torch.from_numpy(texel)]

    def tensor(values: Array) -> Tensor:
        return torch.tensor(values, dtype=torch.float32, device=device)

    return Roots(
        torch.tensor(index, device=device), tensor(w), at.to(device), tensor(uv), tensor(rng.random((count, 6)))
    )


def texture_at(texture: Tensor, uv: Tensor) -> Tensor:
    """Return (N, C) of a (T, T, C) texture at coordinates (N, 2), to the nearest texel."""
    side = texture.shape[0]
    i = (uv * side).to(torch.int64).clamp(0, side - 1)
    return texture.reshape(side * side, -1).index_select(0, i[:, 1] * side + i[:, 0])


@lru_cache(maxsize=32)
def _ribbon_faces(strands: int, knots: int, device: str) -> Tensor:
    first = (np.arange(strands) * 2 * knots)[:, None] + 2 * np.arange(knots - 1)[None]
    first = first.reshape(-1)
    quads = np.stack([np.stack([first, first + 1, first + 2], 1), np.stack([first + 2, first + 1, first + 3], 1)], 1)
    return torch.tensor(quads.reshape(-1, 3), device=device)


def ribbons(knots: Tensor, width: Tensor, colour: Tensor, opened: Tensor, gloss: float, *, casts: bool = True) -> Part:
    """Turn strands into ribbons that face the camera.

    Args:
        knots: (B, N, K, 3) points along the strands in the world.
        width: (B, N, K) in centimetres; 0 hides a strand.
        colour: (B, N, 3) linear albedo.
        opened: (B, N, K) share of the surroundings seen.
        gloss: Strength of the highlight.
        casts: Whether the strands throw shadows.
    """
    batch, count, steps = knots.shape[:3]
    tangent = torch.empty_like(knots)
    tangent[:, :, 1:-1] = knots[:, :, 2:] - knots[:, :, :-2]
    tangent[:, :, 0], tangent[:, :, -1] = knots[:, :, 1] - knots[:, :, 0], knots[:, :, -1] - knots[:, :, -2]
    tangent = tangent / tangent.norm(dim=-1, keepdim=True).clamp(min=1e-6)
    x, y = tangent[..., 0], tangent[..., 1]
    flat = torch.rsqrt(x * x + y * y + 0.02) * width * 0.5
    side = torch.stack([-y * flat, x * flat, torch.zeros_like(x)], -1)
    points = torch.stack([knots - side, knots + side], 3).reshape(batch, -1, 3)

    def twice(values: Tensor) -> Tensor:
        return (
            values[:, :, :, None].expand(batch, count, steps, 2, values.shape[-1]).reshape(batch, -1, values.shape[-1])
        )

    light = torch.stack([opened, torch.full_like(opened, gloss), torch.zeros_like(opened)], -1)
    paint = colour[:, :, None].expand(batch, count, steps, 3)
    faces = _ribbon_faces(count, steps, str(points.device))
    shadow = faces[: faces.shape[0] // 2] if count > 200 else faces
    return Part(HAIR, points, twice(tangent), twice(paint), twice(light), faces, True, casts, shadow)


def lock_noise(at: Tensor, scale: float, shift: Tensor) -> Tensor:
    """Return (B, N, 3) noise in [-1, 1] that neighbouring roots (N, 3) share; every picture has its own shift (B,)."""
    x = torch.atan2(at[:, 0], at[:, 2] + 1.0) * 8.0
    y = at[:, 1]
    out = value_noise(x[None] * scale + shift[:, None], y[None] * scale + 1.7 * shift[:, None], 3)
    return 2.0 * out - 1.0
