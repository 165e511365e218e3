"""Marking for an audit: what the watermark does to numbers, tried on files that never leave the store.

The key is known to everybody, because what it marks goes nowhere; the user's own key marks nothing real.
"""

from collections.abc import Iterator
from functools import partial

from ..canonical import digest_of
from ..media.clips import open_clip
from ..media.content import ImageMedia, Picture, Sound, SoundMedia, VideoMedia
from ..media.images import read_image
from ..media.item import Item, Modality
from ..media.read import has_sound, read_sound
from .marking import mark_of, rate_of
from .watermark import Mark, mark_frames, mark_picture, mark_sound
from .watermark.picture import SMALLEST

KEY = bytes.fromhex(digest_of("fauxbench audit of marking"))


def trial_mark(item: Item) -> Mark:
    """Return what an audit's copy of an Item carries."""
    return mark_of(item.id, item.group, item.kind, "audit")


def marked_picture(pixels: Picture, item: Item) -> Picture:
    """Return a picture as it would leave: marked, or as it is where it has no room for a mark."""
    if min(pixels.shape[:2]) < SMALLEST:
        return pixels
    return mark_picture(pixels, trial_mark(item), KEY)


def marked_media(item: Item) -> ImageMedia | VideoMedia | SoundMedia:
    """Return what an Item shows or sounds like, with a watermark.

    Raises:
        MediaError: It cannot be read.
    """
    path = item.location
    if path is None:
        raise ValueError(f"{item.id}: its set is not open")
    if item.modality is Modality.IMAGE:
        return ImageMedia(pixels=marked_picture(read_image(path), item))
    if item.modality is Modality.AUDIO:
        rate = rate_of(path)
        return SoundMedia(sound=_heard(read_sound(path, rate), rate, item), sample_rate=rate)
    clip = open_clip(path, sound=has_sound(path))
    first = next(iter(clip.frames()), None)
    room = first is not None and min(first.shape[:2]) >= SMALLEST
    return VideoMedia(
        frames=partial(_frames, clip, item) if room else clip.frames,
        fps=clip.fps,
        sound=None if clip.sound is None else _heard(clip.sound, clip.sample_rate, item),
        sample_rate=clip.sample_rate,
    )


def _frames(clip: VideoMedia, item: Item) -> Iterator[Picture]:
    return mark_frames(clip.frames(), trial_mark(item), KEY)


def _heard(sound: Sound, rate: int, item: Item) -> Sound:
    try:
        return mark_sound(sound, rate, trial_mark(item), KEY)
    except ValueError:  # too short for a mark
        return sound
