"""How the built-in detectors with a network are trained: batches half real and half fake, augmentation, checkpoints."""

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from fauxbench import Context, FauxbenchError
from fauxbench.detectors._choice import Truth, pooled, ranking_loss
from fauxbench.detectors._reading import Decoded

SCORE_BATCH = {"cpu": 1}
"""Rows scored at once, by type of device: on a CPU the last bits of a score depend on the place in a batch."""
OTHER_SCORE_BATCH = 32
"""On any other device; the last batch is filled up, because floats do not forgive changing its size."""
SETTLE_BATCHES = 4
"""Batches over which normalisation statistics are measured before a checkpoint is looked at."""
WEIGHT_DECAY = 0.01
WARM_UP = 0.1
"""Share of the steps over which the learning rate rises to its full value; then it falls along half a cosine."""

INIT, ORDER, AUGMENT = range(3)
"""Streams of random numbers."""

Rows = Mapping[str, Tensor]
"""Name -> (rows, T, ...), as decoded."""
Prepare = Callable[[Rows, torch.Generator | None], tuple[Tensor, ...]]
"""Rows to what the network takes; augmented if there is a generator."""


def train_network(
    network: nn.Module,
    prepare: Prepare,
    train: Decoded,
    validation: Decoded,
    *,
    parameters: Mapping[str, Any],
    name: str,
    context: Context,
) -> dict[str, Any]:
    """Train `network` in place and leave it with the best checkpoint.

    AdamW (Loshchilov and Hutter 2019) on the log loss of each row's mean logit; every batch is half real, half fake.

    Returns:
        `step` of the checkpoint and `scores`: P(fake) of the validation items.

    Raises:
        FauxbenchError: The loss is no longer finite.
    """
    steps, rate = parameters["steps"], parameters["learning_rate"]
    optimiser = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=WEIGHT_DECAY, fused=True)
    drawn = prepared_batches(prepare, train, parameters=parameters, context=context)
    marks = {round(steps * (i + 1) / parameters["checks"]) for i in range(parameters["checks"])} - {0}
    best: dict[str, Any] = {"loss": float("inf"), "state": {}}
    for step in range(1, steps + 1):
        for group in optimiser.param_groups:
            group["lr"] = rate * schedule(step, steps)
        network.train()
        loss = update(network, optimiser, *next(drawn), precision=parameters["precision"])
        if not np.isfinite(loss):
            raise FauxbenchError(f"{name}: training diverged at step {step}: loss {loss}; lower learning_rate")
        if step in marks:
            settle(network, drawn)
            scores = pooled(predict(network, prepare, validation.arrays), validation.owners)
            rank = ranking_loss(scores, validation.truth, parameters["choose_by"])
            if rank < best["loss"] or not best["state"]:
                best = {"loss": rank, "step": step, "scores": scores, "state": copy.deepcopy(network.state_dict())}
            context.progress(step / steps, f"step {step}: loss {loss:.3f}, validation {rank:.3f}")
    network.load_state_dict(best["state"])
    return best


def update(
    network: nn.Module, optimiser: torch.optim.Optimizer, inputs: tuple[Tensor, ...], fake: Tensor, *, precision: str
) -> float:
    """Take one step on a batch and return its loss in nats.

    Args:
        network: In training mode.
        optimiser: Of its parameters.
        inputs: What it takes.
        fake: (rows,) bool.
        precision: `float32`, or `bfloat16` for mixed precision.
    """
    optimiser.zero_grad(set_to_none=True)
    with torch.autocast(inputs[0].device.type, dtype=torch.bfloat16, enabled=precision == "bfloat16"):
        logits = network(*inputs).mean(dim=1)
    loss = binary_cross_entropy_with_logits(logits.float(), fake.to(device=logits.device, dtype=torch.float32))
    loss.backward()  # type: ignore[no-untyped-call]
    optimiser.step()
    return float(loss.detach())


@torch.no_grad()
def settle(network: nn.Module, drawn: Iterator[tuple[tuple[Tensor, ...], Tensor]]) -> None:
    """Measure normalisation statistics anew, as a plain mean over a few batches; running ones lag in short training.

    Wu and Johnson 2021 (arXiv:2105.07576), section 3, "PreciseBN".
    """
    layers = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d | nn.BatchNorm1d)]
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None
    network.train()
    for _ in range(SETTLE_BATCHES if layers else 0):
        network(*next(drawn)[0])
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum


def schedule(step: int, steps: int) -> float:
    """Return the share of the full learning rate at a step, 1 to `steps`: a linear rise, then half a cosine."""
    rise = max(1, round(WARM_UP * steps))
    if step <= rise:
        return step / rise
    return float(0.5 * (1.0 + np.cos(np.pi * (step - rise) / (steps - rise + 1))))


def prepared_batches(
    prepare: Prepare, split: Decoded, *, parameters: Mapping[str, Any], context: Context
) -> Iterator[tuple[tuple[Tensor, ...], Tensor]]:
    """Yield (what the network takes, fake (batch,) bool) without end, augmented, on the device."""
    augment = context.torch_rng(AUGMENT)
    for rows, fake in balanced_batches(split.arrays, split.row_truth, batch=parameters["batch"], context=context):
        yield tuple(one.to(context.device) for one in prepare(rows, augment)), fake


def balanced_batches(
    arrays: Mapping[str, NDArray[Any]], truth: Truth, *, batch: int, context: Context
) -> Iterator[tuple[Rows, Tensor]]:
    """Yield (rows, fake (batch,) bool) without end: half real, half fake, all of a class before one comes again."""
    order = context.torch_rng(ORDER)
    everything = {name: torch.from_numpy(array) for name, array in arrays.items()}
    half = batch // 2
    pools = [_endless(torch.from_numpy(np.flatnonzero(truth == value)), half, order) for value in (False, True)]
    labels = torch.cat([torch.zeros(half, dtype=torch.bool), torch.ones(half, dtype=torch.bool)])
    while True:
        chosen = torch.cat([next(pool) for pool in pools])
        yield {name: array[chosen] for name, array in everything.items()}, labels


def _endless(members: Tensor, count: int, rng: torch.Generator) -> Iterator[Tensor]:
    """Yield `count` members at a time, each pass in a fresh order."""
    pool = members[:0]
    while True:
        while len(pool) < count:
            pool = torch.cat([pool, members[torch.randperm(len(members), generator=rng)]])
        yield pool[:count]
        pool = pool[count:]


def augmented(frames: Tensor, *, flip: bool, shift: int, rng: torch.Generator) -> Tensor:
    """Mirror half of the rows of (rows, T, H, W, 3), and move each by up to `shift` pixels; the edges are reflected."""
    count, _, height, width, _ = frames.shape
    y, x = torch.arange(height).expand(count, -1), torch.arange(width).expand(count, -1)
    if flip:
        mirrored = torch.rand(count, generator=rng) < 0.5
        x = torch.where(mirrored[:, None], width - 1 - x, x)
    if shift:
        by = torch.randint(-shift, shift + 1, (count, 2), generator=rng)
        y, x = _reflected(y + by[:, :1], height), _reflected(x + by[:, 1:], width)
    if not flip and not shift:
        return frames
    return torch.stack([row.index_select(1, v).index_select(2, u) for row, v, u in zip(frames, y, x, strict=True)])


def _reflected(places: Tensor, size: int) -> Tensor:
    """Return places within 0 to size - 1, what lies beyond an edge mirrored at it."""
    last = size - 1
    return places.abs().sub(last).abs().neg().add(last)


def normalise(frames: Tensor) -> Tensor:
    """Return frames (..., H, W, 3) in 0..255 as float32 (..., 3, H, W) in [-1, 1], channels last in memory."""
    return frames.to(torch.float32).mul_(1.0 / 127.5).sub_(1.0).movedim(-1, -3)


@torch.inference_mode()
def predict(network: nn.Module, prepare: Prepare, arrays: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
    """Return logits (rows, T), in batches of one size, so that a score depends on its row alone."""
    network.eval()
    device = next(network.parameters()).device
    batch = SCORE_BATCH.get(device.type, OTHER_SCORE_BATCH)
    count = len(next(iter(arrays.values())))
    found: list[NDArray[np.float64]] = []
    for start in range(0, count, batch):
        rows = {}
        for name, array in arrays.items():
            part = np.zeros((batch, *array.shape[1:]), array.dtype)
            part[: len(array[start : start + batch])] = array[start : start + batch]
            rows[name] = torch.from_numpy(part)
        logits = network(*(one.to(device) for one in prepare(rows, None)))
        found.append(logits[: count - start].double().cpu().numpy())
    return np.concatenate(found)
