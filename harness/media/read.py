"""Digests over decoded content, and frames and sound streamed from files."""

import hashlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..canonical import JSON
from ..errors import MediaError
from .content import Picture, Sound
from .images import IMAGE_SUFFIXES, read_image
from .item import Modality

if TYPE_CHECKING:
    import av

VIDEO_SUFFIXES = frozenset({".mp4", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".m4v"})
AUDIO_SUFFIXES = frozenset({".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".aac"})
DIGEST_RATE = 16_000
"""Sample rate in Hz at which sound is digested and read by default."""


def modality_of(path: Path) -> Modality | None:
    """Return what a file holds by its suffix, or None if fauxbench does not read such files."""
    suffix = path.suffix.lower()
    for suffixes, modality in (
        (IMAGE_SUFFIXES, Modality.IMAGE),
        (VIDEO_SUFFIXES, Modality.VIDEO),
        (AUDIO_SUFFIXES, Modality.AUDIO),
    ):
        if suffix in suffixes:
            return modality
    return None


def read_frames(path: Path) -> Iterator[Picture]:
    """Yield the frames of a clip, (H, W, 3) uint8 RGB, turned as players show them, streamed in display order.

    Raises:
        MediaError: No video stream, or a frame cannot be decoded.
    """
    import av

    try:
        with av.open(str(path), metadata_errors="replace") as container:
            if not container.streams.video:
                raise MediaError(f"{path}: no video stream")
            for frame in container.decode(video=0):
                yield upright(frame)
    except (av.FFmpegError, OSError, UnicodeDecodeError) as error:
        raise MediaError(f"{path}: cannot be decoded: {error}") from error


def upright(frame: "av.VideoFrame") -> Picture:
    """Return a frame, (H, W, 3) uint8 RGB, as players show it: turned by the file's display matrix."""
    pixels = np.asarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8)
    turns = round(frame.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(pixels, turns)) if turns else pixels


def read_sound(path: Path, rate: int = DIGEST_RATE) -> Sound:
    """Read the sound of a file as (samples,) float32, mono (the mean of the channels), resampled to `rate` Hz.

    Values lie in [-1, 1], but for what resampling adds at the edges of a sound that is clipped.

    Raises:
        MediaError: No sound stream, or it cannot be decoded.
    """
    import av

    blocks: list[Sound] = []
    try:
        with av.open(str(path), metadata_errors="replace") as container:
            if not container.streams.audio:
                raise MediaError(f"{path}: no sound stream")
            resampler = av.AudioResampler(format="fltp", rate=rate)
            for frame in container.decode(audio=0):
                blocks.extend(_samples(part) for part in resampler.resample(frame))
            blocks.extend(_samples(part) for part in resampler.resample(None))
    except (av.FFmpegError, OSError, UnicodeDecodeError) as error:
        raise MediaError(f"{path}: cannot be decoded: {error}") from error
    return np.concatenate(blocks) if blocks else np.zeros(0, np.float32)


def _samples(frame: "av.AudioFrame") -> Sound:
    channels = np.asarray(frame.to_ndarray(), dtype=np.float32)
    mono: Sound = channels.mean(axis=0, dtype=np.float32) if len(channels) > 1 else channels[0]
    return mono


def has_sound(path: Path) -> bool:
    """Whether a media file has a sound stream."""
    import av

    try:
        with av.open(str(path), metadata_errors="replace") as container:
            return bool(container.streams.audio)
    except (av.FFmpegError, OSError, UnicodeDecodeError) as error:
        raise MediaError(f"{path}: cannot be opened: {error}") from error


def frame_rate(path: Path) -> float:
    """Return the average frames per second of a clip."""
    import av

    try:
        with av.open(str(path), metadata_errors="replace") as container:
            return float(container.streams.video[0].average_rate or Fraction(25))
    except (av.FFmpegError, OSError, LookupError, UnicodeDecodeError) as error:
        raise MediaError(f"{path}: no video stream: {error}") from error


def digest_of_picture(pixels: Picture) -> str:
    """Return the sha256 over shape and pixels."""
    sha = hashlib.sha256(f"picture {pixels.shape[0]} {pixels.shape[1]} ".encode())
    sha.update(np.ascontiguousarray(pixels).tobytes())
    return sha.hexdigest()


def content_of(path: Path, modality: Modality) -> tuple[str, dict[str, JSON]]:
    """Decode a file and return the sha256 over its content and the facts seen on the way.

    Raises:
        MediaError: The file cannot be decoded.
    """
    if modality is Modality.IMAGE:
        pixels = read_image(path)
        return digest_of_picture(pixels), {"width": pixels.shape[1], "height": pixels.shape[0]}
    if modality is Modality.AUDIO:
        sound = read_sound(path)
        facts: dict[str, JSON] = {"seconds": len(sound) / DIGEST_RATE}
        return hashlib.sha256(b"sound " + sound.tobytes()).hexdigest(), facts
    return _content_of_video(path)


def _content_of_video(path: Path) -> tuple[str, dict[str, JSON]]:
    sha = hashlib.sha256(b"video ")
    frames, width, height = 0, 0, 0
    for pixels in read_frames(path):
        sha.update(np.ascontiguousarray(pixels).tobytes())
        height, width, frames = pixels.shape[0], pixels.shape[1], frames + 1
    if not frames:
        raise MediaError(f"{path}: no frames")
    if has_sound(path):
        sha.update(b"sound " + read_sound(path).tobytes())
    rate = frame_rate(path)
    facts: dict[str, JSON] = {"width": width, "height": height, "fps": rate, "seconds": frames / rate}
    return sha.hexdigest(), facts
