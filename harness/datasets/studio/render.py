"""Render people: factors in, pictures and true points out."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch

from .factors import POINTS


class Rendered(NamedTuple):
    """A batch of pictures.

    Attributes:
        pixels: (B, H, W, 3) uint8 RGB.
        points: (B, len(POINTS), 2) float32, (x, y) in pixels, the centre of the first pixel at (0, 0).
    """

    pixels: torch.Tensor
    points: torch.Tensor


_REST = {
    "left_eye": (-3.15, 0.0, 8.0), "right_eye": (3.15, 0.0, 8.0), "nose": (0.0, -4.0, 11.5),
    "mouth_left": (-2.5, -7.1, 8.8), "mouth_right": (2.5, -7.1, 8.8), "chin": (0.0, -11.5, 9.0),
    "brow_left": (-3.4, 2.2, 9.0), "brow_right": (3.4, 2.2, 9.0), "lip_upper": (0.0, -7.0, 9.8),
    "lip_lower": (0.0, -7.2, 9.8), "lid_upper_left": (-3.15, 0.6, 8.9), "lid_lower_left": (-3.15, -0.4, 8.9),
    "lid_upper_right": (3.15, 0.6, 8.9), "lid_lower_right": (3.15, -0.4, 8.9),
}  # fmt: skip


def render(
    persons: Sequence[Mapping[str, float]],
    states: Sequence[Mapping[str, float]],
    scenes: Sequence[Mapping[str, float]],
    size: int | tuple[int, int],
    device: str = "cpu",
) -> Rendered:
    """Render one picture for each person, state and scene.

    Args:
        persons: B dictionaries over `PERSON`.
        states: B dictionaries over `STATE`.
        scenes: B dictionaries over `SCENE`.
        size: Height and width of a square picture, or (height, width).
        device: A torch device.

    Returns:
        Pixels (B, H, W, 3) and points (B, P, 2) on `device`.
    """
    height, width = (size, size) if isinstance(size, int) else size
    pixels, points = [], []
    for person, state, scene in zip(persons, states, scenes, strict=True):
        scale = scene["head_size"] * height / 23.5
        cx, cy = width / 2, height * 0.48
        y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
        u, v = (x - cx) / scale, -(y - cy) / scale
        yaw = torch.deg2rad(torch.tensor(state["yaw"]))

        def bump(px: float, py: float, sx: float, sy: float) -> torch.Tensor:
            return torch.exp(-(((u - px * torch.cos(yaw) - 6 * torch.sin(yaw)) / sx) ** 2) - ((v - py) / sy) ** 2)

        r = (u / (7.4 + 0.5 * person["head_width"])) ** 2 + (v / 12) ** 2
        z = 9 * torch.sqrt(torch.clamp(1 - r, min=1e-3)) + 2.4 * bump(0, -3.5, 1.0, 1.6) + 1.2 * bump(0, -1, 0.7, 2.5)
        z = z - 0.8 * bump(-3.15, 0, 1.6, 0.9) - 0.8 * bump(3.15, 0, 1.6, 0.9) + 0.5 * bump(0, -7.3, 2, 0.7)
        dx, dy = torch.gradient(z, dim=1)[0] * scale, -torch.gradient(z, dim=0)[0] * scale
        normal = torch.stack([-dx, -dy, torch.ones_like(z)]) / torch.sqrt(1 + dx**2 + dy**2)
        key = torch.tensor([0.4 * (scene["key_azimuth"] > 0) - 0.2, 0.5, 0.8])
        shade = 0.35 + 0.75 * torch.clamp((normal * (key / key.norm())[:, None, None]).sum(0), min=0)
        skin = torch.tensor([0.95, 0.74, 0.62]) * (1 - 0.65 * person["melanin"])
        dark = (
            bump(-3.15, 0, 1.1, 0.4)
            + bump(3.15, 0, 1.1, 0.4)
            + 0.6 * (bump(-3.4, 2.1, 1.7, 0.35) + bump(3.4, 2.1, 1.7, 0.35))
        )
        dark = dark + 0.4 * bump(0, -7.1, 2.4, 0.45) + 0.4 * (bump(-0.8, -4.9, 0.4, 0.3) + bump(0.8, -4.9, 0.4, 0.3))
        colour = skin[:, None, None] * (shade * torch.clamp(1 - 0.8 * dark, min=0.05))
        colour = colour + (v > 6.5 - 0.05 * u**2) * (0.12 - colour)
        alpha = torch.clamp((1 - r) * 30, 0, 1)
        colour = alpha * colour + (1 - alpha) * scene["background_light"] * 0.6
        pixels.append((colour.clamp(0, 1) ** 0.8 * 255).to(torch.uint8).permute(1, 2, 0))
        rest = torch.tensor([_REST[name] for name in POINTS])
        px = rest[:, 0] * torch.cos(yaw) + 6 * torch.sin(yaw)
        points.append(torch.stack([cx + px * scale - 0.5, cy - rest[:, 1] * scale - 0.5], dim=1))
    return Rendered(torch.stack(pixels).to(device), torch.stack(points).to(device))
