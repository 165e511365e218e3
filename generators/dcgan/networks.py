"""The two networks of DCGAN."""

from itertools import pairwise

import torch
from torch import Tensor, nn

INIT_STD = 0.02
"""Standard deviation of the initial weights, section 4 of the paper."""


def _stages(side: int) -> int:
    """Return how often 4 must be doubled to give `side`."""
    return side.bit_length() - 3


class Artist(nn.Module):
    """Generator network: a latent vector (N, latent) to pictures (N, 3, side, side) in [-1, 1].

    Radford et al. 2015 (arXiv:1511.06434), section 3 and figure 1: the latent is projected to 4 x 4 and doubled by
    fractionally strided convolutions; batch normalisation and ReLU everywhere but in the output, which is tanh.
    """

    def __init__(self, *, latent: int, width: int, side: int) -> None:
        super().__init__()
        self.latent = latent
        channels = [width << i for i in range(_stages(side) - 1, -1, -1)]
        layers: list[nn.Module] = [
            nn.ConvTranspose2d(latent, channels[0], 4, bias=False),
            nn.BatchNorm2d(channels[0]),
            nn.ReLU(inplace=True),
        ]
        for before, after in pairwise(channels):
            layers += [
                nn.ConvTranspose2d(before, after, 4, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(after),
                nn.ReLU(inplace=True),
            ]
        layers += [nn.ConvTranspose2d(channels[-1], 3, 4, stride=2, padding=1), nn.Tanh()]
        self.layers = nn.Sequential(*layers)

    def forward(self, z: Tensor) -> Tensor:
        """Return pictures (N, 3, side, side) in [-1, 1] for `z` (N, latent)."""
        pictures: Tensor = self.layers(z[:, :, None, None])
        return pictures


class Critic(nn.Module):
    """Discriminator network: pictures (N, 3, side, side) in [-1, 1] to logits (N,), positive = real.

    Strided convolutions, LeakyReLU of slope 0.2, batch normalisation everywhere but at the input and the output.
    """

    def __init__(self, *, width: int, side: int) -> None:
        super().__init__()
        channels = [width << i for i in range(_stages(side))]
        layers: list[nn.Module] = [
            nn.Conv2d(3, channels[0], 4, stride=2, padding=1),
            nn.LeakyReLU(0.2, inplace=True),
        ]
        for before, after in pairwise(channels):
            layers += [
                nn.Conv2d(before, after, 4, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(after),
                nn.LeakyReLU(0.2, inplace=True),
            ]
        layers += [nn.Conv2d(channels[-1], 1, 4)]
        self.layers = nn.Sequential(*layers)

    def forward(self, pictures: Tensor) -> Tensor:
        """Return logits (N,), positive = real."""
        logits: Tensor = self.layers(pictures)
        return logits.flatten()


def initialise(network: nn.Module, rng: torch.Generator) -> None:
    """Draw every weight from N(0, 0.02), normalisation scales from N(1, 0.02), and set biases to zero."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, 0.0, INIT_STD, generator=rng)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, INIT_STD, generator=rng)
            nn.init.zeros_(module.bias)
