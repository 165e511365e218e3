"""Faces as codes: an encoder, a decoder that is told something beside the code, and one that searches codes for it.

Lample et al. 2017 (Fader networks, arXiv:1706.00409): what a decoder is told apart must not be in the code as well, or
nobody could change it. A small network looks for it in the codes, and the encoder hides it. All of them work on the
numbers of `_faces_eigen`, not on pixels.
"""

from contextlib import AbstractContextManager, nullcontext
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

DROPPED = 0.1
"""Share of a face's numbers that an encoder does not see in training."""


def narrow(device: torch.device) -> AbstractContextManager[object]:
    """Return a context of bfloat16 where a processor multiplies it in tiles, which takes half of the time."""
    if device.type != "cpu" or not torch.cpu._is_amx_tile_supported():
        return nullcontext()
    return torch.autocast("cpu", dtype=torch.bfloat16)


class Encoder(nn.Module):
    """Numbers (N, K) of faces to codes (N, code)."""

    def __init__(self, *, numbers: int, width: int, code: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in pairwise((numbers, width, width)):
            layers += [nn.Linear(before, after), nn.LayerNorm(after), nn.SiLU()]
        self.layers = nn.Sequential(*layers)
        self.straight = nn.Linear(numbers, code)
        self.last = nn.Linear(width, code)

    def forward(self, numbers: Tensor) -> Tensor:
        """Return codes."""
        codes: Tensor = self.straight(numbers) + self.last(self.layers(numbers))
        return codes


class Decoder(nn.Module):
    """Codes (N, code) and what is told beside them (N, told) to numbers (N, K) of faces.

    What is told enters with the code, and scales and moves what every layer says.
    """

    def __init__(self, *, numbers: int, width: int, code: int, told: int) -> None:
        super().__init__()
        self.deep = nn.ModuleList(nn.Linear(before, width) for before in (code + told, width))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in self.deep)
        self.styles = nn.Linear(told, 2 * width * len(self.deep))
        self.straight = nn.Linear(code + told, numbers)
        self.last = nn.Linear(width, numbers)

    def forward(self, codes: Tensor, told: Tensor) -> Tensor:
        """Return numbers."""
        both = torch.cat([codes, told], 1)
        x = both
        styles = self.styles(told).chunk(len(self.deep), 1)
        for layer, norm, style in zip(self.deep, self.norms, styles, strict=True):
            scale, offset = style.chunk(2, 1)
            x = functional.silu(norm(layer(x)) * (1 + scale) + offset)
        drawn: Tensor = self.straight(both) + self.last(x)
        return drawn


class Searcher(nn.Module):
    """Codes (N, code) to what a decoder is told beside them (N, told), as far as codes betray it."""

    def __init__(self, *, code: int, told: int, width: int = 128) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(code, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU())
        self.last = nn.Linear(width, told)

    def forward(self, codes: Tensor) -> Tensor:
        """Return guesses."""
        guesses: Tensor = self.last(self.layers(codes))
        return guesses


def begin_straight(*networks: Encoder | Decoder) -> None:
    """Let networks begin as their straight lines: what is deep in them adds nothing until it has learned to."""
    for network in networks:
        nn.init.zeros_(network.last.weight)
        nn.init.zeros_(network.last.bias)
        if isinstance(network, Decoder):
            nn.init.zeros_(network.styles.weight)


def ridge(given: Tensor, wanted: Tensor, strength: float = 10.0) -> Tensor:
    """Return slopes (A, B) of `wanted` (N, B) on `given` (N, A), both about their means: Hoerl and Kennard 1970."""
    x, y = (part.double() - part.double().mean(0) for part in (given, wanted))
    slopes: Tensor = torch.linalg.solve(x.T @ x + strength * torch.eye(x.shape[1], dtype=x.dtype), x.T @ y)
    return slopes.float()


@torch.no_grad()
def set_line(layer: nn.Linear, weight: Tensor, middle: Tensor, aim: Tensor) -> None:
    """Let a layer map `middle` to `aim`, and what differs from it by `weight` (out, in)."""
    layer.weight.copy_(weight)
    layer.bias.copy_(aim - weight @ middle)


def dropped(numbers: Tensor, rng: torch.Generator) -> Tensor:
    """Return numbers of which a few, others in every face, are left out, so that no code hangs on single ones."""
    return numbers * (torch.rand(numbers.shape, generator=rng) >= DROPPED)


def directions(vectors: Tensor) -> Tensor:
    """Return vectors (..., D) whose numbers have a mean square of 1."""
    unit: Tensor = functional.normalize(vectors, dim=-1)
    return unit * float(vectors.shape[-1] ** 0.5)
