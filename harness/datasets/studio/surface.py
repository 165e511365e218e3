"""From visible triangles to radiance: interpolation, materials, shading."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F

from .body import cloth_colour, clothes_table
from .camera import Camera
from .eyes import eye_colour, eye_table
from .geometry import Level
from .light import Lamps, ShadowMap, Surface, shade, shade_hair, spread, unit
from .memory import Memory
from .parts import CLOTH, EYE, HAIR, PLAIN, RECORD, SKIN, Assembly, columns
from .raster import Visible, places
from .rig import Columns
from .skin import CHANNELS, Skin, dress, paint, texture_side

Tensor = torch.Tensor
Factors = Mapping[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class Looks:
    """Textures and tables of a batch.

    Attributes:
        skin: (M * T * T, CHANNELS) textures of the M different people and days.
        side: T.
        texture: (B,) texture of every picture.
        eyes: (B, 12).
        cloth: (B, 9).
        softness: (B,) of shadows.
        relief: Strength of fine relief, which small pictures leave out.
        coarse: Whether shadows are looked up at the vertices, which in large pictures are fewer than the pixels.
    """

    skin: Tensor
    side: int
    texture: Tensor
    eyes: Tensor
    cloth: Tensor
    softness: Tensor
    relief: float
    coarse: bool

    def textures(self) -> list[Tensor]:
        """Return the (T, T, CHANNELS) texture of every picture."""
        every = self.skin.view(-1, self.side, self.side, CHANNELS)
        return [every[k] for k in self.texture.tolist()]


_SKINS: dict[tuple[object, ...], Skin] = {}
_DRESSED: Memory[Tensor] = Memory(2)  # of large pictures, for clips
_SKIN_TEXELS = 1 << 22
_CHUNK = 1 << 15  # pixels at a time, so that the work stays in the processor's cache


def _skin(person: Factors, side: int, device: str, relief: bool) -> Skin:
    """Paint or recall the skin of a person; the memory holds what fits, oldest out first."""
    key = (*person.values(), side, device, relief)
    skin = _SKINS.get(key)
    if skin is None:
        skin = paint(person, side, device, relief=relief)
        for old in list(_SKINS)[: max(0, len(_SKINS) + 1 - max(2, _SKIN_TEXELS // side**2))]:
            _SKINS.pop(old, None)
        _SKINS[key] = skin
    return skin


def _dressed(key: tuple[object, ...], person: Factors, day: Factors) -> Tensor:
    side, device, relief = int(str(key[-3])), str(key[-2]), bool(key[-1])

    def make() -> Tensor:
        return dress(_skin(person, side, device, relief), person, day)

    return _DRESSED.recall(key, make) if side >= 512 else make()


def looks(persons: Sequence[Factors], scenes: Sequence[Factors], c: Columns, level: Level, device: str) -> Looks:
    """Prepare textures and colour tables."""
    side, fine = texture_side(level.head), level.head > 120
    found: dict[tuple[float, ...], int] = {}
    textures: list[Tensor] = []
    index = []
    for person, day in zip(persons, scenes, strict=True):
        key = (*person.values(), day["beard_length"], day["beard_shape"], day["hair_length"])
        if key not in found:
            found[key] = len(textures)
            textures.append(_dressed((*key, side, device, fine), person, day))
        index.append(found[key])
    return Looks(
        skin=torch.cat(textures) if len(textures) > 1 else textures[0],
        side=side,
        texture=torch.tensor(index, device=device),
        eyes=eye_table(persons, device),
        cloth=clothes_table(scenes, device),
        softness=c["key_soft"],
        relief=1.0 if fine else 0.0,
        coarse=level.samples == 1.0,
    )


def _sample_skin(look: Looks, uv: Tensor, picture: Tensor) -> Tensor:
    """Return (CHANNELS, N), bilinear, at texture coordinates (2, N)."""
    side = look.side
    x = (uv[0] * side - 0.5).clamp(0, side - 1.001)
    y = (uv[1] * side - 0.5).clamp(0, side - 1.001)
    x0, y0 = torch.floor(x), torch.floor(y)
    fx, fy = x - x0, y - y0
    i = (y0 * side + x0).to(torch.int64)
    if look.texture.shape[0] > 1:
        i.add_(look.texture.index_select(0, picture), alpha=side * side)
    low = fx * fy
    weight = torch.stack([1 - fx - fy + low, fx - low, fy - low, low], 1)
    return _mean(look.skin, i[:, None] + _corners(side, str(i.device)), weight)


@lru_cache(maxsize=8)
def _corners(side: int, device: str) -> Tensor:
    """Return the steps from a texel to the four around a point."""
    return torch.tensor([0, 1, side, side + 1], device=device)


def _mean(table: Tensor, index: Tensor, weight: Tensor) -> Tensor:
    """Return the weighted means (K, N) of the rows (N, J) of a table (R, K)."""
    return columns(F.embedding_bag(index, table, mode="sum", per_sample_weights=weight))


def _interpolate(flat: Tensor, assembly: Assembly, triangle: Tensor, picture: Tensor, weight: Tensor) -> Tensor:
    """Return (K, N) attributes at points of triangles (N,) from (B * V, K) at the vertices."""
    corner = assembly.faces.index_select(0, triangle)
    if assembly.records.shape[0] > 1:
        corner = torch.add(corner, picture[:, None], alpha=assembly.records.shape[1])
    return _mean(flat, corner, weight)


def _bend(normal: Tensor, slope: Tensor) -> Tensor:
    """Tilt normals (3, N) by slopes (2, N) to the right and up along the surface."""
    x, y, z = normal
    length = torch.rsqrt(x * x + z * z + 1e-6)
    rx, rz = z * length, -x * length
    ux, uy, uz = y * rz, z * rx - x * rz, -y * rx
    tilt_x, tilt_y = slope
    return unit(torch.stack([x - rx * tilt_x - ux * tilt_y, y - uy * tilt_y, z - rz * tilt_x - uz * tilt_y]))


def _lit_vertices(assembly: Assembly, eye: Tensor, shadows: ShadowMap) -> Tensor:
    """Return (B * V,) the share of the key light that reaches every vertex, on the side that faces the lens."""
    batch, vertices = assembly.records.shape[:2]
    picture = torch.arange(batch, device=eye.device).repeat_interleave(vertices)
    data = columns(assembly.records[..., :6].reshape(-1, 6))
    lens = spread(eye, picture)
    ahead = sum(data[3 + k] * (lens[k] - data[k]) for k in range(3))
    return shadows.lit(data[:3], data[3:] * torch.sign(torch.as_tensor(ahead)), picture)


def radiance(assembly: Assembly, seen: Visible, cam: Camera, light: Lamps, shadows: ShadowMap, look: Looks) -> Tensor:
    """Shade every visible point.

    Returns:
        (3, N) linear radiance, at most 4, in the order of `seen`.
    """
    out = torch.empty((3, seen.pixel.shape[0]), device=seen.pixel.device)
    eye = cam.eye()
    flat = assembly.records.reshape(-1, RECORD)
    if look.coarse:
        flat = torch.cat([flat, _lit_vertices(assembly, eye, shadows)[:, None]], 1)
    material = assembly.material.index_select(0, seen.triangle)
    for kind in (SKIN, PLAIN, EYE, HAIR, CLOTH):
        everything = places(material == kind)
        for which in torch.split(everything, _CHUNK):
            triangle, picture = seen.triangle.index_select(0, which), seen.picture[: which.shape[0]]
            if assembly.records.shape[0] > 1:  # otherwise all are of picture 0
                picture = seen.picture.index_select(0, which)
            data = _interpolate(flat, assembly, triangle, picture, seen.weight.index_select(0, which))
            point, normal = data[0:3], unit(data[3:6])
            lens = spread(eye, picture)
            view = unit(torch.stack([lens[k] - point[k] for k in range(3)]))
            if kind in (PLAIN, CLOTH):
                normal.mul_((normal * view).sum(0).sign_())
            lit = data[RECORD] if look.coarse else shadows.lit(point, normal, picture)
            shaded = _material(kind, [data, normal, view, lit, picture], light, look, cam.target)
            out.index_copy_(1, which, shaded)
    return out.clamp_(0.0, 4.0)


def _material(kind: int, picked: list[Tensor], light: Lamps, look: Looks, centre: Tensor) -> Tensor:
    """Return the radiance (3, N) of points of one material."""
    data, normal, view, lit, picture = picked
    paint, opened, gloss, tag = data[6:9], data[9], data[10], data[11]
    if kind == SKIN:
        texel = _sample_skin(look, paint, picture)
        fine = _bend(normal, texel[3:5] * look.relief) if look.relief else normal
        colour = torch.stack([texel[0], texel[1] * (1 - 0.27 * paint[2]), texel[2] * (1 - 0.26 * paint[2])])
        soft = 1 - 0.8 * torch.maximum(texel[6], texel[7])
        return shade(Surface(colour, fine, normal, view, opened, texel[5], soft, 0.0, lit, picture), light)
    if kind == EYE:
        colour = eye_colour(unit(paint), tag, spread(look.eyes, picture))
        return shade(
            Surface(
                colour, normal, normal, view, opened, gloss, torch.full_like(lit, 0.35), 1.0, lit * opened, picture
            ),
            light,
        )
    if kind == CLOTH:
        colour = cloth_colour(paint, spread(look.cloth, picture))
        return shade(Surface(colour, normal, normal, view, opened, gloss, None, 0.0, lit, picture), light)
    if kind == HAIR:
        middle = spread(centre, picture)
        away = unit(torch.stack([data[k] - middle[k] for k in range(3)]))
        return shade_hair(Surface(paint, normal, away, view, opened, gloss, None, 0.0, lit, picture), light)
    return shade(
        Surface(paint, normal, normal, view, opened, gloss, torch.full_like(lit, 0.3), 0.0, lit * opened, picture),
        light,
    )
