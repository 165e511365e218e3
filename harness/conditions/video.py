"""Codecs of clips: one encoding, by what libx264, libx265, libvpx and SVT-AV1 make of it; the sound is kept as it is.

A changed clip that no codec is the condition of is written by `near`: H.264 with a constant rate factor of 10 and sound
without loss. What that alone does is the condition `rewrite`.
"""

import os
from pathlib import Path

from ..errors import InputError
from ..media.content import FileMedia, VideoMedia
from ..media.encode import Coding, write_video

_LOSSLESS = "alac"
"""Of the sound, at 16 bits."""
NEAR = Coding(options={"crf": "10", "preset": "ultrafast"}, sound=_LOSSLESS)


def near(clip: VideoMedia, file: Path) -> FileMedia:
    """Write a clip as `file` with hardly a loss.

    Raises:
        MediaError: It has no frames, or they cannot be encoded.
    """
    write_video(file, clip, NEAR)
    return FileMedia(path=file)


def rewrite(clip: VideoMedia, file: Path) -> FileMedia:
    """Write a clip as `near` does."""
    return near(clip, file)


def h264(clip: VideoMedia, file: Path, *, crf: int = 30) -> FileMedia:
    """Write a clip as `file` with libx264, preset medium.

    Args:
        clip: What is to be encoded; streamed.
        file: A new .mp4.
        crf: Constant rate factor, 0 to 51.

    Raises:
        MediaError: It has no frames, or they cannot be encoded.
        ValueError: `crf` is outside its range.
    """
    return _encoded(clip, file, crf, 51, "libx264", preset="medium")


def h265(clip: VideoMedia, file: Path, *, crf: int = 32) -> FileMedia:
    """Write a clip as `file` with libx265, preset fast; else as `h264`."""
    return _encoded(
        clip, file, crf, 51, "libx265", preset="fast", **{"x265-params": "log-level=none:pools=none:frame-threads=1"}
    )


def vp9(clip: VideoMedia, file: Path, *, crf: int = 40) -> FileMedia:
    """Write a clip as `file` with libvpx at constant quality `crf`, 0 to 63, speed 5; else as `h264`."""
    return _encoded(clip, file, crf, 63, "libvpx-vp9", b="0", deadline="good", **{"cpu-used": "5"})


def av1(clip: VideoMedia, file: Path, *, crf: int = 40) -> FileMedia:
    """Write a clip as `file` with SVT-AV1, `crf` 0 to 63, preset 8; else as `h264`."""
    os.environ.setdefault("SVT_LOG", "1")  # it reports every clip on stderr otherwise
    return _encoded(clip, file, crf, 63, "libsvtav1", preset="8", **{"svtav1-params": "lp=1"})


def _encoded(clip: VideoMedia, file: Path, crf: int, most: int, encoder: str, **options: str) -> FileMedia:
    if not 0 <= crf <= most:
        raise ValueError(f"crf={crf}; legal: 0 to {most}")
    _check_encoder(encoder)
    write_video(file, clip, Coding(encoder=encoder, options={"crf": str(crf), **options}, sound=_LOSSLESS))
    return FileMedia(path=file)


def _check_encoder(name: str) -> None:
    """Raise InputError where the installed PyAV was built without an encoder."""
    import av

    if name not in av.codecs_available:
        raise InputError(f"this PyAV was built without {name}: leave the condition out, or install PyAV's own wheel")
