"""A small network of depthwise separable convolutions, after Xception."""

from itertools import pairwise

import torch
from torch import Tensor, nn


class SeparableBlock(nn.Module):
    """Two separable convolutions with a shortcut; halves the picture (Chollet 2017, arXiv:1610.02357, figure 5)."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *_separable(before, before, stride=1),
            nn.ReLU(inplace=True),
            *_separable(before, after, stride=2),
        )
        # A mean in place of a stride: a strided 1 x 1 convolution drops three pixels of four, and in torch 2.15 its
        # backward pass on a CPU writes past its memory for 8 channels or fewer in channels-last order.
        self.shortcut = nn.Sequential(
            nn.AvgPool2d(2, ceil_mode=True), nn.Conv2d(before, after, 1, bias=False), nn.BatchNorm2d(after)
        )
        self.last = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, after, H / 2, W / 2)."""
        result: Tensor = self.last(self.body(x) + self.shortcut(x))
        return result


def _separable(before: int, after: int, *, stride: int) -> list[nn.Module]:
    """A 3 x 3 convolution in each channel, then a 1 x 1 convolution across them, then normalisation."""
    return [
        nn.Conv2d(before, before, 3, stride=stride, padding=1, groups=before, bias=False),
        nn.Conv2d(before, after, 1, bias=False),
        nn.BatchNorm2d(after),
    ]


class SeparableNetwork(nn.Module):
    """Pictures (N, 3, H, W) in [-1, 1] to logits (N, 1).

    The first convolution keeps every pixel where `stride` is 1: traces of generation are often at the finest scale.
    """

    def __init__(self, *, width: int, blocks: int, stride: int = 1, judges: bool = True) -> None:
        super().__init__()
        self.entry = nn.Sequential(
            nn.Conv2d(3, width, 3, stride=stride, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)
        )
        widths = [width << i for i in range(blocks + 1)]
        self.blocks = nn.Sequential(*(SeparableBlock(a, b) for a, b in pairwise(widths)))
        self.size = widths[-1]
        """Numbers of a vector."""
        self.head = nn.Linear(self.size, 1) if judges else None

    def forward(self, pictures: Tensor) -> Tensor:
        """Return logits (N, 1), positive = fake."""
        if self.head is None:
            raise TypeError("this network gives vectors; call features()")
        logits: Tensor = self.head(self.features(pictures))
        return logits

    def features(self, pictures: Tensor) -> Tensor:
        """Return one vector (N, `size`) a picture."""
        features: Tensor = self.blocks(self.entry(pictures)).mean(dim=(2, 3))
        return features


def initialise(network: nn.Module, rng: torch.Generator) -> None:
    """Draw weights after He et al. 2015, leave normalisation at identity, and start the head at zero: P = 0.5."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            fan = module.kernel_size[0] * module.kernel_size[1] * module.out_channels / module.groups
            nn.init.normal_(module.weight, 0.0, (2.0 / fan) ** 0.5, generator=rng)
        elif isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, 0.0, (2.0 / module.in_features) ** 0.5, generator=rng)
            if module.out_features == 1:
                nn.init.zeros_(module.weight)
            nn.init.zeros_(module.bias)
