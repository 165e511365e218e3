"""The data of a suite: which real set, how many items, in which shares."""

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from .canonical import JSON
from .cards import Document, did_you_mean
from .datasets.layouts.card import dataset_cards
from .media.mediaset import Terms


class Counts(Document):
    """Items per split."""

    train: int | None = Field(default=None, ge=0)
    validation: int | None = Field(default=None, ge=0)
    test: int | None = Field(default=None, ge=2)


class Splits(Document):
    """Shares of the identities; they add up to 1."""

    train: float = Field(default=0.5, ge=0, le=1)
    validation: float = Field(default=0.2, ge=0, le=1)
    test: float = Field(default=0.3, ge=0, le=1)

    @model_validator(mode="after")
    def _sum(self) -> "Splits":
        total = self.train + self.validation + self.test
        if abs(total - 1) > 1e-6:
            raise ValueError(f"train, validation and test must add up to 1, found {total:g}")
        return self


_RENDERED = ("people", "per_person", "clips", "sounds", "seconds", "languages", "every_language", "height")
_CHOICES = ("compression", "manipulations", "media", "list_name", "frames_per_clip")


class DataSpec(Document):
    """The real data."""

    dataset: str
    """folder, studio, or a published data set: `fauxbench terms list` names them."""
    path: Path | None = None
    """folder, published: where it lies, relative to the suite file."""
    compression: str | None = None
    """published: raw, c0, c23, c40; needed where a copy has several."""
    manipulations: tuple[str, ...] = ()
    """published: groups of fakes, each a system under test; default: all that are there."""
    media: str | None = None
    """published: kind of file (wav, mp4, ...), where a copy has several."""
    list_name: str | None = None
    """deepfakebench: the dataset JSON, by its name without suffix."""
    frames_per_clip: int | None = Field(default=None, ge=1)
    """deepfakebench: frames of each clip, evenly over it; default: all that are listed."""
    identities: Literal["auto", "subfolders", "flat"] = "auto"
    """folder: one sub-folder an identity, or every file its own; auto looks."""
    size: int | None = Field(default=None, ge=8, le=4096)
    """Square pictures of this side. folder: cropped and resized copies in the store; default: as they are."""
    people: int = Field(default=48, ge=3)
    """studio: identities to render."""
    per_person: int = Field(default=10, ge=0)
    """studio: pictures of each."""
    clips: int = Field(default=0, ge=0)
    """studio: talking clips of each."""
    sounds: int = Field(default=0, ge=0)
    """studio: spoken sounds of each."""
    seconds: float = Field(default=3.0, ge=1, le=300)
    """studio: length of clips and sounds."""
    languages: tuple[str, ...] = Field(default=("en",), min_length=1)
    """studio: spoken in turn by the people."""
    every_language: bool = False
    """studio, sounds: every person speaks all of `languages`, so that languages are matched by speaker."""
    height: Literal[240, 360, 480, 720, 1080] = 240
    """studio: of clips, 16:9."""
    seed: int = Field(default=0, ge=0)
    splits: Splits = Splits()
    terms: Terms | None = None
    """What may be done with it; needed as soon as a system is trained on real people or edits them."""

    @property
    def published(self) -> bool:
        """Whether it is a data set in a layout of its own."""
        return self.dataset not in {"folder", "studio"}

    @property
    def chosen(self) -> dict[str, JSON]:
        """What is chosen of a published data set."""
        values = {name: getattr(self, name) for name in _CHOICES}
        return {name: list(v) if isinstance(v, tuple) else v for name, v in values.items() if v not in {None, ()}}

    @field_validator("dataset")
    @classmethod
    def _known(cls, name: str) -> str:
        known = ("studio", *dataset_cards())
        if name not in known:
            raise ValueError(f"no data set '{name}'{did_you_mean(name, known)}; legal: {', '.join(known)}")
        return name

    @model_validator(mode="after")
    def _path_fits(self) -> "DataSpec":
        if self.dataset != "studio" and self.path is None:
            raise ValueError(f"dataset '{self.dataset}' needs a path")
        foreign: tuple[str, ...] = (*_RENDERED, *_CHOICES)
        if self.dataset == "studio":
            foreign = ("path", "terms", "identities", *_CHOICES)
        if self.published:
            options = dataset_cards()[self.dataset].options
            foreign = (*_RENDERED, "identities", "size", "seed", "splits", "terms", *(set(_CHOICES) - set(options)))
        given = [name for name in foreign if getattr(self, name) != DataSpec.model_fields[name].default]
        if given:
            raise ValueError(f"dataset '{self.dataset}' takes no {', '.join(given)}")
        if self.every_language and not self.sounds:
            raise ValueError("every_language is about sounds, and none are asked for")
        if self.per_person + self.clips + self.sounds < 1:
            raise ValueError("nothing to render: per_person, clips and sounds are all 0")
        return self
