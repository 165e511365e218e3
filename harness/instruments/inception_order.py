"""The same network in an order that takes less time: what is computed stays the same but for rounding."""

from typing import Any

import torch
from pytorch_fid.inception import FIDInceptionE_2
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

BRANCHES: dict[str, tuple[tuple[str | tuple[str, str], ...], ...]] = {
    "InceptionA": (
        ("branch1x1",),
        ("branch5x5_1", "branch5x5_2"),
        ("branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"),
    ),
    "InceptionC": (
        ("branch1x1",),
        ("branch7x7_1", "branch7x7_2", "branch7x7_3"),
        ("branch7x7dbl_1", "branch7x7dbl_2", "branch7x7dbl_3", "branch7x7dbl_4", "branch7x7dbl_5"),
    ),
    "InceptionE": (
        ("branch1x1",),
        ("branch3x3_1", ("branch3x3_2a", "branch3x3_2b")),
        ("branch3x3dbl_1", "branch3x3dbl_2", ("branch3x3dbl_3a", "branch3x3dbl_3b")),
    ),
}
"""Names of the convolutions of a block, branch by branch; two in brackets read the same and lie side by side.

The branch that pools comes after them (Szegedy et al. 2016, figures 5 to 7).
"""


class Fork(nn.Module):
    """Two layers that read the same; their channels side by side."""

    def __init__(self, left: nn.Module, right: nn.Module) -> None:
        super().__init__()
        self.left, self.right = left, right

    def forward(self, x: Tensor) -> Tensor:
        """Return the channels of both."""
        return torch.cat([self.left(x), self.right(x)], 1)


class PooledLast(nn.Module):
    """A block whose last branch averages after its convolution of 1 x 1, over far fewer channels.

    Both are linear and the weights of an average add up to 1, so the order does not matter, bias included.

    Args:
        block: Folded, with an average in its last branch that leaves padding out of the count.
        branches: From `BRANCHES`.
    """

    def __init__(self, block: nn.Module, branches: tuple[tuple[str | tuple[str, str], ...], ...]) -> None:
        super().__init__()

        def layer(name: str | tuple[str, str]) -> nn.Module:
            return block.get_submodule(name) if isinstance(name, str) else Fork(*map(block.get_submodule, name))

        self.branches = nn.ModuleList(nn.Sequential(*map(layer, names)) for names in branches)
        self.last: nn.Module = block.get_submodule("branch_pool.conv")

    def forward(self, x: Tensor) -> Tensor:
        """Return the channels of all branches."""
        averaged = functional.avg_pool2d(self.last(x), 3, stride=1, padding=1, count_include_pad=False)
        return torch.cat([*(branch(x) for branch in self.branches), functional.relu_(averaged)], 1)


def pool_last(trunk: nn.Module) -> None:
    """Let every folded block with an average average last, in place; the last block takes a maximum and stays."""
    for name, block in list(trunk.named_children()):
        kind = next((base.__name__ for base in type(block).__mro__ if base.__name__ in BRANCHES), None)
        if kind is not None and not isinstance(block, FIDInceptionE_2):
            setattr(trunk, name, PooledLast(block, BRANCHES[kind]))


def fold(trunk: nn.Module) -> None:
    """Fold every batch norm into the convolution before it, in place: what is computed stays the same but for rounding.

    Args:
        trunk: In evaluation mode; blocks that have `conv` and `bn` are folded.
    """
    for block in trunk.modules():
        if isinstance(getattr(block, "bn", None), nn.BatchNorm2d):
            folded: Any = block
            folded.conv = fuse_conv_bn_eval(folded.conv.double(), folded.bn.double()).float()
            folded.bn = nn.Identity()


class Joined(nn.Module):
    """A convolution and the ReLU after it as one step of oneDNN, to the bit the same: one pass over memory less."""

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.conv = conv
        self.order: Tensor | None = None
        """The weights as oneDNN wants them for the shape that came first; other shapes are right too."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the rectified convolution of (N, C, H, W)."""
        conv, ops = self.conv, torch.ops.mkldnn
        how = (conv.padding, conv.stride, conv.dilation, conv.groups)
        if self.order is None:
            self.order = ops._reorder_convolution_weight(conv.weight, *how, x.shape)
        joined: Tensor = ops._convolution_pointwise(x, self.order, conv.bias, *how, "relu", [], "")
        return joined


def join_activations(trunk: nn.Module) -> None:
    """Replace every folded block by one step of oneDNN, in place, where this torch has it; nothing else changes."""
    available: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    if not (available and hasattr(torch.ops.mkldnn, "_convolution_pointwise")):
        return
    for block in list(trunk.modules()):
        for name, child in block.named_children():
            if isinstance(getattr(child, "conv", None), nn.Conv2d) and isinstance(
                getattr(child, "bn", None), nn.Identity
            ):
                setattr(block, name, Joined(child.conv))  # type: ignore[arg-type]
