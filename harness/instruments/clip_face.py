"""Instruments that read clips through studio-face: faces over time, and whether a mouth opens with the voice."""

from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..cards import InstrumentCard
from ..errors import MediaError
from ..media.content import VideoMedia
from .base import Instrument
from .moving import drift
from .studio_face import FEATURES, StudioFace
from .syncing import lag, levels, speech_in, together

SAMPLES = 5
"""Frames a second that faces are read off."""
TOLD = ("together", "opening", "speech", "lag")
OPENING = "jaw_open"
"""The factor that says how far a mouth is open."""


class ClipFace(Instrument):
    """Faces of each clip, five frames a second, evenly over it.

    `features` (N, 320) float32: mean of studio-face's features, and mean absolute change from each to the next.
    `drift` (N, 1): how far the identity drifts, see `identity_drift`.
    """

    def __init__(self, card: InstrumentCard, weights: Path | None = None, device: str = "cpu") -> None:
        super().__init__(card, weights, device)
        self.face = StudioFace(card, weights, device)

    def extract(self, clips: Iterable[VideoMedia]) -> Mapping[str, NDArray[Any]]:  # type: ignore[override]
        """Return features and drift of each clip.

        Raises:
            MediaError: A clip is shorter than two samples.
        """
        rows, drifts = [], []
        for clip in clips:
            every = max(1, round(clip.fps / SAMPLES))
            told = self.face.extract(islice(clip.frames(), 0, None, every))
            features = np.asarray(told["features"], dtype=np.float64)
            if len(features) < 2:
                raise MediaError(f"a clip of at most {every} frames; at least {every + 1} are needed")
            rows.append(np.concatenate([features.mean(axis=0), np.abs(np.diff(features, axis=0)).mean(axis=0)]))
            drifts.append(drift(told["identity"]))
        return {
            "features": np.array(rows, dtype=np.float32).reshape(len(rows), 2 * FEATURES),
            "drift": np.array(drifts, dtype=np.float32).reshape(len(rows), 1),
        }


class StudioMouth(Instrument):
    """Whether mouths open with the voice, by studio-face's `jaw_open`; no synchrony network has a part in it.

    `together` (N, 1) float32: correlation of opening and level, see `mouth_correlation`. `opening` (N, 1): standard
    deviation of the opening, near 0 for a frozen mouth. `speech` (N, 1): seconds of speech. `lag` (N, 1):
    frames by which the sound comes later, where the two correlate best.
    """

    def __init__(self, card: InstrumentCard, weights: Path | None = None, device: str = "cpu") -> None:
        super().__init__(card, weights, device)
        self.face = StudioFace(card, weights, device)
        self.place = self.face.factor_names.index(OPENING)

    def extract(self, clips: Iterable[VideoMedia]) -> Mapping[str, NDArray[Any]]:  # type: ignore[override]
        """Return the four numbers of each clip.

        Raises:
            MediaError: A clip without sound, or with less than two frames of speech.
        """
        rows = []
        for clip in clips:
            if clip.sound is None:
                raise MediaError("a clip without sound")
            opening = self.face.extract(clip.frames())["factors"][:, self.place]
            level = levels(clip.sound, clip.sample_rate, clip.fps)
            speech = speech_in(level)
            value = together(opening, level, speech)
            if np.isnan(value):
                raise MediaError("a clip without speech")
            rows.append((value, float(opening.std()), float(speech.sum()) / clip.fps, lag(opening, level, speech)))
        table = np.array(rows, dtype=np.float32).reshape(len(rows), len(TOLD))
        return {name: table[:, k : k + 1] for k, name in enumerate(TOLD)}
