"""The classifier of the downstream task: a small convolutional network, seconds of training on one core."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, pad

WIDTHS = (16, 32, 64)
"""Channels of the stages, each at half the side of the one before."""
BATCH = 32
RATE = 2e-3
"""Of AdamW; it falls along half a cosine."""
DECAY = 0.05
SHIFT = 2
"""Pixels by which a picture is moved at most, each way, in training; nothing else is augmented, so that no label turns
into another."""
LOOKS = 64
"""Pictures that are told at once: a constant, because floats do not forgive changing it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lessons:
    """Pictures and what they show."""

    pictures: NDArray[np.uint8]
    """(N, H, W, 3)."""
    classes: NDArray[np.intp]
    """(N,)."""

    def __add__(self, other: "Lessons") -> "Lessons":
        return Lessons(
            pictures=np.concatenate([self.pictures, other.pictures]),
            classes=np.concatenate([self.classes, other.classes]),
        )


def teach(lessons: Lessons, count: int, steps: int, seed: Sequence[int]) -> nn.Module:
    """Return a classifier of `count` classes; every batch draws its classes evenly from those that have pictures."""
    rng = torch.Generator().manual_seed(int(np.random.SeedSequence(list(seed)).generate_state(1)[0]))
    network = _network(count, rng)
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    pictures, classes = torch.from_numpy(lessons.pictures), torch.from_numpy(lessons.classes)
    sizes = torch.bincount(classes, minlength=count).double()
    chances = (1.0 / sizes)[classes]
    network.train()
    for _ in range(steps):
        drawn = torch.multinomial(chances, BATCH, replacement=True, generator=rng)
        loss = cross_entropy(network(_moved(_seen(pictures[drawn]), rng)), classes[drawn])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
    return network.eval()


@torch.no_grad()
def tell(network: nn.Module, pictures: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Return the class (N,) that a classifier sees in each picture (N, H, W, 3)."""
    found = [
        network(_seen(torch.from_numpy(pictures[start : start + LOOKS]))).argmax(1).numpy()
        for start in range(0, len(pictures), LOOKS)
    ]
    return np.concatenate(found).astype(np.intp) if found else np.zeros(0, np.intp)


def _network(count: int, rng: torch.Generator) -> nn.Sequential:
    layers: list[nn.Module] = []
    before = 3
    for width in WIDTHS:
        layers += [nn.Conv2d(before, width, 3, 2, 1), nn.GroupNorm(8, width), nn.ReLU()]
        before = width
    network = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(4 * before, count))
    for layer in network:
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, generator=rng)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return network


def _seen(pictures: Tensor) -> Tensor:
    return pictures.permute(0, 3, 1, 2).float() / 127.5 - 1.0


def _moved(pictures: Tensor, rng: torch.Generator) -> Tensor:
    """Return a batch moved by a few pixels, its border repeated."""
    side = pictures.shape[2]
    down, right = torch.randint(0, 2 * SHIFT + 1, (2,), generator=rng).tolist()
    wide = pad(pictures, (SHIFT, SHIFT, SHIFT, SHIFT), mode="replicate")
    return wide[:, :, down : down + side, right : right + side]
