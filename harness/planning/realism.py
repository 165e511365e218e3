"""Planning realism: every metric on every system, and on the control."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeVar

from ..canonical import JSON
from ..cards import InstrumentCard, MetricCard
from ..conditions.table import Condition
from ..errors import InputError, SuiteError
from ..instruments import instrument_card, instrument_fingerprint, weights_path
from ..media.item import Split
from ..metrics import metric_card
from ..plan import Unit
from ..stats.score import Direction
from .model import REAL, Draft, RowPlan, System, code_of

C = TypeVar("C")


@dataclass(frozen=True, slots=True)
class Reading:
    """An instrument under a protocol."""

    name: str
    options: Mapping[str, str]
    """What differs from its defaults."""

    @property
    def fingerprint(self) -> str:
        """Whatever could change its numbers."""
        return instrument_fingerprint(instrument_card(self.name), **self.options)

    @property
    def key(self) -> dict[str, JSON]:
        """Of a unit that loads it."""
        return {"instrument": self.name, "options": dict(self.options), "fingerprint": self.fingerprint}


Protocols = Mapping[str, Mapping[str, str]]
"""Instrument -> options of its protocol; the rest by default."""


def plan_realism(draft: Draft, protocols: Protocols = MappingProxyType({})) -> None:
    """Add every metric that fits a system, and the control beside it."""
    metrics = _cards("metrics", draft.suite.metrics, metric_card)
    metrics.setdefault("memorisation", metric_card("memorisation"))
    instruments = _cards("instruments", draft.suite.instruments, instrument_card)
    instruments.setdefault("thumbnail", instrument_card("thumbnail"))
    learns = draft.split_sizes.get(Split.TRAIN, 0) > 0
    for card in metrics.values():
        if card.purpose == "pixels":
            for system in draft.systems:
                for comparer in _comparers(card, instruments) if system.pairs else ():
                    _measured(draft, card, Reading(comparer, {}) if comparer else None, system)
            continue
        if not any(card.purpose in instrument.purpose for instrument in instruments.values()):
            raise SuiteError(
                f"metrics: '{card.name}' reads an instrument for {card.purpose}, and none of instruments is one: "
                f"{', '.join(instruments)}"
            )
        for instrument in instruments.values():
            if card.purpose in instrument.purpose:
                reading = Reading(instrument.name, protocols.get(instrument.name, {}))
                _control(draft, card, reading)
                for system in draft.systems:
                    if card.name != "memorisation" or (learns and system.card.kind == "fully_synthetic"):
                        _measured(draft, card, reading, system)


def _comparers(card: MetricCard, named: Mapping[str, InstrumentCard]) -> Sequence[str | None]:
    """Return the instruments that compare pictures for a metric: those that the suite names, or the first.

    A metric whose card shows a name for some instruments reads one of them; the others read pixels alone.
    """
    if not card.display:
        return (None,)
    return [name for name in card.display if name in named] or [next(iter(card.display))]


def _cards(key: str, names: Sequence[str], find: Callable[[str], C]) -> dict[str, C]:
    """Return the cards of what the suite names, in its order."""
    found = {}
    for place, name in enumerate(names):
        try:
            found[name] = find(name)
        except InputError as error:
            raise SuiteError(f"{key}.{place}: {error}") from error
    return found


def missing_weights(draft: Draft, reading: Reading) -> str | None:
    """Return why an instrument cannot be read, or None."""
    path = weights_path(instrument_card(reading.name), draft.weights)
    if path is None or path.is_file():
        return None
    return f"not computed: weights of {reading.name} missing, see fauxbench doctor"


def extracted(
    draft: Draft, reading: Reading, source: str, splits: Sequence[Split], condition: Condition | None = None
) -> str:
    """Add the unit that reads a set with an instrument, and return its id.

    With a condition, only the half of the set that the control compares is read, each picture changed first.
    """
    key: dict[str, JSON] = {
        **reading.key,
        "splits": [str(split) for split in splits],
        "code": code_of("execute/steps/measures.py", "media"),
    }
    if condition is not None:
        key |= {"condition": condition.record(), "condition_code": code_of("conditions")}
    size = sum(draft.split_sizes.values()) if source == REAL else draft.counts[Split.TEST]
    each = 0.15 if instrument_card(reading.name).weights else 0.002
    unit_id = f"extract {reading.name} of {source.removeprefix('generate ').removeprefix('collect ')}"
    if condition is not None:
        unit_id, size = f"{unit_id} degraded", size // 2
    what = f"{reading.name} {size}"
    return draft.add(Unit(id=unit_id, kind="extract", what=what, key=key, inputs={"set": source}, cost=1 + each * size))


def measure_key(draft: Draft, card: MetricCard, role: str) -> dict[str, JSON]:
    """Return the key of a unit that reduces features or pairs to one score."""
    code = code_of("metrics", "stats", "execute/steps/measures.py")
    return {"metric": card.name, "version": card.version, "role": role, "seed": draft.suite.seed, "code": code}


def protocol_of(card: MetricCard, reading: Reading | None) -> dict[str, JSON]:
    """Return what two rows must share to be compared, as far as it is known before the run."""
    protocol: dict[str, JSON] = {
        "metric": f"{card.name} {card.version}",
        "instrument": reading and f"{reading.name} {reading.fingerprint}",
        "condition": "none",
    }
    return protocol | ({"options": dict(reading.options)} if reading and reading.options else {})


def _control(draft: Draft, card: MetricCard, reading: Reading) -> None:
    """Add the same metric for real against held-out real."""
    if card.form != "set" or card.name == "memorisation":
        return
    n = draft.counts[Split.TEST]
    others = draft.split_sizes.get(Split.TRAIN, 0) + draft.split_sizes.get(Split.VALIDATION, 0)
    role = "control" if others else "halves"
    n = min(n, others or draft.split_sizes[Split.TEST] // 2)
    shown = card.shown_as(reading.name)
    reason = missing_weights(draft, reading)
    sources: tuple[tuple[int, str, str], ...] = ()
    if reason is None:
        inputs = {"real": extracted(draft, reading, REAL, tuple(Split))}
        key = {**measure_key(draft, card, role), "n": n}
        unit = Unit(id=f"measure {shown} of {REAL}", kind="measure", what=shown, key=key, inputs=inputs, cost=2)
        sources = ((0, draft.add(unit), card.name),)
    protocol = {**protocol_of(card, reading), **({"control": "halves"} if role == "halves" else {})}
    draft.rows.append(
        RowPlan(
            section="realism",
            system=REAL,
            role="control",
            kind="real",
            metric=shown,
            direction=Direction(card.direction),
            sources=sources,
            protocol=protocol,
            n=n,
            reason=reason,
        )
    )


def _measured(draft: Draft, card: MetricCard, reading: Reading | None, system: System) -> None:
    shown = card.shown_as(reading.name if reading else None)
    reason = missing_weights(draft, reading) if reading else None
    sources: list[tuple[int, str, str]] = []
    for seed, made in zip(system.seeds, system.sets, strict=True):
        if reason:
            break
        key = measure_key(draft, card, "system")
        inputs = {"synthetic_set": made, "real_set": REAL}
        if reading and card.form == "paired":
            key |= reading.key
        elif reading:
            inputs = {
                "synthetic": extracted(draft, reading, made, (Split.TEST,)),
                "real": extracted(draft, reading, REAL, tuple(Split)),
            }
        unit = Unit(
            id=f"measure {shown} of {system.name} seed {seed}",
            kind="measure",
            what=shown,
            key=key,
            inputs=inputs,
            cost=2,
        )
        sources.append((seed, draft.add(unit), card.name))
    draft.rows.append(
        RowPlan(
            section="realism",
            system=system.name,
            role="system",
            kind=system.card.kind,
            metric=shown,
            direction=Direction(card.direction),
            sources=tuple(sources),
            set_unit=system.sets[0],
            protocol=protocol_of(card, reading),
            reason=reason,
        )
    )
