"""Frames and the sound around them, together."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from fauxbench import Item, open_clip
from fauxbench.detectors._network import NetworkDetector
from fauxbench.detectors._reading import Missing, Reading, evenly, file_of
from fauxbench.detectors._separable import SeparableNetwork, initialise
from fauxbench.detectors._sound import STEPS, Listener, heard, masked, pieces, sound_of
from fauxbench.detectors._training import augmented, normalise


class Fusion(NetworkDetector):
    """Looks at `frames` frames that divide a clip evenly, and hears `seconds` of sound around each.

    Both are turned into vectors, put side by side and judged together (late fusion; Khalid et al. 2021, Evaluation of
    an audio-video multimodal deepfake dataset using unimodal and multimodal detectors).
    """

    kept = ("size", "frames", "width", "blocks", "listen", "seconds")
    whole = True

    def read(self, item: Item) -> Reading:
        """Return frames (T, size, size, 3) uint8 and spectrograms (T, steps, 64) around them."""
        if item.modality != "video":
            raise Missing(f"no clip but {item.modality}")
        sound, rate = sound_of(item)
        clip = open_clip(file_of(item))
        frames, places = evenly(clip.frames(), int(self.setting("frames")), int(self.setting("size")))
        times = np.array(places) / clip.fps
        mel = pieces(heard(sound, rate), times, round(float(self.setting("seconds")) * STEPS))
        return Reading(arrays={"frames": frames, "mel": mel}, times=tuple(times.tolist()))

    def prepare(self, rows: Mapping[str, Tensor], rng: torch.Generator | None) -> tuple[Tensor, ...]:
        """Return frames (rows, T, 3, size, size) and spectrograms (rows, T, steps, 64)."""
        frames, mel = rows["frames"], rows["mel"]
        if rng is not None:
            frames = augmented(frames, flip=self.parameters["flip"], shift=self.parameters["shift"], rng=rng)
            mel = masked(mel, rng)
        return normalise(frames), mel

    def build(self, rng: torch.Generator) -> nn.Module:
        """Return the untrained network."""
        network = self.rebuild(self.parameters)
        initialise(network, rng)
        return network

    def rebuild(self, config: Mapping[str, Any]) -> nn.Module:
        """Return a network of the shape that `config` tells."""
        return Joined(width=config["width"], blocks=config["blocks"], listen=config["listen"])


class Joined(nn.Module):
    """Frames (N, T, 3, H, W) and spectrograms (N, T, steps, 64) to logits (N, T)."""

    def __init__(self, *, width: int, blocks: int, listen: int) -> None:
        super().__init__()
        self.look = SeparableNetwork(width=width, blocks=blocks, stride=2, judges=False)
        self.listen = Listener(listen)
        both = self.look.size + self.listen.size
        self.join = nn.Sequential(nn.BatchNorm1d(both), nn.Linear(both, 32), nn.ReLU())
        self.head = nn.Linear(32, 1)

    def forward(self, frames: Tensor, mel: Tensor) -> Tensor:
        """Return logits (N, T)."""
        seen = self.look.features(frames.flatten(0, 1))
        sound = self.listen(mel.flatten(0, 1)[:, None])
        vectors = self.join(torch.cat([seen.float(), sound], 1))
        logits: Tensor = self.head(vectors).reshape(frames.shape[:2])
        return logits
