"""What a clip itself shows of its mouth, and how another movement of it is put together from that."""

from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor

from fauxbench import VideoMedia
from fauxbench.generators._lips_cut import COLUMNS, ROWS, Array, Placed, Plane, evenly, poses
from fauxbench.generators._lips_networks import Talker, vectors

SEEN = 160
"""Frames of a target, evenly over it, whose mouths are looked at."""
RIDGE = 3.0
"""Strength with which the clip's own movements are held to those that were learned."""
POSE = 20.0
"""Strength with which what the head's pose changes is held to nothing."""
APART, FEWEST = 5, 10
"""Known frames by which codes are moved, at least, and how many moves it takes, to tell whether they fit by chance."""
CHANCE = 0.05
"""Share of moved codes that may fit as well as those that go with a mouth."""


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
    poses: Array
    """(T, K) how the head is held in every frame, painted ones too, about the mean; see `poses`."""
    seen: Array
    """(P, D) mouths in numbers."""


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
    seen = vectors(small)
    return Known(
        *(places, mouths, talker.watch(small), talker.look(seen.mean(0, keepdim=True))),
        *(poses(placed.turns), seen.numpy().astype(np.float64)),
    )


def goes_with(known: Known, codes: Tensor) -> bool:
    """Return whether codes (P, 5), told from a sound, go with what the mouth does.

    They do where they explain its movements, beyond what poses explain, better than nearly all of themselves moved in
    a circle: a test by permutation that needs to know nothing of how this mouth looks.
    """
    count = len(codes)
    moves = range(APART, count - APART + 1)
    if len(moves) < FEWEST:
        return False
    held = np.concatenate([np.ones((count, 1)), known.poses[list(known.places)]], 1)
    beyond = np.eye(count) - held @ np.linalg.pinv(held)
    mouths = beyond @ known.seen
    alike = mouths @ mouths.T

    def explained(by: int) -> float:
        told = beyond @ np.roll(codes.numpy().astype(np.float64), by, axis=0)
        hold = told.T @ told + RIDGE * np.eye(told.shape[1])
        return float(np.trace(np.linalg.solve(hold, told.T @ alike @ told)))

    least = explained(0)
    return least > 0 and float(np.mean([explained(by) >= least for by in moves])) <= CHANCE


class Mouth:
    """Paints the mouth of one clip.

    What a code looks like is told by the clip's other frames: ridge regression (Hoerl and Kennard 1970) of pixels on
    codes, about what was learned from other people, to which it shrinks. A head that turns moves pixels, too, so that
    it goes by poses besides; the mouth is painted as it looks in the pose of its frame. The frame that is painted is
    left out of it, so that its own mouth says nothing.
    """

    def __init__(self, talker: Talker, known: Known) -> None:
        """Take what is known of a clip."""
        self.talker, self.known = talker, known
        self.codes = known.codes.numpy().astype(np.float64)
        self.rows = np.concatenate([np.ones((len(self.codes), 1)), self.codes, known.poses[list(known.places)]], 1)
        self.hold = np.diag([1e-3 * RIDGE, *[RIDGE] * self.codes.shape[1], *[POSE] * known.poses.shape[1]])
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
        rows = self.rows
        if at in self.known.places and len(rows) > 1:
            rows = rows.copy()
            rows[self.known.places.index(at)] = 0.0
        wanted = np.concatenate([[1.0], code, self.known.poses[at]])
        return np.asarray(rows @ np.linalg.solve(rows.T @ rows + self.hold, wanted), dtype=np.float32)
