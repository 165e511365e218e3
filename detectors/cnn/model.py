"""A small separable-convolution detector, trained from scratch."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from fauxbench.detectors._network import PictureDetector
from fauxbench.detectors._separable import SeparableNetwork, initialise


class CNN(PictureDetector):
    """A small network of depthwise separable convolutions, after Xception (Chollet 2017, arXiv:1610.02357)."""

    kept = ("size", "frames", "width", "blocks")

    def build(self, rng: torch.Generator) -> nn.Module:
        """Return the untrained network."""
        network = self.rebuild(self.parameters)
        initialise(network, rng)
        return network

    def rebuild(self, config: Mapping[str, Any]) -> nn.Module:
        """Return a network of the shape that `config` tells."""
        return SeparableNetwork(width=config["width"], blocks=config["blocks"])
