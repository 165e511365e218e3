"""The skin of a person, painted once into a texture: colour, relief, gloss and the share of hair."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

from .chart import Chart, chart
from .noise import mix, ramp, value_noise
from .parts import columns

Tensor = torch.Tensor

CHANNELS = 8
"""Linear red, green, blue; slope to the right and up; gloss; share of head hair; share of brow and beard hair."""

# linear albedo of skin over melanin, after the range of measured skin reflectances
_MELANIN = np.array([0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
_ALBEDO = np.array(
    [
        (0.80, 0.575, 0.475),
        (0.70, 0.465, 0.355),
        (0.55, 0.325, 0.215),
        (0.33, 0.17, 0.098),
        (0.19, 0.09, 0.052),
        (0.095, 0.047, 0.031),
    ]
)


def texture_side(pixels: float) -> int:
    """Return the side of the texture for a head of `pixels` pixels' height."""
    for limit, side in ((50, 48), (90, 72), (130, 192), (260, 320), (460, 512)):
        if pixels <= limit:
            return side
    return 768


def skin_albedo(person: Mapping[str, float]) -> np.ndarray:
    """Return the linear colour (3,) of a person's even skin."""
    base = np.exp([np.interp(person["melanin"], _MELANIN, np.log(_ALBEDO[:, k])) for k in range(3)])
    warm = person["skin_warmth"]
    return np.asarray(base * np.array([1.0 + 0.01 * warm, 1.0 + 0.035 * warm, 1.0 - 0.09 * warm]))


def hair_albedo(person: Mapping[str, float]) -> np.ndarray:
    """Return the linear colour (3,) of a person's hair without the grey."""
    m, red = person["hair_melanin"], person["hair_red"]
    knots = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
    shades = np.array(
        [(0.56, 0.37, 0.17), (0.34, 0.19, 0.078), (0.14, 0.066, 0.028), (0.05, 0.024, 0.0125), (0.014, 0.0105, 0.009)]
    )
    colour = np.exp([np.interp(m, knots, np.log(shades[:, k])) for k in range(3)])
    return np.asarray(colour * np.array([1.0 + 0.7 * red, 1.0 - 0.12 * red, 1.0 - 0.55 * red]))


def _seeded(person: Mapping[str, float]) -> tuple[float, float, np.random.Generator]:
    seed = int(person["texture_seed"])
    return float(seed % 251), float((seed // 251) % 241), np.random.default_rng([seed, 77])


def _tint(c: Chart, colour: tuple[float, float, float] | Tensor) -> Tensor:
    """Return a colour (3, 1, 1)."""
    return torch.as_tensor(colour, dtype=torch.float32, device=c.x.device).view(3, 1, 1)


def _colour(c: Chart, p: Mapping[str, float], ox: float, oy: float) -> Tensor:
    """Return the even tones of the skin (3, T, T): blood, freckles, rings under the eyes, lips."""
    m = c.masks
    base = _tint(c, torch.tensor(skin_albedo(p)))
    blotch, blotch2 = c.noise(0.7, 0.7, ox, oy, 2)
    fine, fine2 = c.noise(3.1, 3.1, oy, ox, 2)
    light = float(1.0 - 0.75 * p["melanin"])
    blood = (0.35 + 0.65 * p["redness"]) * (0.7 * m["cheeks"] + 0.8 * m["nose"] + 0.35 * m["chin"]) + 0.25 * m[
        "socket"
    ] * 0.6
    blood = light * (0.95 * blood + 0.08 + 0.3 * (blotch - 0.5) + 0.22 * (fine - 0.5)) + 0.3 * light * m["inner_corner"]
    pigment = 0.16 * (blotch2 - 0.5) + 0.12 * (fine2 - 0.5) + 0.06 * m["forehead"] - 0.1 * m["chin"] * 0.3
    rings = (0.12 + 0.55 * p["eye_bags"]) * m["under_eye"] + 0.16 * m["socket"] * (0.4 + p["melanin"])
    pigment = pigment + rings
    tone = blood * _tint(c, (-0.06, -0.42, -0.40))
    tone = tone.addcmul_(pigment[None], _tint(c, (-0.55, -0.85, -0.95)))
    if p["freckles"] > 0.02:
        spots, shade = c.noise(4.3, 4.3, ox, oy, 2)
        where = (m["cheeks"] + 0.8 * m["nose"] + 0.35 * m["forehead"] + 0.12 * m["front"]).clamp(0, 1)
        level = 0.86 - 0.3 * p["freckles"] * where
        spot = ramp(0.0, 0.08, spots - level) * (0.4 + 0.6 * shade) * where.sqrt()
        tone = tone.addcmul_(spot[None], _tint(c, (-0.3, -0.58, -0.75)))
    return tone.exp_().mul_(base)


def _lip_paint(c: Chart, p: Mapping[str, float], colour: Tensor, ox: float) -> Tensor:
    m = c.masks
    depth = 0.75 + 0.75 * p["lip_colour"]
    tint = _tint(c, (0.10, 0.62, 0.50)) * depth + _tint(c, (0.22, 0.12, 0.05)) * p["melanin"]
    grain = c.noise(9.0, 2.0, ox)[0] - 0.5
    dark = 0.55 * torch.exp(-(((c.s - 19.1) / 0.09) ** 2)) + 0.18 * grain
    lips = colour * torch.exp(-tint) * torch.exp(-dark)
    return mix(colour, lips, m["lips"] * 0.92)


def _bumps(c: Chart, spots: list[tuple[float, float, float, float]], power: int) -> Tensor:
    """Return the sum (T, T) of bumps (x, y, radius, height) on the face, each drawn only where it is not zero."""
    total = torch.zeros_like(c.x)
    for x, y, r, height in spots:
        rows, cols = c.window(x, y, 4.5 * r)
        if rows.stop > rows.start and cols.stop > cols.start:
            away = ((c.x[rows, cols] - x) ** 2 + (c.y[rows, cols] - y) ** 2) / (r * r)
            total[rows, cols] += height * torch.exp(-(away**power))
    return total * c.masks["front"]


def _spots(c: Chart, p: Mapping[str, float], colour: Tensor, rng: np.random.Generator) -> Tensor:
    """Add moles and blemishes."""
    near = [(rng.uniform(-6, 6), rng.uniform(-10, 6.5), rng.uniform(0.05, 0.14), 1.0) for _ in range(8)]
    if int(p["moles"]) > 0:
        colour = colour * torch.exp(_bumps(c, near[: int(p["moles"])], 2) * _tint(c, (-0.7, -1.0, -1.1)))
    if p["blemishes"] > 0.2:
        red = []
        for _ in range(int(14 * p["blemishes"])):
            place = (rng.uniform(-6, 6), rng.uniform(-10.5, 6.0), rng.uniform(0.1, 0.22))
            red.append((*place, rng.uniform(0.3, 1.0)))
        colour = colour * torch.exp(_bumps(c, red, 1) * _tint(c, (-0.05, -0.35, -0.3)))
    return colour


def _lines(c: Chart, p: Mapping[str, float], ox: float, oy: float) -> Tensor:
    """Return the depth of wrinkles and folds (T, T)."""
    m, w = c.masks, p["wrinkles"]
    broken = 0.35 + 0.9 * c.noise(0.9, 1.3, oy, ox)[0]
    lines = m["forehead_lines"] * 0.9 + m["crows_feet"] + 0.8 * m["frown_lines"] + 0.9 * m["lower_lid_lines"]
    return lines * broken * w + m["fold_line"] * (0.15 + 0.75 * w) + m["marionette"] * 0.7 * w


def _slope(c: Chart, p: Mapping[str, float], lines: Tensor, ox: float, oy: float) -> Tensor:
    """Return the slope of the fine relief to the right and up (2, T, T)."""
    m = c.masks
    lips = 0.5 * m["lips"] * (c.noise(8.0, 1.2, ox)[0] - 0.5)
    pores = (c.noise(14.0, 14.0, ox, oy)[0] - 0.5) * 0.014
    pores = pores + (c.noise(6.0, 6.0, 0.0, ox)[0] - 0.5) * 0.012
    cheeks = (0.4 + 0.6 * (m["cheeks"] + m["nose"]).clamp(0, 1)) * m["front"]
    height = p["pores"] * pores * cheeks + 0.03 * lips - 0.055 * lines - 0.05 * m["crease"]
    right = torch.gradient(height, dim=1)[0] / c.cell[..., 0]
    down = torch.gradient(height, dim=0)[0] / c.cell[..., 1]
    return torch.stack([right, -down]).clamp_(-0.7, 0.7)


def _brows(c: Chart, p: Mapping[str, float], ox: float, oy: float) -> Tensor:
    """Return the cover of the eyebrows (T, T)."""
    m = c.masks
    t = m["brow_x"]
    rise = (
        -0.16
        + 0.22 * p["brow_height"]
        + 0.28 * p["brow_arch"] * torch.exp(-(((t - 0.62) / 0.28) ** 2))
        - 0.1 * p["brow_arch"] * ramp(0.75, 1.1, t)
    )
    y = m["brow_y"] - rise
    half = (0.2 + 0.42 * p["brow_thick"]) * (0.85 + 0.15 * torch.cos(3.0 * t)) * ramp(1.08, 0.55, t) + 0.03
    strand = value_noise(c.x.abs() * 2.0 - y * 3.0 + ox, (y * 1.3 - c.x.abs() * 0.9) * 9.0 + oy)[..., 0]
    fuzz = y / half + 0.55 * (strand - 0.5)
    body = ramp(1.15, 0.55, fuzz.abs()) * ramp(-0.06, 0.1, t + 0.12 * (strand - 0.5)) * ramp(1.06, 0.9, t)
    return body * (0.55 + 0.45 * p["brow_dense"]) * (0.62 + 0.6 * strand).clamp(0, 1) * m["front"]


def scalp_map(c: Chart, p: Mapping[str, float], ox: float, oy: float) -> Tensor:
    """Return the cover of head hair on the scalp (T, T): inside the hairline, thinned by baldness."""
    m = c.masks
    angle = m["angle"].abs()
    front = ramp(75.0, 40.0, angle)
    corner = torch.exp(-(((angle - 38.0) / 13.0) ** 2))
    rise = front * 0.9 * p["hairline"] + (1.6 * corner + 0.4 * front) * p["baldness"] + 0.35 * corner * p["masculinity"]
    ragged = c.noise(1.6, 1.6, ox, oy)[0] * 0.7 + c.noise(6.0, 3.0, oy, ox)[0] * 0.5
    cover = ramp(-0.45, 0.55, m["scalp"] - rise + 0.9 * (ragged - 0.6))
    top = ramp(2.5, 7.5, c.y) * ramp(9.0, 5.0, c.z)
    return cover * (1 - ramp(0.35, 1.0, top.new_tensor(p["baldness"])) * ramp(0.3, 0.8, top + 0.5 * (ragged - 0.6)))


@dataclass(frozen=True, slots=True, eq=False)
class Skin:
    """The painted skin of a person, before beard and hair of the day.

    Attributes:
        texels: (T * T, CHANNELS), with a full head of hair and a clean shave.
        scalp: (S,) texels of the scalp, and `bare`, `hair`: (S, 3) their colours without and with hair.
        bare: (S, 3).
        hair: (S, 3).
        chin: (M,) texels where a beard may grow, `growth` (M, 3) of full beard, goatee and moustache, `stubble` (M,).
        growth: (M, 3).
        stubble: (M,).
        beard: (3,) colour of the beard.
    """

    texels: Tensor
    scalp: Tensor
    bare: Tensor
    hair: Tensor
    chin: Tensor
    growth: Tensor
    stubble: Tensor
    beard: Tensor


@lru_cache(maxsize=8)
def _regions(side: int, device: str) -> tuple[Tensor, Tensor, Tensor]:
    """Return texels of the scalp, texels of the beard, and the three kinds of beard (M, 3) there."""
    m = chart(side, device).masks
    growth = torch.stack([m["beard"], m["goatee"], m["moustache"]], -1).view(-1, 3)
    chin = (growth.amax(1) > 0.01).nonzero().squeeze(1)
    return (m["scalp"].reshape(-1) > -1.6).nonzero().squeeze(1), chin, growth.index_select(0, chin)


def paint(person: Mapping[str, float], side: int, device: str, *, relief: bool = True) -> Skin:
    """Paint the skin of one person.

    Args:
        person: Factors of `PERSON`.
        side: Texels along an edge.
        device: A torch device.
        relief: Whether slopes are wanted; small pictures do without.
    """
    c = chart(side, device)
    m = c.masks
    ox, oy, rng = _seeded(person)
    colour = _spots(c, person, _lip_paint(c, person, _colour(c, person, ox, oy), ox), rng)
    lines = _lines(c, person, ox, oy)
    dark = 0.3 * lines + 2.6 * m["nostrils"] + 0.45 * m["crease"] + 0.25 * m["lower_edge"] + 0.08 * m["upper_lid"]
    dark = dark + (0.8 + 0.9 * person["lashes"]) * m["upper_edge"]
    colour = colour * torch.exp(dark * _tint(c, (-0.8, -1.0, -1.05)))
    hair, grey = _tint(c, torch.tensor(hair_albedo(person))), _tint(c, (0.52, 0.52, 0.53))
    brow = _brows(c, person, ox, oy)
    colour = mix(colour, mix(hair, grey, c.x.new_tensor(0.5 * person["grey"] ** 1.5)) * 0.75, 0.93 * brow)
    cover = scalp_map(c, person, ox, oy)
    streak = 0.7 * c.noise(7.0, 1.5, oy, ox)[0] + 0.5 * c.noise(15.0, 2.0, ox)[0]
    haired = mix(hair, grey, c.x.new_tensor(0.8 * person["grey"])) * (0.22 + 0.6 * streak)
    full = mix(colour, haired, 0.97 * cover)
    slope = _slope(c, person, lines, ox, oy) if relief else c.x.new_zeros((2, side, side))
    gloss = (0.3 + 0.5 * person["oiliness"] * (0.45 + 0.55 * m["t_zone"])) * (1 - 0.7 * brow)
    gloss = gloss + 0.45 * m["lips"] * (0.5 + 0.5 * c.noise(5.0, 3.0)[0])
    planes = torch.cat([full, slope, gloss[None], cover[None], brow[None]]).view(CHANNELS, -1)
    scalp, chin, growth = _regions(side, device)
    arc, s = (t.reshape(-1).index_select(0, chin) for t in (c.arc, c.s))
    stubble = 0.6 * value_noise(arc * 11.0 + oy, s * 7.0 + ox)[..., 0]
    stubble = stubble + 0.6 * value_noise(arc * 22.0 + oy, s * 13.0 + ox)[..., 0]
    bare, thick = (columns(t.view(3, -1).index_select(1, scalp)) for t in (colour, full))
    beard = mix(hair * 0.85, grey, c.x.new_tensor(person["grey"])).view(3)
    return Skin(columns(planes), scalp, bare, thick, chin, growth, stubble, beard)


def dress(skin: Skin, person: Mapping[str, float], day: Mapping[str, float]) -> Tensor:
    """Return the texels (T * T, CHANNELS) of a person with beard and hair of the day."""
    out = skin.texels.clone()
    short = 0.43 * (1.0 - min(1.0, max(0.0, (day["hair_length"] - 0.02) / 0.14)))
    if short > 0.0:
        out[:, :3].index_copy_(0, skin.scalp, torch.lerp(skin.hair, skin.bare, short))
    if person["beard_growth"] > 0.01:
        shape = day["beard_shape"]
        full, goatee = min(1.0, max(0.0, (shape - 0.5) * 4.0)), min(1.0, max(0.0, (shape - 0.2) * 5.0))
        grown = min(1.0, 5.0 * day["beard_length"]) * person["beard_growth"]
        kinds = skin.growth
        beard = torch.maximum(torch.maximum(kinds[:, 0] * full, kinds[:, 1] * goatee), kinds[:, 2]) * grown
        thin = 1 - skin.stubble
        cover = (beard * 1.5 - 0.75 * (1 - beard) * thin - 0.25 * (thin - 0.5)).clamp(0, 0.92) * (beard > 0.01)
        shadow = 0.25 * person["beard_growth"] * (1 - person["melanin"]) * (kinds[:, 0] + kinds[:, 2]).clamp(0, 1)
        cover = torch.maximum(cover, shadow * (0.35 + 0.3 * skin.stubble))
        below = out.index_select(0, skin.chin)
        colour = mix(below[:, :3], skin.beard * (0.6 + 0.8 * skin.stubble)[:, None], cover[:, None])
        matt = below[:, 5] * (1 - 0.7 * cover)
        hairy = torch.maximum(below[:, 7], cover)
        changed = torch.cat([colour, below[:, 3:5], matt[:, None], below[:, 6:7], hairy[:, None]], 1)
        out.index_copy_(0, skin.chin, changed)
    return out
