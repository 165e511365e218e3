"""What is learnt in the downstream task: which real pictures teach and test, and what each picture is said to show."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from ...canonical import JSON
from ...errors import InputError, MediaError
from ...media.images import crop_square, read_image, resize
from ...media.item import Item, Split
from ...media.mediaset import MediaSet
from .learner import Lessons

PEOPLE = ("identity", "speaker")
"""Labels that say who somebody is: only an item itself can know it."""
FOLDER = "folder"
HELD = 3
"""Where classes do not reach into the test split, every third picture of a class of the train split is held out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """The real pictures of the task."""

    classes: tuple[str, ...]
    train: tuple[tuple[Item, str], ...]
    """In the order in which shares of them are taken."""
    order: tuple[float, ...]
    """Of each of `train`: it belongs to every share above this."""
    test: tuple[tuple[Item, str], ...]
    held_out: bool
    """Whether the test items come from the train split, because nobody in it stands in the test split."""

    def share(self, of: float) -> tuple[tuple[Item, str], ...]:
        """Return the pictures of a share."""
        return tuple(pair for pair, place in zip(self.train, self.order, strict=True) if place < of)


def course(real: MediaSet, label: str, above: float | None, seed: int) -> Course:
    """Return what can be learnt and tested.

    Raises:
        InputError: No item has the label, or it has one value only.
    """
    read = reader(real, label, above)
    train = [(item, said) for item in real.select(Split.TRAIN) if (said := read(item)) is not None]
    test = [(item, said) for item in real.select(Split.TEST) if (said := read(item)) is not None]
    if not train:
        raise InputError(f"utility.label: no item of the train split has '{label}'; {_known(real)}")
    taught = dict.fromkeys(sorted({said for _, said in train}))
    held_out = bool(test) and not any(said in taught for _, said in test)
    if held_out:
        train, test = _held_out(train)
    test = [(item, said) for item, said in test if said in taught]
    classes = tuple(said for said in taught if any(said == other for _, other in test))
    train = [(item, said) for item, said in train if said in classes]
    if len(classes) < 2:
        have = f"only '{classes[0]}'" if classes else "nothing"
        raise InputError(f"utility.label: '{label}' shows {have} in train and test split; two classes are needed")
    order = _by_class(train) if held_out else _by_person(train, seed)
    return Course(classes=classes, train=tuple(train), order=tuple(order), test=tuple(test), held_out=held_out)


def reader(real: MediaSet, label: str, above: float | None) -> "Reader":
    """Return what reads the label of an item; numbers are cut in two."""
    values = [value_of(item, label) for item in real.select(Split.TRAIN)]
    numbers = [float(value) for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    cut = above if above is not None else median(numbers) if numbers else None
    return Reader(label, cut)


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads a label."""

    label: str
    cut: float | None

    def __call__(self, item: Item) -> str | None:
        """Return the class of an item, None if it has none."""
        value = value_of(item, self.label)
        if value is None or isinstance(value, str | bool):
            return None if value is None else str(value)
        if self.cut is None or not math.isfinite(value):
            return None
        return f"above {self.cut:g}" if value > self.cut else f"up to {self.cut:g}"


def value_of(item: Item, label: str) -> str | float | bool | None:
    """Return what an item says of a label: a folder, a cluster, a fact or a rendered factor."""
    if label == FOLDER:
        return item.id.partition("/")[0] if "/" in item.id else None
    factors = item.facts.get("factors")
    places: Iterable[Mapping[str, JSON]] = (item.clusters, item.facts, factors if isinstance(factors, Mapping) else {})
    for place in places:
        value = place.get(label)
        if isinstance(value, str | int | float):
            return value
    return None


def _known(real: MediaSet) -> str:
    item = next(iter(real), None)
    factors = item.facts.get("factors") if item else None
    names = [] if item is None else [*item.clusters, *(n for n, v in item.facts.items() if isinstance(v, str | float))]
    names += list(factors) if isinstance(factors, Mapping) else []
    return f"items have: {', '.join([FOLDER, *names])[:300]}"


Pairs = list[tuple[Item, str]]


def _held_out(train: Pairs) -> tuple[Pairs, Pairs]:
    ranked = list(zip(train, _ranks(train), strict=True))
    return [p for p, (n, _) in ranked if n % HELD != HELD - 1], [p for p, (n, _) in ranked if n % HELD == HELD - 1]


def _ranks(pairs: Pairs) -> list[tuple[int, str]]:
    seen: dict[str, int] = {}
    found = []
    for _, said in pairs:
        found.append((seen.get(said, 0), said))
        seen[said] = seen.get(said, 0) + 1
    return found


def _by_class(train: Pairs) -> list[float]:
    """Return places so that a share takes as much of every class, one picture at least."""
    sizes: dict[str, int] = {}
    for _, said in train:
        sizes[said] = sizes.get(said, 0) + 1
    return [number / sizes[said] for number, said in _ranks(train)]


def _by_person(train: Pairs, seed: int) -> list[float]:
    """Return places so that a share takes whole people, in a drawn order."""
    people = sorted({item.cluster for item, _ in train})
    np.random.default_rng([seed, 1]).shuffle(people)
    place = {person: number / len(people) for number, person in enumerate(people)}
    return [place[item.cluster] for item, _ in train]


def lessons(pairs: Sequence[tuple[Item, str]], classes: Sequence[str], size: int) -> tuple[Lessons, tuple[Item, ...]]:
    """Return pictures as a classifier reads them, and the items that could be read.

    Raises:
        InputError: None can be read.
    """
    pictures, said, items = [], [], []
    for item, one in pairs:
        try:
            if item.location is None:
                continue
            pictures.append(resize(crop_square(read_image(item.location)), size, size))
        except MediaError:
            continue
        said.append(classes.index(one))
        items.append(item)
    if not pictures:
        raise InputError("none of the pictures to learn from can be read")
    return Lessons(pictures=np.stack(pictures), classes=np.array(said, dtype=np.intp)), tuple(items)
