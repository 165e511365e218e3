"""Backgrounds: walls, studio paper, rooms and the outdoors, out of focus, and the shadow that falls on them."""

import colorsys
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F

from .camera import gaussian_blur
from .light import Lamps
from .noise import mix, ramp, value_noise
from .rig import Columns

Tensor = torch.Tensor
Factors = Mapping[str, float]


class _Plan:
    """Random numbers of one picture's background, drawn in order from its seed."""

    def __init__(self, scene: Factors) -> None:
        self.rng = np.random.default_rng([int(scene["background_seed"]), 5])
        self.hue = scene["background_hue"]

    def colour(self, saturation: tuple[float, float], value: tuple[float, float], spread: float = 0.12) -> list[float]:
        """Return a linear colour near the scene's hue."""
        hue = (self.hue + self.rng.normal(0.0, spread)) % 1.0
        rgb = colorsys.hsv_to_rgb(hue, self.rng.uniform(*saturation), self.rng.uniform(*value))
        return [float(v) ** 2.2 for v in rgb]


def _table(plans: Sequence[_Plan], draw: Callable[[_Plan], list[float]], like: Tensor) -> Tensor:
    """Return (n, k, 1, 1), one row of numbers per picture."""
    return torch.tensor([draw(p) for p in plans], dtype=torch.float32, device=like.device)[:, :, None, None]


def _box(x: Tensor, y: Tensor, t: Tensor, edge: float) -> Tensor:
    """Return (n, H, W) cover of boxes with rows (centre x, y, half width, half height)."""
    cx, cy, hw, hh = t[:, 0], t[:, 1], t[:, 2], t[:, 3]
    return ramp(-edge, edge, hw - (x - cx).abs()) * ramp(-edge, edge, hh - (y - cy).abs())


def _wall(x: Tensor, y: Tensor, plans: Sequence[_Plan]) -> Tensor:
    """Return (n, 3, H, W): plaster, boards or bricks."""
    base = _table(plans, lambda p: p.colour((0.02, 0.4), (0.35, 0.95)), x)
    kind = _table(
        plans, lambda p: [p.rng.uniform(), p.rng.uniform(0, 200), p.rng.uniform(0.16, 0.4), p.rng.uniform(-0.5, 0.5)], x
    )
    xx, yy = x + 0 * kind[:, 0], y + 0 * kind[:, 0]
    shift = kind[:, 1]
    stain = (
        value_noise(xx * 2.5 + shift, yy * 2.5 + shift)[..., 0] * 0.6
        + value_noise(xx * 9 + shift, yy * 9)[..., 0] * 0.4
    )
    pitch = kind[:, 2]
    course = torch.floor(yy / pitch)
    joint_y = ramp(0.0, 0.07, ((yy / pitch) % 1.0 - 0.5).abs().neg() + 0.5)
    joint_x = ramp(0.0, 0.035, (((xx / (2.4 * pitch)) + 0.5 * course) % 1.0 - 0.5).abs().neg() + 0.5)
    brick = (kind[:, 0] < 0.18).float()
    board = ((kind[:, 0] >= 0.18) & (kind[:, 0] < 0.33)).float()
    groove = ramp(0.0, 0.05, ((xx / pitch) % 1.0 - 0.5).abs().neg() + 0.5)
    tint = value_noise(torch.floor(xx / (2.4 * pitch) + 0.5 * course) + 0.5 + shift, course + 0.5)[..., 0] - 0.5
    level = 1.0 + 0.22 * (stain - 0.5)
    level = level * (1 - brick * (0.4 * (1 - joint_x * joint_y) - 0.35 * tint)) * (1 - board * 0.45 * (1 - groove))
    glow = 1.0 + 0.3 * kind[:, 3] * x
    return base * (level * glow)[:, None]


def _paper(x: Tensor, y: Tensor, plans: Sequence[_Plan]) -> Tensor:
    base = _table(plans, lambda p: p.colour((0.0, 0.6), (0.25, 1.0), 0.05), x)
    spot = _table(
        plans,
        lambda p: [
            p.rng.normal(0, 0.35),
            p.rng.normal(0.1, 0.3),
            p.rng.uniform(0.7, 1.5),
            p.rng.uniform(0.2, 0.9),
            p.rng.uniform(0, 99),
        ],
        x,
    )
    r = ((x - spot[:, 0]) ** 2 + (y - spot[:, 1]) ** 2) / spot[:, 2] ** 2
    cloud = value_noise(x * 1.5 + spot[:, 4], y * 1.5 + spot[:, 4])[..., 0] - 0.5
    return base * (1.1 - spot[:, 3] * (1 - torch.exp(-r)) + 0.15 * cloud)[:, None]


def _low_box(p: _Plan) -> list[float]:
    return [p.rng.uniform(-1.7, 1.7), p.rng.uniform(-1.0, -0.3), p.rng.uniform(0.12, 0.5), p.rng.uniform(0.12, 0.5)]


def _high_box(p: _Plan) -> list[float]:
    return [p.rng.uniform(-1.7, 1.7), p.rng.uniform(0.0, 0.8), p.rng.uniform(0.12, 0.5), p.rng.uniform(0.12, 0.5)]


def _room(x: Tensor, y: Tensor, plans: Sequence[_Plan]) -> Tensor:
    edge = 2.0 / x.shape[-2]
    wall = _table(plans, lambda p: p.colour((0.03, 0.35), (0.45, 0.95)), x)
    corner = _table(plans, lambda p: [p.rng.uniform(-1.6, 1.6), p.rng.uniform(0.55, 1.0), p.rng.uniform(-1.1, -0.5)], x)
    side = ramp(-edge, edge, x - corner[:, 0])
    out = wall * (0.85 + 0.15 * y)[:, None] * (1.0 - (1 - corner[:, 1]) * side)[:, None]
    floor = _table(plans, lambda p: p.colour((0.2, 0.6), (0.2, 0.5), 0.3), x)
    out = mix(out, floor.expand_as(out), ramp(edge, -edge, y - corner[:, 2])[:, None])
    for k in range(4):  # furniture, pictures, doors
        low = k < 2
        box = _table(plans, _low_box if low else _high_box, x)
        colour = _table(plans, lambda p: p.colour((0.05, 0.45), (0.1, 0.85), 0.3), x)
        cover = _box(x, y, box, edge)
        out = mix(out, colour * (0.8 + 0.3 * (y - box[:, 1]))[:, None], cover[:, None])
        inner = _box(x, y, box * box.new_tensor([1, 1, 0.8, 0.8]).view(1, 4, 1, 1), edge)
        detail = value_noise(x * 6.0 + 17.0 * k + 40 * box[:, 0], y * 4.0 + 40 * box[:, 1], 3).permute(0, 3, 1, 2)
        detail = detail.mean(1, keepdim=True) * 0.6 + 0.4 * detail
        out = mix(out, colour * (0.3 + 1.2 * detail), (0.8 * inner)[:, None])
    shelf = _table(
        plans,
        lambda p: [
            p.rng.uniform(-1.6, 1.6),
            p.rng.uniform(-0.2, 0.5),
            p.rng.uniform(0.3, 0.6),
            p.rng.uniform(0.4, 0.9),
            float(p.rng.uniform() < 0.45),
            p.rng.uniform(0, 99),
        ],
        x,
    )
    level, along = torch.floor((y + 3) / 0.34), torch.floor(x / 0.045)
    book = value_noise(along + 0.5 + shelf[:, 5], level * 3.0 + 0.5, 4)
    tall = ((y + 3) / 0.34) % 1.0 < 0.55 + 0.35 * book[..., 3]
    books = (0.03 + 0.5 * book[..., :3].permute(0, 3, 1, 2) ** 2) * tall.float()[:, None] + 0.015
    out = mix(out, books, (_box(x, y, shelf, edge) * shelf[:, 4])[:, None])
    pane = _table(
        plans,
        lambda p: [
            p.rng.choice([-1, 1]) * p.rng.uniform(0.5, 1.5),
            p.rng.uniform(0.1, 0.6),
            p.rng.uniform(0.2, 0.5),
            p.rng.uniform(0.3, 0.7),
            float(p.rng.uniform() < 0.5),
        ],
        x,
    )
    glass = (
        _box(x, y, pane, edge)
        * pane[:, 4]
        * ramp(0.0, 0.03, (x - pane[:, 0]).abs())
        * ramp(0.0, 0.03, (y - pane[:, 1]).abs())
    )
    sky = out.new_tensor([1.5, 1.7, 1.9]).view(1, 3, 1, 1) * (0.8 + 0.3 * y)[:, None]
    out = mix(out, sky, glass[:, None])
    lamp = _table(
        plans,
        lambda p: [
            p.rng.uniform(-1.5, 1.5),
            p.rng.uniform(0.2, 0.9),
            p.rng.uniform(0.05, 0.12),
            float(p.rng.uniform() < 0.4),
        ],
        x,
    )
    r = ((x - lamp[:, 0]) ** 2 + (y - lamp[:, 1]) ** 2) / lamp[:, 2] ** 2
    bulb = (ramp(1.4, 0.7, r) * 2.2 + 0.25 * torch.exp(-r / 14.0)) * lamp[:, 3]
    return out + bulb[:, None] * out.new_tensor([1.0, 0.72, 0.42]).view(1, 3, 1, 1)


def _outdoors(x: Tensor, y: Tensor, plans: Sequence[_Plan]) -> Tensor:
    edge = 2.0 / x.shape[-2]
    top = _table(
        plans, lambda p: list(np.array([0.18, 0.36, 0.72]) * p.rng.uniform(0.6, 1.3) + p.rng.uniform(0.0, 0.35)), x
    )
    low = _table(
        plans,
        lambda p: list(
            np.array([0.78, 0.84, 0.9]) * p.rng.uniform(0.7, 1.3) + np.array([0.25, 0.05, -0.1]) * p.rng.uniform()
        ),
        x,
    )
    line = _table(
        plans,
        lambda p: [
            p.rng.uniform(-0.5, 0.15),
            p.rng.uniform(0, 200),
            p.rng.uniform(0.1, 0.75),
            float(p.rng.uniform() < 0.4),
        ],
        x,
    )
    shift = line[:, 1]
    cloud = (
        value_noise(x * 1.4 + shift, y * 3.0 + shift)[..., 0] * 0.6
        + value_noise(x * 4.0 + shift, y * 7.0)[..., 0] * 0.4
    )
    out = mix(low.expand(-1, 3, *x.shape[-2:]), top, ramp(0.0, 1.3, y - line[:, 0])[:, None])
    out = mix(out, torch.full_like(out, 0.95), (0.7 * ramp(0.5, 0.75, cloud))[:, None])
    town = line[:, 3]
    along = torch.floor((x + 3) / 0.37)
    roof = value_noise(along + 0.5 + shift, 0 * along + 3.5 + shift, 4)
    wallc = _table(plans, lambda p: p.colour((0.02, 0.35), (0.35, 0.85), 0.3), x)
    build = ramp(edge, -edge, y - line[:, 0] - 0.15 - 0.85 * roof[..., 0]) * town
    pane = ramp(0.25, 0.35, ((x + 3) / 0.074) % 1.0) * ramp(0.3, 0.4, ((y + 3) / 0.11) % 1.0)
    out = mix(out, wallc * ((0.5 + 0.8 * roof[..., 1]) * (1 - 0.5 * pane))[:, None], build[:, None])
    leaf = value_noise(x * 7 + shift, y * 7 + shift, 2)
    fine = value_noise(x * 19 + shift, y * 19, 2)
    crown = (
        line[:, 0]
        + 1.3 * line[:, 2] * value_noise(x * 1.3 + shift, 0 * y + shift)[..., 0]
        + 0.16 * leaf[..., 0]
        + 0.08 * fine[..., 0]
    )
    green = _table(
        plans,
        lambda p: list(
            np.array([0.09, 0.15, 0.035]) * p.rng.uniform(0.5, 1.6)
            + np.array([0.12, 0.02, 0]) * (p.rng.uniform() < 0.25)
        ),
        x,
    )
    shade = 0.35 + 1.1 * leaf[..., 1] * (0.5 + fine[..., 1])
    tree = ramp(edge, -edge, y - crown)
    gaps = ramp(0.8, 0.86, fine[..., 0] * 0.6 + leaf[..., 1] * 0.5)
    out = mix(out, green * shade[:, None], (tree * (1 - gaps))[:, None])
    ground = _table(
        plans, lambda p: list(np.array([[0.1, 0.14, 0.04], [0.28, 0.25, 0.21], [0.35, 0.3, 0.2]])[p.rng.integers(3)]), x
    )
    return mix(out, ground * (0.7 + 0.6 * fine[..., 0])[:, None], ramp(0.02, -0.02, y - line[:, 0] + 0.12)[:, None])


_KINDS = ((0.2, _wall), (0.4, _paper), (0.7, _room), (2.0, _outdoors))


def _shadow(x: Tensor, y: Tensor, c: Columns, light: Lamps) -> Tensor:
    """Return (B, H, W): the soft shadow of head and shoulders on a wall close behind."""
    key = light.table[:, :3]
    away = (0.35 / key[:, 2].clamp(min=0.35)).view(-1, 1, 1)
    dx, dy = -key[:, 0].view(-1, 1, 1) * away, -key[:, 1].view(-1, 1, 1) * away
    u, v = x - dx - 2 * c["offset_x"].view(-1, 1, 1), y - dy - 0.05
    size = c["head_size"].view(-1, 1, 1)
    soft = 0.12 + 0.5 * c["key_soft"].view(-1, 1, 1)
    head = torch.sqrt((u / (0.8 * size)) ** 2 + (v / (1.05 * size)) ** 2)
    body = torch.sqrt((u / (2.0 * size)) ** 2 + ((v + 1.75 * size) / (0.85 * size)) ** 2)
    near = torch.minimum(head, body)
    return torch.sigmoid((1.0 - near) / soft) * (1 - 0.6 * c["key_soft"].view(-1, 1, 1))


def background(scenes: Sequence[Factors], c: Columns, light: Lamps, height: int, width: int, device: str) -> Tensor:
    """Render the backgrounds of a batch.

    Args:
        scenes: Factors of the scenes; `c` holds the same as columns.
        c: Columns.
        light: The lamps, for shadow and colour.
        height: Rows of the result.
        width: Columns of the result.
        device: A torch device.

    Returns:
        Linear light (B, 3, H, W).
    """
    rows = min(height, 24 + height // 6)
    cols = max(8, round(rows * width / height))
    y = torch.linspace(1.0, -1.0, rows, device=device)[None, :, None].expand(1, rows, cols)
    x = torch.linspace(-1.0, 1.0, cols, device=device)[None, None, :].expand(1, rows, cols) * (width / height)
    kinds = [next(k for k, (limit, _) in enumerate(_KINDS) if scene["background_kind"] < limit) for scene in scenes]
    canvas = torch.empty((len(scenes), 3, rows, cols), device=device)
    for kind, (_, paint) in enumerate(_KINDS):
        which = [k for k, own in enumerate(kinds) if own == kind]
        if which:
            index = torch.tensor(which, device=device)
            canvas.index_copy_(0, index, paint(x, y, [_Plan(scenes[k]) for k in which]).expand(-1, 3, rows, cols))
    near = torch.tensor([1.0 if k < 2 else 0.0 for k in kinds], device=device).view(-1, 1, 1, 1)
    lit = light.table[:, 3:6].view(-1, 3, 1, 1) * (1 - 0.62 * near * _shadow(x, y, c, light)[:, None])
    around = light.table[:, 12:15].view(-1, 3, 1, 1)
    indoor = torch.tensor([1.0 if k < 3 else 0.25 for k in kinds], device=device).view(-1, 1, 1, 1)
    lamp = mix(torch.ones_like(lit), 0.55 * lit + 0.8 * around, indoor)
    canvas = canvas * lamp * (0.25 + 0.9 * c["background_light"]).view(-1, 1, 1, 1)
    sigma = (0.25 + 0.042 * rows * c["background_defocus"]).clamp(min=0.3)
    canvas = gaussian_blur(canvas, sigma, max(2, round(0.085 * rows)))
    return F.interpolate(canvas.clamp(min=0.0), size=(height, width), mode="bilinear", align_corners=False)
