"""The first adversarial game."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from fauxbench import Context
from fauxbench.generators._training import GRID_PICTURES, Average, Training, build_quietly, rising_and_falling, set_rate
from fauxbench.generators._training_pictures import Batches
from fauxbench.generators.gan.networks import Artist, Critic, initialise

BETAS = (0.5, 0.999)
BLUR = 0.5
"""Standard deviation of the noise on what the critic sees, at first; it falls to zero over the training.

Soenderby et al. 2016 (arXiv:1610.04490), section 3: without it, full layers tell fakes by their noise, at once.
"""

_INIT, _LATENT, _DROP, _ORDER, _SHOW, _BLUR = range(6)


class Game(Training):
    """Goodfellow et al. 2014 (arXiv:1406.2661), algorithm 1 with k = 1 and the non-saturating loss of section 3.

    Adam stands for the paper's gradient descent with momentum.
    """

    def __init__(self, pictures: Tensor, parameters: Mapping[str, Any], context: Context) -> None:
        """Take (N, 3, side, side) uint8 `pictures` and the parameters of the card."""
        side, width = pictures.shape[-1], parameters["width"]
        self.parameters = parameters
        self.device = torch.device(context.device)
        self.artist: Artist = build_quietly(Artist, latent=parameters["latent"], width=width, side=side)
        self.critic: Critic = build_quietly(Critic, width=width, side=side)
        for path, network in enumerate((self.artist, self.critic)):
            initialise(network, context.torch_rng(_INIT, path))
            network.to(self.device)
        self.mean = Average(self.artist, parameters["ema"])
        self.networks = {"artist": self.artist, "critic": self.critic, "mean": self.mean.network}
        self.optimisers = {
            name: torch.optim.Adam(network.parameters(), parameters["learning_rate"], BETAS, fused=True)
            for name, network in (("artist", self.artist), ("critic", self.critic))
        }
        self.latents, self.dropping = context.torch_rng(_LATENT), context.torch_rng(_DROP)
        self.blurring = context.torch_rng(_BLUR)
        self.randoms = {"latents": self.latents, "dropping": self.dropping, "blurring": self.blurring}
        self.batches = Batches(pictures, flip=parameters["flip"], rng=context.torch_rng(_ORDER))
        self.shown = torch.randn(GRID_PICTURES, parameters["latent"], generator=context.torch_rng(_SHOW))

    def _judge(self, pictures: Tensor, share: float) -> Tensor:
        noise = torch.randn(pictures.shape, generator=self.blurring).to(self.device)
        logits: Tensor = self.critic(pictures + BLUR * (1.0 - share) * noise, self.dropping)
        return logits

    def update(self, step: int, share: float) -> dict[str, float]:
        """Update the critic, then the generator network on the same fakes."""
        batch = self.parameters["batch"]
        rate = self.parameters["learning_rate"] * max(0.01, rising_and_falling(share))
        set_rate(list(self.optimisers.values()), rate)
        real = self.batches.draw(batch).to(self.device)
        z = torch.randn(batch, self.parameters["latent"], generator=self.latents).to(self.device)
        fake = self.artist(z)
        ones, zeros = torch.ones(batch, device=self.device), torch.zeros(batch, device=self.device)
        judge = self.optimisers["critic"]
        judge.zero_grad(set_to_none=True)
        judged = binary_cross_entropy_with_logits(self._judge(real, share), ones)
        judged = judged + binary_cross_entropy_with_logits(self._judge(fake.detach(), share), zeros)
        judged.backward()  # type: ignore[no-untyped-call]
        judge.step()

        paint = self.optimisers["artist"]
        paint.zero_grad(set_to_none=True)
        self.critic.requires_grad_(False)
        painted = binary_cross_entropy_with_logits(self._judge(fake, share), ones)
        painted.backward()  # type: ignore[no-untyped-call]
        self.critic.requires_grad_(True)
        paint.step()
        self.mean.follow(self.artist, step)
        return {"critic": float(judged.detach()), "artist": float(painted.detach())}

    @torch.no_grad()
    def sample(self) -> Tensor:
        """Return pictures of the same latents each time."""
        pictures: Tensor = self.mean.network(self.shown.to(self.device))
        return pictures

    def finished(self) -> nn.Module:
        """Return the mean of the generator network."""
        return self.mean.network.to("cpu").eval()
