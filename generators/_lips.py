"""What systems share that fit lips to speech: where the mouth is, the sound beside each frame, and laying back."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, repeat
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fauxbench import (
    InputError,
    Item,
    MediaError,
    VideoMedia,
    log_mel,
    open_clip,
    read_image,
    read_sound,
    speech_activity,
)

FPS = 25.0
ROWS, COLUMNS = 48, 64
"""Pixels of the part of a face that is looked at."""
TOP, BOTTOM, SIDE = 0.46, 0.94, 0.32
"""Where it lies in the middle square of a frame: from and to, and how far from the middle to either side."""
HIDDEN = (0.20, 0.97, 0.11, 0.89)
"""Top, bottom, left and right of what is painted anew, in shares of that part: from nose to below the chin."""
BANDS, WINDOW, STEPS = 40, 512, 36
"""Of the sound beside a frame: 0.36 s, 0.16 s of it before the frame begins and 0.16 s after it ends."""
PER_FRAME = 4
RATE = 16_000
SHORTEST = 0.2
"""Seconds of sound that lips can be fitted to."""
MIDDLE = (0.50, 0.68, 0.22)
"""Where the mouth's middle is taken to lie in a frame's square, and how far below the eyes."""
LOUDEST = 0.999
"""Samples above it count as clipped."""

Picture = NDArray[np.uint8]
Plane = NDArray[np.float32]


class Unfit(Exception):
    """A request that cannot be met, why, and what it is counted as."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Box(NamedTuple):
    """A part of a frame, in pixels; it may reach beyond the frame."""

    top: int
    bottom: int
    left: int
    right: int


def middle_box(height: int, width: int, points: NDArray[np.float64] | None = None) -> Box:
    """Return where the lower face lies: in the middle of the frame, or where five points, in shares of its square, say.

    Args:
        height: Of the frame.
        width: Of the frame.
        points: (5, 2) eyes, nose and corners of the mouth; None takes the face to be where portraits have it.
    """
    side = min(height, width)
    x, y, scale = 0.5, (TOP + BOTTOM) / 2, 1.0
    if points is not None:
        eyes, mouth = points[:2].mean(axis=0), points[3:].mean(axis=0)
        scale = max(0.1, float(np.hypot(*(mouth - eyes))) / MIDDLE[2])
        x, y = float(mouth[0]), float(mouth[1]) + scale * ((TOP + BOTTOM) / 2 - MIDDLE[1])
    top, left = (height - side) / 2 + y * side, (width - side) / 2 + x * side
    half, wide = scale * side * (BOTTOM - TOP) / 2, scale * side * SIDE
    return Box(round(top - half), round(top + half), round(left - wide), round(left + wide))


def cut_box(frame: Picture, box: Box) -> Picture:
    """Return a part of a frame, (48, 64, 3) uint8; what lies beyond the frame repeats its edge."""
    height, width = frame.shape[:2]
    held = Box(max(0, box.top), min(height, box.bottom), max(0, box.left), min(width, box.right))
    if held.bottom - held.top < 8 or held.right - held.left < 8:
        raise Unfit("no-face", f"the face lies outside the frame of {width} x {height}")
    part = frame[held.top : held.bottom, held.left : held.right]
    if held != box:
        edges = (held.top - box.top, box.bottom - held.bottom, held.left - box.left, box.right - held.right)
        part = np.asarray(cv2.copyMakeBorder(part, *edges, cv2.BORDER_REPLICATE), dtype=np.uint8)
    how = cv2.INTER_AREA if part.shape[0] > ROWS else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(part, (COLUMNS, ROWS), interpolation=how), dtype=np.uint8)


def hidden_part() -> Plane:
    """Return (48, 64) in [0, 1]: what is painted anew, with soft edges."""
    top, bottom, left, right = HIDDEN
    y, x = (np.mgrid[0:ROWS, 0:COLUMNS] + 0.5) / np.array([ROWS, COLUMNS])[:, None, None]
    across, down = (2 * x - left - right) / (right - left), (2 * y - top - bottom) / (bottom - top)
    radius = (np.abs(across) ** 3.0 + np.abs(down) ** 3.0) ** (1 / 3.0)
    return np.asarray(np.clip((1.0 - radius) / 0.18, 0.0, 1.0), dtype=np.float32)


def lay_in(frame: Picture, part: Picture, box: Box, share: Plane) -> Picture:
    """Return a frame with a changed part in it; where `share` (48, 64) is 0, not a pixel changes."""
    mask = mask_of(frame.shape[:2], box, share)
    height, width = box.bottom - box.top, box.right - box.left
    large = cv2.resize(part, (width, height), interpolation=cv2.INTER_CUBIC)
    inside = (slice(max(0, box.top), min(frame.shape[0], box.bottom)), slice(max(0, box.left), box.right))
    mine = large[max(0, -box.top) : height - max(0, box.bottom - frame.shape[0]), max(0, -box.left) :]
    mine = mine[:, : frame[inside].shape[1]]
    weight = mask[inside][:, :, None].astype(np.float64) / 255.0
    made = frame.copy()
    made[inside] = np.rint(weight * mine + (1.0 - weight) * frame[inside]).astype(np.uint8)
    return made


def mask_of(size: tuple[int, int], box: Box, share: Plane) -> Picture:
    """Return which pixels of a frame (H, W) change, uint8, 255 = altogether."""
    mask = np.zeros(size, dtype=np.uint8)
    height, width = box.bottom - box.top, box.right - box.left
    large = cv2.resize(share, (width, height), interpolation=cv2.INTER_LINEAR)
    inside = mask[max(0, box.top) : box.bottom, max(0, box.left) : box.right]
    top, left = max(0, -box.top), max(0, -box.left)
    inside[:] = np.rint(255.0 * large[top : top + inside.shape[0], left : left + inside.shape[1]])
    return mask


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A sound that lips are to fit."""

    sound: NDArray[np.float32]
    """At 16 kHz, from the first frame on."""
    clipped: float
    """Share of the samples that lie at the limits."""
    speech: float
    """Share of the frames with speech."""

    @property
    def frames(self) -> int:
        """Whole frames that it lasts."""
        return int(len(self.sound) * FPS / RATE)

    @property
    def facts(self) -> dict[str, float]:
        """Return what a reader of the result should know."""
        return {"speech": round(self.speech, 4), "clipped": round(self.clipped, 4)}


def hear(item: Item | None, role: str = "audio") -> Heard:
    """Return the sound of an Item, of a sound or of a clip.

    Raises:
        Unfit: There is none, it is too short, or nobody speaks in it.
        MediaError: It cannot be decoded.
    """
    if item is None:
        raise Unfit("missing", f"request has no {role}: what is to be said?")
    if item.location is None:
        raise Unfit("missing", f"{role} {item.id} has no file on this machine")
    if item.modality == "video":
        sound = open_clip(item.location, sound=True, rate=RATE).sound
        assert sound is not None
    else:
        sound = read_sound(item.location, RATE)
    seconds = len(sound) / RATE
    if seconds < SHORTEST:
        raise Unfit(
            "too-short", f"{role} {item.id} lasts {1000 * seconds:.0f} ms, at least {1000 * SHORTEST:.0f} are needed"
        )
    speech = speech_activity(sound, RATE, fps=FPS)
    if not speech.any():
        raise Unfit("silent", f"{role} {item.id}: nobody speaks in {seconds:.1f} s of sound, all of it below -60 dB")
    return Heard(sound=sound, clipped=float(np.mean(np.abs(sound) >= LOUDEST)), speech=float(speech.mean()))


def spectrogram(sound: NDArray[np.float32], frames: int) -> Plane:
    """Return (4 frames + 32, 40) log-mel steps of 10 ms, from 0.16 s before the first frame on.

    The mean of each band over the whole sound is taken off, so that voice and room count less.
    """
    mel = log_mel(sound, RATE, bands=BANDS, window=WINDOW)
    mel = mel - mel.mean(axis=0, dtype=np.float64).astype(np.float32) if len(mel) else np.zeros((1, BANDS), np.float32)
    before = (STEPS - PER_FRAME) // 2
    wanted = PER_FRAME * frames + STEPS - PER_FRAME
    held = mel[: max(1, wanted - before)]
    padded = np.concatenate([np.repeat(held[:1], before, 0), held])
    return np.concatenate([padded, np.repeat(padded[-1:], max(0, wanted - len(padded)), 0)])[:wanted]


def sound_windows(mel: Tensor) -> Tensor:
    """Return (T, 1, 40, 36), what is heard around each frame, of one spectrogram (4 T + 32, 40)."""
    return mel.unfold(0, STEPS, PER_FRAME)[:, None]


def frames_of(item: Item | None, role: str = "target") -> VideoMedia:
    """Return a clip at 25 frames a second, whatever rate, even or not, its file has; a picture stands still for ever.

    Raises:
        Unfit: There is none.
        MediaError: It has no picture or cannot be decoded.
    """
    if item is None:
        raise Unfit("missing", f"request has no {role}")
    if item.location is None:
        raise Unfit("missing", f"{role} {item.id} has no file on this machine")
    if item.modality == "audio":
        raise Unfit("missing", f"{role} {item.id} is a sound, and shows no face")
    if item.modality == "image":
        still = read_image(item.location)
        return VideoMedia(frames=lambda: repeat(still), fps=FPS)
    return open_clip(item.location, fps=FPS)


class Face(NamedTuple):
    """Where the face of a clip is."""

    box: Box
    found: int
    """Faces seen; -1: nobody looked, it was taken to be in the middle."""


def find_face(first: Sequence[Picture], how: str) -> Face:
    """Return where the face of a clip is, from a few of its frames.

    Args:
        first: Frames.
        how: `centre`: in the middle, as in portraits; `mtcnn`: where MTCNN (extra `faces`) sees the largest one.

    Raises:
        Unfit: There are no frames, or MTCNN sees no face in any of them.
        InputError: The extra is not installed.
    """
    if not first:
        raise Unfit("unreadable", "the target has no frames")
    height, width = first[0].shape[:2]
    if how == "centre":
        return Face(middle_box(height, width), -1)
    seen = [points for frame in first for points in _faces_in(frame)]
    if not seen:
        raise Unfit(
            "no-face", f"MTCNN sees no face in {len(first)} frames of {width} x {height}; or give align = 'centre'"
        )
    most = max(len(_faces_in(frame)) for frame in first[:1]) if len(first) > 1 else len(seen)
    largest = max(seen, key=lambda points: float(np.hypot(*(points[0] - points[1]))))
    return Face(middle_box(height, width, largest), max(1, most))


def _faces_in(frame: Picture) -> list[NDArray[np.float64]]:
    """Return (5, 2) points, in shares of the frame's middle square, of each face that MTCNN is sure of."""
    try:
        from facenet_pytorch import MTCNN
    except ImportError as error:
        raise InputError("align 'mtcnn' needs the extra 'faces' (facenet-pytorch)") from error
    from PIL import Image

    height, width = frame.shape[:2]
    side = min(height, width)
    finder = MTCNN(keep_all=True, min_face_size=max(20, side // 8), device="cpu")
    _, chances, points = finder.detect(Image.fromarray(frame), landmarks=True)
    if points is None:
        return []
    corner = np.array([(width - side) / 2, (height - side) / 2])
    sure = [k for k, chance in enumerate(chances) if chance is not None and chance > 0.9]
    return [(np.asarray(points[k], dtype=np.float64) - corner) / side for k in sure]


def first_of(clip: VideoMedia, count: int = 3) -> list[Picture]:
    """Return the first frames of a clip."""
    return list(islice(clip.frames(), count))


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """One clip to learn from."""

    mouths: Tensor
    """(T, 3, 48, 64) uint8."""
    mel: Tensor
    """(4 T + 32, 40) float32."""


def read_talks(items: Sequence[Item], how: str, most: int) -> Iterator[tuple[Item, Talk | str]]:
    """Yield what can be learned from each clip, or what is wrong with it; at most `most` frames of each."""
    for item in items:
        try:
            heard = hear(item, "train clip")
            clip = frames_of(item, "train clip")
            frames = list(islice(clip.frames(), min(most, heard.frames)))
            box = find_face(frames[:3], how).box
        except (Unfit, MediaError) as error:
            yield item, str(error)
            continue
        if len(frames) < 10:
            yield item, f"{item.id}: {len(frames)} frames with sound, at least 10 are needed"
            continue
        cuts = torch.from_numpy(np.stack([cut_box(frame, box) for frame in frames]))
        mel = torch.from_numpy(spectrogram(heard.sound, len(frames)))
        yield item, Talk(mouths=cuts.permute(0, 3, 1, 2).contiguous(), mel=mel)
