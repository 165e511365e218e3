"""The adversarial game: how the two networks of DCGAN learn."""

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from fauxbench import Context
from fauxbench.generators._training import GRID_PICTURES, Average, Training, build_quietly, rising_and_falling, set_rate
from fauxbench.generators._training_pictures import Batches
from fauxbench.generators.dcgan.networks import Artist, Critic, initialise

BETAS = (0.5, 0.999)
"""Adam, section 4 of the paper: a first momentum of 0.5 in place of 0.9."""
SETTLE_BATCHES = 32
"""Batches over which the normalisation statistics of the finished generator are measured."""

_INIT, _LATENT, _ORDER, _SETTLE, _SHOW = range(5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What of the training can be chosen."""

    latent: int
    """Length of the latent vector."""
    width: int
    """Channels beside the picture; each stage away from it has twice as many."""
    batch: int
    """Pictures in an update."""
    learning_rate: float
    """Of Adam, for both networks."""
    fall: bool
    """Let the learning rate fall to zero over the second half; false in the paper."""
    ema: float
    """Decay of the running mean of the generator's weights; 0 keeps the last weights, as in the paper."""
    flip: bool
    """Mirror half of the pictures."""


class Game(Training):
    """Radford et al. 2015 (arXiv:1511.06434), section 4, with the non-saturating loss of Goodfellow et al. 2014."""

    def __init__(self, pictures: Tensor, recipe: Recipe, context: Context) -> None:
        """Take (N, 3, side, side) uint8 `pictures`; seed and device are the context's."""
        side = pictures.shape[-1]
        self.recipe = recipe
        self.device = torch.device(context.device)
        self.artist: Artist = build_quietly(Artist, latent=recipe.latent, width=recipe.width, side=side)
        self.critic: Critic = build_quietly(Critic, width=recipe.width, side=side)
        for path, network in enumerate((self.artist, self.critic)):
            initialise(network, context.torch_rng(_INIT, path))
            network.to(self.device, memory_format=torch.channels_last)
        self.mean = Average(self.artist, recipe.ema)
        self.networks = {"artist": self.artist, "critic": self.critic, "mean": self.mean.network}
        self.optimisers = {
            name: torch.optim.Adam(network.parameters(), recipe.learning_rate, BETAS, fused=True)
            for name, network in (("artist", self.artist), ("critic", self.critic))
        }
        self.latents = context.torch_rng(_LATENT)
        self.randoms = {"latents": self.latents}
        self.batches = Batches(pictures, flip=recipe.flip, rng=context.torch_rng(_ORDER))
        self.settling = [
            torch.randn(recipe.batch, recipe.latent, generator=context.torch_rng(_SETTLE, k))
            for k in range(SETTLE_BATCHES)
        ]
        self.shown = torch.randn(GRID_PICTURES, recipe.latent, generator=context.torch_rng(_SHOW))

    def update(self, step: int, share: float) -> dict[str, float]:
        """Update the critic, then the generator network on the same fakes."""
        recipe = self.recipe
        if recipe.fall:
            rate = recipe.learning_rate * max(0.01, rising_and_falling(share, warm=0.0))
            set_rate(list(self.optimisers.values()), rate)
        real = self.batches.draw(recipe.batch).to(self.device, memory_format=torch.channels_last)
        z = torch.randn(recipe.batch, recipe.latent, generator=self.latents).to(self.device)
        fake = self.artist(z)
        ones, zeros = torch.ones(len(z), device=z.device), torch.zeros(len(z), device=z.device)
        judge = self.optimisers["critic"]
        judge.zero_grad(set_to_none=True)
        judged = binary_cross_entropy_with_logits(self.critic(real), ones)
        judged = judged + binary_cross_entropy_with_logits(self.critic(fake.detach()), zeros)
        judged.backward()  # type: ignore[no-untyped-call]
        judge.step()

        paint = self.optimisers["artist"]
        paint.zero_grad(set_to_none=True)
        self.critic.requires_grad_(False)  # its own gradients are not needed here: a fifth of the time
        painted = binary_cross_entropy_with_logits(self.critic(fake), ones)
        painted.backward()  # type: ignore[no-untyped-call]
        self.critic.requires_grad_(True)
        paint.step()
        self.mean.follow(self.artist, step)
        return {"critic": float(judged.detach()), "artist": float(painted.detach())}

    @torch.no_grad()
    def sample(self) -> Tensor:
        """Return pictures of the same latents each time."""
        pictures: Tensor = self._settled()(self.shown.to(self.device))
        return pictures

    def finished(self) -> nn.Module:
        """Return the mean of the generator network, its normalisation measured anew."""
        return self._settled().to("cpu")

    @torch.no_grad()
    def _settled(self) -> Artist:
        """Measure the normalisation statistics anew, for these weights; running ones lag behind fast training."""
        artist = copy.deepcopy(self.mean.network)
        for module in artist.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.reset_running_stats()
                module.momentum = None  # a plain mean over the batches
        artist.train()
        for z in self.settling:
            artist(z.to(self.device))
        found: Artist = artist.eval()  # type: ignore[assignment]
        return found
