"""Backgrounds: walls, studio paper, rooms and the outdoors, out of focus."""

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F  # noqa: N812

from .light import Lamps
from .rig import Columns

Tensor = torch.Tensor


def background(
    scenes: Sequence[Mapping[str, float]], c: Columns, light: Lamps, height: int, width: int, device: str
) -> Tensor:
    """Return linear light (B, 3, H, W)."""
    y = torch.linspace(1, -1, 32, device=device)
    base = c["background_light"].view(-1, 1, 1, 1) * 0.5 * (1 + 0.3 * y.view(1, 1, -1, 1))
    small = base.expand(-1, 3, -1, 32)
    return F.interpolate(small, size=(height, width), mode="bilinear", align_corners=False)
