"""What a single generator is given: a folder, a set with its terms, and the weights that come with it."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

from .canonical import JSON
from .cards import GeneratorCard
from .datasets.inputs import is_set
from .datasets.sealed import is_split
from .errors import InputError, RefusedError
from .media.item import Split
from .media.mediaset import MediaSet, Terms
from .planning.shipped import serving, shipped_folder
from .planning.terms import already_bound
from .registry import Part

SHIPPED = "shipped"
"""Stands for the weights that come with a generator."""


class Source(NamedTuple):
    """Where the real media lie, what may be done with them, and whether shipped weights suit them."""

    place: str
    terms: Terms | None
    population: int | None
    """Of people whom the studio rendered; None for all others."""
    splits: Mapping[Split, int] | None = None
    """Items of each split of a sealed set that has its own; None where they are drawn."""


class Trained(NamedTuple):
    """Weights in place of a training, and the parameters that they were made with."""

    weights: Path | None
    parameters: dict[str, JSON]


def read_source(source: str, terms: Terms | None) -> Source:
    """Return what is known of what a user gave; a MediaSet brings terms and splits along, and both bind.

    Raises:
        InputError: Terms are given for a MediaSet.
        RefusedError: The terms of a MediaSet do not permit evaluation.
        IntegrityError: The records of a MediaSet were changed.
    """
    if not is_set(Path(source)):
        return Source(source, terms, None)
    media = MediaSet.open(Path(source))
    if terms is not None:
        raise already_bound(source, media)
    if not media.card.terms.allow("evaluate"):
        raise RefusedError(f"{source}: its terms do not permit 'evaluate'")
    if not media.items:
        raise InputError(f"{source}: a sealed set without items")
    splits = {split: len(media.select(split)) for split in Split} if is_split(media) else None
    return Source(source, media.card.terms, _population(media), splits)


def _population(media: MediaSet) -> int | None:
    """Return the population of the studio's people in a set; None for all others."""
    if media.card.origin != "studio":
        return None
    words = media.items[0].cluster.split("-")  # studio-00012, or studio-7001-00012 of another population
    return int(words[1]) if len(words) > 2 else 0


def check_splits(found: Source, use: str, needed: Collection[Split]) -> None:
    """Make sure that a sealed set has items in the splits that are read.

    Raises:
        InputError: It has none there.
    """
    if found.splits is None:
        return
    does = {Split.TRAIN: "learns from", Split.TEST: "is given"}
    for split in needed:
        if not found.splits[split]:
            held = ", ".join(f"{name} {count}" for name, count in found.splits.items() if count)
            raise InputError(
                f"{found.place}: no item in its {split} split, which '{use}' {does[split]} (it holds {held}); a sealed "
                "set's splits are kept: give one that has such items"
            )


def trained(
    part: Part[GeneratorCard],
    weights: Path | str | None,
    parameters: Mapping[str, JSON],
    source: Source,
    *,
    refit: bool,
) -> Trained:
    """Return which weights stand in place of a training.

    Those that come with a generator do where they are asked for, and where people were rendered whom they never saw
    and nothing is asked for that only a training can give.

    Raises:
        InputError: They are asked for, and none come with it.
    """
    card, chosen = part.card, dict(parameters)
    asked = weights is not None and str(weights) == SHIPPED and not Path(SHIPPED).is_dir()
    if weights is not None and not asked:
        return Trained(weights_in(Path(weights)), chosen)
    if not asked:
        folder = None if refit else serving(part, chosen, source.population)
    elif (folder := shipped_folder(part)) is None:
        raise InputError(f"--weights {SHIPPED}: no weights come with '{card.name}'; leave this out")
    if folder is None:
        return Trained(None, chosen)
    known = dict(card.recipe.parameters) if card.recipe is not None else {}
    return Trained(folder, {**known, **chosen})


def weights_in(folder: Path) -> Path:
    """Return the folder of weights in what `fauxbench fit` wrote, or `folder` itself."""
    inner = folder.resolve() / "weights"
    return inner if inner.is_dir() else folder.resolve()
