"""MP3, AAC and Opus, there and back, by PyAV."""

import io
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, cast

import numpy as np

from ..errors import MediaError
from ..media.content import Sound, SoundMedia

if TYPE_CHECKING:
    import av

_CONTAINERS = {"libmp3lame": "mp3", "aac": "mp4", "libopus": "ogg"}


def mp3(sound: SoundMedia, *, kbps: int = 32) -> SoundMedia:
    """Return the sound after one MP3 encoding (LAME) at 8 to 320 kilobits a second, in step and as long as before."""
    return _coded(sound, "libmp3lame", kbps)


def aac(sound: SoundMedia, *, kbps: int = 32) -> SoundMedia:
    """Return the sound after one AAC encoding (FFmpeg's), as `mp3`."""
    return _coded(sound, "aac", kbps)


def opus(sound: SoundMedia, *, kbps: int = 16) -> SoundMedia:
    """Return the sound after one Opus encoding (libopus), as `mp3`; from 6 kilobits a second on."""
    return _coded(sound, "libopus", kbps)


def _coded(sound: SoundMedia, encoder: str, kbps: int) -> SoundMedia:
    import av

    if not 6 <= kbps <= 320:
        raise ValueError(f"kbps={kbps}; legal: 6 to 320")
    if not len(sound.sound):
        return sound
    try:
        with io.BytesIO() as file:
            _encode(file, sound, encoder, kbps)
            file.seek(0)
            heard = _decode(file, sound.sample_rate)
    except av.FFmpegError as error:
        raise MediaError(f"{encoder} at {kbps} kilobits a second: {error}") from error
    heard = heard[: len(sound.sound)]
    return replace(sound, sound=np.pad(heard, (0, len(sound.sound) - len(heard))))


def _encode(file: io.BytesIO, sound: SoundMedia, encoder: str, kbps: int) -> None:
    import av

    rate = sound.sample_rate
    with av.open(file, "w", format=_CONTAINERS[encoder]) as container:
        stream = cast("av.AudioStream", container.add_stream(encoder, rate=rate, layout="mono"))
        stream.bit_rate = kbps * 1000
        samples = np.clip(sound.sound, -1.0, 1.0).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(samples[None, :], format="fltp", layout="mono")
        frame.sample_rate = rate
        frame.pts, frame.time_base = 0, Fraction(1, rate)  # without a place in time the encoder's delay is not recorded
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _decode(file: io.BytesIO, rate: int) -> Sound:
    import av

    parts: list[Sound] = []
    with av.open(file, "r") as container:
        resampler = av.AudioResampler(format="fltp", rate=rate, layout="mono")
        for frame in container.decode(audio=0):
            parts += [np.asarray(part.to_ndarray()[0], np.float32) for part in resampler.resample(frame)]
        parts += [np.asarray(part.to_ndarray()[0], np.float32) for part in resampler.resample(None)]
    return np.concatenate(parts)
