"""Pieces of geometry that make up a picture, and how they are joined into one list of triangles."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import torch

Tensor = torch.Tensor

SKIN, PLAIN, EYE, HAIR, CLOTH = range(5)
"""Materials."""

RECORD = 12
"""Channels of a vertex: position 3, normal 3, paint 3 (coordinates, colour or direction), occlusion, gloss, tag."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One piece, the same triangles in every picture of the batch.

    Attributes:
        material: One of the materials above.
        points: (B, V, 3) in the world.
        normals: (B, V, 3) unit normals; tangents of strands for hair.
        paint: (B, V, 3), see `RECORD`.
        light: (B, V, 3): share of the surroundings seen (0 to 1), gloss, tag.
        faces: (T, 3).
        two_sided: Whether both sides are seen.
        casts: Whether it throws shadows.
        shadow: (S, 3) a coarser choice of triangles for the shadow; by default the same.
    """

    material: int
    points: Tensor
    normals: Tensor
    paint: Tensor
    light: Tensor
    faces: Tensor
    two_sided: bool = False
    casts: bool = True
    shadow: Tensor | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Assembly:
    """All parts of a batch.

    Attributes:
        records: (B, V, RECORD).
        faces: (T, 3), one-sided triangles first.
        material: (T,) of every triangle.
        two_sided: Number of the first two-sided triangle.
        casters: (S, 3) triangles that throw shadows.
    """

    records: Tensor
    faces: Tensor
    material: Tensor
    two_sided: int
    casters: Tensor


def assemble(parts: list[Part]) -> Assembly:
    """Join parts."""
    parts = sorted(parts, key=lambda part: part.two_sided)
    records: list[Tensor] = []
    faces: list[Tensor] = []
    material: list[Tensor] = []
    casters: list[Tensor] = []
    first, split = 0, None
    for part in parts:
        records.append(torch.cat([part.points, part.normals, part.paint, part.light], -1))
        if part.two_sided and split is None:
            split = sum(f.shape[0] for f in faces)
        moved = part.faces + first
        faces.append(moved)
        if part.casts:
            casters.append(moved if part.shadow is None else part.shadow + first)
        material.append(torch.full((moved.shape[0],), part.material, device=moved.device))
        first += part.points.shape[1]
    total = sum(f.shape[0] for f in faces)
    return Assembly(
        torch.cat(records, 1),
        torch.cat(faces),
        torch.cat(material),
        total if split is None else split,
        torch.cat(casters),
    )


def columns(table: Tensor) -> Tensor:
    """Return the transpose (K, N) of a table (N, K), laid out anew."""
    if table.device.type == "cpu" and table.shape[0]:
        return torch.from_numpy(cv2.transpose(table.numpy()))  # several times as fast
    return table.T.contiguous()


@lru_cache(maxsize=64)
def grid_faces(rows: int, cols: int, device: str) -> Tensor:
    """Return (T, 3) triangles of a grid whose rows run down and whose columns run to the right, seen from the front."""
    index = np.arange(rows * cols).reshape(rows, cols)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]
    quads = np.stack([np.stack([a, c, b], -1), np.stack([b, c, d], -1)], axis=2)
    return torch.tensor(quads.reshape(-1, 3), device=device)


@lru_cache(maxsize=16)
def coarse_faces(rows: int, cols: int, step: int, device: str) -> Tensor:
    """Return triangles over every `step`th row and column of a grid, its edges included."""
    r = np.unique(np.append(np.arange(0, rows, step), rows - 1))
    c = np.unique(np.append(np.arange(0, cols, step), cols - 1))
    index = r[:, None] * cols + c[None]
    small = grid_faces(len(r), len(c), "cpu").numpy()
    return torch.tensor(index.reshape(-1)[small], device=device)


def flat_light(points: Tensor, occlusion: float = 1.0, gloss: float = 0.0, tag: float = 0.0) -> Tensor:
    """Return constant (B, V, 3) light channels."""
    return points.new_tensor([occlusion, gloss, tag]).expand(*points.shape)
