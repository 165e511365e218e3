"""How a training goes: update after update, with losses, pictures and checkpoints; interrupted, it ends the same.

A checkpoint holds everything that the next update depends on: networks, optimisers, random generators and the order of
the pictures. So a training that was ended and begun again gives the same weights, to the bit, as one that was not, on
one machine and processor type (on a GPU sums may differ in the last bits from run to run).
"""

import copy
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from fauxbench import Context, FauxbenchError
from fauxbench.generators._training_pictures import Batches, grid
from fauxbench.generators._training_state import read_checkpoint, write_checkpoint

REPORT_EVERY = 10
"""Updates between two words on progress."""
CHECKPOINT_SECONDS = 30.0
"""Between two checkpoints."""
SHOWN_AT = (0.02, 0.05, *(k / 10 for k in range(1, 11)))
"""Shares of the updates after which a grid of pictures is shown."""
HISTORY = 100
"""Points of the loss curve that are kept."""
GRID_PICTURES = 32

Curve = list[tuple[int, dict[str, float]]]
"""(update, losses by name)."""


class Training(ABC):
    """What learns, one update of it, and what it can show.

    Attributes:
        networks: Everything with weights, by name.
        optimisers: By name; they must hold the networks' own parameters.
        randoms: Every random generator that an update draws from, but for that of `batches`.
        batches: The pictures.
    """

    networks: dict[str, nn.Module]
    optimisers: dict[str, torch.optim.Optimizer]
    randoms: dict[str, torch.Generator]
    batches: Batches

    @abstractmethod
    def update(self, step: int, share: float) -> dict[str, float]:
        """Make update number `step`, from 1 on, when `share` of all updates, in (0, 1], are done; return the losses.

        Schedules follow `share`, so that a training of any length goes through all of them.
        """

    @abstractmethod
    def sample(self) -> Tensor:
        """Return pictures (N, 3, S, S) in [-1, 1] to show; the training must go on as if it had not been asked."""

    @abstractmethod
    def finished(self) -> nn.Module:
        """Return what was learned, in evaluation mode, on the CPU."""


def train(training: Training, *, name: str, steps: int, recipe: Mapping[str, Any], context: Context) -> Curve:
    """Make every update that is still to be made; return the curve of the losses.

    Args:
        training: What learns.
        name: Of the system, for messages.
        steps: Updates in all.
        recipe: Everything besides `training`'s code that its outcome depends on, as JSON: a checkpoint of another one
            is not gone on from.
        context: Progress, checkpoints, pictures.

    Raises:
        FauxbenchError: A loss is no longer finite.
    """
    file = context.checkpoints / "training.safetensors" if context.checkpoints else None
    done, curve = read_checkpoint(file, training, recipe) if file else (0, [])
    if done:
        context.progress(done / steps, f"goes on after step {done} of {steps}")
    shown = {max(1, round(share * steps)) for share in SHOWN_AT}
    kept = time.monotonic()
    for step in range(done + 1, steps + 1):
        losses = training.update(step, step / steps)
        _check(losses, name, step, steps)
        if step % max(1, steps // HISTORY) == 0 or step == steps:
            curve.append((step, losses))
        if step in shown:
            context.show(grid(training.sample()), f"step-{step:07d}")
        if file and step < steps and time.monotonic() - kept >= CHECKPOINT_SECONDS:
            write_checkpoint(file, training, recipe, step, curve)
            kept = time.monotonic()
        if step % REPORT_EVERY == 0 or step == steps:
            told = ", ".join(f"{what} {value:.3f}" for what, value in losses.items())
            context.progress(step / steps, f"step {step} of {steps}: {told}")
    return curve


def _check(losses: Mapping[str, float], name: str, step: int, steps: int) -> None:
    if not all(math.isfinite(value) for value in losses.values()):
        found = ", ".join(f"{what} {value}" for what, value in losses.items())
        raise FauxbenchError(f"{name}: training diverged at step {step} of {steps}: {found}; lower learning_rate")


class Average:
    """A running mean of a network's weights, the ones that samples are made with.

    Early on it looks back over the last few updates, so that a short training is not averaged with its beginning.
    Buffers are those of the network as it is.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        """Begin with a copy of `network`; `decay` 0 keeps the last weights."""
        self.network = copy.deepcopy(network).requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def follow(self, network: nn.Module, step: int) -> None:
        """Move towards the weights of `network` after update `step`, from 1 on."""
        decay = min(self.decay, step / (step + 10))
        slow: list[Tensor] = list(self.network.parameters())
        fast: list[Tensor] = list(network.parameters())
        torch._foreach_lerp_(slow, fast, 1.0 - decay)
        for mine, theirs in zip(self.network.buffers(), network.buffers(), strict=True):
            mine.copy_(theirs)


def rising_and_falling(share: float, *, warm: float = 0.02, fall_from: float = 0.5) -> float:
    """Return the factor of a learning rate: up over `warm`, 1 until `fall_from`, then down half a cosine to 0."""
    if share < warm:
        return share / warm
    if share < fall_from:
        return 1.0
    return 0.5 * (1.0 + math.cos(math.pi * (share - fall_from) / (1.0 - fall_from)))


def set_rate(optimisers: Sequence[torch.optim.Optimizer], rate: float) -> None:
    """Set the learning rate of every group; a group's own `factor` multiplies it."""
    for optimiser in optimisers:
        for group in optimiser.param_groups:
            group["lr"] = rate * group.get("factor", 1.0)


def build_quietly(make: type[nn.Module], **arguments: Any) -> Any:  # noqa: ANN401 - whatever `make` makes
    """Build a network and leave the global random generator as it was: constructors of layers draw from it."""
    with torch.random.fork_rng(devices=[]):
        return make(**arguments)
