"""Planning realism: every metric on every system, and on the control."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from ..canonical import JSON
from ..cards import InstrumentCard, MetricCard
from ..errors import InputError, SuiteError
from ..instruments import instrument_card, instrument_fingerprint, weights_path
from ..media.item import Split
from ..metrics import metric_card
from ..plan import Unit
from ..stats.score import Direction
from .model import REAL, Draft, RowPlan, System, code_of

C = TypeVar("C")


def plan_realism(draft: Draft) -> None:
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
                    _measured(draft, card, comparer, system)
            continue
        for instrument in instruments.values():
            if card.purpose in instrument.purpose:
                _control(draft, card, instrument.name)
                for system in draft.systems:
                    if card.name != "memorisation" or (learns and system.card.kind == "fully_synthetic"):
                        _measured(draft, card, instrument.name, system)


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


def _missing_weights(draft: Draft, instrument: str) -> str | None:
    card = instrument_card(instrument)
    path = weights_path(card, draft.weights)
    if path is None or path.is_file():
        return None
    return f"not computed: weights of {instrument} missing, see fauxbench doctor"


def _extracted(draft: Draft, instrument: str, source: str, splits: Sequence[Split]) -> str:
    key: dict[str, JSON] = {
        "instrument": instrument,
        "fingerprint": instrument_fingerprint(instrument_card(instrument)),
        "splits": [str(split) for split in splits],
        "code": code_of("execute/steps/measures.py", "media"),
    }
    size = sum(draft.split_sizes.values()) if source == REAL else draft.counts[Split.TEST]
    each = 0.15 if instrument_card(instrument).weights else 0.002
    unit_id = f"extract {instrument} of {source.removeprefix('generate ').removeprefix('collect ')}"
    what = f"{instrument} {size}"
    return draft.add(Unit(id=unit_id, kind="extract", what=what, key=key, inputs={"set": source}, cost=1 + each * size))


def _measure_key(draft: Draft, card: MetricCard, role: str) -> dict[str, JSON]:
    code = code_of("metrics", "stats", "execute/steps/measures.py")
    return {"metric": card.name, "version": card.version, "role": role, "seed": draft.suite.seed, "code": code}


def _protocol(draft: Draft, card: MetricCard, instrument: str | None) -> dict[str, JSON]:
    return {
        "metric": f"{card.name} {card.version}",
        "instrument": instrument and f"{instrument} {instrument_fingerprint(instrument_card(instrument))}",
        "condition": "none",
    }


def _control(draft: Draft, card: MetricCard, instrument: str) -> None:
    """Add the same metric for real against held-out real."""
    if card.form != "set" or card.name == "memorisation":
        return
    n = draft.counts[Split.TEST]
    others = draft.split_sizes.get(Split.TRAIN, 0) + draft.split_sizes.get(Split.VALIDATION, 0)
    role = "control" if others else "halves"
    n = min(n, others) if others else draft.split_sizes[Split.TEST] // 2
    shown = card.shown_as(instrument)
    reason = _missing_weights(draft, instrument)
    sources: tuple[tuple[int, str, str], ...] = ()
    if reason is None:
        inputs = {"real": _extracted(draft, instrument, REAL, tuple(Split))}
        key = {**_measure_key(draft, card, role), "n": n}
        unit = Unit(id=f"measure {shown} of {REAL}", kind="measure", what=shown, key=key, inputs=inputs, cost=2)
        sources = ((0, draft.add(unit), card.name),)
    protocol = {**_protocol(draft, card, instrument), **({"control": "halves"} if role == "halves" else {})}
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


def _measured(draft: Draft, card: MetricCard, instrument: str | None, system: System) -> None:
    shown = card.shown_as(instrument)
    reason = _missing_weights(draft, instrument) if instrument else None
    sources: list[tuple[int, str, str]] = []
    for seed, made in zip(system.seeds, system.sets, strict=True):
        if reason:
            break
        key = _measure_key(draft, card, "system")
        inputs = {"synthetic_set": made, "real_set": REAL}
        if instrument and card.form == "paired":
            key |= {"instrument": instrument, "fingerprint": instrument_fingerprint(instrument_card(instrument))}
        elif instrument:
            inputs = {
                "synthetic": _extracted(draft, instrument, made, (Split.TEST,)),
                "real": _extracted(draft, instrument, REAL, tuple(Split)),
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
            protocol=_protocol(draft, card, instrument),
            reason=reason,
        )
    )
