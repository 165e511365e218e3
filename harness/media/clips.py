"""Clips from files: frames by their time stamps, in step with their sound."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..errors import MediaError
from .content import Picture, Sound, VideoMedia
from .read import DIGEST_RATE, frame_rate, has_sound, read_frames, read_sound, upright

TIMED = 0.25
"""Seconds by which picture and sound may start apart before it is no longer believed: then both start together."""

ROUNDING = 1e-4
"""Seconds: times in files are rounded."""


def open_clip(path: Path, *, sound: bool = False, fps: float | None = None, rate: int = DIGEST_RATE) -> VideoMedia:
    """Open a clip; its frames are streamed in every pass, its sound is read once.

    Sound begins with the first frame: what a container starts earlier is cut, what it starts later is preceded by
    silence.

    Args:
        path: The file.
        sound: Read the sound too.
        fps: Frames a second wanted: the frame that is shown in the middle of each step, by the times in the file, so
            that variable rates become even. None: every frame as it comes, at the file's average rate.
        rate: Of the sound, in Hz.

    Raises:
        MediaError: No picture, or no sound where it is wanted, or it cannot be decoded.
    """
    average = frame_rate(path)  # that there is no picture shows now, and not in the middle of a pass
    heard = None
    if sound:
        if not has_sound(path):
            raise MediaError(f"{path.name}: a clip without sound")
        heard = _in_step(read_sound(path, rate), _lateness(path), rate)
    if fps is None:
        return VideoMedia(frames=lambda: read_frames(path), fps=average, sound=heard, sample_rate=rate)
    return VideoMedia(frames=lambda: even_frames(path, fps), fps=fps, sound=heard, sample_rate=rate)


def even_frames(path: Path, fps: float) -> Iterator[Picture]:
    """Yield the frames of a clip at an even rate: at step i what is shown at (i + 0.5) / fps after the first frame.

    Raises:
        MediaError: No video stream, or a frame cannot be decoded.
    """
    shown: Picture | None = None
    step, last, gap = 0, 0.0, 0.0
    for at, picture in _timed(path):
        gap, last = max(at - last, 0.0), at
        while shown is not None and (step + 0.5) / fps < at + ROUNDING:
            yield shown
            step += 1
        shown = picture
    while shown is not None and (step + 0.5) / fps < last + (gap or 1 / fps) - ROUNDING:
        yield shown
        step += 1


def _timed(path: Path) -> Iterator[tuple[float, Picture]]:
    """Yield (seconds after the first frame, frame)."""
    import av

    try:
        with av.open(str(path), metadata_errors="replace") as container:
            if not container.streams.video:
                raise MediaError(f"{path}: no video stream")
            rate = float(container.streams.video[0].average_rate or 25)
            start: float | None = None
            for place, frame in enumerate(container.decode(video=0)):
                at = place / rate if frame.time is None else frame.time
                start = at if start is None else start
                yield at - start, upright(frame)
    except (av.FFmpegError, OSError, UnicodeDecodeError) as error:
        raise MediaError(f"{path}: cannot be decoded: {error}") from error


def _lateness(path: Path) -> float:
    """Return by how many seconds the sound of a file starts after its picture; 0 where that cannot be believed."""
    import av

    try:
        with av.open(str(path), metadata_errors="replace") as container:
            seen = next(container.decode(video=0)).time
        with av.open(str(path), metadata_errors="replace") as container:
            heard = next(container.decode(audio=0)).time
    except (av.FFmpegError, OSError, UnicodeDecodeError, StopIteration) as error:
        raise MediaError(f"{path}: cannot be decoded: {error}") from error
    if seen is None or heard is None:
        return 0.0
    late = heard - seen
    return late if abs(late) <= TIMED else 0.0


def _in_step(sound: Sound, late: float, rate: int) -> Sound:
    samples = round(late * rate)
    return np.pad(sound, (samples, 0)) if samples > 0 else sound[-samples:]
