"""A small network that listens, and sounds as other voices would have made them."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from fauxbench.generators._faces_codes import set_line

BANDS, STEPS = 40, 36
POOLED = (BANDS // 2) * (STEPS // 2)
STRAIGHT = 0.5
"""Strength of the ridge that a listener begins with, in shares of the number of frames: sounds are much alike."""
VOICES = 3
"""Other voices in which every sound is heard by the closed form."""
_DEEP = 0.2
"""Share of the inner numbers that are left out in training."""


class Listener(nn.Module):
    """Sound around a frame (N, 1, 40, 36) to what the mouth does then (N, numbers).

    A straight line through the means of 2 x 2 places of the spectrogram, and what two full layers add to it.
    """

    middle: Tensor
    spread: Tensor

    def __init__(self, width: int, numbers: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Dropout(_DEEP / 2)]
        for before in (POOLED, width):
            layers += [nn.Linear(before, width), nn.LayerNorm(width), nn.SiLU(), nn.Dropout(_DEEP)]
        self.layers = nn.Sequential(*layers)
        self.straight = nn.Linear(POOLED, numbers)
        self.last = nn.Linear(width, numbers)
        self.register_buffer("middle", torch.zeros(POOLED))
        self.register_buffer("spread", torch.ones(POOLED))

    def seen(self, sound: Tensor) -> Tensor:
        """Return the spectrogram as vectors (N, 360) of mean 0 and deviation 1."""
        return (functional.avg_pool2d(sound, 2).flatten(1) - self.middle) / self.spread

    def forward(self, sound: Tensor) -> Tensor:
        """Return what the mouth does."""
        seen = self.seen(sound)
        told: Tensor = self.straight(seen) + self.last(self.layers(seen))
        return told

    @torch.no_grad()
    def begin(self, sounds: Tensor, aims: Tensor, rng: torch.Generator) -> None:
        """Begin as the straight line that tells `aims` (N, numbers) best, in these voices and in others."""
        voices = [sounds, *(other_voices(sounds[:, None], rng)[:, 0] for _ in range(VOICES))]
        x = torch.cat([functional.avg_pool2d(voice, 2).flatten(1) for voice in voices])
        self.middle.copy_(x.mean(0))
        self.spread.copy_(x.std(0).clamp(min=1e-3))
        x = ((x - self.middle) / self.spread).double()
        y = aims.repeat(len(voices), 1).double()
        strength = STRAIGHT * len(x) * torch.eye(POOLED, dtype=torch.float64)
        slopes = torch.linalg.solve(x.T @ x + strength, x.T @ (y - y.mean(0)))
        set_line(self.straight, slopes.T.float(), torch.zeros(POOLED), aims.mean(0))
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)


def other_voices(sounds: Tensor, rng: torch.Generator) -> Tensor:
    """Return sounds (N, F, 1, 40, 36) as other voices and rooms would have made them: shifted bands, tilt, noise.

    A longer throat has lower formants (Jaitly and Hinton 2013, Vocal tract length perturbation): bands are moved and
    stretched, and what lies between two of them is mixed.
    """
    n, bands = len(sounds), sounds.shape[3]
    stretch = torch.exp(0.06 * torch.randn(n, 1, generator=rng))
    places = torch.arange(bands)[None] * stretch + 1.2 * torch.randn(n, 1, generator=rng)
    places = places.clamp(0, bands - 1)
    low = places.floor().long().clamp(max=bands - 2)
    mix = (places - low)[:, None, None, :, None]
    index = low[:, None, None, :, None].expand(-1, *sounds.shape[1:3], -1, sounds.shape[4])
    sounds = sounds.gather(3, index) * (1 - mix) + sounds.gather(3, index + 1) * mix
    line = torch.linspace(-1, 1, bands)[None, None, None, :, None]
    tilt, level = (spread * torch.randn(n, 1, 1, 1, 1, generator=rng) for spread in (0.2, 0.12))
    return sounds + tilt * line + level + 0.08 * torch.randn(sounds.shape, generator=rng)
