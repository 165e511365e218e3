"""The media of Items, streamed to an instrument; what cannot be read is kept as a failure, not dropped in silence."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import MediaError
from .clips import open_clip
from .content import Frames, Picture, SoundMedia, VideoMedia
from .images import read_image
from .item import Item, Modality
from .read import DIGEST_RATE, read_sound

UNITS = {Modality.IMAGE: "pictures", Modality.VIDEO: "clips", Modality.AUDIO: "sounds"}
"""What items of a modality are called."""


class Cuts(Protocol):
    """What cuts faces out of Items: `preprocess.portraits.Portraits`."""

    def picture(self, item: Item, /) -> Picture:
        """Return the face of a picture."""
        ...

    def clip(self, item: Item, clip: VideoMedia, /) -> VideoMedia:
        """Return a clip of the face, with the same sound."""
        ...


class Extracts(Protocol):
    """What an instrument is here."""

    def extract(self, pictures: Any, /) -> Mapping[str, NDArray[Any]]:  # noqa: ANN401 - pictures, clips or sounds
        """Return one row an item."""
        ...


@dataclass(slots=True, kw_only=True)
class MediaStream:
    """Items on their way into an instrument."""

    items: Sequence[Item]
    modality: Modality
    """What the instrument reads."""
    sound: bool = False
    """Clips: whether it hears them too."""
    fps: float | None = None
    """Clips: frames a second that it wants."""
    look: Callable[[Picture], Picture] | None = None
    """Change of every picture or frame before it is read; of faces that were cut out, after that."""
    hear: Callable[[SoundMedia, Item], SoundMedia] | None = None
    """Change of every sound before it is read, given the Item that it belongs to."""
    portraits: Cuts | None = None
    """What finds and cuts out the face for an instrument that looks at one place; None: it lies there."""
    progress: Callable[[float, str], None] = lambda _share, _text: None
    read: list[Item] = field(default_factory=list)
    """Items that gave a row, in order."""
    failures: dict[str, str] = field(default_factory=dict)
    """Id of an item that did not -> why."""

    def through(self, instrument: Extracts) -> dict[str, NDArray[np.float32]]:
        """Return the arrays of an instrument, one row for each Item of `read`.

        Pictures go through in batches. Clips and sounds go through one by one; one that the instrument refuses is a
        failure as well. Rows of different width are filled up with NaN.
        """
        if self.modality is Modality.IMAGE:
            told = instrument.extract(self._pictures())
            return {name: np.asarray(array, dtype=np.float32) for name, array in told.items()}
        rows: dict[str, list[NDArray[np.float32]]] = {
            name: [np.asarray(array, np.float32)] for name, array in instrument.extract(()).items()
        }
        for item in self._counted():
            try:
                told = instrument.extract((self._open(item),))
            except MediaError as error:
                self.failures[item.id] = str(error)
                continue
            self.read.append(item)
            for name, array in told.items():
                rows[name].append(np.asarray(array, dtype=np.float32))
        return {name: _stacked(parts) for name, parts in rows.items()}

    def _pictures(self) -> Iterator[Picture]:
        for item in self._counted():
            try:
                if item.modality is not Modality.IMAGE:
                    raise MediaError(_wrong(item, self.modality))  # noqa: TRY301
                pixels = self.portraits.picture(item) if self.portraits else read_image(_file(item))
            except MediaError as error:
                self.failures[item.id] = str(error)
                continue
            self.read.append(item)
            yield self.look(pixels) if self.look else pixels

    def _counted(self) -> Iterator[Item]:
        for place, item in enumerate(self.items):
            yield item
            said = f"{place + 1} of {len(self.items)} {UNITS[self.modality]}"
            self.progress((place + 1) / len(self.items), said)

    def _open(self, item: Item) -> VideoMedia | SoundMedia:
        path = _file(item)
        if self.modality is Modality.AUDIO:
            if item.modality is Modality.IMAGE:
                raise MediaError(_wrong(item, self.modality))
            sound = SoundMedia(sound=read_sound(path), sample_rate=DIGEST_RATE)
            return self.hear(sound, item) if self.hear else sound
        if item.modality is not Modality.VIDEO:
            raise MediaError(_wrong(item, self.modality))
        clip = open_clip(path, sound=self.sound, fps=self.fps)
        clip = self.portraits.clip(item, clip) if self.portraits else clip
        if self.look:
            clip = replace(clip, frames=partial(_changed, clip.frames, self.look))
        if self.hear and clip.sound is not None:
            heard = self.hear(SoundMedia(sound=clip.sound, sample_rate=clip.sample_rate), item)
            clip = replace(clip, sound=heard.sound, sample_rate=heard.sample_rate)
        return clip


def _file(item: Item) -> Path:
    if item.location is None:
        raise MediaError(f"{item.id}: not on this machine")
    return item.location


def _wrong(item: Item, wanted: Modality) -> str:
    found = {Modality.IMAGE: "a picture", Modality.VIDEO: "a clip", Modality.AUDIO: "a sound"}[item.modality]
    return f"{item.id}: {found}; this instrument reads {UNITS[wanted]}"


def _changed(frames: Frames, look: Callable[[Picture], Picture]) -> Iterator[Picture]:
    return map(look, frames())


def _stacked(parts: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Put (1, ...) arrays below each other; the second axis of each is filled up with NaN to the longest."""
    rows = [part for part in parts if len(part)]
    if not rows:
        return parts[0]
    if rows[0].ndim < 2:
        return np.concatenate(rows)
    width = max(row.shape[1] for row in rows)
    filled = [
        np.pad(row, ((0, 0), (0, width - row.shape[1]), *[(0, 0)] * (row.ndim - 2)), constant_values=np.nan)
        for row in rows
    ]
    return np.concatenate(filled)
