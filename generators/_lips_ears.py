"""A small network that listens, and sounds as other voices would have made them."""

import torch
from torch import Tensor, nn


class Listener(nn.Module):
    """Sound around a frame (N, 1, 40, 36) to what the mouth does then (N, numbers), in (-1, 1)."""

    def __init__(self, width: int, numbers: int) -> None:
        super().__init__()
        w = width
        self.body = nn.Sequential(
            *(nn.Conv2d(1, w, 3, (2, 1), 1), nn.SiLU(inplace=True)),
            *(nn.Conv2d(w, 2 * w, 3, 2, 1), nn.SiLU(inplace=True)),
            *(nn.Conv2d(2 * w, 3 * w, 3, 2, 1), nn.SiLU(inplace=True)),
            *(nn.Conv2d(3 * w, 3 * w, 3, 1, 1), nn.SiLU(inplace=True)),
        )
        self.head = nn.Sequential(
            nn.Flatten(), nn.Linear(3 * w * 5 * 9, 128), nn.SiLU(inplace=True), nn.Linear(128, numbers)
        )

    def forward(self, sound: Tensor) -> Tensor:
        """Return what the mouth does."""
        return torch.tanh(self.head(self.body(sound)))


def other_voices(sounds: Tensor, rng: torch.Generator) -> Tensor:
    """Return sounds (N, F, 1, 40, 36) as other voices and rooms would have made them: shifted bands, tilt, noise."""
    n, bands = len(sounds), sounds.shape[3]
    moved = torch.randint(-3, 4, (n,), generator=rng)
    rows = (torch.arange(bands)[None] + moved[:, None]).clamp(0, bands - 1)
    sounds = torch.stack([sound[:, :, row] for sound, row in zip(sounds, rows, strict=True)])
    line = torch.linspace(-1, 1, bands)[None, None, None, :, None]
    tilt, level = (spread * torch.randn(n, 1, 1, 1, 1, generator=rng) for spread in (0.25, 0.15))
    return sounds + tilt * line + level + 0.08 * torch.randn(sounds.shape, generator=rng)
