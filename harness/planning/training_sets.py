"""What detectors are trained on: single systems, lists, and the named protocols.

| `train_on` | |
|---|---|
| `NAME@VERSION`, or a list of them | these systems |
| `all` | every system that makes fakes and has a train split |
| `all but X` | all but those of a system, a generator (every version), a technique or a kind |
| `all but X+Y` | all but both: a family of them |
| `leave-one-out` | `all but X` for each generator X in turn: is a generator caught that was never seen? |
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..cards import did_you_mean
from ..errors import SuiteError
from .model import Draft, System

Asked = tuple[str | tuple[str, ...], ...]

LEAVE_ONE_OUT = "leave-one-out"
ALL_BUT = "all but "


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSet:
    """The systems that a detector learns from."""

    label: str
    """As tables name it."""
    systems: tuple[System, ...]


def training_sets(draft: Draft, asked: Asked, place: str = "train_on") -> tuple[TrainingSet, ...]:
    """Return what a detector is trained on, in order, each label once.

    Args:
        draft: With the systems.
        asked: What is asked for; if nothing, each system that makes fakes, then all.
        place: Where it is asked for.

    Raises:
        SuiteError: A name that no system has, or a protocol that leaves nothing to train on.
    """
    called = {new: old for old, new in draft.renamed.items()}
    fakes = {called.get(system.name, system.name): system for system in draft.systems if system.is_fake}
    wanted = list(asked)
    if not wanted:
        wanted = [name for name, system in fakes.items() if system.trains]  # by the names that the suite gives
        wanted += ["all"] if len(wanted) > 1 else []
    found: dict[str, TrainingSet] = {}
    for number, entry in enumerate(wanted):
        for label, systems in _expanded(entry, fakes, f"{place}.{number}"):
            found.setdefault(label, TrainingSet(label=label, systems=systems))
    return tuple(found.values())


def _expanded(
    entry: str | tuple[str, ...], fakes: Mapping[str, System], place: str
) -> Iterator[tuple[str, tuple[System, ...]]]:
    trains = {name: system for name, system in fakes.items() if system.trains}
    if entry == "all":
        yield entry, tuple(trains.values())
    elif entry == LEAVE_ONE_OUT:
        generators = list(dict.fromkeys(_generator(system) for system in trains.values()))
        if len(generators) < 2:
            raise SuiteError(f"{place}: {LEAVE_ONE_OUT} needs two generators that detectors can learn from")
        for name in generators:
            yield f"{ALL_BUT}{name}", tuple(s for s in trains.values() if _generator(s) != name)
    elif isinstance(entry, str) and entry.startswith(ALL_BUT):
        yield entry, _without(entry.removeprefix(ALL_BUT).strip(), trains, place)
    else:
        names = [entry] if isinstance(entry, str) else list(entry)
        for name in names:
            if name not in fakes:
                hint = did_you_mean(name, [*fakes, "all", LEAVE_ONE_OUT])
                raise SuiteError(f"{place}: no fake system '{name}'{hint}; there are: {', '.join(fakes)}")
        yield entry if isinstance(entry, str) else "+".join(names), tuple(fakes[name] for name in names)


def _without(name: str, trains: Mapping[str, System], place: str) -> tuple[System, ...]:
    known = dict.fromkeys(word for system in trains.values() for word in _names(system))
    family = [name] if name in known else [one.strip() for one in name.split("+")]
    for one in family:
        if one not in known:
            hint = did_you_mean(one, known)
            raise SuiteError(f"{place}: '{ALL_BUT}{one}' leaves nothing out{hint}; known: {', '.join(known)}")
    left = tuple(system for system in trains.values() if not set(family) & set(_names(system)))
    if not left:
        raise SuiteError(f"{place}: '{ALL_BUT}{name}' leaves nothing to train on")
    return left


def _generator(system: System) -> str:
    """Return the name that all versions of a system share."""
    return system.name.rpartition("@")[0]


def _names(system: System) -> tuple[str, ...]:
    given = system.name.partition("+")[0]  # as the suite calls one whose code has changed
    return system.name, given, _generator(system), system.card.technique, system.card.kind
