"""Where a mouth is in every frame of a clip, how it is cut out upright, and how it is laid back."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from fauxbench.generators._faces_cut import FACE, placement

ROWS, COLUMNS = 48, 64
"""Pixels of the part of a face that is painted anew."""
PART = (0.54, 0.99, 0.20, 0.80)
"""Top, bottom, left and right of it in an upright face (`_faces_cut.UPRIGHT`): from the nose to below the chin."""
ABOVE = (0.22, 0.60, 0.14, 0.86)
"""The part that a head is followed by: eyes and nose, nothing of the mouth."""
ABOVE_ROWS, ABOVE_COLUMNS = 38, 72
FINEST = 4
"""Times by which a part may be cut finer, where the frame shows more."""
STILL = 0.05
"""Pixels of the part below which a head is taken to be still."""

Array = NDArray[np.float64]
Picture = NDArray[np.uint8]
Plane = NDArray[np.float32]


def hidden_part() -> Plane:
    """Return (48, 64) in [0, 1]: what is painted anew, with soft edges."""
    return _oval(0.5, 0.50, 0.42, 0.47, 0.22)


def spoken_part() -> Plane:
    """Return (48, 64) in [0, 1]: where lips are, by which a mouth is told in numbers."""
    return _oval(0.5, 0.45, 0.34, 0.36, 0.40)


def _oval(x0: float, y0: float, half: float, high: float, soft: float) -> Plane:
    y, x = (np.mgrid[0:ROWS, 0:COLUMNS] + 0.5) / np.array([ROWS, COLUMNS])[:, None, None]
    radius = (np.abs((x - x0) / half) ** 2.5 + np.abs((y - y0) / high) ** 2.5) ** (1 / 2.5)
    return np.asarray(np.clip((1.0 - radius) / soft, 0.0, 1.0), dtype=np.float32)


def whole(affine: Array) -> Array:
    """Return an affine (2, 3) as (3, 3)."""
    return np.concatenate([affine, [[0.0, 0.0, 1.0]]])


def _part(part: tuple[float, float, float, float], rows: int, columns: int) -> Array:
    """Return the affine (3, 3) from pixels of a part to pixels of the upright face."""
    top, bottom, left, right = (FACE * edge for edge in part)
    across, down = (right - left) / columns, (bottom - top) / rows
    return np.array([[across, 0, left + across / 2 - 0.5], [0, down, top + down / 2 - 0.5], [0, 0, 1]])


def _cut(frame: Picture, turn: Array, rows: int, columns: int) -> Picture:
    """Return part of a frame; `turn` (3, 3) takes its pixels to those of the frame. Beyond it the edge is repeated."""
    scale = float(np.sqrt(abs(np.linalg.det(turn[:2, :2]))))
    if scale > 1.6:
        frame = np.asarray(cv2.GaussianBlur(frame, (0, 0), 0.35 * scale), dtype=np.uint8)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(frame, turn[:2], (columns, rows), flags=flags, borderMode=cv2.BORDER_REPLICATE))


class Placed(NamedTuple):
    """Where the mouth of a clip is."""

    turns: Array
    """(T, 3, 3): from pixels of the part, 48 x 64, to those of each frame."""
    lost: int
    """Frames in which the head could not be followed; it is taken to be where it was."""

    def cut(self, frame: Picture, at: int, fine: int = 1) -> Picture:
        """Return the part of frame `at`, (48 fine, 64 fine, 3) uint8."""
        return _cut(frame, self.turns[at] @ _finer(fine), ROWS * fine, COLUMNS * fine)

    @property
    def fine(self) -> int:
        """How much finer than 48 x 64 the part is shown by the frames."""
        scale = float(np.sqrt(np.median([abs(np.linalg.det(turn[:2, :2])) for turn in self.turns])))
        return int(np.clip(round(scale), 1, FINEST))


def poses(turns: Array) -> Array:
    """Return how a head is held in each frame (T, K), K at most 6: principal components, of deviation 1.

    Of where the part's middle lies, and where points stand from there that are 20 pixels to the right and 20 below.
    Components that move by less than `STILL` pixels are as much smaller.

    Args:
        turns: (T, 3, 3), see `Placed`; they say nothing of the mouth.
    """
    points = np.array([[COLUMNS / 2, 20.0, 0.0], [ROWS / 2, 0.0, 20.0], [1.0, 0.0, 0.0]])
    scale = np.sqrt(np.abs(np.linalg.det(turns[0, :2, :2])))
    held = (turns[:, :2] @ points).reshape(len(turns), 6) / scale
    shares, moved, _ = np.linalg.svd(held - held.mean(axis=0), full_matrices=False)
    return np.asarray(shares * np.minimum(np.sqrt(len(turns)), moved / STILL))


def _finer(fine: int) -> Array:
    """Return the affine (3, 3) from pixels of a finer part to those of the part."""
    return np.array([[1 / fine, 0, 0.5 / fine - 0.5], [0, 1 / fine, 0.5 / fine - 0.5], [0, 0, 1]])


def place_face(points: Array, height: int, width: int) -> Array:
    """Return the affine (3, 3) from an upright face to a frame.

    Args:
        points: (5, 2) eyes, nose and corners of the mouth in shares of the frame's middle square.
        height: Of the frame.
        width: Of the frame.
    """
    side = min(height, width)
    corner = np.array([(width - side) // 2, (height - side) // 2])
    return np.asarray(np.linalg.inv(whole(placement(points * side + corner - 0.5))))


def follow(frames: Iterable[Picture], face: Array) -> Placed:
    """Return where the mouth is in every frame, by what is above it.

    Evangelidis and Psarakis 2008, Parametric image alignment using enhanced correlation coefficient maximization;
    with an affine. The mouth itself is not looked at, so that where it is painted says nothing of what it did.

    Args:
        frames: Of one clip.
        face: Where the upright face lies in the first one, see `place_face`.
    """
    above, mouth = face @ _part(ABOVE, ABOVE_ROWS, ABOVE_COLUMNS), face @ _part(PART, ROWS, COLUMNS)
    back, moved = np.linalg.inv(above), np.eye(2, 3, dtype=np.float32)
    until = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 1e-4)
    first: Picture | None = None
    turns, lost = [], 0
    for frame in frames:
        seen = np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
        seen = _cut(seen, above, ABOVE_ROWS, ABOVE_COLUMNS)
        first = seen if first is None else first
        try:
            found = cv2.findTransformECC(first, seen, moved.copy(), cv2.MOTION_AFFINE, until)[1]
            told = np.asarray(found, dtype=np.float32)
            moved = told if _sane(told) else moved
        except cv2.error:  # nothing to follow: one colour, or another picture
            lost += 1
        turns.append(above @ whole(moved.astype(np.float64)) @ back @ mouth)
    return Placed(np.array(turns).reshape(-1, 3, 3), lost)


def _sane(found: NDArray[np.float32]) -> bool:
    """Whether a head can have moved like that: by less than half its size."""
    size = float(np.linalg.det(found[:, :2]))
    return bool(0.5 < size < 2.0 and np.abs(found[:, 2]).max() < ABOVE_COLUMNS / 2)


def lay_in(frame: Picture, part: Plane, turn: Array, share: Plane) -> Picture:
    """Return a frame with a changed part in it; where the mask is 0, not a pixel changes.

    Args:
        frame: (H, W, 3) uint8.
        part: (48 k, 64 k, 3) of levels 0 to 255.
        turn: (3, 3) from pixels of the part at 48 x 64 to those of the frame.
        share: (48, 64) in [0, 1].
    """
    height, width = frame.shape[:2]
    finer = (turn @ _finer(len(part) // ROWS))[:2]
    laid = cv2.warpAffine(part, finer, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    weight = mask_of((height, width), turn, share)[:, :, None].astype(np.float64) / 255.0
    made = np.rint(np.clip(weight * laid + (1.0 - weight) * frame, 0.0, 255.0))
    return np.asarray(made, dtype=np.uint8)


def mask_of(size: tuple[int, int], turn: Array, share: Plane) -> Picture:
    """Return which pixels of a frame (H, W) change, uint8, 255 = altogether; see `lay_in`."""
    flags, edge = cv2.INTER_LINEAR, cv2.BORDER_CONSTANT
    spread = cv2.warpAffine(share, turn[:2], (size[1], size[0]), flags=flags, borderMode=edge)
    return np.asarray(np.rint(255.0 * np.clip(spread, 0.0, 1.0)), dtype=np.uint8)


def evenly(count: int, most: int) -> Sequence[int]:
    """Return at most `most` of `count` places, evenly."""
    return range(0, count, max(1, -(-count // most)))
