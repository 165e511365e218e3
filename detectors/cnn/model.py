"""A small separable-convolution detector, trained from scratch."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from fauxbench.detectors._training import PictureDetector
from fauxbench.detectors.cnn.network import SeparableNetwork, initialise


class CNN(PictureDetector):
    """A small network of depthwise separable convolutions, after Xception (Chollet 2017, arXiv:1610.02357)."""

    def build(self, rng: torch.Generator) -> nn.Module:
        """Return the untrained network."""
        network = self.rebuild(self.parameters)
        initialise(network, rng)
        return network

    def rebuild(self, config: Mapping[str, Any]) -> nn.Module:
        """Return a network of the shape that `config` tells."""
        return SeparableNetwork(width=config["width"], blocks=config["blocks"])

    def describe(self) -> dict[str, Any]:
        """Return the shape of the network."""
        return {name: self.parameters[name] for name in ("width", "blocks")}
