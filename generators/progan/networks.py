"""The two networks that grow: from 4 x 4 to the full side, one doubling after another."""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, leaky_relu

from fauxbench.generators._training_layers import EqualConv, EqualLinear, pixel_norm, with_deviation

SLOPE = 0.2


def stages(side: int) -> int:
    """Return how many sides there are from 4 to `side`."""
    return side.bit_length() - 2


def channels(side: int, width: int) -> int:
    """Return the channels at one side: `width` at 32 px, halved where the side doubles, at most four times `width`."""
    return max(4, min(32 * width // side, 4 * width))


class Artist(nn.Module):
    """Generator network: latents (N, latent) to pictures at the side of a stage.

    Karras et al. 2017 (arXiv:1710.10196), table 2 and sections 2 and 4: nearest upsampling, two convolutions a stage,
    the length of every pixel's features normalised, and a linear layer to RGB for each stage.
    """

    def __init__(self, *, latent: int, width: int, side: int) -> None:
        super().__init__()
        self.latent = latent
        self.side = side
        sizes = [channels(4 << k, width) for k in range(stages(side))]
        self.first = EqualLinear(latent, sizes[0] * 16, gain=2**0.5 / 4)
        self.second = EqualConv(sizes[0], sizes[0], 3)
        self.blocks = nn.ModuleList(
            nn.ModuleList([EqualConv(before, after, 3), EqualConv(after, after, 3)])
            for before, after in pairwise(sizes)
        )
        self.to_rgb = nn.ModuleList(EqualConv(size, 3, 1, gain=1.0) for size in sizes)

    def forward(self, z: Tensor, stage: int, alpha: float) -> Tensor:
        """Return pictures (N, 3, 4 << stage, 4 << stage), about [-1, 1].

        Args:
            z: (N, latent); its length does not matter.
            stage: From 0.
            alpha: Share of the newest layers in the picture, in [0, 1]; the rest is the last stage's, enlarged.
        """
        x = self.first(pixel_norm(z)).view(len(z), -1, 4, 4)
        x = pixel_norm(leaky_relu(x, SLOPE))
        x = pixel_norm(leaky_relu(self.second(x), SLOPE))
        before = x
        for block in self.blocks[:stage]:
            before = x
            x = interpolate(x, scale_factor=2, mode="nearest")
            for layer in block:  # type: ignore[attr-defined]
                x = pixel_norm(leaky_relu(layer(x), SLOPE))
        pictures: Tensor = self.to_rgb[stage](x)
        if alpha < 1.0 and stage:
            old = interpolate(self.to_rgb[stage - 1](before), scale_factor=2, mode="nearest")
            pictures = old + alpha * (pictures - old)
        return pictures


class Critic(nn.Module):
    """Critic network: pictures at the side of a stage to scores (N,), higher = more real; the artist mirrored."""

    def __init__(self, *, width: int, side: int) -> None:
        super().__init__()
        sizes = [channels(4 << k, width) for k in range(stages(side))]
        self.from_rgb = nn.ModuleList(EqualConv(3, size, 1) for size in sizes)
        self.blocks = nn.ModuleList(
            nn.ModuleList([EqualConv(after, after, 3), EqualConv(after, before, 3)])
            for before, after in pairwise(sizes)
        )
        self.first = EqualConv(sizes[0] + 1, sizes[0], 3)
        self.second = EqualConv(sizes[0], sizes[0], 4)
        self.last = EqualLinear(sizes[0], 1, gain=1.0)

    def forward(self, pictures: Tensor, stage: int, alpha: float) -> Tensor:
        """Return scores (N,); `alpha` as in the artist."""
        x = leaky_relu(self.from_rgb[stage](pictures), SLOPE)
        for place in range(stage, 0, -1):
            for layer in self.blocks[place - 1]:  # type: ignore[attr-defined]
                x = leaky_relu(layer(x), SLOPE)
            x = avg_pool2d(x, 2)
            if place == stage and alpha < 1.0:
                old = leaky_relu(self.from_rgb[stage - 1](avg_pool2d(pictures, 2)), SLOPE)
                x = old + alpha * (x - old)
        x = leaky_relu(self.first(with_deviation(x)), SLOPE)
        x = leaky_relu(self.second(x), SLOPE)
        scores: Tensor = self.last(x.flatten(1))
        return scores.flatten()


class Grown(nn.Module):
    """A generator network that is fully grown."""

    def __init__(self, artist: Artist) -> None:
        super().__init__()
        self.artist = artist

    def forward(self, z: Tensor) -> Tensor:
        """Return pictures (N, 3, side, side), about [-1, 1]."""
        pictures: Tensor = self.artist(z, stages(self.artist.side) - 1, 1.0)
        return pictures


def fade(old: Tensor, alpha: float) -> Tensor:
    """Return real pictures as they look while a stage is faded in: mixed with themselves at half the side."""
    if alpha >= 1.0:
        return old
    coarse = interpolate(avg_pool2d(old, 2), scale_factor=2, mode="nearest")
    return torch.lerp(coarse, old, alpha)
