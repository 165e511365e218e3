"""ProGAN as a system under test."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from fauxbench import Context, Request
from fauxbench.generators._training_painter import Painter
from fauxbench.generators.progan.networks import Artist, Grown
from fauxbench.generators.progan.training import Growth


class ProGAN(Painter):
    """A GAN that grows from 4 x 4 to its full side (Karras et al. 2017, arXiv:1710.10196).

    The parameter `side` bounds the network, because each doubling takes four times as long.
    """

    sides = (16, 32, 64, 128)
    architecture = ("width", "latent")

    def _sides(self) -> tuple[int, ...]:
        return tuple(side for side in self.sides if side <= self.parameters["side"])

    def _build(self, side: int, shape: Mapping[str, Any]) -> nn.Module:
        return Grown(Artist(latent=shape["latent"], width=shape["width"], side=side))

    def _training(self, pictures: Tensor, context: Context) -> Growth:
        return Growth(pictures, self.parameters, context)

    def _paint(self, network: Grown, request: Request, rng: torch.Generator, device: str) -> Tensor:
        picture: Tensor = network(torch.randn(1, network.artist.latent, generator=rng).to(device))[0]
        return picture
