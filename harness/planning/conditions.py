"""Planning conditions: every test set changed alike, read, scored and measured again, and compared with the clean one.

The units of the clean sets are the pattern: each is planned once more for the changed set, with the same key. So
whatever a suite measures, and however it is measured, is measured under conditions too.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from ..canonical import JSON
from ..conditions.chain import Chain, chain_of
from ..errors import InputError, SuiteError
from ..media.item import Modality, Split
from ..plan import Unit
from ..stats.retention import CHANCE
from ..stats.score import Direction
from ..suite_conditions import ConditionSpec, RenderSpec
from .model import REAL, Draft, RowPlan, System, code_of, code_reached
from .realism import ALWAYS
from .rendering import add_rendered, dearest_first
from .sets import FPS, FRAME_COST, rendered

SECTION: Final = "robustness"
_MADE_AGAIN = frozenset({"extract", "measure", "detect"})
"""Kinds of units that read changed sets; what was learned was learned on clean ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One condition at one severity: the sets under it."""

    family: str
    severity: str
    """`1` to `5`, or nothing."""
    said: str
    """Its parameters in words, where they are the same for every item."""
    record: JSON
    """What stands in comparability keys."""
    sets: Mapping[str, str] = field(default_factory=dict)
    """Unit of a clean set -> unit of the changed one; empty where nothing can be shown."""
    reason: str | None = None
    """Why nothing can be shown, where that is known beforehand."""
    anew: bool = False
    """Whether its media were rendered for it, and share no item with the clean ones."""
    codes: Mapping[str, str] = field(default_factory=dict)
    """Code identity of what changes media, and of what compares."""

    @property
    def label(self) -> str:
        """Name in the ids of units."""
        return " ".join(filter(None, (self.family, self.severity or self.said)))

    @property
    def slice(self) -> dict[str, str]:
        """What tells its rows apart."""
        parts = {"condition": self.family, "severity": self.severity, "parameters": self.said}
        return {name: value for name, value in parts.items() if value}


def plan_conditions(draft: Draft) -> None:
    """Add every condition of the suite: changed sets, their measurements and scores, and what is left of each number.

    Raises:
        SuiteError: An unknown condition, one that is for other media, or two with the same name.
    """
    if not draft.suite.conditions:
        return
    taken: set[str] = set()
    pattern = dict(draft.units)
    codes = {
        "change": code_of("execute/steps/alter.py", "conditions", "media"),
        "compare": code_reached("execute/steps/robustness.py"),
    }
    rows = [row for row in draft.rows if _realism(row)]
    for place, spec in enumerate(draft.suite.conditions):
        if spec.family in taken and not spec.render:
            raise SuiteError(f"conditions.{place}: '{spec.family}' is given twice; give one of them a name")
        taken.add(spec.family)
        try:
            cells = [replace(cell, codes=codes) for cell in _cells(draft, spec, codes)]
        except InputError as error:
            raise SuiteError(f"conditions.{place}: {error}") from error
        for row in rows:
            _changes(draft, pattern, row, cells)
        for unit in [unit for unit in pattern.values() if unit.kind == "detect" and unit.inputs["set"] != REAL]:
            _retentions(draft, pattern, unit, cells)
    dearest_first(draft)


def _realism(row: RowPlan) -> bool:
    """Whether a row of the clean sets is measured again."""
    return row.section == "realism" and row.role == "system" and bool(row.sources) and not row.metric.startswith(ALWAYS)


def _cells(draft: Draft, spec: ConditionSpec, codes: Mapping[str, str]) -> Iterator[Cell]:
    if spec.render:
        yield _anew(draft, spec, spec.render, codes)
        return
    for chain in spec.chains(draft.modality):
        chain.check(draft.modality)
        reason = _why_empty(draft, chain)
        cell = Cell(
            family=chain.name,
            severity=str(chain.severity or ""),
            said=chain.said,
            record=chain.record(),
            reason=reason,
            codes=codes,
        )
        sets = {}
        if reason is None:
            for name, made in ((REAL, REAL), *((system.name, system.sets[0]) for system in draft.systems)):
                sets[made] = _condition(draft, cell, chain, name, made)
        yield replace(cell, sets=sets)


def _why_empty(draft: Draft, chain: Chain) -> str | None:
    """Return why a chain has nothing to show of what the studio renders; of other data nobody knows before the run."""
    data = draft.suite.data
    if data.dataset != "studio":
        return None
    height = data.height if draft.modality is Modality.VIDEO else draft.output_size or 0
    for step in chain.steps:
        wanted = {**step.change.fixed(step.severity), **step.parameters}
        if step.name == "height" and int(wanted["height"]) > height:
            return f"empty: {height}p is never up-scaled to {wanted['height']}p"
        if step.name == "length" and float(wanted["seconds"]) > data.seconds:
            return f"empty: {data.seconds:g} s are not {wanted['seconds']:g} s"
    return None


def _condition(draft: Draft, cell: Cell, chain: Chain, name: str, made: str) -> str:
    """Add the unit that changes one set: a view of it, known by its digest and the chain."""
    n = draft.split_sizes.get(Split.TEST, 0) if name == REAL else draft.counts.get(Split.TEST, 0)
    key: dict[str, JSON] = {
        "chain": chain.record(),
        "seed": draft.suite.seed,
        "code": cell.codes["change"],
    }
    unit = Unit(
        id=f"condition {cell.label} of {name}",
        kind="condition",
        what=f"{chain.label} {n}",
        key=key,
        inputs={"set": made},
        cost=1 + n * (0.05 + _clip_cost(draft, chain)),
    )
    return draft.add(unit)


def _clip_cost(draft: Draft, chain: Chain) -> float:
    """Return the seconds that changing a clip may take; without knowing its length, those of ten seconds."""
    data = draft.suite.data
    if draft.modality is not Modality.VIDEO:
        return 0.0
    seconds, height = (data.seconds, data.height) if data.dataset == "studio" else (10.0, 480)
    wanted = [{**step.change.fixed(step.severity), **step.parameters}.get("seconds") for step in chain.steps]
    shown = min([seconds, *(float(one) for one in wanted if isinstance(one, int | float) and one > 0)])
    return shown * FPS * height**2 * 16 / 9 * _PIXEL_COST


_PIXEL_COST = 5e-8
"""Seconds that a pixel of a frame takes to be decoded, changed and encoded."""


def _anew(draft: Draft, spec: ConditionSpec, asked: RenderSpec, codes: Mapping[str, str]) -> Cell:
    """Add the units that render clips for a cell, what each system makes of them, and what cuts both, if that is asked.

    Raises:
        SuiteError: The real set is not rendered, or a system's outputs are finished.
    """
    data = draft.suite.data
    if data.dataset != "studio" or draft.modality is not Modality.VIDEO:
        raise SuiteError("render: only for clips of the studio; other data is never up-scaled or made longer")
    people = asked.people or draft.split_sizes.get(Split.TEST, 0) // max(1, data.clips)
    record: dict[str, JSON] = {"render": dict(asked.changed), "people": people}
    cell = Cell(family=spec.family, severity="", said=asked.said, record=record, anew=True, codes=codes)
    if asked.cut_from is None:
        return replace(cell, sets=_rendered_anew(draft, cell, asked, people))
    whole = replace(cell, said=asked.model_copy(update={"seconds": asked.cut_from}).said)
    chain = chain_of("length", 1, draft.modality, {"seconds": asked.seconds})
    cell = replace(cell, record={**record, "chain": chain.record()})
    sets = _rendered_anew(draft, whole, asked, people)
    names = {REAL: REAL} | {system.sets[0]: system.name for system in draft.systems}
    cut = {clean: _condition(draft, cell, chain, names[clean], made) for clean, made in sets.items()}
    return replace(cell, sets=cut)


def _rendered_anew(draft: Draft, cell: Cell, asked: RenderSpec, people: int) -> dict[str, str]:
    """Add the units that render clips, and what each system makes of them; return those of the clean sets -> these."""
    data = draft.suite.data
    base = draft.units[REAL]
    n = people * sum(rendered(data).values())
    others: dict[str, JSON] = {
        "people": people,
        "first_person": data.people,
        "splits": {"train": 0.0, "validation": 0.0, "test": 1.0},
    }
    seconds = asked.cut_from or asked.seconds or data.seconds
    unit = replace(
        base,
        kind="render",
        inputs={},
        id=f"real {cell.label}",
        what=f"{base.what} {cell.said} {n}",
        key={**base.key, **asked.changed, **others},
        cost=n * seconds * FPS * FRAME_COST[asked.height or data.height],
    )
    real = _there(draft, unit) or add_rendered(draft, unit)
    sets = {REAL: real}
    for system in draft.systems:
        sets[system.sets[0]] = _made_anew(draft, cell, system, real, n)
    return sets


def _made_anew(draft: Draft, cell: Cell, system: System, real: str, n: int) -> str:
    unit = draft.units[system.sets[0]]
    if unit.kind != "generate":
        raise SuiteError(f"render: '{system.name}' has finished outputs, and none for clips rendered for a cell")
    key = {**unit.key, "counts": {str(split): n if split is Split.TEST else 0 for split in Split}}
    made = replace(unit, id=f"{unit.id} under {cell.label}", key=key, inputs={**unit.inputs, REAL: real})
    return _there(draft, made) or draft.add(replace(made, what=f"{unit.what} {cell.said}"))


def _there(draft: Draft, wanted: Unit) -> str | None:
    """Return the unit that makes the same for another cell: two workers would make it twice at once."""
    for unit in draft.units.values():
        alike = unit.kind == "gather" or (unit.kind, unit.inputs) == (wanted.kind, wanted.inputs)
        if alike and unit.key == wanted.key:
            return unit.id
    return None


def _again(draft: Draft, pattern: Mapping[str, Unit], unit_id: str, cell: Cell) -> str:
    """Add a unit once more for the changed sets, with whatever it reads, and return its id."""
    if unit_id in cell.sets:
        return cell.sets[unit_id]
    unit = pattern[unit_id]
    if unit.kind not in _MADE_AGAIN:
        return unit_id
    inputs = {role: _again(draft, pattern, source, cell) for role, source in unit.inputs.items()}
    if inputs == dict(unit.inputs):
        return unit_id
    return draft.add(replace(unit, id=f"{unit_id} under {cell.label}", inputs=inputs))


def _changes(draft: Draft, pattern: Mapping[str, Unit], row: RowPlan, cells: Sequence[Cell]) -> None:
    """Add a metric under each cell, and its difference to the clean one."""
    _, clean, name = row.sources[0]
    for cell in cells:
        unit_id = None
        if cell.reason is None:
            again = _again(draft, pattern, clean, cell)
            inputs = {"clean": clean, "cell": again, "set": cell.sets[row.set_unit]}
            key: dict[str, JSON] = {
                "metric": name,
                "anew": cell.anew,
                "code": cell.codes["compare"],
            }
            unit_id = draft.add(
                Unit(
                    id=f"shift {again.removeprefix('measure ')}",
                    kind="shift",
                    what="shift",
                    key=key,
                    inputs=inputs,
                    cost=0.1,
                )
            )
        protocol = {**row.protocol, "condition": cell.record}
        for statistic in ("value",) if cell.anew else ("value", "change"):
            draft.rows.append(
                replace(
                    row,
                    section=SECTION,
                    direction=row.direction if statistic == "value" else Direction.NONE,
                    sources=((0, unit_id, statistic),) if unit_id else (),
                    set_unit=cell.sets.get(row.set_unit, row.set_unit),
                    protocol={**protocol, "statistic": statistic},
                    slice={**cell.slice, "statistic": statistic},
                    reason=cell.reason,
                    compared=None,
                )
            )


def _retentions(draft: Draft, pattern: Mapping[str, Unit], fakes: Unit, cells: Sequence[Cell]) -> None:
    """Add what is left of a detector's scores of one system in each cell, and over all cells."""
    system = next(s for s in draft.systems if s.sets[0] == fakes.inputs["set"])
    if not system.is_fake:
        return
    trained = fakes.inputs["detector"]
    real = next(u for u in pattern.values() if u.kind == "detect" and u.inputs == {"detector": trained, "set": REAL})
    name = trained.removeprefix("train ")
    shown = [cell for cell in cells if cell.reason is None]
    groups = [([cell], cell.label) for cell in shown] + ([(shown, cells[0].family)] if len(shown) > 1 else [])
    units = {}
    for members, label in groups:
        inputs = {"detector": trained, "clean-real": real.id, "clean-fake": fakes.id}
        if f"threshold {name}" in pattern:
            inputs["thresholds"] = f"threshold {name}"
        for place, cell in enumerate(members):
            inputs[f"{place}-real"] = _again(draft, pattern, real.id, cell)
            inputs[f"{place}-fake"] = _again(draft, pattern, fakes.id, cell)
            inputs[f"{place}-set"] = cell.sets[fakes.inputs["set"]]
        key: dict[str, JSON] = {
            "target": dict(fakes.key["card"])["target"],
            "missing": draft.suite.missing,
            "seed": draft.suite.seed,
            "cells": len(members),
            "anew": members[0].anew,
            "code": cells[0].codes["compare"],
        }
        unit_id = f"retain {label} of {system.name} by {name}"
        units[label] = draft.add(Unit(id=unit_id, kind="retain", what="retain", key=key, inputs=inputs, cost=0.5))
    _retention_rows(draft, system, fakes, cells, units)


def _retention_rows(draft: Draft, system: System, fakes: Unit, cells: Sequence[Cell], units: Mapping[str, str]) -> None:
    for cell in cells:
        sides = () if cell.anew else ("real", "fake")
        wanted = [(f"0/{statistic}/{measure}", measure, statistic) for measure in CHANCE for statistic in _LEFT]
        wanted += [(f"0/shift/{side}", f"score_{side}", "change") for side in sides]
        row = replace(
            _detector_row(draft, system, fakes),
            set_unit=cell.sets.get(system.sets[0], system.sets[0]),
            slice=cell.slice,
            reason=cell.reason,
        )
        _add_rows(draft, row, cell.record, units.get(cell.label), wanted)
    family = cells[0].family if cells else ""
    if len(cells) > 1 and family in units:
        wanted = [
            (f"{statistic}/{measure}", measure, statistic) for measure in CHANCE for statistic in ("worst", "area")
        ]
        row = replace(_detector_row(draft, system, fakes), slice={"condition": family})
        _add_rows(draft, row, [cell.record for cell in cells], units[family], wanted)


_LEFT = ("value", "retention")


def _detector_row(draft: Draft, system: System, fakes: Unit) -> RowPlan:
    """Return a row of a detector on a system, before it is known of what."""
    return RowPlan(
        section=SECTION,
        system=system.name,
        role="system",
        kind=system.card.kind,
        metric="",
        direction=Direction.NONE,
        set_unit=system.sets[0],
        protocol={"target": dict(fakes.key["card"])["target"], "missing": draft.suite.missing},
        detector_unit=fakes.inputs["detector"],
    )


def _add_rows(
    draft: Draft, row: RowPlan, record: JSON, unit: str | None, wanted: Sequence[tuple[str, str, str]]
) -> None:
    """Add one row for each (name of the measurement, measure, statistic)."""
    detector, _, train = str(row.detector_unit).removeprefix("train ").partition(" on ")
    for place, measure, statistic in wanted:
        known: dict[str, JSON] = {"metric": f"{measure} 1", "statistic": statistic, "condition": record}
        draft.rows.append(
            replace(
                row,
                metric=measure,
                sources=((0, unit, place),) if unit else (),
                protocol={**row.protocol, **known},
                slice={"detector": detector, "train": train, **row.slice, "statistic": statistic},
            )
        )
