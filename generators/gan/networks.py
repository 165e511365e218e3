"""The two networks of the first GAN: full layers alone."""

import math

import torch
from torch import Tensor, nn

PIECES = 2
"""Linear pieces of a maxout unit."""
DROPPED = 0.3
"""Share of the discriminator's units that are left out in training."""


class Artist(nn.Module):
    """Generator network: a latent vector (N, latent) to pictures (N, 3, side, side) in [-1, 1].

    Goodfellow et al. 2014 (arXiv:1406.2661), section 5: full layers with rectifiers; the output here is tanh.
    """

    def __init__(self, *, latent: int, width: int, side: int) -> None:
        super().__init__()
        self.latent = latent
        self.side = side
        self.layers = nn.Sequential(
            nn.Linear(latent, 2 * width),
            nn.LeakyReLU(0.2),
            nn.Linear(2 * width, 2 * width),
            nn.LeakyReLU(0.2),
            nn.Linear(2 * width, width),
            nn.LeakyReLU(0.2),
            nn.Linear(width, 3 * side * side),
            nn.Tanh(),
        )

    def forward(self, z: Tensor) -> Tensor:
        """Return pictures (N, 3, side, side) in [-1, 1] for `z` (N, latent)."""
        pictures: Tensor = self.layers(z).view(-1, 3, self.side, self.side)
        return pictures


class Critic(nn.Module):
    """Discriminator network: pictures (N, 3, side, side) in [-1, 1] to logits (N,), positive = real.

    Two maxout layers with dropout and one output, ibidem. Dropout draws from a generator that is handed in.
    """

    def __init__(self, *, width: int, side: int) -> None:
        super().__init__()
        self.width = width
        self.first = nn.Linear(3 * side * side, PIECES * width)
        self.second = nn.Linear(width, PIECES * width)
        self.last = nn.Linear(width, 1)

    def forward(self, pictures: Tensor, rng: torch.Generator) -> Tensor:
        """Return logits (N,), positive = real; `rng`, on the CPU, says which units are left out."""
        x = pictures.flatten(1)
        for layer in (self.first, self.second):
            x = layer(x).view(-1, self.width, PIECES).amax(2)
            kept = (torch.rand(x.shape, generator=rng) >= DROPPED).to(x)
            x = x * kept / (1.0 - DROPPED)
        logits: Tensor = self.last(x)
        return logits.flatten()


@torch.no_grad()
def initialise(network: nn.Module, rng: torch.Generator) -> None:
    """Draw the weights of full layers with variance 2 / inputs (He et al. 2015, equation 10); biases are zero.

    Those to the pixels are a hundred times weaker: what they begin with is noise that training alone never takes away.
    """
    for module in network.modules():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, 0.0, math.sqrt(2.0 / module.in_features), generator=rng)
            nn.init.zeros_(module.bias)
    if isinstance(network, Artist):
        to_pixels = network.layers[-2]
        assert isinstance(to_pixels, nn.Linear)
        to_pixels.weight.mul_(0.01)
