"""Applying a chain to one item: it is opened, changed by streaming, and handed on as media or as a scratch file."""

import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..canonical import JSON
from ..errors import InputError, MediaError
from ..media.clips import open_clip
from ..media.content import FileMedia, Frames, ImageMedia, Picture, SoundMedia, VideoMedia
from ..media.images import read_image
from ..media.item import Item, Modality
from ..media.read import DIGEST_RATE, has_sound, read_sound
from .chain import Chain
from .change import EmptyCellError
from .table import Condition
from .video import near

Changing = ImageMedia | VideoMedia | SoundMedia


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """What a chain made of an item."""

    media: ImageMedia | SoundMedia | FileMedia
    """Clips are files in the scratch folder: one that ends with a codec, as the codec wrote it."""
    applied: tuple[Mapping[str, JSON], ...]
    """Each step with the parameters of this item, which alone repeat it."""


def apply_chain(chain: Chain, item: Item, seed: int, scratch: Path) -> Changed:
    """Change one item. What is drawn depends on the seed and the item, and not on the severity.

    An item that was made from another is changed as that one is, so that the two stay a pair.

    Args:
        chain: Its steps.
        item: With a file on this machine.
        seed: Of the whole set.
        scratch: A folder for files; the caller removes them.

    Raises:
        EmptyCellError: The item is too short, too small or has no sound: there is nothing to show.
        InputError: The chain is not for such media.
        MediaError: The file cannot be read, or what was made of it cannot be written.
    """
    chain.check(item.modality)
    rng = np.random.default_rng([seed, zlib.crc32((item.sources[0] if item.sources else item.id).encode())])
    media: Changing | FileMedia = _opened(item)
    applied: list[Mapping[str, JSON]] = []
    for place, step in enumerate(chain.steps):
        if isinstance(media, FileMedia):
            media = _clip(media.path)
        drawn = step.draw(rng)
        applied.append({**step.record(), "parameters": drawn})
        try:
            media = _step(step, media, drawn, scratch / f"{place}.mp4")
        except EmptyCellError as error:
            raise EmptyCellError(f"{item.id}: {step.name}: {error}") from error
        except ValueError as error:
            raise InputError(f"condition {step.name}: {error}") from error
    if isinstance(media, VideoMedia):
        try:
            media = near(media, scratch / f"{len(chain.steps)}.mp4")
        except EmptyCellError as error:
            raise EmptyCellError(f"{item.id}: {error}") from error
    return Changed(media=media, applied=tuple(applied))


def _opened(item: Item) -> Changing:
    if item.location is None:
        raise MediaError(f"{item.id}: not on this machine")
    if item.modality is Modality.IMAGE:
        return ImageMedia(pixels=read_image(item.location))
    if item.modality is Modality.AUDIO:
        sound = read_sound(item.location)
        if not len(sound):
            raise EmptyCellError(f"{item.id}: a sound without samples")
        return SoundMedia(sound=sound, sample_rate=DIGEST_RATE)
    return _clip(item.location)


def _clip(path: Path) -> VideoMedia:
    return open_clip(path, sound=has_sound(path))


def _step(step: Condition, media: Changing, drawn: Mapping[str, JSON], file: Path) -> Changing | FileMedia:
    """Return the media after one step."""
    change, call = step.change, step.change.call
    if isinstance(media, ImageMedia):
        return replace(media, pixels=call(media.pixels, **drawn))
    if isinstance(media, SoundMedia):
        heard: SoundMedia = call(media, **drawn)
        return heard
    if change.modality is Modality.AUDIO:
        if media.sound is None:
            raise EmptyCellError("a clip without sound")
        heard = call(SoundMedia(sound=media.sound, sample_rate=media.sample_rate), **drawn)
        return replace(media, sound=heard.sound, sample_rate=heard.sample_rate)
    if change.modality is Modality.IMAGE:
        return replace(media, frames=partial(_frames, media.frames, call, dict(drawn), change.moving))
    if change.function.startswith("video:"):
        written: FileMedia = call(media, file, **drawn)
        return written
    clip: VideoMedia = call(media, **drawn)
    return clip


def _frames(frames: Frames, call: Callable[..., Any], drawn: Mapping[str, JSON], moving: bool) -> Iterator[Picture]:
    for place, pixels in enumerate(frames()):
        values = {**drawn, "seed": int(drawn["seed"]) + place} if moving else drawn
        yield call(pixels, **values)
