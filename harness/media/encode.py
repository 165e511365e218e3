"""Writing what generators hand back: PNG, MP4 (H.264 and AAC) and WAV."""

import shutil
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import numpy as np

from ..canonical import JSON
from ..errors import MediaError
from .content import FileMedia, ImageMedia, Sound, SoundMedia, VideoMedia
from .images import check_picture, write_png
from .item import Modality
from .read import content_of, digest_of_picture, modality_of


def write_media(folder: Path, stem: str, media: object) -> tuple[Path, str, Mapping[str, JSON]]:
    """Write one artifact as `folder/stem.*` and return its path, content digest and facts.

    Raises:
        MediaError: Not a Media type, or of the wrong shape, type or values.
    """
    if isinstance(media, ImageMedia):
        wrong = check_picture(media.pixels)
        if wrong:
            raise MediaError(wrong)
        path = folder / f"{stem}.png"
        write_png(path, media.pixels)
        height, width = media.pixels.shape[:2]
        return path, digest_of_picture(media.pixels), {"width": width, "height": height}
    if isinstance(media, FileMedia):
        modality = modality_of(media.path)
        if modality is None:
            raise MediaError(f"{media.path}: not a picture, clip or sound that fauxbench reads")
        content, facts = content_of(media.path, modality)
        path = folder / f"{stem}{media.path.suffix.lower()}"
        shutil.copyfile(media.path, path)
        return path, content, facts
    if isinstance(media, VideoMedia):
        path = folder / f"{stem}.mp4"
        write_video(path, media)
        content, facts = content_of(path, Modality.VIDEO)
        return path, content, facts
    if isinstance(media, SoundMedia):
        path = folder / f"{stem}.wav"
        write_sound(path, media.sound, media.sample_rate)
        content, facts = content_of(path, Modality.AUDIO)
        return path, content, facts
    raise MediaError(f"expected ImageMedia, VideoMedia, SoundMedia or FileMedia, found {type(media).__name__}")


def check_sound(sound: object) -> str | None:
    """Return what is wrong with a sound that a generator handed back, or None."""
    if not isinstance(sound, np.ndarray) or sound.ndim != 1 or not np.issubdtype(sound.dtype, np.floating):
        return f"expected (samples,) float32 sound, found {getattr(sound, 'shape', type(sound).__name__)}"
    if not np.isfinite(sound).all():
        return "the sound holds NaN or infinity"
    return None


def write_sound(path: Path, sound: Sound, rate: int) -> None:
    """Write mono sound as 16-bit WAV."""
    import soundfile

    wrong = check_sound(sound)
    if wrong:
        raise MediaError(wrong)
    soundfile.write(path, np.clip(sound, -1, 1), rate, subtype="PCM_16")


def write_video(path: Path, media: VideoMedia) -> None:
    """Write a clip as MP4: H.264 (CRF 18, yuv420p, one thread for the same bits anywhere) and AAC."""
    import av

    with av.open(str(path), "w") as container:
        stream = None
        for pixels in media.frames():
            wrong = check_picture(pixels)
            if wrong:
                raise MediaError(wrong)
            if stream is None:
                stream = container.add_stream("libx264", rate=Fraction(media.fps).limit_denominator(1001))
                stream.height, stream.width = pixels.shape[:2]
                stream.pix_fmt = "yuv420p"
                stream.options = {"crf": "18", "preset": "medium"}
                stream.codec_context.thread_count = 1
                sound_stream = container.add_stream("aac", rate=media.sample_rate) if media.sound is not None else None
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")))
        if stream is None:
            raise MediaError("a clip without frames")
        container.mux(stream.encode(None))
        if sound_stream is not None and media.sound is not None:
            wrong = check_sound(media.sound)
            if wrong:
                raise MediaError(wrong)
            frame = av.AudioFrame.from_ndarray(media.sound.astype(np.float32)[None, :], format="fltp", layout="mono")
            frame.sample_rate = media.sample_rate
            container.mux(sound_stream.encode(frame))
            container.mux(sound_stream.encode(None))
