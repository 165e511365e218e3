"""Where a face is and what it does: a small network that learns from the labels that a data set carries.

At generation time nothing but pixels is read: what is known of a rendered person stays with the judges.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from fauxbench import Context, InputError, Item
from fauxbench.generators._training import build_quietly, rising_and_falling, set_rate
from fauxbench.generators._training_pictures import as_floats

SIDE = 64
"""Pixels of the square that is read."""
EYES_AND_MOUTH = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")
"""Points that every face finder gives; a face is cut out by them. Left and right are those of the picture."""
_BATCH, _RATE = 32, 2e-3
_INIT, _DRAW = 70, 71

Array = NDArray[np.float64]


class Labels(NamedTuple):
    """What is known of pictures."""

    points: Array
    """(N, P, 2) in shares of the square's side, x and y."""
    factors: Array
    """(N, K) in the factors' own units."""


def labels_of(
    items: Sequence[Item], sizes: Sequence[tuple[int, int]], points: Sequence[str], factors: Sequence[str]
) -> Labels | None:
    """Return the labels that all items carry, or None if one of them lacks some.

    Args:
        items: Of pictures.
        sizes: (height, width) of each.
        points: Names under `points` in an Item's facts: (x, y) in pixels, the centre of the first at (0, 0).
        factors: Names under `factors` in an Item's facts.
    """
    placed, known = [], []
    for item, (height, width) in zip(items, sizes, strict=True):
        where, what = item.facts.get("points"), item.facts.get("factors")
        if not isinstance(where, Mapping) or not isinstance(what, Mapping):
            return None
        if any(name not in where for name in points) or any(name not in what for name in factors):
            return None
        side = min(height, width)
        corner = np.array([(width - side) // 2, (height - side) // 2])
        placed.append(
            (np.array([where[name] for name in points], dtype=np.float64).reshape(-1, 2) + 0.5 - corner) / side
        )
        known.append([float(what[name]) for name in factors])
    return Labels(np.array(placed), np.array(known).reshape(len(placed), len(factors)))


def points_of_finder(squares: Sequence[NDArray[np.uint8]]) -> list[Array | None]:
    """Return (5, 2) points, in shares of the side, of each square picture by MTCNN; None where it sees no face.

    Zhang et al. 2016 (arXiv:1604.02878), as packed in facenet-pytorch; small pictures are enlarged first.

    Raises:
        InputError: The extra `faces` is not installed.
    """
    try:
        from facenet_pytorch import MTCNN
    except ImportError as error:
        raise InputError("align 'mtcnn' needs the extra 'faces' (facenet-pytorch)") from error
    from PIL import Image

    finder = MTCNN(select_largest=True, min_face_size=30, device="cpu")
    found: list[Array | None] = []
    for square in squares:
        scale = max(1, round(192 / len(square)))
        image = Image.fromarray(square).resize((len(square) * scale,) * 2, Image.Resampling.BICUBIC)
        _, chance, points = finder.detect(image, landmarks=True)
        sure = points is not None and chance[0] is not None and chance[0] > 0.9
        found.append((np.asarray(points[0], np.float64) + 0.5) / image.width if sure else None)
    return found


class Reader(nn.Module):
    """Squares (N, 3, 64, 64) in [-1, 1] to points (N, P, 2) in shares of the side, and factors (N, K) in units."""

    middle: Tensor
    spread: Tensor

    def __init__(self, *, points: int, factors: int, width: int = 16) -> None:
        super().__init__()
        channels = [3, width, 2 * width, 4 * width, 4 * width]
        self.points = points
        layers: list[nn.Module] = []
        for before, after in pairwise(channels):
            layers += [nn.Conv2d(before, after, 3, 2, 1), nn.SiLU(inplace=True)]
        self.body = nn.Sequential(*layers, nn.Conv2d(4 * width, 4 * width, 3, 1, 1), nn.SiLU(inplace=True))
        self.head = nn.Sequential(
            nn.Flatten(), nn.Linear(4 * width * 16, 128), nn.SiLU(), nn.Linear(128, 2 * points + factors)
        )
        self.register_buffer("middle", torch.zeros(2 * points + factors))
        self.register_buffer("spread", torch.ones(2 * points + factors))

    def raw(self, squares: Tensor) -> Tensor:
        """Return (N, 2 P + K), each number with mean 0 and deviation 1 over the train pictures."""
        found: Tensor = self.head(self.body(squares))
        return found

    def forward(self, squares: Tensor) -> tuple[Tensor, Tensor]:
        """Return points and factors."""
        found = self.raw(squares) * self.spread + self.middle
        return found[:, : 2 * self.points].reshape(len(found), self.points, 2), found[:, 2 * self.points :]


def train_reader(squares: Tensor, labels: Labels, steps: int, context: Context) -> Reader:
    """Return a network that has learned to read labels off pictures.

    Every picture is moved, turned, enlarged and tinted a little, and its points with it.

    Args:
        squares: (N, 3, 64, 64) uint8.
        labels: Of the same pictures.
        steps: Updates of 32 pictures.
        context: Seed and device.
    """
    count = labels.points.shape[1]
    net: Reader = build_quietly(Reader, points=count, factors=labels.factors.shape[1])
    initialise(net, context.torch_rng(_INIT))
    truth = torch.from_numpy(np.concatenate([labels.points.reshape(len(squares), -1), labels.factors], 1)).float()
    net.middle.copy_(truth.mean(0))
    spread = truth.std(0).clamp(min=1e-3)
    spread[: 2 * count] = 0.1
    net.spread.copy_(spread)
    net.to(context.device)
    optimiser = torch.optim.Adam(net.parameters(), _RATE)
    rng = context.torch_rng(_DRAW)
    weight = torch.ones(truth.shape[1])
    weight[: 2 * count] = 4.0
    for step in range(1, steps + 1):
        set_rate([optimiser], _RATE * rising_and_falling(step / steps))
        chosen = torch.randint(len(squares), (_BATCH,), generator=rng)
        seen, points = disturbed(as_floats(squares[chosen]), truth[chosen, : 2 * count].reshape(_BATCH, count, 2), rng)
        wanted = torch.cat([points.flatten(1), truth[chosen, 2 * count :]], 1).to(context.device)
        found = net.raw(seen.to(context.device))
        away = functional.smooth_l1_loss(found, (wanted - net.middle) / net.spread, beta=0.3, reduction="none")
        loss = (away * weight.to(context.device)).mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        if step % 50 == 0 or step == steps:
            context.progress(0.15 * step / steps, f"reading faces, step {step} of {steps}: {float(loss.detach()):.3f}")
    return net.cpu().eval().requires_grad_(False)


def initialise(network: nn.Module, rng: torch.Generator) -> None:
    """Draw weights after He et al. 2015 (arXiv:1502.01852) for leaky slopes, and set biases to zero."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, a=0.2, generator=rng)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def disturbed(pictures: Tensor, points: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return pictures (N, 3, S, S) moved, turned, enlarged and tinted at random, and their points (N, P, 2)."""
    n = len(pictures)

    def even(reach: float, *shape: int) -> Tensor:
        return (2 * torch.rand(n, *shape, generator=rng) - 1) * reach

    angle, scale, shift = even(math.radians(12)), torch.exp(even(0.15)), even(0.16, 2)
    cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
    turn = torch.stack([torch.stack([cos, -sin], 1), torch.stack([sin, cos], 1)], 1)
    theta = torch.cat([turn, shift[:, :, None]], 2)
    field = functional.affine_grid(theta, list(pictures.shape), align_corners=False)
    moved = functional.grid_sample(pictures, field, padding_mode="border", align_corners=False)
    placed = torch.linalg.solve(turn, (2 * points - 1 - shift[:, None]).transpose(1, 2)).transpose(1, 2)
    tint, light = torch.exp(even(0.25, 1, 1, 1) + even(0.1, 3, 1, 1)), even(0.15, 1, 1, 1)
    return ((moved + 1) * tint - 1 + light).clamp(-1, 1), (placed + 1) / 2


def read(net: Reader, square: NDArray[np.uint8]) -> tuple[Array, Array]:
    """Return points (P, 2) in shares of the side and factors (K,) of one (64, 64, 3) uint8 picture."""
    with torch.inference_mode():
        points, factors = net(as_floats(torch.from_numpy(square.copy()).permute(2, 0, 1)[None]))
    return points[0].numpy().astype(np.float64), factors[0].numpy().astype(np.float64)


def describe(net: Reader, points: Sequence[str], factors: Sequence[str]) -> dict[str, Any]:
    """Return what a config must say to build the reader again."""
    return {"points": list(points), "factors": list(factors)}
