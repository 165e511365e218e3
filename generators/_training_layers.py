"""Layers that several networks share."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, linear

GROUP = 4
"""Pictures over which the standard deviation of a minibatch is taken."""


class EqualConv(nn.Module):
    """A convolution whose weights are kept at unit variance and scaled when used.

    Karras et al. 2017 (arXiv:1710.10196), section 4.1: so every weight learns at the same speed.
    """

    def __init__(self, before: int, after: int, kernel: int, *, gain: float = math.sqrt(2.0)) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(after, before, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(after))
        self.scale = gain / math.sqrt(before * kernel * kernel)
        self.padding = kernel // 2 if kernel % 2 else 0

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, after, H, W) for (N, before, H, W); an even kernel is not padded."""
        return conv2d(x, self.weight * self.scale, self.bias, padding=self.padding)


class EqualLinear(nn.Module):
    """A full layer with the same scaling; `rate` slows its learning down."""

    def __init__(
        self, before: int, after: int, *, gain: float = math.sqrt(2.0), rate: float = 1.0, bias: float = 0.0
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(after, before))
        self.bias = nn.Parameter(torch.full((after,), bias / rate))
        self.scale = gain * rate / math.sqrt(before)
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, after) for (N, before)."""
        return linear(x, self.weight * self.scale, self.bias * self.rate)


@torch.no_grad()
def draw_equal(network: nn.Module, rng: torch.Generator) -> None:
    """Draw the weights of every equalised layer from N(0, 1), those of slowed ones wider by as much."""
    for module in network.modules():
        if isinstance(module, EqualConv | EqualLinear):
            rate = module.rate if isinstance(module, EqualLinear) else 1.0
            module.weight.copy_(torch.randn(module.weight.shape, generator=rng) / rate)


def pixel_norm(x: Tensor) -> Tensor:
    """Divide (N, C, ...) by the root mean square over C: Karras et al. 2017, section 4.2."""
    return x * torch.rsqrt(x.square().mean(1, keepdim=True) + 1e-8)


def with_deviation(x: Tensor) -> Tensor:
    """Append to (N, C, H, W) one map with the standard deviation over groups of the minibatch: ibidem, section 3."""
    group = math.gcd(len(x), GROUP)
    parts = x.reshape(group, len(x) // group, *x.shape[1:])
    spread = parts.var(0, unbiased=False).add(1e-8).sqrt().mean((1, 2, 3))
    maps = spread.repeat(group)[:, None, None, None].expand(-1, 1, *x.shape[2:])
    return torch.cat([x, maps], 1)
