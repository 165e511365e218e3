"""Light: key, fill and rim lamps, a soft shadow map, and the shading of skin, eyes, hair and cloth."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812

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
    return torch.stack([1.0 + 0.3 * w, 1.0 + 0.0 * w, 1.0 - 0.42 * w + 0.06 * w * w], 1)


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
        self._key = light.key
        self._axes = _frame(light.key)
        screen = self._project(assembly.records[..., :3], None)
        seen = rasterise(screen, assembly.casters, side, side, 0)
        batch = screen.shape[0]
        depth = screen.new_ones(batch * side * side)
        depth.index_copy_(0, seen.pixel, seen.depth)
        moments = torch.stack([depth, depth * depth], 1).view(batch, side, side, 2).permute(0, 3, 1, 2)
        small = self._blur(moments, max(1, side // 48))
        wide = self._blur(self._blur(small, max(1, side // 20)), max(1, side // 20))
        t = softness.view(-1, 1, 1, 1)
        self._moments = (small + (wide - small) * t).permute(0, 2, 3, 1).reshape(-1, 2)
        self._floor = (2e-5 + 3e-4 * softness)[:, None]

    @staticmethod
    def _blur(x: Tensor, r: int) -> Tensor:
        return F.avg_pool2d(F.pad(x, (r, r, r, r), mode="replicate"), 2 * r + 1, stride=1)

    def _project(self, points: Tensor, picture: Tensor | None) -> Tensor:
        right, up = self._axes
        key = self._key
        if picture is None:
            right, up, key = right[:, None], up[:, None], key[:, None]
        else:
            right, up, key = (t.index_select(0, picture) for t in (right, up, key))
        p = points + points.new_tensor([0.0, 3.0, 0.0])
        scale = self._side / (2 * _REACH)
        x = (p * right).sum(-1) * scale + self._side / 2 - 0.5
        y = self._side / 2 - 0.5 - (p * up).sum(-1) * scale
        return torch.stack([x, y, 0.5 - (p * key).sum(-1) / 80.0], -1)

    def lit(self, points: Tensor, normals: Tensor, picture: Tensor) -> Tensor:
        """Return (N,) the share of the key light that reaches points of a picture."""
        q = self._project(points + 0.25 * normals, picture)
        side = self._side
        x, y = q[:, 0].clamp(0, side - 1.001), q[:, 1].clamp(0, side - 1.001)
        x0, y0 = torch.floor(x), torch.floor(y)
        fx, fy = (x - x0)[:, None], (y - y0)[:, None]
        i = (picture * side + y0.to(torch.int64)) * side + x0.to(torch.int64)
        m = self._moments
        top = m.index_select(0, i) * (1 - fx) + m.index_select(0, i + 1) * fx
        low = m.index_select(0, i + side) * (1 - fx) + m.index_select(0, i + side + 1) * fx
        mean = top * (1 - fy) + low * fy
        spread = (mean[:, 1] - mean[:, 0] ** 2).clamp(min=0) + self._floor.index_select(0, picture)[:, 0]
        behind = (q[:, 2] - mean[:, 0] - 0.003).clamp(min=0)
        chance = spread / (spread + behind * behind)
        return ramp(0.25, 0.95, chance)


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """What is to be shaded: one row per pixel.

    Attributes:
        albedo: (N, 3) linear.
        normal: (N, 3) with fine relief.
        smooth: (N, 3) without it.
        view: (N, 3) unit vector to the camera.
        open: (N,) share of the surroundings seen.
        gloss: (N,) strength of the highlight.
        soft: (N,) 1 for skin, which lets light through, 0 for opaque matter.
        wet: (N,) 1 for eyes and other mirrors.
        strand: (N,) 1 for hair, whose `normal` is the tangent.
        lit: (N,) share of the key light.
        picture: (N,) picture of the batch.
    """

    albedo: Tensor
    normal: Tensor
    smooth: Tensor
    view: Tensor
    open: Tensor
    gloss: Tensor
    soft: Tensor
    wet: Tensor
    lit: Tensor
    picture: Tensor


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return a[:, 0] * b[:, 0] + a[:, 1] * b[:, 1] + a[:, 2] * b[:, 2]


def shade(s: Surface, light: Lamps) -> Tensor:
    """Return the radiance (N, 3) of skin, eyes, teeth and cloth.

    Diffuse light wraps around the terminator, red more than blue, which stands for light that travels under the skin (after
    Green, Real-Time Approximations to Subsurface Scattering, GPU Gems, 2004). Highlights are Blinn-Phong of two widths
    with Schlick's Fresnel factor.
    """
    row = light.table.index_select(0, s.picture)
    key, key_colour, rim, rim_colour, sky, ground = row.split(3, dim=1)
    flat, fine = _dot(s.smooth, key), _dot(s.normal, key)
    wraps = []
    for wrap, keep in ((0.38, 0.3), (0.2, 0.7), (0.14, 0.85)):
        w = wrap * s.soft
        n = flat + (fine - flat) * (keep + (1 - keep) * (1 - s.soft))
        wraps.append(((n + w) / (1 + w)).clamp(min=0) / (1 + 0.4 * w))
    bleed = 1 - s.lit
    glow = torch.stack([s.lit + 0.14 * s.soft * bleed * s.lit.sqrt(), s.lit, s.lit], 1)
    diffuse = torch.stack(wraps, 1) * glow * key_colour
    up = (0.5 + 0.5 * s.normal[:, 1])[:, None]
    shut = (1 - s.open)[:, None] * (1 - s.soft[:, None] * s.open.new_tensor([0.28, 0.06, 0.0]))
    around = (ground + (sky - ground) * up) * (1 - shut)
    facing = _dot(s.normal, s.view).clamp(0, 1)
    edge = (1 - facing) ** 2
    edge = edge * edge * (1 - facing)
    behind = (_dot(s.normal, rim) + 0.1).clamp(0, 1) * s.open
    out = s.albedo * (diffuse + around + rim_colour * behind[:, None])
    half = F.normalize(key + s.view, dim=1)
    nh = _dot(s.normal, half).clamp(0, 1)
    fresnel = 0.04 + 0.5 * edge
    lobe = 0.55 * nh**14 + 1.1 * nh**48
    mirror = s.wet * 26.0 * ramp(0.975, 0.992, nh)
    spec = (s.gloss * lobe * (1 + 4 * edge) * 0.34 * (1 - s.wet) + mirror * fresnel) * s.lit * fine.clamp(0, 1).sqrt()
    veil = s.gloss * (0.05 + edge * 0.5) * s.open
    return out + spec[:, None] * key_colour + veil[:, None] * sky * 0.3 + (behind * edge * s.gloss * 0.5)[:, None] * rim_colour


def shade_hair(s: Surface, light: Lamps) -> Tensor:
    """Return the radiance (N, 3) of strands; `normal` holds their tangents (Kajiya and Kay, SIGGRAPH 1989)."""
    row = light.table.index_select(0, s.picture)
    key, key_colour, rim, rim_colour, sky, ground = row.split(3, dim=1)
    along = _dot(s.normal, key)
    sine = torch.sqrt((1 - along * along).clamp(0, 1))
    shadow = s.lit * (0.25 + 0.75 * (_dot(s.smooth, key) * 0.8 + 0.45).clamp(0, 1))
    half = F.normalize(key + s.view, dim=1)
    th = _dot(s.normal, half)
    first = torch.sqrt((1 - (th + 0.06) ** 2).clamp(0, 1)) ** 60
    second = torch.sqrt((1 - (th - 0.1) ** 2).clamp(0, 1)) ** 18
    up = (0.5 + 0.5 * s.smooth[:, 1])[:, None]
    around = (ground + (sky - ground) * up) * s.open[:, None]
    back = (_dot(s.smooth, rim) + 0.35).clamp(0, 1) * s.open
    out = s.albedo * (key_colour * (sine * shadow)[:, None] + around + rim_colour * (0.9 * back)[:, None])
    spec = s.gloss * shadow
    out = out + (0.09 * spec * first)[:, None] * key_colour
    return out + s.albedo**0.6 * (0.22 * spec * second)[:, None] * key_colour + (0.05 * back)[:, None] * rim_colour
