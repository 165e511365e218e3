"""What studio-sync says of one clip, for whoever wants more than a score: the detector `sync`, a stranger's own."""

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..media.content import VideoMedia
from . import load_instrument
from .studio_sync import HOP, SECONDS, StudioSync


def sync_features(clip: VideoMedia, device: str = "cpu") -> dict[str, NDArray[np.float32]]:
    """Return how well the mouth of a clip fits its sound, by the instrument studio-sync, whose weights come along.

    Args:
        clip: 25 frames a second, with sound, a face in the middle; `open_clip(path, sound=True, fps=25)` gives one.
        device: Of torch.

    Returns:
        `offset` (1,) frames by which the sound comes later; `distance` (1,) of the two at that offset; `confidence`
        (1,) the median over all offsets less that; `curve` (31,) the distance at -15 to 15 frames; `windows` (W, 3)
        offset, confidence and share of speech of each stretch of two seconds, five a second; `times` (W,) seconds of
        their middles.

    Raises:
        MediaError: No sound, another frame rate, or shorter than 1.4 s.
    """
    told = {name: array[0] for name, array in _instrument(device).extract((clip,)).items()}
    heard = 0.0 if clip.sound is None else len(clip.sound) / clip.sample_rate
    starts = np.arange(len(told["windows"])) * HOP
    return {**told, "times": np.asarray(starts + min(SECONDS, heard) / 2, dtype=np.float32)}


@cache
def _instrument(device: str) -> StudioSync:
    found = load_instrument("studio-sync", Path("weights-come-with-the-package"), device)
    assert isinstance(found, StudioSync)
    return found
