"""The adversarial game: how the two networks of DCGAN learn."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from fauxbench import Context, FauxbenchError
from fauxbench.generators.dcgan.networks import Critic, Painter, initialise

BETAS = (0.5, 0.999)
"""Adam, section 4 of the paper: a first momentum of 0.5 in place of 0.9."""
SETTLE_BATCHES = 32
"""Batches over which the normalisation statistics of the finished generator are measured."""
_REPORT_EVERY = 20

_INIT, _LATENT, _ORDER, _SETTLE = range(4)


def batches(pictures: Tensor, batch: int, *, flip: bool, rng: torch.Generator) -> Iterator[Tensor]:
    """Yield batches (batch, 3, side, side) float32 in [-1, 1] without end, a fresh order in each pass.

    Args:
        pictures: (N, 3, side, side) uint8.
        batch: Pictures in a batch; with fewer pictures than that, some appear more than once.
        flip: Mirror each picture with probability one half.
        rng: Decides order and mirroring.
    """
    pool = torch.empty(0, dtype=torch.long)
    while True:
        while len(pool) < batch:
            pool = torch.cat([pool, torch.randperm(len(pictures), generator=rng)])
        chosen, pool = pool[:batch], pool[batch:]
        drawn = pictures[chosen]
        if flip:
            mirrored = torch.rand(batch, generator=rng) < 0.5
            drawn = torch.where(mirrored[:, None, None, None], drawn.flip(3), drawn)
        yield drawn.to(torch.float32).div_(127.5).sub_(1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What of the training can be chosen."""

    latent: int
    """Length of the latent vector."""
    width: int
    """Channels beside the picture; each stage away from it has twice as many."""
    steps: int
    """Updates of each network."""
    batch: int
    """Pictures in an update."""
    learning_rate: float
    """Of Adam, for both networks."""
    ema: float
    """Decay of the running mean of the generator's weights; 0 keeps the last weights, as in the paper."""
    flip: bool
    """Mirror half of the pictures."""


def train(pictures: Tensor, recipe: Recipe, context: Context) -> Painter:
    """Return a generator network that has learned from `pictures`, in evaluation mode, on the CPU.

    Radford et al. 2015 (arXiv:1511.06434), section 4, with the non-saturating loss of Goodfellow et al. 2014.

    Args:
        pictures: (N, 3, side, side) uint8.
        recipe: What of the training can be chosen.
        context: Seed, device and progress.

    Raises:
        FauxbenchError: A loss is no longer finite.
    """
    side = pictures.shape[-1]
    device = torch.device(context.device)
    with torch.random.fork_rng(devices=[]):  # constructors of layers draw from the global generator; left as it was
        painter = Painter(latent=recipe.latent, width=recipe.width, side=side)
        critic = Critic(width=recipe.width, side=side)
    for network, path in ((painter, 0), (critic, 1)):
        initialise(network, context.torch_rng(_INIT, path))
        network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    paint_step = torch.optim.Adam(painter.parameters(), recipe.learning_rate, BETAS, fused=True)
    judge_step = torch.optim.Adam(critic.parameters(), recipe.learning_rate, BETAS, fused=True)
    mean = copy.deepcopy(painter) if recipe.ema else painter
    drawn = batches(pictures, recipe.batch, flip=recipe.flip, rng=context.torch_rng(_ORDER))
    latents = context.torch_rng(_LATENT)
    for step in range(1, recipe.steps + 1):
        real = next(drawn).to(device, memory_format=torch.channels_last)
        z = torch.randn(recipe.batch, recipe.latent, generator=latents).to(device)
        judge_loss, paint_loss = _update(painter, critic, paint_step, judge_step, real, z)
        if not (judge_loss < float("inf") and paint_loss < float("inf")):  # false for NaN as well
            raise FauxbenchError(
                f"dcgan: training diverged at step {step} of {recipe.steps}: losses {judge_loss} and {paint_loss}; "
                f"lower learning_rate (now {recipe.learning_rate})"
            )
        if recipe.ema:
            _follow(mean, painter, min(recipe.ema, step / (step + 10)))
        if step % _REPORT_EVERY == 0 or step == recipe.steps:
            context.progress(step / recipe.steps, f"step {step}: critic {judge_loss:.3f}, painter {paint_loss:.3f}")
    _settle(mean, recipe.batch, context.torch_rng(_SETTLE))
    return mean.to("cpu").eval()


def _update(
    painter: Painter,
    critic: Critic,
    paint_step: torch.optim.Optimizer,
    judge_step: torch.optim.Optimizer,
    real: Tensor,
    z: Tensor,
) -> tuple[float, float]:
    """Update the critic, then the generator network on the same fakes; return both losses."""
    fake = painter(z)
    ones, zeros = torch.ones(len(z), device=z.device), torch.zeros(len(z), device=z.device)
    judge_step.zero_grad(set_to_none=True)
    judge_loss = binary_cross_entropy_with_logits(critic(real), ones)
    judge_loss = judge_loss + binary_cross_entropy_with_logits(critic(fake.detach()), zeros)
    judge_loss.backward()  # type: ignore[no-untyped-call]
    judge_step.step()

    paint_step.zero_grad(set_to_none=True)
    critic.requires_grad_(False)  # its own gradients are not needed here: a fifth of the time
    paint_loss = binary_cross_entropy_with_logits(critic(fake), ones)
    paint_loss.backward()  # type: ignore[no-untyped-call]
    critic.requires_grad_(True)
    paint_step.step()
    return float(judge_loss.detach()), float(paint_loss.detach())


@torch.no_grad()
def _follow(mean: nn.Module, network: nn.Module, decay: float) -> None:
    for slow, fast in zip(mean.parameters(), network.parameters(), strict=True):
        slow.lerp_(fast, 1.0 - decay)


@torch.no_grad()
def _settle(painter: Painter, batch: int, rng: torch.Generator) -> None:
    """Measure the normalisation statistics anew, for these weights; running ones lag behind fast training."""
    for module in painter.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None  # a plain mean over the batches
    painter.train()
    device = next(painter.parameters()).device
    for _ in range(SETTLE_BATCHES):
        painter(torch.randn(batch, painter.latent, generator=rng).to(device))
