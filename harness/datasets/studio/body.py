"""Ears, shoulders and clothes."""

import colorsys
from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
import torch
from scipy.interpolate import PchipInterpolator

from .noise import ramp, value_noise
from .parts import CLOTH, SKIN, Part, grid_faces
from .rig import Columns, Posed, Rig, grid_normals, place
from .sculpt import Array, smooth

Tensor = torch.Tensor

# row: half width, y at the side, y in front, z in front, y at the back, z at the back
_TORSO = np.array(
    [
        (6.4, -15.6, -18.6, 3.8, -14.4, -7.0),
        (7.0, -15.3, -18.5, 4.7, -14.1, -7.9),
        (7.8, -15.9, -19.2, 5.3, -14.8, -8.5),
        (10.2, -16.8, -20.6, 6.5, -16.2, -9.6),
        (14.2, -18.0, -22.4, 8.0, -18.0, -10.6),
        (18.0, -19.8, -24.5, 9.3, -20.0, -11.2),
        (20.6, -22.8, -27.0, 10.1, -23.0, -11.7),
        (21.8, -28.0, -31.0, 10.8, -27.0, -12.0),
        (22.2, -36.0, -38.0, 11.2, -35.0, -12.0),
        (22.5, -60.0, -60.0, 11.2, -60.0, -12.0),
    ]
)


@lru_cache(maxsize=8)
def _ear(rings: int, segments: int, device: str) -> tuple[Tensor, Tensor]:
    """Return local (rings * segments, 3) up, back, out and (rings * segments,) occlusion of an ear."""
    r = np.linspace(0.02, 1.0, rings)[:, None]
    a = np.linspace(0.0, 2 * np.pi, segments)[None]
    up, back = r * np.sin(a), r * np.cos(a)
    behind = smooth(-0.75, 0.1, np.cos(a)) + 0.8 * smooth(0.5, 0.9, np.sin(a))
    behind = np.clip(behind, 0, 1) * smooth(-0.95, -0.55, np.sin(a))
    helix = 0.42 * np.exp(-(((r - 0.88) / 0.1) ** 2)) * behind
    groove = -0.16 * np.exp(-(((r - 0.72) / 0.08) ** 2)) * behind
    ridge = 0.3 * np.exp(-(((r - 0.55) / 0.11) ** 2)) * smooth(-0.4, 0.2, np.cos(a))
    bowl = -0.62 * np.exp(-(((back + 0.12) / 0.36) ** 2 + ((up + 0.08) / 0.36) ** 2))
    tragus = 0.4 * np.exp(-(((back + 0.62) / 0.16) ** 2 + ((up + 0.12) / 0.22) ** 2))
    lobe = 0.12 * np.exp(-(((up + 0.8) / 0.2) ** 2))
    out = helix + groove + ridge + bowl + tragus + lobe - 0.4 * smooth(0.93, 1.0, r) * behind
    taper = 1.0 - 0.3 * smooth(0.0, -1.0, np.sin(a)) + 0.06 * np.sin(a)
    local = np.stack(np.broadcast_arrays(3.05 * up, 1.75 * back * taper, out), -1)
    shut = 1.0 - 0.65 * np.exp(-(((back + 0.1) / 0.36) ** 2 + ((up + 0.08) / 0.4) ** 2)) - 0.3 * (groove / -0.16) * 0.8
    return (
        torch.tensor(local.reshape(-1, 3), dtype=torch.float32, device=device),
        torch.tensor((shut * np.ones_like(out)).clip(0.2, 1).reshape(-1), dtype=torch.float32, device=device),
    )


def ear_parts(r: Rig, p: Columns, posed: Posed, detail: float) -> list[Part]:
    """Build both ears; they are painted with the skin of the cheek in front of them."""
    rings, segments = max(7, round(15 * detail)), max(13, round(36 * detail))
    device = str(posed.head.device)
    local, shut = _ear(rings, segments, device)
    rows, cols = posed.shape.shape[1:3]
    rest = r.grid.rest
    parts = []
    size = (1.0 + 0.1 * p["ear_size"] + 0.002 * (p["age"] - 40.0))[:, None]
    tilt = torch.deg2rad(27.0 + 14.0 * p["ear_out"])[:, None]
    for sign in (-1.0, 1.0):
        cost = (rest[..., 1] + 1.2) ** 2 + (rest[..., 2] + 0.6) ** 2 + 1e3 * (sign * rest[..., 0] < 0)
        cost += 1e3 * (rest[..., 1] < -6)
        anchor = posed.shape.view(-1, rows * cols, 3)[:, int(np.argmin(cost))]
        up, back, out = (local[None, :, k] * size for k in range(3))
        side = out * 0.95 * tilt.cos() + (back + 1.1) * tilt.sin() - 0.35
        depth = back * tilt.cos() - out * tilt.sin() * 0.6 + 0.55
        x = anchor[:, 0:1] + sign * side
        y = anchor[:, 1:2] + up * 0.98 - 0.16 * depth
        z = anchor[:, 2:3] - depth - 0.16 * up
        points = torch.stack([x, y, z], -1).view(-1, rings, segments, 3)
        index = torch.arange(rings, device=device)
        normals = grid_normals(points, (index - 1).clamp(min=0), (index + 1).clamp(max=rings - 1)) * sign
        patch_u = 0.5 + sign * (0.285 + 0.012 * local[None, :, 1]).expand_as(x)
        patch_v = (0.40 + 0.008 * local[None, :, 0]).expand_as(x)
        paint = torch.stack([patch_u, patch_v, torch.full_like(x, 0.6)], -1)
        light = torch.stack([shut[None].expand_as(x), torch.ones_like(x), torch.ones_like(x)], -1)
        faces = grid_faces(rings, segments, device)
        flat = (posed.shape.shape[0], rings * segments, 3)
        world = place(points.reshape(flat), posed.rotation)
        turned = place(points.reshape(flat) + normals.reshape(flat), posed.rotation) - world
        parts.append(Part(SKIN, world, turned, paint, light, faces, two_sided=True))
    return parts


@lru_cache(maxsize=8)
def _torso(rows: int, cols: int) -> Array:
    t = np.linspace(0, len(_TORSO) - 1, rows)
    width, side_y, front_y, front_z, back_y, back_z = (
        PchipInterpolator(np.arange(len(_TORSO)), _TORSO[:, k])(t)[:, None] for k in range(6)
    )
    a = np.linspace(-np.pi, np.pi, cols)[None]
    sin, cos = np.sin(a), np.cos(a)
    power = 2.0 / (2.0 + 0.7 * smooth(2, 6, t)[:, None])
    x = width * np.sign(sin) * np.abs(sin) ** power
    reach = np.abs(cos) ** power
    ahead = cos > 0
    y = np.where(
        ahead, front_y + (side_y - front_y) * (1 - np.abs(cos) ** 1.3), back_y + (side_y - back_y) * (1 - np.abs(cos))
    )
    z = np.where(ahead, -1.6 + (front_z + 1.6) * reach, -1.6 + (back_z + 1.6) * reach)
    chest = 0.5 * np.exp(-(((np.abs(x) - 8) / 4.5) ** 2 + ((y + 33) / 5) ** 2)) * ahead
    return np.stack([x, y, z + chest], -1)


@lru_cache(maxsize=8)
def _torso_faces(rows: int, cols: int, device: str) -> Tensor:
    """Return the triangles of the clothes without the back, which no camera sees: only its collar shows."""
    quads = grid_faces(rows, cols, "cpu").view(rows - 1, cols - 1, 2, 3)
    side = torch.linspace(-180.0, 180.0, cols)[:-1] + 180.0 / (cols - 1)
    below = torch.linspace(0.0, 1.0, rows)[:-1]
    kept = (side.abs()[None] < 125.0) | (below[:, None] < 0.5)
    return quads[kept].reshape(-1, 3).to(device)


def clothes_part(p: Columns, c: Columns, posed: Posed, detail: float) -> Part:
    """Build the clothed shoulders; the paint channels carry x, y of the cloth and the distance below the collar."""
    rows, cols = max(12, round(46 * detail)), max(17, round(72 * detail))
    device = posed.head.device
    rest = torch.tensor(_torso(rows, cols), dtype=torch.float32, device=device)[None]
    broad = (1.0 + 0.07 * p["shoulder_width"] + 0.06 * (p["masculinity"] - 0.5)).view(-1, 1, 1, 1)
    neck = (1.0 + 0.11 * p["neck_width"]).view(-1, 1, 1, 1)
    t = torch.linspace(0, 1, rows, device=device).view(1, -1, 1, 1)
    wide = neck + (broad - neck) * ramp(0.1, 0.6, t)
    scale = torch.cat([wide, torch.ones_like(wide), 1 + 0.6 * (wide - 1)], -1)
    points = rest * scale
    drop = 0.9 * (posed.shape.new_tensor(1.0) * (c["clothes_kind"] < 0.35)).view(-1, 1, 1) * ramp(0.3, 0.0, t[..., 0])
    rise = 1.3 * (c["clothes_kind"] >= 0.6).to(t.dtype).view(-1, 1, 1) * ramp(0.2, 0.0, t[..., 0])
    sunk = (drop - rise) * ramp(-6.0, -1.0, points[..., 2])
    points = points - torch.stack([0 * sunk, sunk, 0 * sunk], -1)
    fold = value_noise(
        points[..., 0] * 0.22 + 20 + (c["background_seed"] % 40).view(-1, 1, 1), points[..., 1] * 0.13 + 30, 1
    )[..., 0]
    fold = fold + 0.5 * value_noise(points[..., 0] * 0.5 + 50, points[..., 1] * 0.35 + 10, 1)[..., 0] - 0.75
    points = points + torch.stack([0 * fold, 0 * fold, 1.5 * fold * ramp(0.12, 0.5, t[..., 0])], -1)
    index = torch.arange(rows, device=device)
    normals = grid_normals(points, (index - 1).clamp(min=0), (index + 1).clamp(max=rows - 1))
    flat = (wide.shape[0], rows * cols, 3)
    world = place(points.reshape(flat), posed.body)
    turned = place((points + normals).reshape(flat), posed.body) - world
    paint = torch.stack([points[..., 0], points[..., 1], (10.0 * t[..., 0]).expand_as(points[..., 0])], -1)
    shut = (0.55 + 0.45 * ramp(0.0, 0.35, t[..., 0])).expand_as(points[..., 0])
    light = torch.stack([shut, 0 * shut + 0.06, 0 * shut], -1)
    return Part(
        CLOTH,
        world,
        turned,
        paint.reshape(flat),
        light.reshape(flat),
        _torso_faces(rows, cols, str(device)),
        True,
        casts=False,
    )


def clothes_table(scenes: Sequence[Mapping[str, float]], device: str) -> Tensor:
    """Return (B, 13): main colour, second colour, pitch of the pattern, and how much there is of six details."""
    rows = []
    for c in scenes:
        main = np.array(colorsys.hsv_to_rgb(c["clothes_hue"], c["clothes_saturation"], c["clothes_value"])) ** 2.2
        other = (c["clothes_hue"] + 0.3 + 0.4 * (c["background_seed"] % 13) / 13) % 1.0
        value = 0.85 if c["clothes_value"] < 0.5 else 0.25
        second = np.array(colorsys.hsv_to_rgb(other, 0.7 * c["clothes_saturation"], value)) ** 2.2
        kind, pattern = np.float32(c["clothes_kind"]), np.float32(c["clothes_pattern"])
        stripes, checks = 0.75 * (0.6 <= pattern < 0.8), 0.5 * (pattern >= 0.8)
        jacket, buttons, collar, weave = kind >= 0.85, 0.6 <= kind < 0.85, 0.25 * (kind < 0.6), 0.35 <= kind < 0.6
        details = [stripes, checks, jacket, 0.3 * buttons, collar, 0.06 * weave]
        rows.append([*main, *second, 1.2 + (c["background_seed"] % 7) / 3, *details])
    return torch.tensor(np.array(rows), dtype=torch.float32, device=device)


def _worn(*shares: Tensor) -> bool:
    """Return whether any picture may have a detail; a single picture on the CPU tells at no cost."""
    return any(share.dim() > 0 or share.device.type != "cpu" or bool(share > 0.0) for share in shares)


def cloth_colour(paint: Tensor, row: tuple[Tensor, ...]) -> Tensor:
    """Return the albedo (3, N) at paint coordinates (3, N); `row` holds the columns of `clothes_table`."""
    x, y, below = paint
    pitch, striped, checked, jacket, buttons, collar, weave = row[6:]
    amount, inner, level = torch.zeros_like(x), torch.zeros_like(x), torch.ones_like(x)
    if _worn(striped, checked):
        wave = 6.2832 / (1.5 * pitch)
        stripe = ramp(-0.15, 0.15, torch.sin(y * wave) - 0.2)
        check = 0.5 * stripe + 0.5 * ramp(-0.15, 0.15, torch.sin(x * wave) - 0.2)
        amount = striped * stripe + checked * check
    if _worn(jacket):
        opening = (0.42 * (y + 31.0)).clamp(min=0.3)
        inner = jacket * ramp(0.25, -0.25, x.abs() - opening)
        level = level - 0.5 * jacket * torch.exp(-(((x.abs() - opening) / 0.25) ** 2))
    if _worn(buttons):
        level = level - buttons * torch.exp(-((x / 0.16) ** 2))
    if _worn(collar):
        level = level - collar * ramp(1.9, 1.7, below)
    if _worn(weave):
        level = level * (1.0 + weave * torch.sin(x * 14.0) * torch.sin(y * 14.0))
    out = []
    for k in range(3):
        main, second = row[k], row[3 + k]
        out.append((main + (second - main) * amount).lerp_(0.4 * second + 0.42 + 0 * inner, inner).mul_(level))
    return torch.stack(out)
