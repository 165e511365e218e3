"""Writing what generators hand back: PNG, MP4 (H.264 and AAC) and WAV."""

import errno
import io
import platform
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

import numpy as np

from ..canonical import JSON
from ..errors import MediaError
from .content import FileMedia, ImageMedia, Picture, Sound, SoundMedia, VideoMedia
from .images import check_picture, write_png
from .item import Modality
from .read import content_of, digest_of_picture, modality_of

if TYPE_CHECKING:
    import av


@dataclass(frozen=True, slots=True, kw_only=True)
class Coding:
    """How a clip is encoded, with one thread for the same bits anywhere."""

    encoder: str = "libx264"
    options: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({"crf": "17", "preset": "veryfast"}))
    sound: str = "aac"


USUAL = Coding()
"""How finished clips are encoded: as large as CRF 18 at x264's usual preset makes them, 1 dB less near (43 and not 44
on rendered people), in two fifths of the time."""
STEADY: Mapping[str, str] = MappingProxyType(
    {"x264-params": "asm=SSE2Fast,SSSE3,SSE4.2"} if platform.machine().lower() in {"x86_64", "amd64"} else {}
)
"""libx264 without AVX-512, whose lookahead reads what lies behind a frame where the width is no multiple of 16: one and
the same clip gave other bytes every time. Below it, every level gives the same."""


def write_media(folder: Path, stem: str, media: object) -> tuple[Path, str, Mapping[str, JSON]]:
    """Write one artifact as `folder/stem.*` and return its path, content digest and facts; half a file is not left.

    Raises:
        MediaError: Not a Media type, or of the wrong shape, type or values; or its frames raised something.
        OSError: The disk is full.
    """
    if isinstance(media, ImageMedia):
        wrong = check_picture(media.pixels)
        if wrong:
            raise MediaError(wrong)
        path = folder / f"{stem}.png"
        with _whole(path):
            write_png(path, media.pixels)
        height, width = media.pixels.shape[:2]
        return path, digest_of_picture(media.pixels), {"width": width, "height": height}
    if isinstance(media, FileMedia):
        return _keep(folder, stem, media)
    if isinstance(media, VideoMedia):
        path = folder / f"{stem}.mp4"
        with _whole(path):
            write_video(path, media)
        return path, *content_of(path, Modality.VIDEO)
    if isinstance(media, SoundMedia):
        path = folder / f"{stem}.wav"
        with _whole(path):
            write_sound(path, media.sound, media.sample_rate)
        return path, *content_of(path, Modality.AUDIO)
    raise MediaError(f"expected ImageMedia, VideoMedia, SoundMedia or FileMedia, found {type(media).__name__}")


@contextmanager
def _whole(path: Path) -> Iterator[None]:
    """Remove the file if it could not be written to its end."""
    try:
        yield
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _keep(folder: Path, stem: str, media: FileMedia) -> tuple[Path, str, Mapping[str, JSON]]:
    if not isinstance(media.path, Path):
        raise MediaError(f"FileMedia: expected a pathlib.Path, found {media.path!r:.80}")
    modality = modality_of(media.path)
    if modality is None:
        raise MediaError(f"{media.path}: not a picture, clip or sound that fauxbench reads")
    content, facts = content_of(media.path, modality)
    path = folder / f"{stem}{media.path.suffix.lower()}"
    with _whole(path):
        shutil.copyfile(media.path, path)
    return path, content, facts


def check_sound(sound: object, rate: object) -> str | None:
    """Return what is wrong with a sound that a generator handed back, or None."""
    if not isinstance(sound, np.ndarray) or sound.ndim != 1 or not np.issubdtype(sound.dtype, np.floating):
        return f"expected (samples,) float32 sound, found {getattr(sound, 'shape', type(sound).__name__)}"
    if not len(sound):
        return "a sound without samples"
    if not np.isfinite(sound).all():
        return "the sound holds NaN or infinity"
    if not isinstance(rate, int | np.integer) or not 1_000 <= int(rate) <= 384_000:
        return f"expected a sample rate of 1000 to 384000 Hz, found {rate!r}"
    return None


def write_sound(path: Path, sound: Sound, rate: int) -> None:
    """Write mono sound as 16-bit WAV."""
    import soundfile

    wrong = check_sound(sound, rate)
    if wrong:
        raise MediaError(wrong)
    buffer = io.BytesIO()  # soundfile does not say when a disk is full; Python does
    soundfile.write(buffer, np.clip(sound, -1, 1), int(rate), subtype="PCM_16", format="WAV")
    path.write_bytes(buffer.getvalue())


def write_video(path: Path, media: VideoMedia, coding: Coding = USUAL) -> None:
    """Write a clip as MP4, by default H.264 (CRF 17) and AAC.

    Colour is stored at half resolution (yuv420p), as nearly every clip is; at full (yuv444p) if a side is odd.
    Sound is encoded in step with the picture, so that the muxer never holds back one for the other: memory does not
    grow with the length of the clip.
    """
    import av

    wrong = _check_fps(media.fps)
    if media.sound is not None:
        wrong = wrong or check_sound(media.sound, media.sample_rate)
    if wrong:
        raise MediaError(wrong)
    frames = _frames(media)
    first = next(frames, None)
    if first is None:
        raise MediaError("a clip without frames")
    try:
        with av.open(str(path), "w") as container:
            rate = Fraction(float(media.fps)).limit_denominator(1001)
            stream = cast("av.VideoStream", container.add_stream(coding.encoder, rate=rate))
            stream.height, stream.width = first.shape[:2]
            stream.pix_fmt = "yuv444p" if stream.height % 2 or stream.width % 2 else "yuv420p"
            stream.options = {**coding.options, **(STEADY if coding.encoder == "libx264" else {})}
            stream.codec_context.thread_count = 1
            if media.sound is not None:  # every stream is there before the first packet is written
                track = _SoundTrack(container, media.sound, int(media.sample_rate), coding.sound)
            for shown, pixels in enumerate(chain([first], frames), 1):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")))
                if media.sound is not None:
                    track.write_until(shown / float(media.fps))
            container.mux(stream.encode(None))
            if media.sound is not None:
                track.finish()
    except av.FFmpegError as error:
        if isinstance(error, OSError):
            raise
        raise MediaError(f"the clip cannot be encoded: {error}") from error


def _check_fps(fps: object) -> str | None:
    if isinstance(fps, int | float | Fraction | np.floating) and 0.1 <= float(fps) <= 1000:
        return None
    return f"expected 0.1 to 1000 frames per second, found {fps!r}"


def _frames(media: VideoMedia) -> Iterator[Picture]:
    """Yield the frames, checked; they come from the code under test, which may do anything."""
    size = None
    try:
        for place, pixels in enumerate(media.frames()):
            wrong = check_picture(pixels)
            if wrong is None and size not in {None, pixels.shape}:
                wrong = f"{pixels.shape}, but the first was {size}"
            if wrong:
                raise MediaError(f"frame {place}: {wrong}")  # noqa: TRY301
            size = pixels.shape
            yield pixels
    except MediaError:
        raise
    except Exception as error:
        if getattr(error, "errno", None) in {errno.ENOSPC, errno.EDQUOT, errno.EROFS}:
            raise  # not the fault of the code under test
        raise MediaError(f"frames() raised {type(error).__name__}: {error}") from error


class _SoundTrack:
    """The sound track of a clip, written piece by piece."""

    def __init__(self, container: "av.container.OutputContainer", sound: Sound, rate: int, encoder: str) -> None:
        self._container = container
        self._stream = cast("av.AudioStream", container.add_stream(encoder, rate=rate, layout="mono"))
        self._sound = sound
        self._rate = rate
        self._written = 0

    def write_until(self, seconds: float) -> None:
        """Write what is heard before a time."""
        self._write(min(len(self._sound), int(seconds * self._rate)))

    def finish(self) -> None:
        """Write the rest."""
        self._write(len(self._sound))
        self._container.mux(self._stream.encode(None))

    def _write(self, end: int) -> None:
        import av

        if end <= self._written:
            return
        part = self._sound[self._written : end].astype(np.float32)
        frame = av.AudioFrame.from_ndarray(part[None, :], format="fltp", layout="mono")
        frame.sample_rate = self._rate
        # without a place in time the encoder's delay is not recorded, and sound comes late
        frame.pts, frame.time_base = self._written, Fraction(1, self._rate)
        self._container.mux(self._stream.encode(frame))
        self._written = end
