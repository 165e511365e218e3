"""Does the mouth fit the sound?"""

import numpy as np
from numpy.typing import NDArray

from fauxbench import Item, has_sound, open_clip, sync_features
from fauxbench.detectors._linear import LinearDetector
from fauxbench.detectors._reading import Missing, Reading, file_of

FPS = 25.0
NEAR = 2
"""Frames by which sound may be off and still be together: about what viewers accept (ITU-R BT.1359-1)."""
SPEECH = 0.5
"""Share of a window that must hold speech; where no window does, all are taken."""


class Sync(LinearDetector):
    """Offsets, confidences and distances of studio-sync in windows of two seconds, and a linear model of them.

    Mouths that were made to fit other words leave a lower confidence and wandering offsets (Chung and Zisserman 2016,
    Out of time). studio-sync has learned from the studio's talking people, with a face in the middle of the frame.
    """

    most_windows = 64
    """Windows that an item can give."""

    @property
    def most(self) -> int:
        """Rows that an item can give."""
        return self.most_windows

    def read(self, item: Item) -> Reading:
        """Return the features (W, 9) of windows with speech."""
        if item.modality != "video":
            raise Missing(f"no clip but {item.modality}")
        path = file_of(item)
        if not has_sound(path):
            raise Missing("a clip without sound: whether the mouth fits it cannot be told")
        told = sync_features(open_clip(path, sound=True, fps=FPS))
        rows = features(told)
        keep = told["windows"][:, 2] >= SPEECH
        chosen = np.flatnonzero(keep if keep.any() else np.ones_like(keep))
        if not len(chosen):
            raise Missing("too short for a window")
        chosen = chosen[np.round(np.linspace(0, len(chosen) - 1, min(len(chosen), self.most_windows))).astype(np.intp)]
        return Reading(arrays={"features": rows[chosen]}, times=tuple(told["times"][chosen].tolist()))


def features(told: dict[str, NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return the features (W, 9) of each window: four of its own, five of the whole clip."""
    offset, confidence = np.abs(told["windows"][:, 0]), told["windows"][:, 1]
    near = (offset <= NEAR).astype(np.float32)
    own = np.stack([offset, near, confidence, near * confidence], axis=1)
    curve = told["curve"]
    middle = len(curve) // 2
    whole = [
        float(abs(told["offset"][0])),
        float(told["confidence"][0]),
        float(told["distance"][0]),
        float(curve[middle - NEAR : middle + NEAR + 1].min() - curve.min()),
        float(near.mean()) if len(near) else 0.0,
    ]
    return np.concatenate([own, np.tile(np.array(whole, np.float32), (len(own), 1))], axis=1).astype(np.float32)
