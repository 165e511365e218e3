"""Pictures, talking clips and spoken sounds of the studio in one set."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any

from ..canonical import JSON, digest_of
from ..errors import InputError
from ..media.content import ImageMedia, SoundMedia, VideoMedia
from ..media.item import Item, Kind, Modality, Split
from ..media.mediaset import MediaSet, MediaSetWriter, Terms
from .splits import split_identities
from .studio.recipe import StudioRecipe, name_of_person, render_pictures
from .studio.speech import ClipRecipe, SpeechRecipe, render_clips, render_speech

TERMS = Terms(people="rendered", permits=("evaluate", "train", "edit", "manipulate", "publish"), grant="rendered")
SHARES: Mapping[str, float] = {"train": 0.5, "validation": 0.2, "test": 0.3}

Made = tuple[Item, ImageMedia | VideoMedia | SoundMedia]


@dataclass(frozen=True, slots=True, kw_only=True)
class StudioFolder:
    """What a folder of the studio is to hold; all recipes are of the same people."""

    pictures: StudioRecipe | None = None
    clips: ClipRecipe | None = None
    sounds: SpeechRecipe | None = None

    @property
    def recipes(self) -> tuple[StudioRecipe | ClipRecipe | SpeechRecipe, ...]:
        """The recipes that are given."""
        return tuple(recipe for recipe in (self.pictures, self.clips, self.sounds) if recipe is not None)

    @property
    def count(self) -> int:
        """How many files it will have."""
        each = [_each(recipe) for recipe in self.recipes]
        return sum(recipe.people * n for recipe, n in zip(self.recipes, each, strict=True))

    @property
    def digest(self) -> str:
        """sha256 over the recipes."""
        return digest_of([[type(recipe).__name__, _said(recipe)] for recipe in self.recipes])

    @property
    def modality(self) -> Modality:
        """Of the set: that of its richest files."""
        if self.clips:
            return Modality.VIDEO
        return Modality.IMAGE if self.pictures else Modality.AUDIO


def studio_from_key(key: Mapping[str, JSON]) -> StudioFolder:
    """Return what a unit's key asks for."""
    people, seed = int(key["people"]), int(key["seed"])
    pictures, clips, sounds = (int(key[name]) for name in ("per_person", "clips", "sounds"))
    speech: dict[str, Any] = {"seconds": float(key["seconds"]), "languages": tuple(key["languages"]), "seed": seed}
    speech["first_person"] = int(key.get("first_person", 0))
    size, height = int(key["size"]), int(key["height"])
    return StudioFolder(
        pictures=StudioRecipe(people=people, per_person=pictures, size=size, seed=seed) if pictures else None,
        clips=ClipRecipe(people=people, clips_per_person=clips, height=height, **speech) if clips else None,
        sounds=SpeechRecipe(
            people=people, per_person=sounds, every_language=bool(key.get("every_language", False)), **speech
        )
        if sounds
        else None,
    )


def _each(recipe: StudioRecipe | ClipRecipe | SpeechRecipe) -> int:
    if isinstance(recipe, ClipRecipe):
        return recipe.clips_per_person
    return recipe.each if isinstance(recipe, SpeechRecipe) else recipe.per_person


def _said(recipe: StudioRecipe | ClipRecipe | SpeechRecipe) -> dict[str, JSON]:
    """Return a recipe as a JSON object; one that asks for nothing new keeps the digest that it always had."""
    return {name: value for name, value in asdict(recipe).items() if (name, value) != ("every_language", False)}


def studio_splits(people: int, shares: Mapping[str, float], seed: int, first_person: int = 0) -> dict[str, Split]:
    """Return the split of each person; with fewer people than splits there are none."""
    identities = [name_of_person(seed, first_person + person) for person in range(people)]
    if len(identities) < sum(share > 0 for share in shares.values()):
        return {}
    return split_identities(dict.fromkeys(identities, 1), shares, seed)


def write_studio(
    writer: MediaSetWriter,
    asked: StudioFolder,
    progress: Callable[[float, str], None] = lambda done, message: None,
    shares: Mapping[str, float] = SHARES,
    part: range | None = None,
) -> MediaSet:
    """Render everything that is asked for into `writer` and seal it.

    Splits are disjoint in identity, speaker and sentence; with fewer people than splits there are none.

    Args:
        writer: Of a new set.
        asked: What to render.
        progress: Told the share that is done and a line about it.
        shares: Share of the people in each split.
        part: Of clips alone: the people that are filmed here, as if the others were there; default: everybody.

    Raises:
        InputError: Nothing is asked for, or speech without the extra `speech`.
    """
    if not asked.recipes:
        raise InputError("nothing to render: ask for pictures, clips or sounds")
    first = asked.recipes[0]
    splits = studio_splits(first.people, shares, first.seed, first.first_person)
    part = range(first.people) if part is None else part
    count = asked.count * len(part) // first.people
    for done, (item, media) in enumerate(_made(asked, splits, part), 1):
        writer.add(item, media)
        progress(done / count, f"{done} of {count}: {item.id}")
    writer.facts = {"recipe": asked.digest}
    return writer.seal()


def _made(asked: StudioFolder, splits: Mapping[str, Split], part: range) -> Iterator[Made]:
    return chain(
        _pictures(asked.pictures, splits) if asked.pictures else (),
        render_clips(asked.clips, splits, part=part) if asked.clips else (),
        render_speech(asked.sounds, splits) if asked.sounds else (),
    )


def _pictures(recipe: StudioRecipe, splits: Mapping[str, Split]) -> Iterator[Made]:
    for picture in render_pictures(recipe):
        points: dict[str, JSON] = {name: list(place) for name, place in picture.points.items()}
        item = Item(
            id=f"{picture.identity}/{picture.index:03d}",
            modality=Modality.IMAGE,
            kind=Kind.REAL,
            group="studio",
            split=splits.get(picture.identity),
            clusters={"identity": picture.identity},
            facts={"rendered": True, "factors": picture.factors, "points": points},
        )
        yield item, ImageMedia(pixels=picture.pixels)
