"""Casting: which people and pictures play which part in the requests of a split. All of it is drawn from the seed.

Nobody plays two parts in one request: a source and a driver are other people than the target. People are taken from a
drawn circle, so that everybody is source equally often, and a few requests show many pairs.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..cards import GeneratorCard
from ..errors import InputError
from ..media.item import Item, Modality, Split
from ..media.mediaset import MediaSet

REFERENCES = 8
"""Items of the source that a request carries at most; training is given all of them."""


class Line(NamedTuple):
    """Words to say."""

    text: str
    language: str | None


class Parts(NamedTuple):
    """What one request is given."""

    target: Item | None = None
    references: tuple[Item, ...] = ()
    driver: Item | None = None
    attributes: Mapping[str, float] = {}
    text: str | None = None
    language: str | None = None
    audio: Item | None = None


class Halves(NamedTuple):
    """Items of a split: those that are altered, and those that show what a source looks like."""

    targets: tuple[Item, ...]
    references: Mapping[str, tuple[Item, ...]]


def halves(items: Sequence[Item]) -> Halves:
    """Split the items of every person into references, the first half, and targets; an only item is a target.

    Who speaks several languages has references and targets in each. A system may learn from references, so no target is
    among them.
    """
    people: dict[tuple[str, str], list[Item]] = {}
    for item in items:
        people.setdefault((item.cluster, item.language or ""), []).append(item)
    references: dict[str, list[Item]] = {}
    for (person, _), own in people.items():
        if len(own) > 1:
            references.setdefault(person, []).extend(own[: len(own) // 2])
    kept = {item.id for own in references.values() for item in own}
    targets = tuple(item for item in items if item.id not in kept)
    return Halves(targets, {person: tuple(own) for person, own in references.items()})


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """Who may play which part in the requests of one split."""

    card: GeneratorCard
    targets: tuple[Item, ...]
    references: Mapping[str, tuple[Item, ...]]
    drivers: Mapping[str, tuple[Item, ...]]
    circle: tuple[str, ...]
    """Everybody who can be source or driver, in a drawn order."""
    turns: tuple[int, ...]
    """Which of its person's targets each one is, from 0."""
    lines: tuple[Line, ...] = ()
    """What can be asked to be said: none of it is said in a reference."""
    sounds: tuple[Item, ...] = ()
    """What lips can be asked to fit: sounds, or clips that have one."""

    def parts(self, index: int) -> Parts:
        """Return what request number `index` of the split is given."""
        place, around = (index % len(self.targets), index // len(self.targets)) if self.targets else (index, 0)
        target = self.targets[place] if self.targets else None
        me = target.cluster if target else ""
        turn = around + (self.turns[place] if self.targets else place)
        source = self._other(me, turn) if self.references else None
        spoken = self._spoken(source, target, index)
        driver = None
        if self.drivers:
            person = self._other(me, turn + bool(source))
            driver = self.drivers[person][(place + around) % len(self.drivers[person])]
        return Parts(
            target=target,
            references=spoken.references,
            driver=driver,
            attributes=self._attributes(place, around),
            text=spoken.text,
            language=spoken.language,
            audio=self._sound(target, index, around),
        )

    def _sound(self, target: Item | None, index: int, around: int) -> Item | None:
        """Return what the lips of a target are to say: never what they say already.

        In the target's language and another sentence; by the target's own voice, where it says another one, so that
        nothing but the lips is made; else by everybody else's in turn. What is missing is given up in the order of
        voice, sentence, language. A system that asks for another language is given that alone, or nothing.
        """
        others = [item for item in self.sounds if target is None or item.id != target.id]
        if self.card.audio_language == "other":
            mine = target.language if target else None
            others = [item for item in others if mine and item.language and item.language != mine]
        if not others:
            return None
        if target is None or target.language is None:
            return others[index % len(others)]
        said = target.clusters.get("sentence")

        def fits(item: Item) -> tuple[bool, bool, bool]:
            new = said is None or item.clusters.get("sentence") != said
            return item.language == target.language, new, item.cluster == target.cluster

        best = max(fits(item) for item in others)
        fitting = [item for item in others if fits(item) == best]
        return fitting[(around if best[2] else index) % len(fitting)]

    def _spoken(self, source: str | None, target: Item | None, index: int) -> Parts:
        """Return the source's references and what is to be said.

        Beside a target, references are in its language, where there are any. A text beside references alone is in
        another language than they are, where there is one: each pair of languages in turn.
        """
        own = self.references[source] if source else ()
        if target is not None and own:
            own = tuple(item for item in own if item.language == target.language) or own
        if not self.lines:
            return Parts(references=own[:REFERENCES])
        pools: dict[str | None, list[Line]] = {}
        for line in self.lines:
            pools.setdefault(line.language, []).append(line)
        spoken = dict.fromkeys(item.language for item in own)
        pairs = [(said, wanted) for said in spoken for wanted in pools if said != wanted]
        if target is not None or not pairs:
            line = self.lines[index % len(self.lines)]
        else:
            round_trip = math.lcm(len(pairs), len(self.circle))
            said, wanted = pairs[(index + index // round_trip) % len(pairs)]
            own = tuple(item for item in own if item.language == said)
            line = pools[wanted][index % len(pools[wanted])]
        return Parts(references=own[:REFERENCES], text=line.text, language=line.language)

    def _other(self, me: str, turn: int) -> str:
        """Return somebody else of the circle: another one for each picture of a person, and in every round."""
        if me not in self.circle:
            return self.circle[turn % len(self.circle)]
        step = 1 + turn % (len(self.circle) - 1)
        return self.circle[(self.circle.index(me) + step) % len(self.circle)]

    def _attributes(self, place: int, around: int) -> dict[str, float]:
        names = list(self.card.attributes) if "attributes" in self.card.uses else []
        if not names:
            return {}
        name = names[(place + around) % len(names)]
        strengths = self.card.attributes[name]
        return {name: strengths[((place + around) // len(names)) % len(strengths)]}


def cast(
    card: GeneratorCard, real: MediaSet, split: Split, seed: int, feeds: Mapping[str, MediaSet] | None = None
) -> Cast:
    """Return who plays which part in the requests for a system in one split.

    Args:
        card: Of the system.
        real: Whom and what parts are taken from.
        split: The split.
        seed: Of the suite.
        feeds: Sets that other systems made, from which a part (`target`, `audio`) is taken in place of `real`.

    Raises:
        InputError: Nothing to alter, no two people, nobody with the two items that a source needs, or nothing to say.
    """
    items = real.select(split)
    given = {part: made.select(split) for part, made in (feeds or {}).items()}
    if {"target", "references", "driver"} & set(card.uses) and not given.get("target", items):
        raise InputError(f"'{card.name}' has nothing to alter: no file of the {split} split can be read")
    targets, references = halves(items) if "references" in card.uses else (items, {})
    drivers: dict[str, list[Item]] = {}
    for item in items if "driver" in card.uses else ():
        drivers.setdefault(item.cluster, []).append(item)
    circle = sorted(references or drivers)
    if {"references", "driver"} & set(card.uses):
        needed = "with two items or more" if "references" in card.uses else "or more"
        if len(circle) < 2:
            raise InputError(
                f"'{card.name}' needs two people {needed} in the {split} split, found {len(circle)}: "
                "one is altered after the other"
            )
        np.random.default_rng([seed, list(Split).index(split), 1]).shuffle(circle)
    targets = given.get("target", targets)
    seen: Counter[str] = Counter()
    turns = []
    for item in targets:
        turns.append(seen[item.cluster])
        seen[item.cluster] += 1
    return Cast(
        card=card,
        targets=targets if "target" in card.uses else (),
        references=references,
        drivers={person: tuple(own) for person, own in drivers.items()},
        circle=tuple(circle),
        turns=tuple(turns),
        lines=_lines(card, targets, split) if "text" in card.uses else (),
        sounds=_sounds(card, given.get("audio", items), split) if "audio" in card.uses else (),
    )


def _sounds(card: GeneratorCard, items: Sequence[Item], split: Split) -> tuple[Item, ...]:
    """Return what can be heard in a split; what is made of clips has as much as its target has."""
    found = tuple(item for item in items if item.modality in {Modality.AUDIO, Modality.VIDEO})
    if not found:
        raise InputError(
            f"'{card.name}' is given speech to fit lips to, and the {split} split holds no clips and no sounds; use "
            "clips of the studio, or `parts: {audio: tts}`"
        )
    return found


def _lines(card: GeneratorCard, items: Sequence[Item], split: Split) -> tuple[Line, ...]:
    """Return what is said in a split, in its order; a cut sound of which no word is whole says nothing."""
    said = [(item.facts.get("transcript"), item.language) for item in items]
    lines = tuple(Line(text, language) for text, language in said if isinstance(text, str) and text.strip())
    if not lines:
        raise InputError(
            f"'{card.name}' is given what is said in the real set, and no item of the {split} split has a `transcript` "
            "among its facts; use sounds or clips of the studio, or a set with transcripts"
        )
    return lines


class Subjects(NamedTuple):
    """Whose look a system is to learn before it is asked, and from what."""

    people: tuple[str, ...]
    references: tuple[Item, ...]


def subjects(card: GeneratorCard, real: MediaSet, splits: Sequence[Split]) -> Subjects:
    """Return the people that requests in `splits` name as source, and all their references.

    A swap learns who is put in: it is given footage of that person, as whoever uses one has it. What it is given are
    references alone, the half of a person's items that no request alters, so that no target has been seen in training.
    """
    if "references" not in card.uses:
        return Subjects((), ())
    found: dict[str, tuple[Item, ...]] = {}
    for split in splits:
        found |= halves(real.select(split)).references
    return Subjects(tuple(found), tuple(item for own in found.values() for item in own))
