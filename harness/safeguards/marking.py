"""Marking one file: watermark, then encoding once in its form, then the signature, last."""

import io
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, JpegImagePlugin, PngImagePlugin

from ..canonical import JSON, digest_of
from ..errors import InputError, MediaError
from ..media.clips import open_clip
from ..media.content import ImageMedia, Picture, Sound, SoundMedia, VideoMedia
from ..media.encode import write_video
from ..media.images import read_image
from ..media.item import Item, Kind, Modality
from ..media.read import DIGEST_RATE, content_of, digest_of_picture, has_sound
from .credentials import WATERMARK, Claim, Ingredient, sign
from .keys import Keys
from .watermark import Mark, mark_frames, mark_picture, mark_sound
from .xmp import XMP_SUFFIXES, add_xmp, jpeg_segment, packet

SUFFIXES: Mapping[Modality, tuple[str, ...]] = {
    Modality.IMAGE: (".png", ".jpg", ".jpeg", ".webp"),
    Modality.VIDEO: (".mp4", ".mov"),
    Modality.AUDIO: (".wav", ".flac"),
}
"""Forms that can be marked; a file of another form leaves in the first one, which loses nothing more than it must."""
_PILLOW = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
_QUALITY = 95
_AAC = {8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 64_000, 88_200, 96_000}


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A file that is to leave, and what its marks are to say."""

    mark: Mark
    source_type: str
    title: str
    kind: Kind
    facts: Mapping[str, JSON]
    ingredients: Sequence[Ingredient] = ()
    derived: bool = False
    """Made of the first ingredient by cutting, converting or drawing, whatever its kind."""

    def claim(self, *, watermarked: bool, xmp: bool) -> Claim:
        """Return what the manifest is to say."""
        payload = payload_text(self.mark) if watermarked else None
        made = not self.derived and (self.kind in {Kind.REAL, Kind.FULLY_SYNTHETIC} or not self.ingredients)
        return Claim(
            title=self.title,
            source_type=self.source_type,
            facts={**self.facts, "watermark": payload, "xmp": xmp},
            created=made,
            watermark=payload,
            ingredients=() if made else self.ingredients,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """What became of it."""

    content: str
    """sha256 over the decoded content of the marked file."""
    watermark: str | None
    """What the watermark holds; None where it has no room."""
    xmp: bool

    def record(self) -> dict[str, JSON]:
        """Return what the sidecar says of the marks."""
        return {
            "watermark": {"method": WATERMARK, "payload": self.watermark} if self.watermark else None,
            "credentials": "c2pa",
            "xmp": self.xmp,
        }


def mark_of(item_id: str, group: str, kind: Kind, origin: str) -> Mark:
    """Return the mark of an Item: the first digits of what made it, of its name and of its maker's name."""
    run = origin[:8] if len(origin) == 64 and set(origin) <= set("0123456789abcdef") else digest_of(origin)[:8]
    return Mark(run=run, item=digest_of(item_id)[:8], generator=digest_of(group)[:4], kind=kind)


def payload_text(mark: Mark) -> str:
    """Return a mark as text."""
    return f"{mark.run}-{mark.item}-{mark.generator}-{mark.kind}"


def marked_suffix(modality: Modality, suffix: str) -> str:
    """Return the form in which a file leaves when it is marked."""
    forms = SUFFIXES[modality]
    return suffix.lower() if suffix.lower() in forms else forms[0]


def mark_file(source: Path, modality: Modality, target: Path, job: Job, keys: Keys) -> Marked:
    """Write a marked copy of a file.

    Args:
        source: The master.
        modality: Of it.
        target: With the suffix that `marked_suffix` gives; not there yet.
        job: What the marks say.
        keys: To mark and sign with.

    Raises:
        MediaError: It cannot be read, encoded or signed.
        OSError: The disk is full.
    """
    with _scratch(target) as part:
        if modality is Modality.IMAGE:
            content, watermarked = _picture(read_image(source), source, part, job, keys)
        elif modality is Modality.VIDEO:
            content, watermarked = _clip(source, part, job, keys)
        else:
            content, watermarked = _sound(source, part, job, keys)
        sign(part, target, job.claim(watermarked=watermarked, xmp=target.suffix in XMP_SUFFIXES), keys)
    return _marked(content, watermarked, target, job)


def mark_media(media: ImageMedia | VideoMedia | SoundMedia, target: Path, job: Job, keys: Keys) -> Marked:
    """Write media that was never a file, marked before its only encoding: as PNG, MP4 or WAV; as `mark_file`."""
    with _scratch(target) as part:
        if isinstance(media, ImageMedia):
            content, watermarked = _picture(media.pixels, target, part, job, keys)
        elif isinstance(media, VideoMedia):
            content, watermarked = _encode_clip(media, part, job, keys)
        else:
            content, watermarked = _encode_sound(media.sound[:, None], media.sample_rate, part, job, keys)
        sign(part, target, job.claim(watermarked=watermarked, xmp=target.suffix in XMP_SUFFIXES), keys)
    return _marked(content, watermarked, target, job)


def _marked(content: str, watermarked: bool, target: Path, job: Job) -> Marked:
    payload = payload_text(job.mark) if watermarked else None
    return Marked(content=content, watermark=payload, xmp=target.suffix in XMP_SUFFIXES)


@contextmanager
def _scratch(target: Path) -> Iterator[Path]:
    """Give the place of the file before it is signed."""
    with tempfile.TemporaryDirectory(prefix=".marking-", dir=target.parent) as folder:
        yield Path(folder) / f"unsigned{target.suffix}"


def _picture(pixels: Picture, source: Path, part: Path, job: Job, keys: Keys) -> tuple[str, bool]:
    try:
        shown, watermarked = mark_picture(pixels, job.mark, keys.watermark), True
    except ValueError:  # too small for a watermark: the signature and the sidecar remain
        shown, watermarked = pixels, False
    Image.fromarray(shown).save(part, format=_PILLOW[part.suffix], **_options(part.suffix, source, job.source_type))
    lossless = part.suffix in {".png", ".webp"}
    return digest_of_picture(shown if lossless else read_image(part)), watermarked


def _options(suffix: str, source: Path, source_type: str) -> dict[str, Any]:
    """Return how Pillow is to write a picture, with the packet in its place."""
    if suffix == ".png":
        info = PngImagePlugin.PngInfo()
        info.add_itxt("XML:com.adobe.xmp", packet(source_type).decode())
        return {"pnginfo": info, "compress_level": 1}
    if suffix == ".webp":
        return {"xmp": packet(source_type), "lossless": True}
    return {"extra": jpeg_segment(source_type), **_as_before(source)}


def _as_before(source: Path) -> dict[str, Any]:
    """Return how a JPEG was compressed, so that marking does not show in its tables."""
    with Image.open(source) as image:
        tables = getattr(image, "quantization", None)
        if image.format != "JPEG" or not tables:
            return {"quality": _QUALITY, "subsampling": 0}
        sampling = JpegImagePlugin.get_sampling(image)
        colour = len(image.getbands()) == 3
        return {"qtables": tables, "subsampling": sampling if colour and sampling >= 0 else 0}


def _clip(source: Path, part: Path, job: Job, keys: Keys) -> tuple[str, bool]:
    return _encode_clip(open_clip(source, sound=has_sound(source), rate=_aac_rate(source)), part, job, keys)


def _encode_clip(media: VideoMedia, part: Path, job: Job, keys: Keys) -> tuple[str, bool]:
    first = next(iter(media.frames()), None)
    if first is None:
        raise MediaError(f"{job.title}: no frames")
    seen = _fits(first, job.mark, keys)
    sound, heard = (None, False)
    if media.sound is not None:
        sound, heard = _hidden(media.sound, media.sample_rate, job.mark, keys)

    def frames() -> Iterator[Picture]:
        return mark_frames(media.frames(), job.mark, keys.watermark) if seen else media.frames()

    write_video(part, VideoMedia(frames=frames, fps=media.fps, sound=sound, sample_rate=media.sample_rate))
    add_xmp(part, job.source_type)
    return content_of(part, Modality.VIDEO)[0], seen or heard


def _aac_rate(source: Path) -> int:
    """Return the rate of a clip's sound, or one near it that AAC knows."""
    rate = rate_of(source)
    return rate if rate in _AAC else 48_000 if rate else DIGEST_RATE


def rate_of(path: Path) -> int:
    """Return the sample rate of a file's sound in Hz, 0 if it has none.

    Raises:
        MediaError: It cannot be opened.
    """
    import av

    try:
        with av.open(str(path), metadata_errors="replace") as container:
            return int(container.streams.audio[0].rate or 0) if container.streams.audio else 0
    except (av.FFmpegError, OSError, UnicodeDecodeError) as error:
        raise MediaError(f"{path}: cannot be opened: {error}") from error


def _fits(frame: Picture, mark: Mark, keys: Keys) -> bool:
    try:
        mark_picture(frame, mark, keys.watermark)
    except ValueError:
        return False
    return True


def _hidden(sound: Sound, rate: int, mark: Mark, keys: Keys) -> tuple[Sound, bool]:
    try:
        return mark_sound(sound, rate, mark, keys.watermark), True
    except ValueError:
        return sound, False


def _sound(source: Path, part: Path, job: Job, keys: Keys) -> tuple[str, bool]:
    channels, rate = _channels(source)
    return _encode_sound(channels, rate, part, job, keys)


def _encode_sound(channels: NDArray[np.float32], rate: int, part: Path, job: Job, keys: Keys) -> tuple[str, bool]:
    """Mark a sound at its own rate; what the mark adds to the mean of its channels is added to each of them."""
    import soundfile

    mono: Sound = channels.mean(axis=1, dtype=np.float32)
    heard, watermarked = _hidden(mono, rate, job.mark, keys)
    shown = np.clip(channels + (heard - mono)[:, None], -1, 1)
    buffer = io.BytesIO()  # soundfile does not say when a disk is full; Python does
    soundfile.write(buffer, shown, rate, subtype="PCM_16", format=part.suffix[1:].upper())
    part.write_bytes(buffer.getvalue())
    add_xmp(part, job.source_type)
    return content_of(part, Modality.AUDIO)[0], watermarked


def _channels(source: Path) -> tuple[NDArray[np.float32], int]:
    """Read (samples, channels) at the file's own rate."""
    import av

    blocks: list[NDArray[np.float32]] = []
    try:
        with av.open(str(source), metadata_errors="replace") as container:
            rate = int(container.streams.audio[0].rate or 0)
            resampler = av.AudioResampler(format="fltp", rate=rate)
            for frame in (*container.decode(audio=0), None):
                blocks.extend(np.asarray(part.to_ndarray().T, np.float32) for part in resampler.resample(frame))
    except (av.FFmpegError, OSError, LookupError, ValueError, UnicodeDecodeError) as error:
        raise MediaError(f"{source}: cannot be decoded: {error}") from error
    if not blocks:
        raise MediaError(f"{source}: no samples")
    return np.concatenate(blocks), rate


def ingredients_of(item: Item, parents: Mapping[str, Item]) -> tuple[Ingredient, ...]:
    """Return what an Item was made from, the altered one first; the content is told of those in `parents`."""
    found = []
    for source in item.sources:
        parent = parents.get(source)
        form = format_of(parent.path if parent else "")
        found.append(Ingredient(title=source, content=parent.content if parent else None, format=form))
    return tuple(found)


def format_of(path: str) -> str:
    """Return the media type of a file that is named as an ingredient."""
    return _FORMATS.get(Path(path).suffix.lower(), "application/octet-stream")


_FORMATS = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".mp4": "video/mp4",
    ".mov": "video/quicktime",
    ".wav": "audio/wav",
    ".flac": "audio/flac",
}


def why_not_mark(keys: Keys) -> str | None:
    """Return why nothing can be marked on this machine, or None; asked before hours of work, not after."""
    from .credentials import library
    from .keys import why_not_sign

    try:
        library()
    except InputError as error:
        return str(error)
    return why_not_sign(keys)
