"""The Item: one media file and the facts about it."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from ..canonical import JSON, digest_of
from ..errors import IntegrityError


class Modality(StrEnum):
    """What kind of signal a file holds; a video may carry sound."""

    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"


class Kind(StrEnum):
    """Where an Item comes from: the mission's three kinds of synthetic data, and real."""

    REAL = "real"
    FULLY_SYNTHETIC = "fully_synthetic"
    PARTIALLY_SYNTHETIC = "partially_synthetic"
    AUGMENTED_REAL = "augmented_real"

    def fakes(self, modality: Modality) -> "Fakes":
        """Return what is fake in an item of this kind whose one signal was made."""
        fake = self in {Kind.FULLY_SYNTHETIC, Kind.PARTIALLY_SYNTHETIC}
        sound = modality is Modality.AUDIO
        return Fakes(visual=fake and not sound, audio=fake and sound)


class Fakes(NamedTuple):
    """Which of an item's signals are fake."""

    visual: bool
    audio: bool


class Split(StrEnum):
    """The part of a data set that an Item belongs to."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One media file and the facts about it.

    `visual_fake` and `audio_fake` are apart, because a real face with a cloned voice is both real and fake. An
    augmented real item is not fake: both are false.
    """

    id: str
    """Unique within its set."""
    modality: Modality
    kind: Kind
    visual_fake: bool = False
    audio_fake: bool = False
    group: str
    """Who made it: a data set's name, or a system's `name@version`."""
    split: Split | None = None
    language: str | None = None
    """BCP 47."""
    sources: tuple[str, ...] = ()
    """Ids of the Items it was made from, the altered one first."""
    clusters: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """The units that intervals resample: identity, source_identity, speaker, sentence, clip. Empty: its own cluster."""
    seed: int | None = None
    facts: Mapping[str, JSON] = field(default_factory=lambda: MappingProxyType({}))
    """Anything else that is known: width, height, fps, seconds, rendered factors, applied edits."""
    root: str = "."
    """Name of the root that `path` is relative to; `.` is the set's own folder."""
    path: str = ""
    content: str = ""
    """sha256 over the decoded pixels and samples, never over the file's bytes."""
    mask_path: str = ""
    """Masks of what was changed, relative to the set's own folder; empty: none were kept."""
    location: Path | None = field(default=None, compare=False)
    """Where the file lies on this machine; known once its MediaSet is open, never written down."""
    mask_location: Path | None = field(default=None, compare=False)
    """Where its masks lie, likewise; `media.masks.read_masks` reads them."""

    @property
    def digest(self) -> str:
        """The sha256 over decoded content and facts; neither the file's name, place nor container counts."""
        return digest_of({k: v for k, v in self.record().items() if k not in {"root", "path", "mask_path"}})

    @property
    def cluster(self) -> str:
        """The label that single-cluster resampling uses: the identity if there is one, else the Item itself."""
        for name in ("identity", "speaker", "clip"):
            if name in self.clusters:
                return self.clusters[name]
        return self.id

    def record(self) -> dict[str, JSON]:
        """Return the Item as a JSON object, without `location`; an Item without masks does not speak of them."""
        names = [f.name for f in dataclasses.fields(self) if f.name not in {"location", "mask_location"}]
        values = {name: getattr(self, name) for name in names if name != "mask_path" or self.mask_path}
        values["sources"] = list(self.sources)
        values["clusters"] = dict(self.clusters)
        values["facts"] = dict(self.facts)
        for name in ("modality", "kind", "split"):
            values[name] = str(values[name]) if values[name] is not None else None
        return values

    @classmethod
    def from_record(
        cls, record: Mapping[str, JSON], location: Path | None = None, mask_location: Path | None = None
    ) -> "Item":
        """Build an Item from `record()`'s form.

        Raises:
            IntegrityError: A field is missing, unknown or has a value outside its list.
        """
        values = dict(record)
        try:
            values["modality"] = Modality(values["modality"])
            values["kind"] = Kind(values["kind"])
            values["split"] = Split(values["split"]) if values.get("split") else None
            values["sources"] = tuple(values.get("sources", ()))
            for name in ("clusters", "facts"):
                values[name] = MappingProxyType(dict(values.get(name, {})))
            return cls(**values, location=location, mask_location=mask_location)
        except (KeyError, TypeError, ValueError) as error:
            raise IntegrityError(f"not an Item record ({error}): {dict(record)!r:.200}") from error
