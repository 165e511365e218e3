"""Media in memory: what a generator hands back and what a reader gives."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
"""(H, W, 3) uint8, RGB."""
Sound = NDArray[np.float32]
"""(samples,) float32 in [-1, 1], mono."""
Frames = Callable[[], Iterator[Picture]]
"""Called for a fresh pass over the frames; frames are streamed because five minutes of 1080p are 47 GB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageMedia:
    """One picture."""

    pixels: Picture | NDArray[Any]
    """(H, W, 3) uint8 RGB. Anything else is recorded as a failure of the system that made it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoMedia:
    """A clip: re-iterable frames, with or without sound."""

    frames: Frames
    fps: float
    sound: Sound | None = None
    sample_rate: int = 16_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundMedia:
    """A sound."""

    sound: Sound
    sample_rate: int = 16_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FileMedia:
    """A finished file, kept byte for byte."""

    path: Path


Media = ImageMedia | VideoMedia | SoundMedia | FileMedia
