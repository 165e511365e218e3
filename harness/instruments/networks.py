"""What the trained instruments share: blocks of layers, and weights in safetensors with what they need to know."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TypeVar

import torch
from safetensors import safe_open
from torch import Tensor, nn

from ..errors import IntegrityError, WeightsMissingError

T = TypeVar("T")


class Convolution(nn.Sequential):
    """Convolution, batch normalisation, rectifier; the picture keeps its size divided by the stride."""

    def __init__(self, inputs: int, outputs: int, size: int = 3, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )


class Residual(nn.Module):
    """Two 3 x 3 convolutions around a shortcut (He et al. 2016, Deep Residual Learning, section 3)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = Convolution(channels, channels)
        self.second = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Return a tensor of the same shape."""
        return torch.relu(x + self.norm(self.second(self.first(x))))


class Stage(nn.Sequential):
    """Halve the picture, then residual blocks."""

    def __init__(self, inputs: int, outputs: int, blocks: int) -> None:
        super().__init__(Convolution(inputs, outputs, stride=2), *(Residual(outputs) for _ in range(blocks)))


def read_weights(name: str, path: Path | None) -> tuple[dict[str, Tensor], Mapping[str, str]]:
    """Read a file of safetensors: tensors as float32, integers as they are, and the strings stored beside them.

    Raises:
        WeightsMissingError: There is no file.
        IntegrityError: It is not a file of safetensors.
    """
    if path is None or not path.is_file():
        raise WeightsMissingError(f"{name}: needs a file of weights, see fauxbench doctor")
    try:
        with safe_open(str(path), framework="pt", device="cpu") as file:
            state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a mapping
            about = file.metadata() or {}
    except Exception as error:  # safetensors raises an error type of its own that is not exported
        raise IntegrityError(f"{path}: not the weights of {name}: {error}") from error
    return {key: value.float() if value.is_floating_point() else value for key, value in state.items()}, about


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield lists of up to `size` items, streamed."""
    rest = iter(items)
    while chosen := list(islice(rest, size)):
        yield chosen
