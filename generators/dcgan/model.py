"""DCGAN as a system under test."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from fauxbench import Context, Request
from fauxbench.generators._training_painter import Painter
from fauxbench.generators.dcgan.networks import Artist
from fauxbench.generators.dcgan.training import Game, Recipe


class DCGAN(Painter):
    """Deep convolutional GAN: pictures out of noise (Radford et al. 2015, arXiv:1511.06434)."""

    architecture = ("width", "latent")

    def _build(self, side: int, shape: Mapping[str, Any]) -> nn.Module:
        return Artist(latent=shape["latent"], width=shape["width"], side=side)

    def _training(self, pictures: Tensor, context: Context) -> Game:
        return Game(pictures, Recipe(**{k: v for k, v in self.parameters.items() if k != "steps"}), context)

    def _paint(self, network: Artist, request: Request, rng: torch.Generator, device: str) -> Tensor:
        picture: Tensor = network(torch.randn(1, network.latent, generator=rng).to(device))[0]
        return picture
