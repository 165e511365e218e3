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
        self._axes = torch.cat([right, up, light.key], 1)
        points = assembly.records[..., :3]
        axes = [column[:, None] for column in self._axes.unbind(1)]
        screen = torch.stack(self._project((points[..., 0], points[..., 1], points[..., 2]), axes), -1)
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

    def _project(self, p: tuple[Tensor, Tensor, Tensor], axes: Sequence[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Return x, y in texels and depth of points given by coordinate; `axes` are nine components: right, up, key."""
        scale = self._side / (2 * _REACH)
        px, py, pz = p[0], p[1] + 3.0, p[2]
        x = (px * axes[0] + py * axes[1] + pz * axes[2]) * scale + (self._side / 2 - 0.5)
        y = (self._side / 2 - 0.5) - (px * axes[3] + py * axes[4] + pz * axes[5]) * scale
        return x, y, 0.5 - (px * axes[6] + py * axes[7] + pz * axes[8]) / 80.0

    def lit(self, points: Tensor, normals: Tensor, picture: Tensor) -> Tensor:
        """Return (N,) the share of the key light that reaches points (3, N) of a picture."""
        p = points + 0.25 * normals
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
        wide = (square - mean * mean).clamp(min=0) + self._floor.index_select(0, picture)
        behind = (z - mean - 0.003).clamp(min=0)
        return ramp(0.25, 0.95, wide / (wide + behind * behind))


def spread(table: Tensor, picture: Tensor) -> tuple[Tensor, ...]:
    """Return the columns of a (B, K) table at the pictures (N,), as K tensors that broadcast against (N,)."""
    if table.shape[0] == 1:
        return table[0].unbind(0)
    return tuple(column.contiguous().index_select(0, picture) for column in table.unbind(1))


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
        soft: (N,) or a number: 1 for skin, which lets light through, 0 for opaque matter.
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
    soft: Tensor | float
    wet: float
    lit: Tensor
    picture: Tensor


Triple = tuple[Tensor, ...]


def _dot(a: Tensor | Triple, b: Tensor | Triple) -> Tensor:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _half_angle(s: Surface, key: Triple, normal: Tensor) -> Tensor:
    """Return the cosine between a normal and the direction half-way between light and camera."""
    hx, hy, hz = (key[k] + s.view[k] for k in range(3))
    return (normal[0] * hx + normal[1] * hy + normal[2] * hz) * torch.rsqrt(hx * hx + hy * hy + hz * hz + 1e-9)


def shade(s: Surface, light: Lamps) -> Tensor:
    """Return the radiance (3, N) of skin, eyes, teeth and cloth.

    Diffuse light wraps around the terminator, red more than blue, which stands for light that travels under the skin
    (after Green, Real-Time Approximations to Subsurface Scattering, GPU Gems, 2004). Highlights are Blinn-Phong of two
    widths with Schlick's Fresnel factor.
    """
    row = spread(light.table, s.picture)
    key, key_colour, rim, rim_colour, sky, ground = (row[k : k + 3] for k in range(0, 18, 3))
    flat, fine = _dot(s.smooth, key), _dot(s.normal, key)
    facing = _dot(s.normal, s.view).clamp(0, 1)
    edge = (1 - facing) ** 2
    edge = edge * edge * (1 - facing)
    behind = (_dot(s.normal, rim) + 0.1).clamp(0, 1) * s.open
    up, shut = 0.5 + 0.5 * s.normal[1], 1 - s.open
    bleed = 0.14 * s.soft * (1 - s.lit) * s.lit.sqrt()
    nh = _half_angle(s, key, s.normal).clamp(0, 1)
    if s.wet:
        spec = 26.0 * ramp(0.975, 0.992, nh) * (0.04 + 0.5 * edge)
    else:
        n4 = nh * nh * nh * nh
        n12 = n4 * n4 * n4
        n48 = n12 * n12 * n12 * n12
        spec = s.gloss * (0.19 * n12 + 0.37 * n48) * (1 + 4 * edge)
    spec = spec * s.lit * fine.clamp(0, 1).sqrt()
    veil = 0.3 * s.gloss * (0.05 + 0.5 * edge) * s.open
    sheen = 0.5 * behind * edge * s.gloss
    out = torch.empty_like(s.albedo)
    bend = fine - flat
    for k, (wrap, keep, warm) in enumerate(((0.38, 0.3, 0.28), (0.2, 0.7, 0.06), (0.14, 0.85, 0.0))):
        w = wrap * s.soft
        n = flat + bend * (1 - (1 - keep) * s.soft)
        direct = ((n + w) / ((1 + w) * (1 + 0.4 * w))).clamp(min=0) * ((s.lit + bleed) if k == 0 else s.lit)
        around = (ground[k] + (sky[k] - ground[k]) * up) * (1 - shut * (1 - warm * s.soft))
        body = s.albedo[k] * (direct * key_colour[k] + around + rim_colour[k] * behind)
        out[k] = body + spec * key_colour[k] + veil * sky[k] + sheen * rim_colour[k]
    return out


def shade_hair(s: Surface, light: Lamps) -> Tensor:
    """Return the radiance (3, N) of strands; `normal` holds their tangents (Kajiya and Kay, SIGGRAPH 1989)."""
    row = spread(light.table, s.picture)
    key, key_colour, rim, rim_colour, sky, ground = (row[k : k + 3] for k in range(0, 18, 3))
    along = _dot(s.normal, key)
    sine = torch.sqrt((1 - along * along).clamp(0, 1))
    shadow = s.lit * (0.25 + 0.75 * (_dot(s.smooth, key) * 0.8 + 0.45).clamp(0, 1))
    th = _half_angle(s, key, s.normal)
    first = (1 - (th + 0.06) ** 2).clamp(0, 1) ** 30
    second = (1 - (th - 0.1) ** 2).clamp(0, 1) ** 9
    up = 0.5 + 0.5 * s.smooth[1]
    back = (_dot(s.smooth, rim) + 0.35).clamp(0, 1) * s.open
    direct, bright, tinted = sine * shadow, 0.04 * s.gloss * shadow * first, 0.2 * s.gloss * shadow * second
    out = torch.empty_like(s.albedo)
    for k in range(3):
        body = direct * key_colour[k] + (ground[k] + (sky[k] - ground[k]) * up) * s.open + (0.9 * back) * rim_colour[k]
        out[k] = (
            s.albedo[k] * body + (bright + s.albedo[k].sqrt() * tinted) * key_colour[k] + (0.03 * back) * rim_colour[k]
        )
    return out
