"""Sound as the built-in detectors hear it: pieces of a log-mel spectrogram."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fauxbench import Item, has_sound, log_mel, open_clip, read_sound
from fauxbench.detectors._reading import Missing, file_of

STEPS = 100
"""A second."""
BANDS, WINDOW = 64, 512
RATE = 16_000
SHORTEST = 0.2
"""Seconds of sound without which there is nothing to hear."""


def sound_of(item: Item) -> tuple[NDArray[np.float32], int]:
    """Return the sound (samples,) of a file or a clip, in step with its picture, and its rate.

    Raises:
        Missing: There is none, or less than 0.2 s of it.
        MediaError: It cannot be decoded.
    """
    path = file_of(item)
    sound: NDArray[np.float32] | None
    if item.modality == "video":
        if not has_sound(path):
            raise Missing("a clip without sound")
        sound = open_clip(path, sound=True).sound
    else:
        sound = read_sound(path, RATE)
    if sound is None or len(sound) < SHORTEST * RATE:
        raise Missing(f"{0 if sound is None else len(sound) / RATE:.2f} s of sound; {SHORTEST} s are needed")
    return sound, RATE


def heard(sound: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
    """Return the log-mel spectrogram (steps, 64) of a sound."""
    return log_mel(sound, rate, bands=BANDS, window=WINDOW)


def pieces(mel: NDArray[np.float32], centres: NDArray[np.float64], length: int) -> NDArray[np.float32]:
    """Return pieces (T, length, 64) around `centres` (T,) in seconds; what lies beyond the sound is its edge."""
    starts = np.round(centres * STEPS - length / 2).astype(np.intp)
    places = np.clip(starts[:, None] + np.arange(length), 0, len(mel) - 1)
    return np.asarray(mel[places])


def spread(seconds: float, length: float, most: int) -> NDArray[np.float64]:
    """Return the centres of at most `most` pieces of `length` seconds, spread evenly, overlapping by half or less."""
    count = int(np.clip(np.ceil((seconds - length) / (length / 2) + 1), 1, most))
    if count == 1:
        return np.array([seconds / 2])
    return np.linspace(length / 2, max(seconds - length / 2, length / 2), count)


def masked(mel: Tensor, rng: torch.Generator) -> Tensor:
    """Set up to an eighth of the bands and of the steps of each row (rows, T, steps, bands) to 0.

    SpecAugment without warping (Park et al. 2019, arXiv:1904.08779, section 2).
    """
    count, _, steps, bands = mel.shape
    keep = torch.ones(count, 1, steps, bands, dtype=mel.dtype)
    for axis, size in ((2, steps), (3, bands)):
        width = torch.randint(0, size // 8 + 1, (count,), generator=rng)
        start = (torch.rand(count, generator=rng) * (size - width + 1)).long()
        places = torch.arange(size)
        hidden = (places >= start[:, None]) & (places < (start + width)[:, None])
        shape = (count, 1, steps, 1) if axis == 2 else (count, 1, 1, bands)
        keep = keep * (~hidden).to(mel.dtype).reshape(shape)
    return mel * keep


class Listener(nn.Module):
    """Spectrograms (N, 1, steps, 64) to vectors (N, `size`): three convolutions that halve both sides."""

    def __init__(self, width: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in ((1, width), (width, 2 * width), (2 * width, 4 * width)):
            layers += [nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
        self.layers = nn.Sequential(*layers)
        self.size = 2 * 4 * width

    def forward(self, mel: Tensor) -> Tensor:
        """Return mean and deviation over time and frequency (Snyder et al. 2018, X-vectors, section 2)."""
        maps = self.layers(mel).flatten(2).float()
        return torch.cat([maps.mean(2), (maps.var(2, correction=0) + 1e-4).sqrt()], 1)
