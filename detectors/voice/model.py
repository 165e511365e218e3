"""A convolutional network over log-mel spectrograms of sound."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from fauxbench import Item
from fauxbench.detectors._network import NetworkDetector
from fauxbench.detectors._reading import Missing, Reading
from fauxbench.detectors._separable import initialise
from fauxbench.detectors._sound import STEPS, Listener, heard, masked, pieces, sound_of, spread


class Voice(NetworkDetector):
    """Hears pieces of `seconds`, at most `pieces` of them spread evenly over a sound, of a file of sound or a clip.

    Log-mel features and a small convolutional network (Hershey et al. 2017, arXiv:1609.09430, in small).
    """

    kept = ("seconds", "pieces", "width")

    @property
    def most(self) -> int:
        """Rows that an item can give."""
        return int(self.setting("pieces"))

    def read(self, item: Item) -> Reading:
        """Return pieces (T, steps, 64) of the spectrogram."""
        if item.modality == "image":
            raise Missing("a picture has no sound")
        sound, rate = sound_of(item)
        length = float(self.setting("seconds"))
        mel = heard(sound, rate)
        centres = spread(len(sound) / rate, length, self.most)
        return Reading(arrays={"mel": pieces(mel, centres, round(length * STEPS))}, times=tuple(centres.tolist()))

    def prepare(self, rows: Mapping[str, Tensor], rng: torch.Generator | None) -> tuple[Tensor, ...]:
        """Return spectrograms (rows, 1, steps, 64)."""
        mel = rows["mel"]
        return (masked(mel, rng) if rng is not None and self.parameters["mask"] else mel,)

    def build(self, rng: torch.Generator) -> nn.Module:
        """Return the untrained network."""
        network = self.rebuild(self.parameters)
        initialise(network, rng)
        return network

    def rebuild(self, config: Mapping[str, Any]) -> nn.Module:
        """Return a network of the shape that `config` tells."""
        listener = Listener(config["width"])
        return nn.Sequential(listener, nn.Linear(listener.size, 1))
