"""What systems share that fit lips to speech: where a face is, the sound beside each frame, train clips."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice, repeat
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fauxbench import (
    Context,
    InputError,
    Item,
    MediaError,
    VideoMedia,
    crop_square,
    log_mel,
    open_clip,
    read_image,
    read_sound,
    resize,
    speech_activity,
)
from fauxbench.generators._faces_cut import CENTRE
from fauxbench.generators._faces_reader import EYES_AND_MOUTH, SIDE, Reader, labels_of, read, train_reader
from fauxbench.generators._lips_cut import Array, Picture, Plane, follow, place_face
from fauxbench.generators._lips_ears import BANDS, STEPS

FPS = 25.0
WINDOW = 512
"""Samples of a step of sound; beside a frame stand 0.36 s, 0.16 s before it begins and 0.16 s after it ends."""
PER_FRAME = 4
RATE = 16_000
SHORTEST = 0.2
"""Seconds of sound that lips can be fitted to."""
LOUDEST = 0.999
"""Samples above it count as clipped."""

SAID = ("jaw_open", "lip_width", "lip_round", "lip_part", "lip_press")
"""Labels under `mouth` in the facts of a clip that say what a mouth does, frame by frame."""
FINDER_STEPS = 500
MOVE, PLAIN = 0.1, 0.75
"""Share of its side by which a picture is moved, and share of that by which what a finder says may stay behind."""
NEAR = 1.0
"""Distances between the eyes within which two finders speak of one face."""


class Unfit(Exception):
    """A request that cannot be met, why, and what it is counted as."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


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

    points: Array
    """(5, 2) eyes, nose and corners of the mouth, in shares of the frame's middle square."""
    found: int
    """Faces seen by MTCNN; -1: it saw none, or was not asked."""


def find_face(
    first: Sequence[Picture], how: str, finder: Reader | None = None, *, made: bool = False, of: str = "the target"
) -> Face:
    """Return where the face of a clip is, from a few of its frames; of several faces, the largest.

    Args:
        first: Frames.
        how: `auto`: where `finder` plainly sees it in the middle square, unless MTCNN (extra `faces`) sees the largest
            face elsewhere; otherwise where MTCNN sees it; without either, in the middle. `mtcnn`: where MTCNN sees it.
            `centre`: in the middle, as in portraits; nobody looks.
        finder: A network that was taught by the data's own points.
        made: Whether a system made the face: what it looks like is that system's affair, and `auto` refuses none.
        of: Whose frames they are, for messages.

    Raises:
        Unfit: There are no frames, or no face is seen in any of them.
        InputError: `mtcnn`, and the extra is not installed.
    """
    if not first:
        raise Unfit("unreadable", f"{of} has no frames")
    if how == "centre":
        return Face(CENTRE, -1)
    told, plain = _told(first, finder) if how == "auto" and finder is not None else (None, False)
    found = _largest(first, needed=how == "mtcnn")
    if found is not None and found.found:
        agreed = told is not None and plain and _apart(told, found.points) < NEAR
        return Face(told, found.found) if agreed and told is not None else found
    if told is not None and (plain or made):
        return Face(told, -1)
    if told is None and (made or found is None) and how == "auto":
        return Face(CENTRE, -1)
    height, width = first[0].shape[:2]
    why = "smaller than an eighth of the shorter side it would not be seen"
    if found is None:
        why = "only the middle was looked at; with the extra 'faces' it is looked for elsewhere, too"
    raise Unfit("no-face", f"{of}: no face is seen in {len(first)} frames of {width} x {height}; {why}")


def _apart(points: Array, others: Array) -> float:
    """Return how far points (5, 2) lie from others, in the mean, in distances between these others' eyes."""
    eyes = max(float(np.hypot(*(others[0] - others[1]))), 1e-6)
    return float(np.hypot(*(points - others).T).mean()) / eyes


def _told(first: Sequence[Picture], finder: Reader) -> tuple[Array, bool]:
    """Return where a finder sees the face (5, 2), the median of frames, and whether it sees one plainly.

    A network has an answer to every picture, and what it says where there is no face hardly depends on the picture. So
    the picture is moved: where there is a face, the answer moves with it.
    """
    squares = [resize(crop_square(frame), 2 * SIDE, 2 * SIDE) for frame in first]
    told = [read(finder, resize(square, SIDE, SIDE))[0][:5] for square in squares]
    left = [_left_behind(finder, square, points) for square, points in zip(squares, told, strict=True)]
    return np.median(told, axis=0), float(np.median(left)) < PLAIN


def _left_behind(finder: Reader, square: Picture, points: Array) -> float:
    """Return the share of a picture's moves (the mean of four ways) by which a finder's points do not follow."""
    pixels, left = MOVE * len(square), []
    for way in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        turn = np.array([[1, 0, pixels * way[0]], [0, 1, pixels * way[1]]], dtype=np.float64)
        moved = cv2.warpAffine(square, turn, (len(square),) * 2, borderMode=cv2.BORDER_REPLICATE)
        now = read(finder, resize(np.asarray(moved, dtype=np.uint8), SIDE, SIDE))[0][:5]
        left.append(float(np.hypot(*(now - points - MOVE * np.array(way)).T).mean()) / MOVE)
    return float(np.mean(left))


def _largest(first: Sequence[Picture], *, needed: bool) -> Face | None:
    """Return the largest face that MTCNN sees in some frames, and how many it sees in one of them; 0: none.

    Without the extra, None.
    """
    try:
        seen = [_faces_in(frame) for frame in first]
    except InputError:
        if needed:
            raise
        return None
    faces = [points for one in seen for points in one]
    if not faces:
        return Face(CENTRE, 0)
    largest = max(faces, key=lambda points: float(np.linalg.norm(points - points.mean(axis=0))))
    return Face(largest, max(map(len, seen)))


def _faces_in(frame: Picture) -> list[NDArray[np.float64]]:
    """Return (5, 2) points, in shares of the frame's middle square, of each face that MTCNN is sure of."""
    from PIL import Image

    height, width = frame.shape[:2]
    side = min(height, width)
    finder = _mtcnn(max(20, side // 8))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            _, chances, points = finder.detect(Image.fromarray(frame), landmarks=True)
        except (RuntimeError, IndexError, ValueError):  # boxes without area, in a picture without faces
            return []
    if points is None:
        return []
    corner = np.array([(width - side) / 2, (height - side) / 2])
    sure = [k for k, chance in enumerate(chances) if chance is not None and chance > 0.9]
    return [(np.asarray(points[k], dtype=np.float64) - corner) / side for k in sure]


@cache
def _mtcnn(smallest: int) -> Any:  # noqa: ANN401 - facenet-pytorch has no types
    try:
        from facenet_pytorch import MTCNN
    except ImportError as error:
        raise InputError("align 'mtcnn' needs the extra 'faces' (facenet-pytorch)") from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return MTCNN(keep_all=True, min_face_size=smallest, device="cpu")


def first_of(clip: VideoMedia, count: int = 3) -> list[Picture]:
    """Return the first frames of a clip."""
    return list(islice(clip.frames(), count))


def labelled_frames(item: Item) -> Iterator[tuple[int, Picture, Mapping[str, Any]]]:
    """Yield number, picture and labels of each labelled frame of a clip; nothing of what cannot be read."""
    rows = item.facts.get("frames")
    if item.modality != "video" or item.location is None or not isinstance(rows, Sequence):
        return
    labels = {int(row["frame"]): row for row in rows}
    try:
        frames = list(islice(open_clip(item.location).frames(), max(labels) + 1))
    except MediaError:
        return  # counted with the sounds
    yield from ((k, frames[k], row) for k, row in labels.items() if k < len(frames))


def teach_finder(items: Sequence[Item], context: Context) -> Reader | None:
    """Return a network that finds faces, taught by the points of labelled frames; None where there are none."""
    squares, owners, shapes = [], [], []
    for item in items:
        for _, frame, row in labelled_frames(item):
            owners.append(replace(item, facts={"points": dict(row["points"]), "factors": {}}))
            shapes.append((int(frame.shape[0]), int(frame.shape[1])))
            squares.append(resize(crop_square(frame), SIDE, SIDE))
    known = labels_of(owners, shapes, EYES_AND_MOUTH, ()) if owners else None
    if known is None:
        return None
    planes = torch.from_numpy(np.stack(squares)).permute(0, 3, 1, 2).contiguous()
    return train_reader(planes, known, FINDER_STEPS, context)


def told_of(wrong: Sequence[str]) -> str:
    """Return the first of what is wrong with train items, as the end of a sentence; nothing if all of them will do."""
    return f"; of {len(wrong)} that will not do the first: {wrong[0]}" if wrong else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """One clip to learn from."""

    mouths: Tensor
    """(T, 3, 48, 64) uint8."""
    mel: Tensor
    """(4 T + 32, 40) float32."""
    said: Tensor | None = None
    """(T, 5) float32, what its labels say of the mouth; None: it has none."""


def read_talks(
    items: Sequence[Item], how: str, most: int, finder: Reader | None = None
) -> Iterator[tuple[Item, Talk | str]]:
    """Yield what can be learned from each clip, or what is wrong with it; at most `most` frames of each."""
    for item in items:
        try:
            heard = hear(item, "train clip")
            clip = frames_of(item, "train clip")
            frames = list(islice(clip.frames(), min(most, heard.frames)))
            if finder is not None and frames:  # it learned from these clips' labels: there is a face
                points = _told(frames[:3], finder)[0]
            else:
                points = find_face(frames[:3], how, of=f"train clip {item.id}").points
        except (Unfit, MediaError) as error:
            yield item, str(error)
            continue
        if len(frames) < 10:
            yield item, f"{item.id}: {len(frames)} frames with sound, at least 10 are needed"
            continue
        placed = follow(frames, place_face(points, *frames[0].shape[:2]))
        cuts = torch.from_numpy(np.stack([placed.cut(frame, at) for at, frame in enumerate(frames)]))
        mel = torch.from_numpy(spectrogram(heard.sound, len(frames)))
        yield item, Talk(mouths=cuts.permute(0, 3, 1, 2).contiguous(), mel=mel, said=_said(item, len(frames)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Speech:
    """One sound to learn from how lips would move."""

    mel: Tensor
    """(4 T + 32, 40) float32."""
    said: Tensor
    """(T, 5) float32, what its labels say of a mouth."""


def read_speech(items: Sequence[Item], most: int) -> Iterator[tuple[Item, Speech | str]]:
    """Yield what can be learned from each sound, or what is wrong with it; at most `most` frames of each."""
    for item in items:
        try:
            heard = hear(item, "train sound")
        except (Unfit, MediaError) as error:
            yield item, str(error)
            continue
        frames = min(most, heard.frames)
        said = _said(item, frames)
        if said is None:
            yield item, f"{item.id}: its facts do not say what a mouth does ('mouth'), as the studio's do"
            continue
        yield item, Speech(mel=torch.from_numpy(spectrogram(heard.sound, frames)), said=said)


def _said(item: Item, frames: int) -> Tensor | None:
    told = item.facts.get("mouth")
    if not isinstance(told, Mapping) or any(name not in told["names"] for name in SAID):
        return None
    places = [list(told["names"]).index(name) for name in SAID]
    values = np.asarray(told["values"], dtype=np.float32).reshape(-1, len(told["names"]))[:frames, places]
    return torch.from_numpy(values) if len(values) == frames else None
