"""A small network that listens, and sounds as other voices would have made them."""

from collections.abc import Iterable

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
        return (pooled(sound) - self.middle) / self.spread

    def forward(self, sound: Tensor) -> Tensor:
        """Return what the mouth does."""
        seen = self.seen(sound)
        told: Tensor = self.straight(seen) + self.last(self.layers(seen))
        return told

    @torch.no_grad()
    def begin(self, heard: Iterable[tuple[Tensor, Tensor]], rng: torch.Generator) -> None:
        """Begin as the straight line that tells best what was meant, in these voices and in others.

        Args:
            heard: Parts of what is learned from: sounds (N, 1, 40, 36) and what they mean (N, numbers). Sums are kept,
                not the parts.
            rng: Of the other voices.
        """
        sums = _Sums(POOLED, self.straight.out_features)
        for sounds, aims in heard:
            sums.add(sounds, aims)
            for _ in range(VOICES):
                sums.add(other_voices(sounds[:, None], rng)[:, 0], aims)
        middle, spread, slopes, mean = sums.line(STRAIGHT)
        self.middle.copy_(middle)
        self.spread.copy_(spread)
        set_line(self.straight, slopes.T.float(), torch.zeros(POOLED), mean.float())
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)


class _Sums:
    """What a ridge regression needs to know of its data, in float64."""

    def __init__(self, numbers: int, aims: int) -> None:
        self.count = 0
        self.x, self.xx = torch.zeros(numbers).double(), torch.zeros(numbers, numbers).double()
        self.y, self.xy = torch.zeros(aims).double(), torch.zeros(numbers, aims).double()

    def add(self, sounds: Tensor, aims: Tensor) -> None:
        """Count sounds (N, 1, 40, 36) and their aims (N, K) in."""
        x, y = pooled(sounds).double(), aims.double()
        self.count += len(x)
        self.x += x.sum(0)
        self.y += y.sum(0)
        self.xx += x.T @ x
        self.xy += x.T @ y

    def line(self, strength: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return means and deviations of the numbers, the slopes (numbers, K) on them, and the means of the aims."""
        n, middle, mean = self.count, self.x / self.count, self.y / self.count
        about = self.xx - n * torch.outer(middle, middle)
        spread = (about.diagonal() / max(1, n - 1)).clamp(min=1e-6).sqrt()
        held = about / torch.outer(spread, spread) + strength * n * torch.eye(len(middle), dtype=torch.float64)
        slopes = torch.linalg.solve(held, (self.xy - n * torch.outer(middle, mean)) / spread[:, None])
        return middle.float(), spread.float(), slopes, mean


def pooled(sounds: Tensor) -> Tensor:
    """Return sounds (N, 1, 40, 36) as vectors (N, 360), the means of 2 x 2 places."""
    return functional.avg_pool2d(sounds, 2).flatten(1)


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
