"""The plain GAN as a system under test."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from fauxbench import Context, Request
from fauxbench.generators._training_painter import Painter
from fauxbench.generators.gan.networks import Artist
from fauxbench.generators.gan.training import Game


class GAN(Painter):
    """Two networks of full layers against each other (Goodfellow et al. 2014, arXiv:1406.2661)."""

    architecture = ("width", "latent")

    def _build(self, side: int, shape: Mapping[str, Any]) -> nn.Module:
        return Artist(latent=shape["latent"], width=shape["width"], side=side)

    def _training(self, pictures: Tensor, context: Context) -> Game:
        return Game(pictures, self.parameters, context)

    def _paint(self, network: Artist, request: Request, rng: torch.Generator, device: str) -> Tensor:
        picture: Tensor = network(torch.randn(1, network.latent, generator=rng).to(device))[0]
        return picture
