"""Audit the metrics: real pictures are changed in known ways, and every metric says how far that takes them from real.

A metric for people should hardly react to what people cannot see, and clearly to what they can. The real set is cut by
identity: one third is the reference, and what stands in for a system are pictures of the other two thirds, changed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .canonical import JSON
from .cards import GeneratorCard, InstrumentCard, MetricCard
from .conditions.control import DEGRADED, SEEN
from .conditions.table import Condition
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
from .report.audit import AuditChange, audit_tables
from .run import default_store, default_workers
from .store.schema import Position, Results, Row
from .store.store import Store, weights_folder
from .suite import DataSpec, Splits, Suite, SystemSpec

DEFAULT_N = 120
"""Pictures of each set, where the studio renders them."""
SIDE, EACH = 96, 5
"""Of rendered pictures: their size, and how many of a person."""
_THIRDS = Splits(train=2 / 3, validation=0, test=1 / 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alteration:
    """One way in which real pictures are changed."""

    name: str
    title: str
    seen: bool
    """Whether people see it."""
    condition: Condition | None
    """None: half of the people are left out."""

    @property
    def change(self) -> AuditChange:
        """As tables name it."""
        return AuditChange(name=self.name, title=self.title, seen=self.seen)


def _change(name: str, title: str, condition: str, *, seen: bool, **parameters: JSON) -> Alteration:
    return Alteration(name=name, title=title, seen=seen, condition=Condition(name=condition, parameters=parameters))


ALTERATIONS = (
    _change("jpeg-95", "JPEG 95", "jpeg", seen=False, quality=95),
    _change("jpeg-98", "PNG via JPEG 98", "jpeg", seen=False, quality=98, chroma="4:4:4"),
    _change("filter", "other filter", "resample", seen=False, factor=1.1, filter="bicubic"),
    Alteration(name="move", title="one pixel", seen=False, condition=Condition(name="move", severity=1)),
    _change("colours", "rounded", "colours", seen=False, step=3),
    _change("blur", "blur", "blur", seen=True, sigma=0.02),
    _change("noise", "noise", "noise", seen=True, deviation=15.0),
    _change("contrast", "contrast", "contrast", seen=True, factor=0.6),
    _change("cover", "block", "cover", seen=True, share=0.1),
    _change("jpeg-20", "JPEG 20", "jpeg", seen=True, quality=20),
    Alteration(name="people", title="half the people", seen=True, condition=None),
)
"""In the order of the tables."""
_CONTROL = Alteration(name=DEGRADED, title=DEGRADED, seen=True, condition=SEEN.condition)
"""For metrics that compare pictures one by one, which need it as a set."""


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


def audit_metrics(
    data: Path | str | None = None,
    *,
    n: int | None = None,
    metrics: Sequence[str] | None = None,
    instruments: Sequence[str] | None = None,
    store: Path | str | None = None,
    device: str = "cpu",
    workers: int | None = None,
    display: Display | None = None,
) -> Audited:
    """Measure how metrics of pictures react to known changes of real ones.

    The changed copies stay in the store, as the degraded control's do in memory; nothing of them leaves it.

    Args:
        data: Folder of real pictures, best one sub-folder a person; default rendered people.
        n: Pictures on each side; default 120, or as many as a third of the folder has.
        metrics: Names; default all that apply to pictures, but for memorisation.
        instruments: Names; default all that read pictures and need no weights that are missing.
        store: Default `FAUXBENCH_STORE` or the platform's cache folder.
        device: Of torch.
        workers: Processes at once; default one a processor.
        display: Told of progress; default nobody.

    Raises:
        InputError: No pictures, too few, or an unknown metric or instrument.
    """
    place = Path(store) if store else default_store()
    draft, alterations = _draft(data, n, metrics, instruments, weights_folder(place))
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


def _draft(
    data: Path | str | None,
    n: int | None,
    metrics: Sequence[str] | None,
    instruments: Sequence[str] | None,
    weights: Path,
) -> tuple[Draft, tuple[Alteration, ...]]:
    """Return the plan, and the changes in it."""
    cards, found = _metrics(metrics), _instruments(instruments)
    spec, alterations = _data(data, n)
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
    control = _system(draft, _CONTROL)
    for card in cards:
        _plan(draft, card, readings, control)
    return draft, alterations


def _metrics(names: Sequence[str] | None) -> list[MetricCard]:
    """Return the metrics of pictures that are named, or all.

    Raises:
        InputError: An unknown metric, or one that is not about pictures or needs a training set.
    """
    fits = [card for card in metric_cards().values() if Modality.IMAGE in card.modality and card.name != "memorisation"]
    if names is None:
        return fits
    cards = [metric_card(name) for name in names]
    for card in cards:
        if card not in fits:
            raise InputError(f"metric {card.name} cannot be audited on pictures; these can: {_names(fits)}")
    return cards


def _instruments(names: Sequence[str] | None) -> list[str]:
    """Return the instruments of pictures that are named, or all.

    Raises:
        InputError: An unknown instrument, or one that does not read pictures.
    """
    if names is None:
        return [card.name for card in instrument_cards().values() if card.modality == "image"]
    for name in names:
        if instrument_card(name).modality != "image":
            raise InputError(f"instrument {name} does not read pictures")
    return list(names)


def _names(cards: Sequence[MetricCard | InstrumentCard]) -> str:
    return ", ".join(card.name for card in cards)


def _data(data: Path | str | None, n: int | None) -> tuple[DataSpec, tuple[Alteration, ...]]:
    """Return the real set, and the changes that it allows: without people nobody can be left out."""
    if data is None:
        people = 3 * -(-(n or DEFAULT_N) // EACH)
        return DataSpec(dataset="studio", people=people, per_person=EACH, size=SIDE, splits=_THIRDS), ALTERATIONS
    folder = Path(data).resolve()
    if not folder.is_dir():
        raise InputError(
            f"--data {data}: expected a folder of pictures, found {'a file' if folder.exists() else 'nothing'}"
        )
    known = len({one.identity for one in list_folder(folder) if one.identity})
    alterations = ALTERATIONS if known > 1 else tuple(one for one in ALTERATIONS if one.condition)
    return DataSpec(dataset="folder", path=folder, splits=_THIRDS), alterations


def _count(draft: Draft, n: int | None) -> None:
    """Decide N: not more than the reference has, nor than half of the people outside it have.

    Raises:
        InputError: Fewer than 2.
    """
    sizes = draft.split_sizes
    most = min(sizes.get(Split.TEST, 0), sizes.get(Split.TRAIN, 0) // 2)
    if most < 2:
        raise InputError(
            f"{sum(sizes.values())} pictures are too few for an audit: give at least 6, of 3 people or more"
        )
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
        pairs=one.condition is not None,
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


def _plan(draft: Draft, card: MetricCard, readings: Sequence[Reading], control: System) -> None:
    if card.purpose != "pixels":
        for reading in _of(card, readings):
            plan_through(draft, card, reading)
        return
    named = {reading.name: instrument_card(reading.name) for reading in readings}
    for comparer in comparers_of(card, named):
        for system in (control, *draft.systems):
            if system.pairs:
                plan_measured(draft, card, Reading(comparer, {}) if comparer else None, system)


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
        degradation=SEEN.said,
        reason=row.reason or degraded.reason or "no score of a picture with itself to start from",
    )
    if row.value is None or degraded.value is None or best is None or degraded.value == best:
        return row.model_copy(update={"position": position})
    value = (row.value - best) / (degraded.value - best)
    return row.model_copy(update={"position": position.model_copy(update={"value": value, "reason": None})})
