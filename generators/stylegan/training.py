"""How the style-based generator learns."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from fauxbench import Context
from fauxbench.generators._training import GRID_PICTURES, Average, Training, build_quietly
from fauxbench.generators._training_pictures import Batches
from fauxbench.generators.stylegan.networks import Artist, Critic, initialise

BETAS = (0.0, 0.99)
PENALTY_EVERY = 16
"""Updates between two penalties: Karras et al. 2019 (arXiv:1912.04958), section 3.1, lazy regularisation."""
CENTRE_DECAY = 0.98
"""Of the running mean of the styles."""

_INIT, _LATENT, _ORDER, _SHOW, _MIX, _NOISE = range(6)


class Game(Training):
    """Karras et al. 2018 (arXiv:1812.04948) and 2019: non-saturating loss, R1 on real pictures, styles mixed."""

    def __init__(self, pictures: Tensor, parameters: Mapping[str, Any], context: Context) -> None:
        """Take (N, 3, side, side) uint8 `pictures` and the parameters of the card."""
        side, width, latent = pictures.shape[-1], parameters["width"], parameters["latent"]
        self.parameters = parameters
        self.device = torch.device(context.device)
        self.artist: Artist = build_quietly(
            Artist, latent=latent, width=width, mapping=parameters["mapping"], side=side
        )
        self.critic: Critic = build_quietly(Critic, width=width, side=side)
        for path, network in enumerate((self.artist, self.critic)):
            initialise(network, context.torch_rng(_INIT, path))
            network.to(self.device, memory_format=torch.channels_last)
        self.mean = Average(self.artist, parameters["ema"])
        self.networks = {"artist": self.artist, "critic": self.critic, "mean": self.mean.network}
        self.optimisers = {
            name: torch.optim.Adam(network.parameters(), parameters["learning_rate"], BETAS, fused=True)
            for name, network in (("artist", self.artist), ("critic", self.critic))
        }
        self.latents, self.mixing, self.noise = (context.torch_rng(path) for path in (_LATENT, _MIX, _NOISE))
        self.randoms = {"latents": self.latents, "mixing": self.mixing, "noise": self.noise}
        self.batches = Batches(pictures, flip=parameters["flip"], rng=context.torch_rng(_ORDER))
        self.shown = torch.randn(GRID_PICTURES, latent, generator=context.torch_rng(_SHOW))

    def _fakes(self) -> Tensor:
        """Return fakes; the styles of some change from a random layer on: Karras et al. 2018, section 3.1."""
        batch, latent = self.parameters["batch"], self.parameters["latent"]
        z = torch.randn(2 * batch, latent, generator=self.latents).to(self.device)
        first, second = self.artist.styles(z).chunk(2)
        with torch.no_grad():
            self.artist.centre.lerp_(first.mean(0), 1.0 - CENTRE_DECAY)
        mixed = torch.rand(batch, 1, generator=self.mixing) < self.parameters["mixing"]
        from_layer = torch.randint(1, self.artist.layers, (batch, 1), generator=self.mixing)
        swapped = (mixed & (torch.arange(self.artist.layers)[None] >= from_layer)).to(self.device)[:, :, None]
        w = torch.where(swapped, second[:, None], first[:, None])
        pictures: Tensor = self.artist(w, self.noise)
        return pictures

    def update(self, step: int, share: float) -> dict[str, float]:
        """Update the critic, then the generator network."""
        judge, paint = self.optimisers["critic"], self.optimisers["artist"]
        real = self.batches.draw(self.parameters["batch"]).to(self.device)
        with torch.no_grad():
            fake = self._fakes()
        penalised = step % PENALTY_EVERY == 1
        real.requires_grad_(penalised)
        judge.zero_grad(set_to_none=True)
        on_real = self.critic(real)
        judged = softplus(-on_real).mean() + softplus(self.critic(fake)).mean()
        loss = judged
        if penalised:
            (slope,) = torch.autograd.grad(on_real.sum(), real, create_graph=True)
            weight = 0.5 * self.parameters["gamma"] * PENALTY_EVERY
            loss = loss + weight * slope.square().sum((1, 2, 3)).mean()
        loss.backward()  # type: ignore[no-untyped-call]
        judge.step()

        paint.zero_grad(set_to_none=True)
        self.critic.requires_grad_(False)
        painted = softplus(-self.critic(self._fakes())).mean()
        painted.backward()  # type: ignore[no-untyped-call]
        self.critic.requires_grad_(True)
        paint.step()
        self.mean.follow(self.artist, step)
        return {"critic": float(judged.detach()), "artist": float(painted.detach())}

    @torch.no_grad()
    def sample(self) -> Tensor:
        """Return pictures of the same latents and noise each time."""
        artist: Artist = self.mean.network  # type: ignore[assignment]
        rng = torch.Generator().manual_seed(0)
        w = artist.styles(self.shown.to(self.device))
        pictures: Tensor = artist(w[:, None].expand(-1, artist.layers, -1), rng)
        return pictures

    def finished(self) -> nn.Module:
        """Return the mean of the generator network."""
        return self.mean.network.to("cpu").eval()
