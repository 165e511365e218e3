"""Light: key, fill and rim lamps, a soft shadow map, and the shading of skin, eyes, hair and cloth."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from .noise import ramp
from .parts import Assembly
from .raster import rasterise
from .rig import Columns

Tensor = torch.Tensor

_REACH = 19.0  # half the side of the shadow map, centimetres

Triple = tuple[Tensor, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Lamps:
    """The lights of a batch.

    Attributes:
        key: (B, 3) direction to the key light; `rim` likewise.
        rim: (B, 3).
        key_colour, sky, ground, rim_colour: (B, 3) linear radiance.
        table: (B, 18) key, key colour, rim, rim colour, sky, ground, one row per picture.
    """

    key: Tensor
    rim: Tensor
    table: Tensor


def warmth(w: Tensor) -> Tensor:
    """Return the colour (B, 3) of a lamp from 9000 K (-1) to 3200 K (+1), of about equal luminance."""
    return torch.stack([1.0 + 0.22 * w, 1.0 + 0.0 * w, 1.0 - 0.32 * w + 0.04 * w * w], 1)


def _direction(azimuth: Tensor, elevation: Tensor) -> Tensor:
    a, e = torch.deg2rad(azimuth), torch.deg2rad(elevation)
    return torch.stack([a.sin() * e.cos(), e.sin(), a.cos() * e.cos()], 1)


def lamps(c: Columns) -> Lamps:
    """Set up the lights of a batch of scenes."""
    key = _direction(c["key_azimuth"], c["key_elevation"])
    side = torch.sign(c["rim_side"] + 1e-6)
    rim = _direction(side * (125.0 + 25.0 * c["rim_side"].abs()), 25.0 + 0.0 * side)
    key_colour = warmth(c["key_warmth"]) * (1.25 * c["key_strength"])[:, None]
    fill = warmth(c["fill_warmth"]) * (0.75 * c["fill_strength"])[:, None]
    sky = fill * 1.15 + 0.22 * key_colour * c["key_soft"][:, None]
    ground = fill * fill.new_tensor([0.66, 0.58, 0.52]) + 0.06 * key_colour
    rim_colour = warmth(-0.3 * c["key_warmth"]) * (2.2 * c["rim_strength"])[:, None]
    return Lamps(key, rim, torch.cat([key, key_colour, rim, rim_colour, sky, ground], 1))


def _frame(key: Tensor) -> tuple[Tensor, Tensor]:
    up = key.new_tensor([0.0, 1.0, 0.0]).expand_as(key)
    right = F.normalize(torch.linalg.cross(up, key, dim=1), dim=1)
    return right, torch.linalg.cross(key, right, dim=1)


class ShadowMap:
    """Depth from the key light, blurred, for a soft test (Donnelly and Lauritzen, Variance Shadow Maps, I3D 2006)."""

    def __init__(self, assembly: Assembly, light: Lamps, softness: Tensor, side: int) -> None:
        self._side = side
        right, up = _frame(light.key)
        scale, middle = side / (2 * _REACH), side / 2 - 0.5
        rows = torch.stack([right * scale, -up * scale, light.key / -80.0], 1)  # of x, y in texels and of depth
        shift = 3.0 * rows[:, :, 1:2] + rows.new_tensor([middle, middle, 0.5])[:, None]
        self._axes = torch.cat([rows, shift], 2).flatten(1)
        points = assembly.records[..., :3]
        axes = [column[:, None] for column in self._axes.unbind(1)]
        screen = torch.stack(self._project((points[..., 0], points[..., 1], points[..., 2]), axes)).movedim(0, -1)
        seen = rasterise(screen, assembly.casters, side, side, 0)
        batch = screen.shape[0]
        depth = screen.new_ones(batch * side * side)
        depth.index_copy_(0, seen.pixel, seen.depth)
        moments = torch.stack([depth, depth * depth]).view(2, batch, side, side)
        small = self._blur(moments, max(1, side // 48))
        wide = self._blur(self._blur(small, max(1, side // 20)), max(1, side // 20))
        t = softness.view(1, -1, 1, 1)
        self._moments = (small + (wide - small) * t).reshape(2, -1).unbind(0)
        self._floor = 2e-5 + 3e-4 * softness

    @staticmethod
    def _blur(x: Tensor, r: int) -> Tensor:
        x = F.avg_pool2d(F.pad(x, (r, r, 0, 0), mode="replicate"), (1, 2 * r + 1), stride=1)
        return F.avg_pool2d(F.pad(x, (0, 0, r, r), mode="replicate"), (2 * r + 1, 1), stride=1)

    @staticmethod
    def _project(p: Triple, axes: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Return x, y in texels and depth of points given by coordinate; `axes` are three rows of four numbers."""
        return tuple(_dot(p, axes[k : k + 3]).add_(axes[k + 3]) for k in (0, 4, 8))

    def lit(self, points: Tensor, normals: Tensor, picture: Tensor) -> Tensor:
        """Return (N,) the share of the key light that reaches points (3, N) of a picture."""
        p = torch.add(points, normals, alpha=0.25)
        x, y, z = self._project((p[0], p[1], p[2]), spread(self._axes, picture))
        side = self._side
        x, y = x.clamp(0, side - 1.001), y.clamp(0, side - 1.001)
        x0, y0 = torch.floor(x), torch.floor(y)
        fx, fy = x - x0, y - y0
        i = (picture * side + y0.to(torch.int64)) * side + x0.to(torch.int64)
        corners = (i, i + 1, i + side, i + side + 1)
        moments = []
        for m in self._moments:
            a, b, c, d = (m.index_select(0, k) for k in corners)
            moments.append(torch.lerp(torch.lerp(a, b, fx), torch.lerp(c, d, fx), fy))
        mean, square = moments
        wide = (square - mean * mean).clamp_(min=0).add_(spread(self._floor[:, None], picture)[0])
        behind = (z - mean).sub_(0.003).clamp_(min=0)
        return ramp(0.25, 0.95, wide / torch.addcmul(wide, behind, behind))


def spread(table: Tensor, picture: Tensor) -> Triple:
    """Return the columns of a (B, K) table at the pictures (N,), as K tensors that broadcast against (N,)."""
    if table.shape[0] == 1:
        return table[0].unbind(0)
    return tuple(column.contiguous().index_select(0, picture) for column in table.unbind(1))


def _dot(a: Tensor | Triple, b: Tensor | Sequence[Tensor]) -> Tensor:
    return (a[0] * b[0]).addcmul_(a[1], b[1]).addcmul_(a[2], b[2])


def unit(v: Tensor) -> Tensor:
    """Bring vectors (3, N) to length 1, in place."""
    return v.mul_(_dot(v, v).add_(1e-12).rsqrt_())


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """What is to be shaded: one column per pixel.

    Attributes:
        albedo: (3, N) linear.
        normal: (3, N) with fine relief; the tangent of a strand.
        smooth: (3, N) without it.
        view: (3, N) unit vector to the camera.
        open: (N,) share of the surroundings seen.
        gloss: (N,) strength of the highlight.
        soft: (N,): 1 for skin, which lets light through; None for opaque matter.
        wet: 1 for eyes, which mirror the lamp, else 0.
        lit: (N,) share of the key light.
        picture: (N,) picture of the batch.
    """

    albedo: Tensor
    normal: Tensor
    smooth: Tensor
    view: Tensor
    open: Tensor
    gloss: Tensor
    soft: Tensor | None
    wet: float
    lit: Tensor
    picture: Tensor


def _half_angle(s: Surface, key: Sequence[Tensor]) -> Tensor:
    """Return the cosine between the normal and the direction half-way between light and camera."""
    half = torch.stack([key[k] + s.view[k] for k in range(3)])
    return _dot(s.normal, half).mul_(_dot(half, half).add_(1e-9).rsqrt_())


def _highlight(s: Surface, key: Sequence[Tensor], edge: Tensor, fine: Tensor) -> Tensor:
    """Return the key light mirrored by the surface (N,)."""
    nh = _half_angle(s, key).clamp_(0, 1)
    if s.wet:
        spec = 26.0 * ramp(0.975, 0.992, nh) * (0.04 + 0.5 * edge)
    else:
        n4 = nh.mul_(nh).mul_(nh)
        n12 = n4 * n4 * n4
        n48 = n12 * n12
        n48.mul_(n48).mul_(0.37).add_(n12, alpha=0.19)
        spec = n48.mul_(s.gloss).mul_((4 * edge).add_(1))
    return spec.mul_(s.lit).mul_(fine.clamp(0, 1).sqrt_())


def _wrapped(s: Surface, soft: Tensor, flat: Tensor, bend: Tensor, by: tuple[float, float]) -> Tensor:
    """Return diffuse light (N,) that wraps around the edge of the shadow and keeps the relief, both `by` a share."""
    w = by[0] * soft
    n = ((by[1] - 1) * soft).add_(1).mul_(bend).add_(flat).add_(w)
    return n.div_((0.4 * w).add_(1.4).mul_(w).add_(1)).clamp_(min=0)


def shade(s: Surface, light: Lamps) -> Tensor:
    """Return the radiance (3, N) of skin, eyes, teeth and cloth.

    Diffuse light wraps around the terminator, red more than blue, which stands for light that travels under the skin
    (after Green, Real-Time Approximations to Subsurface Scattering, GPU Gems, 2004). Highlights are Blinn-Phong of two
    widths with Schlick's Fresnel factor.
    """
    row = spread(light.table, s.picture)
    key, key_colour, rim, rim_colour, sky, ground = (row[k : k + 3] for k in range(0, 18, 3))
    fine = _dot(s.normal, key)
    flat = fine if s.smooth is s.normal else _dot(s.smooth, key)
    away = _dot(s.normal, s.view).clamp_(0, 1).neg_().add_(1)
    edge = away * away
    edge.mul_(edge).mul_(away)
    behind = _dot(s.normal, rim).add_(0.1).clamp_(0, 1).mul_(s.open)
    up, shut = (0.5 * s.normal[1]).add_(0.5), 1 - s.open
    spec = _highlight(s, key, edge, fine)
    veil = (0.15 * edge).add_(0.015).mul_(s.gloss).mul_(s.open)
    sheen = (0.5 * behind).mul_(edge).mul_(s.gloss)
    out = torch.empty_like(s.albedo)
    bend, opaque = fine - flat, fine.clamp(min=0).mul_(s.lit)
    for k, (wrap, keep, warm) in enumerate(((0.38, 0.3, 0.28), (0.2, 0.7, 0.06), (0.14, 0.85, 0.0))):
        around = (up * (sky[k] - ground[k])).add_(ground[k])
        if s.soft is None:
            body = opaque * key_colour[k]
            around.mul_(s.open)
        else:
            body = _wrapped(s, s.soft, flat, bend, (wrap, keep)).mul_(key_colour[k])
            bleed = torch.addcmul(s.lit, 0.14 * s.soft, (1 - s.lit).mul_(s.lit.sqrt())) if k == 0 else s.lit
            body.mul_(bleed)
            around.mul_((warm * s.soft).sub_(1).mul_(shut).add_(1))
        body.add_(around).addcmul_(behind, rim_colour[k]).mul_(s.albedo[k])
        out[k] = body.addcmul_(spec, key_colour[k]).addcmul_(veil, sky[k]).addcmul_(sheen, rim_colour[k])
    return out


def shade_hair(s: Surface, light: Lamps) -> Tensor:
    """Return the radiance (3, N) of strands; `normal` holds their tangents (Kajiya and Kay, SIGGRAPH 1989)."""
    row = spread(light.table, s.picture)
    key, key_colour, rim, rim_colour, sky, ground = (row[k : k + 3] for k in range(0, 18, 3))
    along = _dot(s.normal, key)
    sine = along.mul_(along).neg_().add_(1).clamp_(0, 1).sqrt_()
    shadow = _dot(s.smooth, key).mul_(0.8).add_(0.45).clamp_(0, 1).mul_(0.75).add_(0.25).mul_(s.lit)
    th = _half_angle(s, key)
    narrow, wide = (1 - (th + 0.06) ** 2).clamp_(0, 1), (1 - (th - 0.1) ** 2).clamp_(0, 1)
    n2, w3 = narrow * narrow, wide * wide * wide
    n6 = n2 * n2 * n2
    n12 = n6 * n6
    first, second = n12 * n12 * n6, w3 * w3 * w3  # powers of 30 and 9
    up = (0.5 * s.smooth[1]).add_(0.5)
    back = _dot(s.smooth, rim).add_(0.35).clamp_(0, 1).mul_(s.open)
    direct, gloss = sine.mul_(shadow), shadow.mul_(s.gloss)
    bright, tinted = first.mul_(gloss).mul_(0.04), second.mul_(gloss).mul_(0.2)
    out = torch.empty_like(s.albedo)
    for k in range(3):
        body = (up * (sky[k] - ground[k])).add_(ground[k]).mul_(s.open)
        body.addcmul_(direct, key_colour[k]).addcmul_(0.9 * back, rim_colour[k]).mul_(s.albedo[k])
        shine = torch.addcmul(bright, s.albedo[k].sqrt(), tinted)
        out[k] = body.addcmul_(shine, key_colour[k]).addcmul_(0.03 * back, rim_colour[k])
    return out
