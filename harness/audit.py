"""Audit the metrics: real media are changed in known ways, and every metric says how far that takes them from real.

A metric for people should hardly react to what people do not notice, and clearly to what they do. The real set is cut
by identity: one third is the reference, and what stands in for a system are items of the other two thirds, changed.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from .audit_changes import ALTERATIONS, CONTROL, Alteration
from .canonical import JSON
from .cards import GeneratorCard, InstrumentCard, MetricCard
from .conditions.chain import UNITS
from .conditions.control import DEGRADED, HEARD, SEEN
from .datasets.listing import list_folder
from .errors import InputError
from .execute.display import Display
from .execute.local import LocalExecutor
from .instruments import instrument_card, instrument_cards
from .media.item import Modality, Split
from .media.mediaset import Terms
from .metrics import metric_card, metric_cards
from .plan import Plan, Unit
from .planning.model import REAL, RENDERED, Draft, SuitePlan, System, code_of
from .planning.reading import Reading, missing_weights
from .planning.realism import comparers_of, plan_measured, plan_through
from .planning.sets import plan_real
from .reduce import reduce_run
from .report import Table
from .report.audit import audit_tables
from .run import default_store, default_workers
from .store.schema import Position, Results, Row
from .store.store import Store, weights_folder
from .suite import DataSpec, Splits, Suite, SystemSpec

DEFAULT_N: Mapping[Modality, int] = MappingProxyType({Modality.IMAGE: 120, Modality.VIDEO: 24, Modality.AUDIO: 40})
"""Items of each set, where the studio makes them."""
SIDE, EACH = 96, 5
"""Of rendered pictures: their size, and how many of a person."""
SPOKEN = 2
"""Clips or sounds of a person."""
_THIRDS = Splits(train=2 / 3, validation=0, test=1 / 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """What an audit found."""

    results: Results
    """One row for each metric and change, and the controls; positions in the rows."""
    alterations: tuple[Alteration, ...]

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows of the results."""
        return self.results.rows

    def tables(self) -> dict[str, Table]:
        """Return every table by its name."""
        return audit_tables(self.results, [one.change for one in self.alterations])

    def record(self) -> dict[str, JSON]:
        """Return everything as a JSON object."""
        changes = [
            {
                "name": one.name,
                "title": one.title,
                "seen": one.seen,
                "condition": one.condition.record() if one.condition else None,
            }
            for one in self.alterations
        ]
        return {"changes": changes, **self.results.model_dump(mode="json")}


def audit_metrics(  # noqa: PLR0913 - one for each option of the command line
    data: Path | str | None = None,
    *,
    kind: str | None = None,
    n: int | None = None,
    metrics: Sequence[str] | None = None,
    instruments: Sequence[str] | None = None,
    changes: Sequence[str] | None = None,
    store: Path | str | None = None,
    device: str = "cpu",
    workers: int | None = None,
    display: Display | None = None,
) -> Audited:
    """Measure how metrics react to known changes of real pictures, clips or sounds.

    The changed copies stay in the store, as the degraded control's do in memory; nothing of them leaves it.

    Args:
        data: Folder of real media, best one sub-folder a person; default rendered people.
        kind: image, video or audio; default what the folder holds most of, without one pictures.
        n: Items on each side; default 120 pictures, 24 clips, 40 sounds, or as many as a third of the folder has.
        metrics: Names; default all that apply, but for memorisation and those of edits that were asked for.
        instruments: Names; default all that read such media and need no weights that are missing.
        changes: Names of alterations; default all.
        store: Default `FAUXBENCH_STORE` or the platform's cache folder.
        device: Of torch.
        workers: Processes at once; default one a processor.
        display: Told of progress; default nobody.

    Raises:
        InputError: No such media, too few, or an unknown kind, metric or instrument.
    """
    place = Path(store) if store else default_store()
    draft, alterations = _draft(data, _kind(data, kind), n, metrics, instruments, changes, weights_folder(place))
    planned = SuitePlan(
        suite=draft.suite,
        plan=Plan(units=tuple(draft.units.values()), device=device),
        systems=draft.systems,
        rows=tuple(draft.rows),
        detect_units={},
    )
    executor = LocalExecutor(Store(place), workers=workers or default_workers(), display=display or Display())
    results = reduce_run(planned, executor.run(planned.plan)).results
    return Audited(results=results.model_copy(update={"rows": _placed(results.rows)}), alterations=alterations)


def _kind(data: Path | str | None, kind: str | None) -> Modality:
    """Return the kind of media to change.

    Raises:
        InputError: No such kind, or the folder has nothing of it.
    """
    if kind is not None and kind not in set(Modality):
        raise InputError(f"--kind {kind}: legal: {', '.join(Modality)}")
    if data is None:
        return Modality(kind or Modality.IMAGE)
    folder = Path(data).resolve()
    if not folder.is_dir():
        there = "a file" if folder.exists() else "nothing"
        raise InputError(f"--data {data}: expected a folder of pictures, clips or sounds, found {there}")
    held = Counter(one.modality for one in list_folder(folder))
    found = Modality(kind) if kind else held.most_common(1)[0][0]
    if not held[found]:
        raise InputError(f"--data {data}: holds no {UNITS[found]}, but {', '.join(UNITS[one] for one in held)}")
    return found


def _draft(
    data: Path | str | None,
    kind: Modality,
    n: int | None,
    metrics: Sequence[str] | None,
    instruments: Sequence[str] | None,
    changes: Sequence[str] | None,
    weights: Path,
) -> tuple[Draft, tuple[Alteration, ...]]:
    """Return the plan, and the changes in it."""
    cards, found = _metrics(metrics, kind), _instruments(instruments, kind)
    spec, alterations = _data(data, kind, n)
    alterations = tuple(one for one in alterations if changes is None or one.name in changes)
    suite = Suite(
        suite="audit",
        data=spec,
        generators=(SystemSpec(use="environment", version=None),),  # the changes stand in its place
        metrics=tuple(card.name for card in cards),
        instruments=tuple(found),
    )
    terms = RENDERED if data is None else Terms()
    draft = Draft(suite=suite, base=Path.cwd(), weights=weights, terms=terms)
    draft.split_sizes = plan_real(draft)
    _count(draft, n)
    readings = [Reading(name, {}) for name in found]
    if instruments is None:
        readings = [reading for reading in readings if missing_weights(draft, reading) is None]
    if metrics is None:
        cards = [card for card in cards if _fits(draft, card, readings)]
    draft.systems = tuple(_system(draft, one) for one in alterations)
    for card in cards:
        _plan(draft, card, readings)
    return draft, alterations


def _metrics(names: Sequence[str] | None, kind: Modality) -> list[MetricCard]:
    """Return the metrics of such media that are named, or all.

    Raises:
        InputError: An unknown metric, or one that is not about such media or needs a training set or a request.
    """
    fits = [c for c in metric_cards().values() if kind in c.modality and c.name != "memorisation" and not c.asked]
    if names is None:
        return [
            card for card in fits if kind is not Modality.VIDEO or "audio" not in card.modality or card.form == "set"
        ]
    cards = [metric_card(name) for name in names]
    for card in cards:
        if card not in fits:
            raise InputError(f"metric {card.name} cannot be audited on {UNITS[kind]}; these can: {_names(fits)}")
    return cards


def _instruments(names: Sequence[str] | None, kind: Modality) -> list[str]:
    """Return the instruments of such media that are named, or all.

    Raises:
        InputError: An unknown instrument, or one that does not read such media.
    """
    if names is None:
        return [card.name for card in instrument_cards().values() if card.modality == kind]
    for name in names:
        if instrument_card(name).modality != kind:
            raise InputError(f"instrument {name} does not read {UNITS[kind]}")
    return list(names)


def _names(cards: Sequence[MetricCard | InstrumentCard]) -> str:
    return ", ".join(card.name for card in cards)


def _data(data: Path | str | None, kind: Modality, n: int | None) -> tuple[DataSpec, tuple[Alteration, ...]]:
    """Return the real set, and the changes that it allows: without people nobody can be left out."""
    changes = ALTERATIONS[kind]
    if data is None:
        each = EACH if kind is Modality.IMAGE else SPOKEN
        people = 3 * -(-(n or DEFAULT_N[kind]) // each)
        real = DataSpec(dataset="studio", people=people, splits=_THIRDS)
        made: Mapping[Modality, dict[str, JSON]] = {
            Modality.IMAGE: {"per_person": each, "size": SIDE},
            Modality.VIDEO: {"clips": each, "per_person": 0},
            Modality.AUDIO: {"sounds": each, "per_person": 0},
        }
        return real.model_copy(update=made[kind]), changes
    folder = Path(data).resolve()
    known = len({one.identity for one in list_folder(folder) if one.identity})
    alterations = changes if known > 1 else tuple(one for one in changes if one.condition or one.marked)
    return DataSpec(dataset="folder", path=folder, splits=_THIRDS), alterations


def _count(draft: Draft, n: int | None) -> None:
    """Decide N: not more than the reference has, nor than half of the people outside it have.

    Raises:
        InputError: Fewer than 2.
    """
    sizes = draft.split_sizes
    most = min(sizes.get(Split.TEST, 0), sizes.get(Split.TRAIN, 0) // 2)
    if most < 2:
        raise InputError(f"{sum(sizes.values())} items are too few for an audit: give at least 6, of 3 people or more")
    draft.counts = {Split.TRAIN: 0, Split.VALIDATION: 0, Split.TEST: min(n or most, most)}


def _system(draft: Draft, one: Alteration) -> System:
    """Add the unit that changes the pictures, and return what stands in for a system."""
    n = draft.counts[Split.TEST]
    condition = one.condition.record() if one.condition else None
    key: dict[str, JSON] = {
        "condition": condition,
        "group": one.name,
        "n": n,
        "seed": draft.suite.seed,
        "code": code_of("execute/steps/alter.py", "execute/steps/held_out.py", "conditions", "media"),
    }
    if one.marked:
        key |= {"marked": True, "mark": code_of("safeguards/watermark", "safeguards/trial.py")}
    unit = Unit(
        id=f"alter {one.name}", kind="alter", what=f"alter {n}", key=key, inputs={"real": REAL}, cost=1 + 0.005 * n
    )
    card = GeneratorCard(name=one.name, version="1", title=one.title, technique="condition", kind="augmented_real")
    return System(
        name=one.name,
        card=card,
        parameters=condition or {},
        code=code_of("conditions"),
        origin="condition",
        seeds=(0,),
        sets=(draft.add(unit),),
        pairs=one.marked or (one.condition is not None and not one.condition.change.resizes),
        trains=False,
    )


def _fits(draft: Draft, card: MetricCard, readings: Sequence[Reading]) -> bool:
    """Return whether a metric can be computed here at all."""
    if card.purpose == "pixels":
        if card.name == "ms_ssim" and draft.suite.data.dataset == "studio":
            return False  # five scales of 11 pixels need 176
        names = card.display or {}
        return not names or any(missing_weights(draft, Reading(name, {})) is None for name in names)
    return bool(_of(card, readings))


def _of(card: MetricCard, readings: Sequence[Reading]) -> list[Reading]:
    """Return the instruments that a metric reads; one over two sets reads any that gives features."""
    found = []
    for reading in readings:
        instrument = instrument_card(reading.name)
        if card.purpose in instrument.purpose or (card.form == "set" and "features" in instrument.outputs):
            found.append(reading)
    return found


def _plan(draft: Draft, card: MetricCard, readings: Sequence[Reading]) -> None:
    if card.purpose != "pixels":
        for reading in _of(card, readings):
            plan_through(draft, card, reading)
        return
    named = {reading.name: instrument_card(reading.name) for reading in readings}
    for comparer in comparers_of(card, named):
        for system in (_system(draft, _control(draft.modality)), *draft.systems):
            if system.pairs:
                plan_measured(draft, card, Reading(comparer, {}) if comparer else None, system)


def _control(kind: Modality) -> Alteration:
    """Return the degraded control as a set, for metrics that compare items one by one."""
    return CONTROL if kind is Modality.IMAGE else replace(CONTROL, condition=HEARD.condition)


def _placed(rows: Sequence[Row]) -> tuple[Row, ...]:
    """Give rows of metrics over pairs a position too: from the best value there is to that of the degradation."""
    ends = {row.metric: row for row in rows if row.system == DEGRADED and row.role == "system"}
    return tuple(_between(row, ends[row.metric]) if row.metric in ends else row for row in rows)


def _between(row: Row, degraded: Row) -> Row:
    card = metric_card(row.metric.partition("[")[0])
    best = card.range[1 if row.direction == "higher" else 0] if card.unit != "dB" else None
    position = Position(
        metric=row.metric,
        n=row.n,
        system=row.value,
        control=best,
        degraded=degraded.value,
        degradation=SEEN.said if "image" in card.modality else HEARD.said,
        reason=row.reason or degraded.reason or "no score of a picture with itself to start from",
    )
    if row.value is None or degraded.value is None or best is None or degraded.value == best:
        return row.model_copy(update={"position": position})
    value = (row.value - best) / (degraded.value - best)
    return row.model_copy(update={"position": position.model_copy(update={"value": value, "reason": None})})
