"""What a clip itself shows of its mouth, and how another movement of it is put together from that."""

from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor

from fauxbench import VideoMedia
from fauxbench.generators._lips_cut import COLUMNS, ROWS, Array, Placed, Plane, evenly
from fauxbench.generators._lips_networks import Talker, vectors

SEEN = 160
"""Frames of a target, evenly over it, whose mouths are looked at."""
RIDGE = 3.0
"""Strength with which the clip's own movements are held to those that were learned."""


class Known(NamedTuple):
    """Mouths of a clip, and what they do."""

    places: Sequence[int]
    """Numbers of the frames."""
    mouths: Plane
    """(P, 48 k, 64 k, 3) levels 0 to 255."""
    codes: Tensor
    """(P, 5) about their mean."""
    looks: Tensor
    """(1, 40) how the mouth looks in the mean."""


@torch.inference_mode()
def know(talker: Talker, clip: VideoMedia, placed: Placed, *, still: bool) -> Known:
    """Return what a clip shows of its mouth; of a still, its one frame."""
    count = len(placed.turns)
    places = range(1) if still else evenly(count, SEEN)
    fine = placed.fine
    wanted = set(places)
    frames = ((at, frame) for at, frame in enumerate(islice(clip.frames(), count)) if at in wanted)
    cuts = [(placed.cut(frame, at, fine), placed.cut(frame, at)) for at, frame in islice(frames, len(wanted))]
    small = torch.from_numpy(np.stack([cut for _, cut in cuts])).permute(0, 3, 1, 2)
    mouths = np.stack([cut for cut, _ in cuts]).astype(np.float32)
    return Known(places, mouths, talker.watch(small), talker.look(vectors(small).mean(0, keepdim=True)))


class Mouth:
    """Paints the mouth of one clip.

    What a code looks like is told by the clip's other frames: ridge regression (Hoerl and Kennard 1970) of pixels on
    codes, about what was learned from other people, to which it shrinks. The frame that is painted is left out of it,
    so that its own mouth says nothing.
    """

    def __init__(self, talker: Talker, known: Known) -> None:
        """Take what is known of a clip."""
        self.talker, self.known = talker, known
        self.codes = known.codes.numpy().astype(np.float64)
        self.flat = known.mouths.reshape(len(known.mouths), -1)
        self.learned = self._learned(known.codes)

    @torch.inference_mode()
    def _learned(self, codes: Tensor) -> Plane:
        """Return what was learned that codes (N, 5) change, (N, 9216) levels."""
        drawn = self.talker.paint(codes, self.known.looks.expand(len(codes), -1))
        return np.asarray(127.5 * drawn.permute(0, 2, 3, 1).reshape(len(codes), -1).numpy(), dtype=np.float32)

    def painted(self, code: Tensor, at: int) -> Plane:
        """Return the mouth with a code (5,) at frame `at`, (48 k, 64 k, 3) levels, some of them beyond 0 and 255."""
        share = self._shares(code.numpy().astype(np.float64), at)
        seen = (share @ self.flat).reshape(self.known.mouths.shape[1:])
        learned = (self._learned(code[None])[0] - share @ self.learned).reshape(ROWS, COLUMNS, 3)
        height, width = self.known.mouths.shape[1:3]
        return np.asarray(seen + cv2.resize(learned, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.float32)

    def _shares(self, code: Array, at: int) -> Plane:
        """Return how much each known frame counts (P,); they add up to about 1."""
        count, numbers = self.codes.shape
        rows = np.concatenate([np.ones((count, 1)), self.codes], 1)
        if at in self.known.places and count > 1:
            rows[self.known.places.index(at)] = 0.0
        hold = RIDGE * np.diag([1e-3, *([1.0] * numbers)])
        found = rows @ np.linalg.solve(rows.T @ rows + hold, np.concatenate([[1.0], code]))
        return np.asarray(found, dtype=np.float32)
