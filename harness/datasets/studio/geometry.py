"""All geometry of a batch of pictures, at the level of detail that the size asks for."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

import torch

from .body import clothes_part, ear_parts
from .eyes import eye_parts
from .glasses import glasses_parts
from .hair import Hair, grow_hair, hair_parts, lash_part, thickness
from .memory import Memory, scene_key
from .mouth import mouth_parts
from .parts import PLAIN, SKIN, Assembly, Part, assemble, coarse_faces, flat_light
from .rig import Columns, Posed, Rig, grid_normals, pose, rig, turn
from .sculpt import head_grid
from .strands import roots, texture_at

Tensor = torch.Tensor
Factors = Mapping[str, float]

_HAIR: Memory[Hair] = Memory(4)


class Level(NamedTuple):
    """How finely a picture of some height is made.

    Attributes:
        detail: Of the head's grid, 1 is the finest.
        samples: Samples along each edge of a pixel.
        shadow: Side of the shadow map.
        strands: Number of hairs drawn.
        head: Height of a large head in samples.
    """

    detail: float
    samples: float
    shadow: int
    strands: int
    head: float


def level_for(height: int) -> Level:
    """Return the level of detail for pictures `height` pixels high."""
    if height <= 40:
        return Level(0.27, 2.0, 28, 110, 1.4 * height)
    if height <= 96:
        return Level(0.33, 1.5, 36, 150, 1.1 * height)
    if height <= 200:
        return Level(0.7, 2.0, 96, 1100, 1.4 * height)
    if height <= 400:
        return Level(0.8, 1.5, 112, 1400, 1.1 * height)
    if height <= 560:
        return Level(1.0, 2.0, 160, 2600, 1.0 * height)
    return Level(0.8, 1.0, 128, 1500, 0.7 * height)


def _occlusion(r: Rig, posed: Posed) -> Tensor:
    """Return (B, R, C) the share of the surroundings that the head's own form leaves open."""
    x, y = r.rest[..., 0], r.rest[..., 1]
    front = (r.rest[..., 2] / 4.0).clamp(0, 1)

    def spot(at: tuple[float, float], size: tuple[float, float]) -> Tensor:
        return torch.exp(-(((x.abs() - at[0]) / size[0]) ** 2) - ((y - at[1]) / size[1]) ** 2) * front

    s = torch.tensor(r.grid.gap[..., 0] + 12.0, dtype=torch.float32, device=x.device)
    shut = 0.34 * spot((2.4, 0.5), (1.5, 0.75)) + 0.3 * spot((1.35, 0.3), (0.45, 0.7))
    shut = shut + 0.4 * spot((0.7, -5.1), (0.9, 0.3)) + 0.22 * spot((1.95, -4.5), (0.4, 0.7))
    shut = shut + 0.25 * spot((0.0, -8.95), (1.6, 0.35)) + 0.12 * spot((2.9, -7.1), (0.5, 0.5))
    slit = torch.exp(-(((s - 19.1) / 0.12) ** 2)) * (x.abs() < 2.5) * front
    under = ((s - 23.2) / 1.8).clamp(0, 1) * (1 - 0.45 * ((s - 27.5) / 4.0).clamp(0, 1))
    shut = shut + 0.45 * slit + 0.5 * under * (r.rest[..., 2] > -2)
    return (1.0 - shut).clamp(0.1, 1.0)[None].expand(posed.head.shape[:3])


def _head_part(r: Rig, posed: Posed, normals: Tensor) -> Part:
    uv = torch.tensor(r.grid.uv, dtype=torch.float32, device=posed.head.device)
    paint = torch.cat([uv, torch.zeros_like(uv[..., :1])], -1)[None].expand_as(posed.head)
    shut = _occlusion(r, posed)
    light = torch.stack([shut, torch.ones_like(shut), torch.zeros_like(shut)], -1)
    flat = (posed.head.shape[0], -1, 3)
    shadow = coarse_faces(*posed.head.shape[1:3], 2 if r.grid.detail < 0.6 else 3, str(uv.device))
    return Part(
        SKIN, posed.head.reshape(flat), normals, paint.reshape(flat), light.reshape(flat), r.faces, shadow=shadow
    )


@lru_cache(maxsize=8)
def _lining_faces(detail: float, device: str) -> Tensor:
    """Return the coarse triangles, turned inside out, of the walls that can be seen through mouth and eyes."""
    grid = head_grid(detail)
    faces = coarse_faces(*grid.rest.shape[:2], 3, "cpu")[:, [0, 2, 1]]
    y = torch.tensor(grid.rest[..., 1]).reshape(-1)[faces]
    return faces[(y.amin(1) < 7.5) & (y.amax(1) > -15.5)].to(device)


def _lining(r: Rig, posed: Posed, normals: Tensor) -> Part:
    """Return the inside of the head, dark, so that nothing shines through at the corners of mouth and eyes."""
    faces = _lining_faces(r.grid.detail, str(normals.device))
    points = posed.head.reshape(posed.head.shape[0], -1, 3) - 0.3 * normals
    colour = points.new_tensor([0.07, 0.022, 0.02]).expand_as(points)
    return Part(PLAIN, points, -normals, colour, flat_light(points, 0.15), faces, casts=False)


def _with_hair(r: Rig, p: Columns, c: Columns, posed: Posed) -> tuple[Posed, Tensor, Tensor]:
    """Thicken the scalp by its hair; return the head, and its normals (B, V, 3) in its own frame and in the world."""
    depth = thickness(r, p, c, r.scalp)
    size = posed.shape.shape
    first = grid_normals(posed.shape, r.back, r.ahead)
    lift = depth.view(*size[:3], 1)
    shape = posed.shape + first * lift
    head = posed.head + turn(first, posed.rotation) * lift
    flat = (size[0], -1, 3)
    normals = grid_normals(head, r.back, r.ahead).reshape(flat)
    return replace(posed, shape=shape, head=head), first.reshape(flat), normals


def build(
    persons: Sequence[Factors],
    scenes: Sequence[Factors],
    textures: Sequence[Tensor],
    p: Columns,
    s: Columns,
    c: Columns,
    level: Level,
    *,
    shared: bool = False,
) -> tuple[Assembly, Posed]:
    """Build everything that stands before the background.

    Args:
        persons: Factors of the people, for what is cached by person.
        scenes: Factors of the scenes.
        textures: The skin (T, T, C) of every picture.
        p: The people as columns.
        s: States.
        c: Scenes.
        level: Level of detail.
        shared: Whether this is a frame of a clip, whose hair is grown once on the head at rest.

    Returns:
        The triangles, and the posed heads.
    """
    device = str(textures[0].device)
    r = rig(level.detail, device)
    posed, own, normals = _with_hair(r, p, c, pose(r, p, s))
    parts = [_head_part(r, posed, normals), _lining(r, posed, normals)]
    parts += eye_parts(p, s, posed, max(7, round(20 * level.detail)))
    parts += mouth_parts(p, s, posed, posed.upper_jaw, level.detail)
    parts += ear_parts(r, p, posed, level.detail)
    parts.append(clothes_part(p, c, posed, level.detail))

    def grow(head: Posed, normals: Tensor) -> Hair:
        root = roots("scalp", level.strands, level.detail, device)
        cover = torch.stack([texture_at(t, root.uv)[:, 6] for t in textures])
        return grow_hair(r, p, c, head, normals, cover, persons, level.strands)

    def grow_at_rest() -> Hair:
        rest = Columns([dict.fromkeys(s.names, 0.0)], device)
        head, normals, _ = _with_hair(r, p, c, pose(r, p, rest))
        return grow(head, normals)

    if shared:
        key = (tuple(persons[0].values()), scene_key(scenes[0]), level, device)
        hair = _HAIR.recall(key, grow_at_rest)
    else:
        hair = grow(posed, own)
    parts += hair_parts(r, p, c, posed, own, hair, persons, level.strands)
    if any(scene["glasses"] > 0.5 for scene in scenes):
        parts += glasses_parts(c, posed, scenes, level.detail)
    if level.detail >= 0.4:
        parts.append(lash_part(r, p, s, posed, level.detail))
    return assemble(parts), posed
