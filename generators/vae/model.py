"""The variational autoencoder as a system under test."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from fauxbench import Context, Request, crop_square, read_image, resize
from fauxbench.generators._training_painter import Painter
from fauxbench.generators._training_pictures import as_floats
from fauxbench.generators.vae.networks import Autoencoder
from fauxbench.generators.vae.training import Bound


class VAE(Painter):
    """Variational autoencoder (Kingma and Welling 2013, arXiv:1312.6114).

    A request without a target is a sample, of latents from the density fitted to those of train pictures (Ghosh et al.
    2020) or, where `prior` is set, from the prior; one with a target is that picture's reconstruction, decoded
    from the mean of its latents.
    """

    architecture = ("width", "latent")

    def _build(self, side: int, shape: Mapping[str, Any]) -> nn.Module:
        return Autoencoder(latent=shape["latent"], width=shape["width"], side=side)

    def _training(self, pictures: Tensor, context: Context) -> Bound:
        return Bound(pictures, self.parameters, context)

    def _paint(self, network: Autoencoder, request: Request, rng: torch.Generator, device: str) -> Tensor:
        if request.target is not None and request.target.location is not None:
            side = self._config["side"]
            square = torch.from_numpy(resize(crop_square(read_image(request.target.location)), side, side).copy())
            z = network.encode(as_floats(square).permute(2, 0, 1)[None].to(device))[0]
        else:
            noise = torch.randn(1, network.latent, generator=rng).to(device) * self.parameters["temperature"]
            z = noise if self.parameters["prior"] else network.drawn(noise)
        return network.decode(z)[0]
