"""The style-based generator as a system under test."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from fauxbench import Context, Request
from fauxbench.generators._training_painter import Painter
from fauxbench.generators.stylegan.networks import Artist
from fauxbench.generators.stylegan.training import Game


class StyleGAN(Painter):
    """A generator steered by styles (Karras et al. 2018, arXiv:1812.04948, and 2019, arXiv:1912.04958).

    The parameter `side` bounds the network; `truncation` pulls styles towards their mean when pictures are made.
    """

    sides = (16, 32, 64, 128)
    architecture = ("width", "latent", "mapping")

    def _sides(self) -> tuple[int, ...]:
        return tuple(side for side in self.sides if side <= self.parameters["side"])

    def _build(self, side: int, shape: Mapping[str, Any]) -> nn.Module:
        return Artist(**shape, side=side)

    def _training(self, pictures: Tensor, context: Context) -> Game:
        return Game(pictures, self.parameters, context)

    def _paint(self, network: Artist, request: Request, rng: torch.Generator, device: str) -> Tensor:
        w = network.styles(torch.randn(1, network.latent, generator=rng).to(device))
        w = torch.lerp(network.centre, w, self.parameters["truncation"])
        picture: Tensor = network(w[:, None].expand(-1, network.layers, -1), rng)[0]
        return picture
