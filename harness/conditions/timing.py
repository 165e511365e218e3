"""Time in clips: their length, their frame rate, and frames that are lost."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, islice
from typing import TypeVar

import numpy as np

from ..media.content import Picture, SoundMedia, VideoMedia
from .change import EmptyCellError

M = TypeVar("M", VideoMedia, SoundMedia)

SLACK = 0.5
"""Frames, or a share of a tenth of a second, by which a file may miss the length it is named by."""


def trim(media: M, *, seconds: float = 15.0) -> M:
    """Return the first `seconds` of a clip or a sound, above 0.

    Of a clip that turns out to be shorter, the error comes with its last frame, because nobody has counted them before.

    Raises:
        EmptyCellError: It is shorter than that; nothing is made up.
        ValueError: `seconds` is not above 0.
    """
    if not seconds > 0.0:
        raise ValueError(f"seconds={seconds}; legal: above 0")
    if isinstance(media, SoundMedia):
        count = round(seconds * media.sample_rate)
        if len(media.sound) < count - SLACK * 0.1 * media.sample_rate:
            raise EmptyCellError(f"{len(media.sound) / media.sample_rate:.2f} s are not {seconds:g} s")
        return replace(media, sound=media.sound[:count])
    sound = media.sound if media.sound is None else media.sound[: round(seconds * media.sample_rate)]
    return replace(media, frames=lambda: _first(media, seconds), sound=sound)


def _first(clip: VideoMedia, seconds: float) -> Iterator[Picture]:
    wanted = round(seconds * clip.fps)
    shown = 0
    for shown, picture in enumerate(islice(clip.frames(), wanted), 1):  # noqa: B007 - the last one counts
        yield picture
    if shown < wanted - SLACK:
        raise EmptyCellError(f"{shown / clip.fps:.2f} s are not {seconds:g} s")


def lower_rate(clip: VideoMedia, *, fps: float = 12.0) -> VideoMedia:
    """Return the clip at `fps` frames a second, above 0: at each step the frame that is shown in its middle.

    Raises:
        EmptyCellError: It has fewer; no frame is made up.
        ValueError: `fps` is not above 0.
    """
    if not fps > 0.0:
        raise ValueError(f"fps={fps}; legal: above 0")
    if clip.fps < fps - 0.01:
        raise EmptyCellError(f"{clip.fps:g} frames a second are not raised to {fps:g}")
    return replace(clip, frames=lambda: _thinned(clip, fps), fps=fps)


def _thinned(clip: VideoMedia, fps: float) -> Iterator[Picture]:
    step = 0
    for place, picture in enumerate(clip.frames()):
        if place == int((step + 0.5) * clip.fps / fps):
            yield picture
            step += 1


def drop_frames(clip: VideoMedia, *, share: float = 0.2, seed: int = 0) -> VideoMedia:
    """Return the clip with `share` of its frames, 0 to 1, lost: in their place the one before stays on.

    The first frame is always there.

    Raises:
        ValueError: `share` is outside its range.
    """
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"share={share}; legal: 0 to 1")
    return replace(clip, frames=lambda: _held(clip, share, seed))


def _held(clip: VideoMedia, share: float, seed: int) -> Iterator[Picture]:
    rng = np.random.default_rng(seed)
    frames = clip.frames()
    shown = next(frames, None)
    if shown is None:
        return
    for picture in chain([shown], frames):
        if picture is not shown and rng.random() >= share:
            shown = picture
        yield shown
