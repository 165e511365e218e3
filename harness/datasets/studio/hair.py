"""Hair styles, beards and eyelashes."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch

from .noise import mix, ramp
from .parts import Part
from .rig import Columns, Posed, Rig, place
from .sculpt import EYE_HALF, EYE_X
from .skin import hair_albedo
from .strands import Roots, lock_noise, ribbons, roots

Tensor = torch.Tensor
Factors = Mapping[str, float]

_CENTRE = (0.0, 1.4, -1.0)
_RADII = (7.75, 10.9, 10.0)


def hair_colours(persons: Sequence[Factors], device: str) -> Tensor:
    """Return (B, 4): linear albedo without grey, and the share of grey."""
    rows = [[*hair_albedo(p), p["grey"]] for p in persons]
    return torch.tensor(np.array(rows), dtype=torch.float32, device=device)


def hair_reach(length: Tensor) -> Tensor:
    """Return the length of the hair in centimetres."""
    return 0.5 + 5.0 * length + 30.0 * length**3


def thickness(r: Rig, p: Columns, c: Columns, scalp: Tensor) -> Tensor:
    """Return (B, V) how far the mass of the hair lifts the surface of the scalp (V,), in centimetres."""
    length = c["hair_length"]
    depth = (0.2 + 0.75 * c["hair_volume"] + 0.5 * p["hair_curl"]) * ((length - 0.06) / 0.3).clamp(0, 1)
    depth = depth * (1 - 0.9 * p["baldness"].clamp(0, 1)) * (1 - 0.4 * c["hair_back"])
    inside = ramp(0.1, 2.8, scalp[None] - 0.9 * p["hairline"][:, None] - 0.4)
    return inside * depth[:, None]


def _comb(root: Roots, c: Columns, normal: Tensor, locks: Tensor) -> Tensor:
    """Return (B, N, 3) the direction in which every hair is combed."""
    x, y, z = root.at.unbind(1)
    part = (3.6 * c["hair_part"])[:, None]
    side = torch.tanh((x[None] - part) / 0.7)
    zero = torch.zeros_like(side)
    top = ramp(4.0, 8.5, y)[None]
    front = (ramp(2.5, 5.0, z) * ramp(3.5, 5.5, y))[None]
    fall = torch.stack(
        [0.28 * torch.sign(x)[None] + zero, -1.0 + zero, (-0.25 - 0.2 * ramp(3.0, 6.0, z))[None] + zero], -1
    )
    away = torch.stack([0.85 * side, -0.35 + zero, -0.4 + zero], -1)
    comb = mix(fall, away, top[..., None])
    fringe = (c["hair_fringe"].sqrt()[:, None] * front)[..., None]
    comb = mix(comb, torch.stack([0.55 * side, -0.8 + zero, 0.75 + zero], -1), fringe)
    back = (c["hair_back"][:, None] * ramp(-1.0, 4.0, y)[None])[..., None]
    comb = mix(comb, torch.stack([0.12 * side, 0.15 + zero, -1.0 + zero], -1), back)
    comb = comb + 0.38 * locks
    comb = comb - normal * (comb * normal).sum(-1, keepdim=True).clamp(max=0.0)
    length: Tensor = torch.linalg.vector_norm(comb, dim=-1, keepdim=True)
    return comb / length.clamp(min=1e-4)


def _keep_out(point: Tensor, level: Tensor, bare: Tensor) -> Tensor:
    """Push (B, N, 3) points out of skull, face, neck and shoulders; `level` (B, N) is the shell each hair stays on."""
    centre, radii = point.new_tensor(_CENTRE), point.new_tensor(_RADII)
    away = (point - centre) / radii
    now = away.norm(dim=-1).clamp(min=1e-3)
    grow = (level / now).clamp(min=1.0) * ramp(-13.0, -5.0, point[..., 1]) + 1.0 * ramp(-5.0, -13.0, point[..., 1])
    point = centre + (point - centre) * grow.clamp(min=1.0)[..., None]
    x, y, z = point.unbind(-1)
    radius = torch.sqrt(x * x + (z + 1.8) ** 2).clamp(min=1e-3)
    tight = (6.6 / radius).clamp(min=1.0) * ramp(-5.0, -9.0, y) + ramp(-9.0, -5.0, y)
    tight = tight.clamp(min=1.0)
    x, z = x * tight, (z + 1.8) * tight - 1.8
    free = 7.2 * ramp(7.6, 1.6, y) * ramp(0.5, 3.5, z) * bare  # the face itself stays uncovered
    x = torch.sign(x) * torch.maximum(x.abs(), free)
    z = torch.minimum(z, 1.2 + 9.0 * ramp(0.5, 6.0, y) + 30.0 * (1.0 - bare))  # and so do the cheeks, from the side
    ground = -15.2 - 0.36 * (x.abs() - 6.0).clamp(min=0) - 0.02 * z.clamp(min=0) ** 2
    sunk = (ground + 0.3 - y).clamp(min=0) * ((x.abs() > 5.0) & (y > -30)).float()
    z = z + torch.where(z > -1.5, 0.55 * sunk, -0.4 * sunk)
    return torch.stack([x, y + 0.25 * sunk, z], -1)


def _grow(
    root: Roots, start: Tensor, normal: Tensor, p: Columns, c: Columns, knots: int, shift: Tensor
) -> tuple[Tensor, Tensor]:
    """Grow scalp hair; return knots (B, N, K, 3) in the head's frame and lengths (B, N)."""
    locks = lock_noise(root.at, 0.55, shift)
    fine = 2.0 * root.chance[None, :, 0:3] - 1.0
    coil = ramp(0.62, 0.85, p["hair_curl"])[:, None]
    curl = p["hair_curl"][:, None]
    length = hair_reach(c["hair_length"])[:, None] * (0.78 + 0.3 * root.chance[None, :, 3])
    front = (ramp(3.0, 6.0, root.at[:, 2]) * ramp(3.0, 5.0, root.at[:, 1]))[None]
    fringe = c["hair_fringe"][:, None] * front * (1 - coil)
    length = mix(length, length.clamp(max=4.8), (fringe > 0.2).float())
    sides = ramp(4.5, 1.0, root.at[:, 1])[None]
    length = mix(length, length * 0.55, sides * ramp(0.5, 0.3, c["hair_length"])[:, None])
    length = mix(length, (0.45 * length).clamp(max=7.5), coil)
    places = np.linspace(0.0, 1.0, knots) ** 1.5  # short steps where the hair bends around the head
    strides = [length[..., None] * float(d) for d in np.diff(places)]
    centre, radii = start.new_tensor(_CENTRE), start.new_tensor(_RADII)
    base = ((start - centre) / radii).norm(dim=-1)
    volume = (0.015 + 0.07 * c["hair_volume"] * (1 - 0.6 * c["hair_back"]) + 0.04 * p["hair_curl"])[:, None]
    step = _comb(root, c, normal, locks)
    lift = ramp(0.42, 0.12, c["hair_length"])[:, None, None] * 0.6 + 0.9 * coil[..., None] + 0.18
    step = step * (1 - 0.8 * coil[..., None]) + normal * lift + (0.1 + 0.25 * curl[..., None]) * fine
    down = start.new_tensor([0.0, -1.0, 0.0])
    bare = (1.0 - fringe).clamp(0, 1)
    weight = (0.16 + 0.035 * length * (1 - 0.4 * curl))[..., None] * (1 - 0.95 * coil[..., None])
    point, line = start, [start]
    for k in range(1, knots):
        step = step / step.norm(dim=-1, keepdim=True).clamp(min=1e-4)
        stride = strides[k - 1]
        point = point + stride * step
        t = float(places[k])
        level = torch.maximum(base, 0.97 + 0 * base) * (
            1.0 + volume * (0.4 + 0.6 * root.chance[None, :, 4]) * min(1.0, 3.0 * t)
        )
        point = _keep_out(point, level, bare)
        line.append(point)
        step = (point - line[-2]) / stride + weight * down * (1.5 * float(places[k] - places[k - 1]) * (knots - 1))
    return _curl(torch.stack(line, 2), length, curl, locks, root), length


def _curl(line: Tensor, length: Tensor, curl: Tensor, locks: Tensor, root: Roots) -> Tensor:
    knots = line.shape[2]
    t = torch.linspace(0, 1, knots, device=line.device) ** 1.5
    turns = length * (0.04 + 0.22 * curl)
    phase = 9.0 * locks[..., 0] + 1.2 * root.chance[None, :, 5]
    angle = 6.2832 * (turns.clamp(max=0.22 * knots)[..., None] * t) + phase[..., None]
    radius = (0.05 + 0.62 * curl * (1.3 - curl) * (length / 4.0).clamp(max=1.0))[..., None] * t.clamp(max=0.4) * 2.5
    outward = line - line.new_tensor(_CENTRE)
    outward = outward / torch.linalg.vector_norm(outward, dim=-1, keepdim=True)
    level = torch.stack([-outward[..., 2], torch.zeros_like(outward[..., 0]), outward[..., 0]], -1)
    swing: Tensor = (radius * angle.cos())[..., None] * level + (0.55 * radius * (1 + angle.sin()))[..., None] * outward
    return line + swing


def _tint(root: Roots, colours: Tensor, locks: Tensor) -> Tensor:
    """Return (B, N, 3) albedo of every strand."""
    chance = root.chance
    shade = (0.72 + 0.5 * chance[:, 1])[None] * (1.0 + 0.22 * locks[..., 1])
    share = colours[:, 3:4]
    turned = ramp(-0.3, 0.3, share - chance[None, :, 2])
    grey = (0.8 * share * turned + 0.45 * share * share).clamp(max=0.93)
    pale = torch.log(colours.new_tensor([0.46, 0.45, 0.44]))
    own = torch.log(colours[:, None, :3]).expand(-1, chance.shape[0], -1)
    return torch.exp(mix(own, pale, grey[..., None])) * shade[..., None]


class Hair(NamedTuple):
    """Grown hair of the head, in the head's own frame.

    Attributes:
        line: (B, N, K, 3) knots of the strands.
        width: (B, N, K) centimetres.
        colour: (B, N, 3) linear albedo.
        opened: (B, N, K) share of the surroundings seen.
    """

    line: Tensor
    width: Tensor
    colour: Tensor
    opened: Tensor


def grow_hair(
    r: Rig,
    p: Columns,
    c: Columns,
    posed: Posed,
    normals: Tensor,
    cover: Tensor,
    persons: Sequence[Factors],
    strands: int,
) -> Hair:
    """Grow the hair of the head.

    Args:
        r: The rig.
        p: Persons; `c` are scenes.
        c: Scenes.
        posed: The heads.
        normals: (B, V, 3) of the heads in their own frame.
        cover: (B, N) share of hair at the roots `roots("scalp", strands, ...)`.
        persons: Factors, for colours.
        strands: Number of strands.
    """
    device = str(posed.head.device)
    root = roots("scalp", strands, r.grid.detail, device)
    knots = 6 if strands < 200 else 7 if strands < 600 else 9 if strands < 2000 else 12
    batch = posed.head.shape[0]
    start = root.gather(posed.shape.reshape(batch, -1, 3))
    normal = root.gather(normals)
    shift = p["texture_seed"] % 173.0 + c["background_seed"] % 31.0
    line, length = _grow(root, start, normal, p, c, knots, shift)
    t = torch.linspace(0, 1, knots, device=line.device)
    full = (0.24 + 0.05 * p["hair_curl"])[:, None] * (2600.0 / strands) ** 0.55
    width = full[..., None] * (1.0 - 0.75 * t**2) * (cover > 0.5 * (0.5 + root.chance[None, :, 3]))[..., None]
    share = (6.0 / length).clamp(0.12, 1.0) ** 0.6  # long hair covers itself many times
    share = share.clamp(min=min(1.0, 300.0 / strands))
    width = width * (root.chance[None, :, 5] < share)[..., None]
    width = width * ((c["hair_length"] - 0.08) / 0.05).clamp(0, 1)[:, None, None]
    locks = lock_noise(root.at, 0.9, shift)
    shell = 0.55 + 0.45 * root.chance[None, :, 4]
    opened = (shell * ramp(0.0, 3.0, length))[..., None] * (0.35 + 0.65 * t.sqrt()) + 0.12
    return Hair(line, width, _tint(root, hair_colours(persons, device), locks), opened.clamp(0, 1))


def hair_parts(
    r: Rig,
    p: Columns,
    c: Columns,
    posed: Posed,
    normals: Tensor,
    hair: Hair,
    persons: Sequence[Factors],
    strands: int,
) -> list[Part]:
    """Build the hair of the head and the beard; the arguments are those of `grow_hair`, and what it returned."""
    parts = [ribbons(place(hair.line, posed.rotation), hair.width, hair.colour, hair.opened, 1.0)]
    if bool((c["beard_length"] * (p["beard_growth"] > 0.05) > 0.22).any()):
        parts.append(_beard(r, p, c, posed, normals, persons, max(60, strands // 3)))
    return parts


def _beard(
    r: Rig, p: Columns, c: Columns, posed: Posed, normals: Tensor, persons: Sequence[Factors], count: int
) -> Part:
    device = str(posed.head.device)
    root = roots("beard", count, r.grid.detail, device)
    batch = posed.head.shape[0]
    start, normal = root.gather(posed.shape.reshape(batch, -1, 3)), root.gather(normals)
    x, y, _ = root.at.unbind(1)
    shape, grown = c["beard_shape"][:, None], c["beard_length"][:, None]
    lip = (ramp(-7.3, -7.0, y) * ramp(3.2, 2.7, x.abs()))[None]
    chin = (ramp(2.6, 1.8, x.abs()) * ramp(-8.0, -8.8, y))[None]
    allowed = torch.maximum(torch.maximum(lip, chin * (shape > 0.3)), (shape > 0.65).float() * torch.ones_like(lip))
    length = (0.35 + 7.0 * (grown - 0.2).clamp(min=0) ** 1.3) * (1 - 0.6 * lip) * (0.7 + 0.5 * root.chance[None, :, 3])
    length = length * (0.45 + 0.55 * (ramp(-6.5, -10.5, y)[None]))
    side = torch.sign(x)[None] * (0.75 * lip + 0.1)
    down = torch.stack([side, -1.0 + 0 * side, 0.12 + 0 * side], -1)
    fine = (2.0 * root.chance[None, :, 0:3] - 1.0) * 0.35
    knots = 4 if count < 200 else 6
    stride = (length / (knots - 1))[..., None]
    point, step, line = start, down * 0.9 + 0.55 * normal + fine, [start]
    for _ in range(knots - 1):
        step = step / step.norm(dim=-1, keepdim=True)
        point = point + stride * step
        line.append(point)
        step = step + 0.22 * down
    knot = torch.stack(line, 2)
    t = torch.linspace(0, 1, knots, device=knot.device)
    shown = (
        (grown > 0.22)
        & (allowed > root.chance[None, :, 4])
        & (p["beard_growth"][:, None] > 0.25 + 0.5 * root.chance[None, :, 5] - 0.25)
    )
    width = 0.13 * (860.0 / count) ** 0.5 * (1.0 - 0.7 * t) * shown[..., None]
    colour = _tint(root, hair_colours(persons, device), lock_noise(root.at, 1.5, p["texture_seed"] % 173.0)) * 0.9
    opened = (0.45 + 0.5 * t).expand(batch, count, knots)
    return ribbons(place(knot, posed.rotation), width, colour, opened, 0.5, casts=False)


@lru_cache(maxsize=8)
def _lash_roots(detail: float, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return vertices (2 * count, 2), the weight of the second, and the place -1 to 1 along the lid."""
    from .sculpt import head_grid

    grid = head_grid(detail)
    row = int(np.flatnonzero((grid.side[:-1, 0] < 0) & (grid.side[1:, 0] > 0))[0])
    cols = grid.rest.shape[1]
    middle = np.flatnonzero(grid.rest[row, :, 2] > 2.0)
    xs = grid.rest[row, middle, 0]
    e = np.linspace(-0.86, 0.99, count)
    want = np.concatenate([-(EYE_X + EYE_HALF * e), EYE_X + EYE_HALF * e])
    k = np.clip(np.searchsorted(xs, want) - 1, 0, len(xs) - 2)
    blend = (want - xs[k]) / (xs[k + 1] - xs[k])
    index = row * cols + np.stack([middle[k], middle[k + 1]], 1)
    return index, blend, np.concatenate([e, e])


def lash_part(r: Rig, p: Columns, s: Columns, posed: Posed, detail: float) -> Part:
    """Build the upper eyelashes."""
    count = max(9, round(44 * detail))
    index, blend, e = _lash_roots(r.grid.detail, count)
    device = posed.head.device
    batch = posed.head.shape[0]
    vertices = posed.shape.reshape(batch, -1, 3)
    corner = vertices.index_select(1, torch.tensor(index.reshape(-1), device=device)).view(batch, -1, 2, 3)
    w = torch.tensor(blend, dtype=torch.float32, device=device)[None, :, None]
    start = mix(corner[:, :, 0], corner[:, :, 1], w)
    along = torch.tensor(e, dtype=torch.float32, device=device)[None]
    sign = torch.sign(start[..., 0])
    blink = torch.cat([s["blink_left"][:, None].expand(-1, count), s["blink_right"][:, None].expand(-1, count)], 1)
    length = (0.2 + 0.4 * p["lashes"])[:, None] * (0.75 + 0.35 * along)
    out = torch.stack([sign * (0.15 + 0.5 * along), -0.05 - 0.75 * blink, 0.85 + 0 * along + 0 * blink], -1)
    up = torch.stack([0 * blink, 0.95 - 0.75 * blink, 0 * blink], -1)
    t = torch.linspace(0, 1, 4, device=device)[None, None, :, None]
    line = start[:, :, None] + length[:, :, None, None] * (out[:, :, None] * t + up[:, :, None] * t * t)
    line = line + line.new_tensor([0.0, 0.0, 0.04])
    width = (0.05 / detail**0.5) * (1.0 - 0.8 * t[..., 0]) * torch.ones_like(line[..., 0])
    colour = start.new_tensor([0.012, 0.009, 0.008]).expand(batch, 2 * count, 3)
    return ribbons(place(line, posed.rotation), width, colour, torch.full_like(width, 0.5), 0.1, casts=False)
