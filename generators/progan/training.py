"""How networks learn while they grow: a Wasserstein critic with a gradient penalty, stage after stage."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

from fauxbench import Context
from fauxbench.generators._training import GRID_PICTURES, Average, Training, build_quietly
from fauxbench.generators._training_layers import draw_equal
from fauxbench.generators._training_pictures import Batches
from fauxbench.generators.progan.networks import Artist, Critic, Grown, fade, stages

BETAS = (0.0, 0.99)
"""Adam, appendix A.1 of the paper."""
PENALTY = 10.0
"""Weight of the gradient penalty: Gulrajani et al. 2017 (arXiv:1704.00028), equation 3."""
DRIFT = 0.001
"""Weight of the square of the critic's score of real pictures: appendix A.1."""

_INIT, _LATENT, _ORDER, _SHOW, _MIX = range(5)


class Phase(NamedTuple):
    """Where the growth is."""

    stage: int
    """Of the side 4 << stage."""
    alpha: float
    """How far its layers are faded in, in (0, 1]."""


def phase(share: float, count: int) -> Phase:
    """Return where the growth is when `share` of the updates are done.

    Of `count` stages, stage k takes k + 1 parts of the updates, because larger ones learn more; the first half of each
    but the first fades it in, the second half lets it settle: section 2 of the paper, which gives each the same number.
    """
    total = count * (count + 1) / 2
    passed = share * total
    for stage in range(count):
        if passed <= stage + 1 or stage == count - 1:
            inside = min(1.0, passed / (stage + 1))
            return Phase(stage, 1.0 if stage == 0 else min(1.0, max(1e-3, 2.0 * inside)))
        passed -= stage + 1
    raise AssertionError  # the last stage has returned


class Growth(Training):
    """Karras et al. 2017 (arXiv:1710.10196)."""

    def __init__(self, pictures: Tensor, parameters: Mapping[str, Any], context: Context) -> None:
        """Take (N, 3, side, side) uint8 `pictures` and the parameters of the card."""
        self.parameters = parameters
        self.side = pictures.shape[-1]
        self.device = torch.device(context.device)
        width, latent = parameters["width"], parameters["latent"]
        self.artist: Artist = build_quietly(Artist, latent=latent, width=width, side=self.side)
        self.critic: Critic = build_quietly(Critic, width=width, side=self.side)
        for path, network in enumerate((self.artist, self.critic)):
            draw_equal(network, context.torch_rng(_INIT, path))
            network.to(self.device, memory_format=torch.channels_last)
        self.mean = Average(self.artist, parameters["ema"])
        self.networks = {"artist": self.artist, "critic": self.critic, "mean": self.mean.network}
        self.optimisers = {
            name: torch.optim.Adam(network.parameters(), parameters["learning_rate"], BETAS, fused=True)
            for name, network in (("artist", self.artist), ("critic", self.critic))
        }
        self.latents, self.mixing = context.torch_rng(_LATENT), context.torch_rng(_MIX)
        self.randoms = {"latents": self.latents, "mixing": self.mixing}
        self.batches = Batches(pictures, flip=parameters["flip"], rng=context.torch_rng(_ORDER))
        self.shown = torch.randn(GRID_PICTURES, latent, generator=context.torch_rng(_SHOW))
        self.phase = Phase(0, 1.0)

    def _latents(self) -> Tensor:
        return torch.randn(self.parameters["batch"], self.parameters["latent"], generator=self.latents).to(self.device)

    def update(self, step: int, share: float) -> dict[str, float]:
        """Update the critic, then the generator network."""
        self.phase = phase(share, stages(self.side))
        stage, alpha = self.phase
        real = self.batches.draw(self.parameters["batch"]).to(self.device)
        real = fade(avg_pool2d(real, self.side // (4 << stage)), alpha)
        judge, paint = self.optimisers["critic"], self.optimisers["artist"]
        with torch.no_grad():
            fake = self.artist(self._latents(), stage, alpha)
        judge.zero_grad(set_to_none=True)
        on_real = self.critic(real, stage, alpha)
        apart = on_real.mean() - self.critic(fake, stage, alpha).mean()
        loss = PENALTY * self._penalty(real, fake) + DRIFT * on_real.square().mean() - apart
        loss.backward()
        judge.step()

        paint.zero_grad(set_to_none=True)
        self.critic.requires_grad_(False)
        painted = -self.critic(self.artist(self._latents(), stage, alpha), stage, alpha).mean()
        painted.backward()
        self.critic.requires_grad_(True)
        paint.step()
        self.mean.follow(self.artist, step)
        return {"distance": float(apart.detach()), "artist": float(painted.detach()), "side": float(4 << stage)}

    def _penalty(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return the mean square of how far gradients between real and fake are from length 1."""
        where = torch.rand(len(real), 1, 1, 1, generator=self.mixing).to(self.device)
        between = torch.lerp(real, fake, where).requires_grad_(True)
        scores = self.critic(between, *self.phase).sum()
        (slope,) = torch.autograd.grad(scores, between, create_graph=True)
        return (slope.square().sum((1, 2, 3)).add(1e-12).sqrt() - 1.0).square().mean()

    @torch.no_grad()
    def sample(self) -> Tensor:
        """Return pictures of the same latents each time, enlarged to the full side."""
        pictures: Tensor = self.mean.network(self.shown.to(self.device), *self.phase)
        return interpolate(pictures, size=(self.side, self.side), mode="nearest")

    def finished(self) -> nn.Module:
        """Return the mean of the generator network."""
        artist: Artist = self.mean.network.to("cpu").eval()  # type: ignore[assignment]
        return Grown(artist)
