"""How the variational autoencoder learns: by the evidence lower bound."""

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from fauxbench import Context
from fauxbench.generators._training import GRID_PICTURES, Average, Training, build_quietly, rising_and_falling, set_rate
from fauxbench.generators._training_pictures import Batches, as_floats
from fauxbench.generators.vae.networks import Autoencoder, divergence, initialise, negative_likelihood

DESCRIBED = 4096
"""Train pictures that the density of the latents is fitted to."""

_INIT, _NOISE, _ORDER, _SHOW = range(4)


class Bound(Training):
    """Kingma and Welling 2013 (arXiv:1312.6114), equation 7 with one sample: -ELBO = KL - log p(picture | latent)."""

    def __init__(self, pictures: Tensor, parameters: Mapping[str, Any], context: Context) -> None:
        """Take (N, 3, side, side) uint8 `pictures` and the parameters of the card."""
        self.parameters = parameters
        self.device = torch.device(context.device)
        latent = parameters["latent"]
        self.coder: Autoencoder = build_quietly(
            Autoencoder, latent=latent, width=parameters["width"], side=pictures.shape[-1]
        )
        initialise(self.coder, context.torch_rng(_INIT))
        self.coder.to(self.device, memory_format=torch.channels_last)
        self.mean = Average(self.coder, parameters["ema"])
        self.networks = {"coder": self.coder, "mean": self.mean.network}
        self.optimisers = {"coder": torch.optim.Adam(self.coder.parameters(), parameters["learning_rate"], fused=True)}
        self.noise = context.torch_rng(_NOISE)
        self.randoms = {"noise": self.noise}
        self.batches = Batches(pictures, flip=parameters["flip"], rng=context.torch_rng(_ORDER))
        self.shown = torch.randn(GRID_PICTURES // 2, latent, generator=context.torch_rng(_SHOW))
        self.described = pictures[:DESCRIBED]
        self.known = as_floats(pictures[: GRID_PICTURES // 4])

    def update(self, step: int, share: float) -> dict[str, float]:
        """Update encoder and decoder on one batch."""
        parameters = self.parameters
        set_rate([self.optimisers["coder"]], parameters["learning_rate"] * rising_and_falling(share))
        real = self.batches.draw(parameters["batch"]).to(self.device, memory_format=torch.channels_last)
        mean, spread = self.coder.encode(real)
        noise = torch.randn(mean.shape, generator=self.noise).to(self.device)
        decoded = self.coder.decode(mean + (0.5 * spread).exp() * noise)
        apart = divergence(mean, spread).mean()
        unlikely = negative_likelihood(real, decoded)
        loss = (parameters["beta"] * apart + unlikely) / real[0].numel()
        self.optimisers["coder"].zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.coder.parameters(), 1.0)
        self.optimisers["coder"].step()
        self.mean.follow(self.coder, step)
        error = (real - decoded.detach()).square().mean()
        return {"loss": float(loss.detach()), "kl": float(apart.detach()), "error": float(error)}

    @torch.no_grad()
    def sample(self) -> Tensor:
        """Return a row of train pictures, a row of their reconstructions, and samples."""
        coder = self._described()
        known = self.known.to(self.device)
        again = coder.decode(coder.encode(known)[0])
        return torch.cat([known, again, coder.decode(coder.drawn(self.shown.to(self.device)))])

    def finished(self) -> nn.Module:
        """Return the mean of encoder and decoder, with the density of the latents."""
        return self._described().to("cpu").eval()

    def _described(self) -> Autoencoder:
        """Return a copy of the mean network that knows where the latents of the first train pictures lie."""
        coder: Autoencoder = copy.deepcopy(self.mean.network)  # type: ignore[assignment]
        coder.describe(as_floats(part).to(self.device) for part in torch.split(self.described, 128))
        return coder
