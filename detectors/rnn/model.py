"""A frame encoder and a GRU over evenly spaced frames of a clip."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from fauxbench import Item, open_clip
from fauxbench.detectors._network import NetworkDetector
from fauxbench.detectors._reading import Missing, Reading, evenly, file_of
from fauxbench.detectors._separable import SeparableNetwork, initialise
from fauxbench.detectors._training import augmented, normalise


class RNN(NetworkDetector):
    """Looks at `frames` frames that divide a clip evenly; says after each what it thinks by then.

    A convolutional encoder of frames and a recurrent network over its vectors (Güera and Delp 2018, Deepfake video
    detection using recurrent neural networks), with the gates of Cho et al. 2014 (arXiv:1406.1078).
    """

    kept = ("size", "frames", "width", "blocks", "memory")
    whole = True

    def read(self, item: Item) -> Reading:
        """Return frames of the clip, (T, size, size, 3) uint8."""
        if item.modality != "video":
            raise Missing(f"no clip but {item.modality}")
        clip = open_clip(file_of(item))
        frames, places = evenly(clip.frames(), int(self.setting("frames")), int(self.setting("size")))
        return Reading(arrays={"frames": frames}, times=tuple(place / clip.fps for place in places))

    def prepare(self, rows: Mapping[str, Tensor], rng: torch.Generator | None) -> tuple[Tensor, ...]:
        """Return frames (rows, T, 3, size, size); the frames of a clip are augmented alike."""
        frames = rows["frames"]
        if rng is not None:
            frames = augmented(frames, flip=self.parameters["flip"], shift=self.parameters["shift"], rng=rng)
        return (normalise(frames),)

    def build(self, rng: torch.Generator) -> nn.Module:
        """Return the untrained network."""
        network = self.rebuild(self.parameters)
        initialise(network, rng)
        return network

    def rebuild(self, config: Mapping[str, Any]) -> nn.Module:
        """Return a network of the shape that `config` tells."""
        return Recurrent(width=config["width"], blocks=config["blocks"], memory=config["memory"])


class Recurrent(nn.Module):
    """Clips (N, T, 3, H, W) in [-1, 1] to logits (N, T): what the network thinks after each frame."""

    def __init__(self, *, width: int, blocks: int, memory: int) -> None:
        super().__init__()
        self.encoder = SeparableNetwork(width=width, blocks=blocks, stride=2, judges=False)
        self.memory = nn.GRU(self.encoder.size, memory, batch_first=True)
        self.head = nn.Linear(memory, 1)

    def forward(self, clips: Tensor) -> Tensor:
        """Return logits (N, T)."""
        vectors = self.encoder.features(clips.flatten(0, 1)).reshape(*clips.shape[:2], -1)
        states: Tensor = self.memory(vectors)[0]
        logits: Tensor = self.head(states).squeeze(2)
        return logits
