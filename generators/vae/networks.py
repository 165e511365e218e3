"""Encoder and decoder of the variational autoencoder."""

import math
from collections.abc import Iterable
from itertools import pairwise

import torch
from torch import Tensor, nn

STAGES = 4
"""Halvings between the picture and the full layer."""


class Autoencoder(nn.Module):
    """Pictures (N, 3, side, side) in [-1, 1] to a Gaussian over latents (N, latent), and latents to pictures.

    Kingma and Welling 2013 (arXiv:1312.6114), section 3, with strided convolutions of 4 x 4 for the full layers.
    """

    centre: Tensor
    """(latent,) mean of the latents of train pictures; 0 until `describe`."""
    factor: Tensor
    """(latent, latent) lower factor of their covariance; the prior's until `describe`."""

    def __init__(self, *, latent: int, width: int, side: int) -> None:
        super().__init__()
        self.latent = latent
        self.small = side >> STAGES
        channels = [width << k for k in range(STAGES)]
        down: list[nn.Module] = []
        for before, after in pairwise((3, *channels)):
            down += [nn.Conv2d(before, after, 4, stride=2, padding=1), nn.SiLU(inplace=True)]
        self.down = nn.Sequential(*down)
        flat = channels[-1] * self.small**2
        self.mean_and_spread = nn.Linear(flat, 2 * latent)
        self.unflatten = nn.Linear(latent, flat)
        up: list[nn.Module] = [nn.SiLU(inplace=True)]
        for before, after in pairwise(channels[::-1]):
            up += [nn.ConvTranspose2d(before, after, 4, stride=2, padding=1), nn.SiLU(inplace=True)]
        self.up = nn.Sequential(*up, nn.ConvTranspose2d(channels[0], 3, 4, stride=2, padding=1))
        self.register_buffer("centre", torch.zeros(latent))
        self.register_buffer("factor", torch.eye(latent))

    def encode(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and logarithm of the variance, (N, latent) each."""
        mean, spread = self.mean_and_spread(self.down(pictures).flatten(1)).chunk(2, 1)
        return mean, spread.clamp(-12.0, 8.0)

    def decode(self, z: Tensor) -> Tensor:
        """Return the mean picture (N, 3, side, side) for latents (N, latent); it may leave [-1, 1]."""
        x = self.unflatten(z).view(len(z), -1, self.small, self.small)
        pictures: Tensor = self.up(x)
        return pictures

    @torch.no_grad()
    def describe(self, pictures: Iterable[Tensor]) -> None:
        """Fit a Gaussian to the latents of batches of pictures: the density that samples are drawn from.

        The approximate posteriors together are not the prior, and between them the decoder has learned nothing; so the
        density is estimated afterwards (Ghosh et al. 2020, arXiv:1903.12436, section 4). Its covariance is that of the
        means plus the mean of the variances.
        """
        means, spreads = (torch.cat(part).double() for part in zip(*map(self.encode, pictures), strict=True))
        around = means - means.mean(0)
        covariance = around.T @ around / max(1, len(means) - 1) + torch.diag(spreads.exp().mean(0))
        self.centre.copy_(means.mean(0))
        self.factor.copy_(torch.linalg.cholesky(covariance.cpu()))

    def drawn(self, noise: Tensor) -> Tensor:
        """Return latents (N, latent) of the fitted density for standard normal `noise` of the same shape."""
        return self.centre + noise @ self.factor.T


@torch.no_grad()
def initialise(network: nn.Module, rng: torch.Generator) -> None:
    """Draw weights with variance 1 / inputs of a unit; biases are zero."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            shape = module.weight.shape
            inputs = shape[1] * math.prod(shape[2:])
            if isinstance(module, nn.ConvTranspose2d):
                inputs = shape[0] * math.prod(shape[2:]) // 4  # a stride of two: a quarter of the taps meet
            nn.init.normal_(module.weight, 0.0, math.sqrt(1.6 / inputs), generator=rng)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def divergence(mean: Tensor, spread: Tensor) -> Tensor:
    """Return KL(N(mean, exp(spread)) || N(0, 1)) in nats, (N,): Kingma and Welling 2013, appendix B."""
    return 0.5 * (mean.square() + spread.exp() - 1.0 - spread).sum(1)


def negative_likelihood(pictures: Tensor, decoded: Tensor) -> Tensor:
    """Return -log p(picture | latent) in nats a picture, up to a constant, at the best common variance.

    A Gaussian decoder whose one variance is the maximum of the likelihood, which is the mean square error
    (Rybkin et al. 2021, arXiv:2006.13202, equation 8): D/2 log(mean square error).
    """
    numbers = pictures[0].numel()
    return 0.5 * numbers * (pictures - decoded).square().mean().clamp_min(1e-8).log()
