"""From finished units to results: in one place, in the order of the plan."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from .canonical import JSON, digest_of
from .errors import Failure
from .execute.local import Results as Ran
from .metrics import possible_range
from .plan import numeric_class
from .planning.model import REAL, Compared, RowPlan, SuitePlan, System
from .report.shortcuts import OVERLAPS, WARNED
from .stats.classification import DECIDED
from .stats.compare import holm
from .stats.groups import mark_best
from .stats.lines import ALARMS
from .stats.position import place
from .stats.score import Direction
from .store.schema import (
    IntervalRecord,
    Position,
    Replicates,
    Results,
    Row,
    SeedValue,
    SuiteRecord,
    SystemRecord,
    comparability_key,
)
from .suite import suite_digest

OWN_N = frozenset({"utility", "safety", "languages"})
"""Sections whose rows look at what they choose themselves, not at a whole test split."""
FAILS_MEMORISATION = "fails memorisation"
ALPHA = 0.05
"""Level of the warnings of a run, after Holm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reduced:
    """What a run amounts to."""

    results: Results
    replicates: Replicates


def reduce_run(planned: SuitePlan, ran: Ran) -> Reduced:
    """Return the results of a run: the same bytes for the same numbers, whatever the order in which units ended."""
    return _Reducer(planned, ran).reduce()


class _Reducer:
    def __init__(self, planned: SuitePlan, ran: Ran) -> None:
        self.planned = planned
        self.ran = ran
        self.replicates: dict[str, tuple[tuple[float, ...], ...]] = {}

    def reduce(self) -> Reduced:
        rows = [self._row(row) for row in self.planned.rows if not (row.optional and self._absent(row))]
        rows = _with_warnings(rows)
        systems = tuple(self._system(system, rows) for system in self.planned.systems)
        unranked = {s.name for s in systems if FAILS_MEMORISATION in s.flags}
        replicates = Replicates(rows=self.replicates)
        marked = mark_best(rows, replicates, unranked=unranked, seed=self.planned.suite.seed)
        suite = self.planned.suite
        results = Results(
            suite=SuiteRecord(name=suite.suite, version=suite.version, digest=suite_digest(suite), title=suite.title),
            reference=self._reference(),
            numeric_class=numeric_class(self.planned.plan.device),
            systems=systems,
            rows=marked,
            taught=dict(self.planned.taught),
            warnings=(*self._warnings(systems), *_row_warnings(rows)),
        )
        return Reduced(results=results, replicates=replicates)

    def _reference(self) -> dict[str, JSON]:
        real = self.ran.finished.get(REAL)
        data = self.planned.suite.data
        terms = data.terms.model_dump(mode="json") if data.terms else {"people": "rendered"}
        facts = {name: value for name, value in real.facts.items() if name != "unread"} if real else {}
        if data.dataset == "folder" and not data.terms:
            terms = {"people": "real"}
        return {"dataset": data.dataset, "digest": real.output if real else None, "terms": terms, **facts}

    def _set_facts(self, unit_id: str) -> Mapping[str, JSON]:
        finished = self.ran.finished.get(unit_id)
        return finished.facts if finished else {}

    def _absent(self, row: RowPlan) -> bool:
        """Whether no unit of an optional row made its measurement."""
        return not any(
            name in dict(self.ran.finished[unit].facts)["measurements"]
            for _, unit, name in row.sources
            if unit in self.ran.finished
        )

    def _expected(self, row: RowPlan) -> int:
        if row.n is not None:
            return row.n
        asked = self._set_facts(row.set_unit).get("asked", {})
        return int(asked.get("test", 0))

    def _protocol(self, row: RowPlan, expected: int) -> dict[str, JSON]:
        """Return everything that two rows must share to be compared; the system itself is never in it."""
        real = self.ran.finished.get(REAL)
        facts = self._set_facts(row.set_unit)
        requests: dict[str, JSON] = {"n": expected}
        if row.section != "false_alarms" and row.role == "system" and facts.get("targets"):
            requests["targets"] = facts["targets"]
        protocol: dict[str, JSON] = {
            **row.protocol,
            "reference": real.output if real else None,
            "requests": requests,
        }
        chosen = self._threshold(row)
        if chosen:
            protocol["threshold"] = {"name": row.slice.get("threshold"), **chosen}
        if row.detector_unit:
            trained = self.ran.finished.get(row.detector_unit)
            protocol["detector"] = trained.fingerprint if trained else None
        return protocol

    def _threshold(self, row: RowPlan) -> dict[str, JSON]:
        """Return value and origin of the threshold of a row that rests on one."""
        if not row.thresholds_unit or row.metric not in {*DECIDED, ALARMS}:
            return {}
        found = dict(self._set_facts(row.thresholds_unit).get("thresholds", {})).get(row.slice.get("threshold"), {})
        return {name: found[name] for name in ("value", "origin") if name in found}

    def _row(self, row: RowPlan) -> Row:
        expected = self._expected(row)
        protocol = self._protocol(row, expected)
        found: list[tuple[int, dict[str, JSON]]] = []
        reason = row.reason
        for seed, unit_id, name in row.sources:
            if unit_id in self.ran.finished:
                made = dict(dict(self.ran.finished[unit_id].facts)["measurements"])
                found += [(seed, made[name])] if name in made else []
            else:
                reason = reason or _why(self.ran.failed.get(unit_id))
        values = [(seed, one) for seed, one in found if one["value"] is not None]
        if len(values) < max(len(row.sources), 1):
            reason = reason or next((one["reason"] for _, one in found if one["reason"]), "not computed")
        else:
            reason = None
        n = min((int(one["n"]) for _, one in found), default=0)
        row_id = digest_of([row.section, row.system, row.metric, dict(row.slice)])[:12]
        row_id = f"{row.section}-{row.system}-{row.metric}-{row_id}"
        if reason is None and all(one["replicates"] for _, one in values):
            self.replicates[row_id] = tuple(tuple(one["replicates"]) for _, one in values)
        return Row(
            id=row_id,
            section=row.section,
            system=row.system,
            role=row.role,
            kind=row.kind,
            metric=row.metric,
            slice=dict(row.slice),
            value=float(np.mean([one["value"] for _, one in values])) if reason is None else None,
            interval=_interval(values, self.replicates.get(row_id), _range(row, protocol)) if reason is None else None,
            n=n,
            n_real=_reals(row, found),
            expected=n if row.role == "group" or "level" in row.slice or row.section in OWN_N else expected,
            failures=self._failures(row, found),
            direction=row.direction.value,
            protocol=protocol,
            comparability=comparability_key(protocol),
            reason=reason,
            p=found[0][1].get("p") if found and reason is None else None,
            detectable=found[0][1].get("detectable") if found and reason is None else None,
            flags=self._flags(row, found),
            seeds=tuple(SeedValue(seed=seed, value=one["value"]) for seed, one in found),
            position=self._position(row, row.compared) if row.compared else None,
        )

    def _flags(self, row: RowPlan, found: Sequence[tuple[int, Mapping[str, JSON]]]) -> tuple[str, ...]:
        unread = self._set_facts(row.set_unit).get("unread", ()) if row.role == "system" else ()
        if row.detector_unit and found:
            inputs = self.planned.plan.unit(row.detector_unit).inputs
            gone = [role.partition("-")[2] for role, source in inputs.items() if source in self.ran.failed]
            unread = [*unread, *([f"learnt without {', '.join(gone)}, which failed"] if gone else [])]
        return tuple(dict.fromkeys([*(flag for _, one in found for flag in one["flags"]), *map(str, unread)]))

    def _position(self, row: RowPlan, compared: Compared) -> Position:
        values: list[float | None] = []
        reasons: list[str] = []
        replicates: list[ArrayLike] = []
        for ids in (compared.systems, (compared.control,), (compared.degraded,)):
            found = [self._measurement(unit, compared.name) for unit in ids]
            scores = [one["value"] for one in found if one["value"] is not None]
            values.append(float(np.mean(scores)) if scores and len(scores) == len(found) else None)
            reasons += [str(one["reason"]) for one in found if one["value"] is None]
            if len({len(one.get("replicates") or ()) for one in found}) == 1 and found[0].get("replicates"):
                replicates.append(np.mean([one["replicates"] for one in found], axis=0))
        system, control, degraded = values
        position = Position(
            metric=row.metric,
            n=compared.n,
            system=system,
            control=control,
            degraded=degraded,
            degradation=compared.degradation,
        )
        if system is None or control is None or degraded is None:
            return position.model_copy(update={"reason": "; ".join(dict.fromkeys(reasons))})
        higher = row.direction is not Direction.LOWER
        placed = place(system, control, degraded, replicates, higher=higher, n=compared.n)
        interval = IntervalRecord(**asdict(placed.interval)) if placed.interval else None
        return position.model_copy(update={"value": placed.value, "interval": interval, "reason": placed.reason})

    def _measurement(self, unit: str, name: str) -> dict[str, JSON]:
        if unit in self.ran.finished:
            return dict(dict(self.ran.finished[unit].facts)["measurements"][name])
        return {"value": None, "reason": _why(self.ran.failed.get(unit))}

    def _failures(self, row: RowPlan, found: Sequence[tuple[int, Mapping[str, JSON]]]) -> dict[str, int]:
        counts: dict[str, int] = {}
        made = dict(self._set_facts(row.set_unit).get("test_failures", {})) if row.role == "system" else {}
        for source in (made, *(one["failures"] for _, one in found)):
            for kind, number in source.items():
                counts[kind] = counts.get(kind, 0) + int(number)
        return counts

    def _system(self, system: System, rows: Sequence[Row]) -> SystemRecord:
        failures: dict[str, int] = {}
        reason = None
        for unit_id in system.sets:
            for kind, number in dict(self._set_facts(unit_id).get("failures", {})).items():
                failures[kind] = failures.get(kind, 0) + int(number)
            if unit_id in self.ran.failed:
                reason = reason or _why(self.ran.failed[unit_id])
        made = sum(sum(dict(self._set_facts(u).get("splits", {})).values()) for u in system.sets)
        status: Literal["ok", "partial", "failed"] = "partial" if made else "failed"
        if not failures and reason is None:
            status = "ok"
        if status == "failed" and reason is None:
            reason = _counted(failures)
        mine = [row for row in rows if row.system == system.name]
        flags = [f for row in mine for f in row.flags if f == FAILS_MEMORISATION]
        return SystemRecord(
            name=system.name,
            generator=system.origin,
            technique=system.card.technique,
            kind=system.card.kind,
            modality=system.card.modality,
            parameters=dict(system.parameters),
            digest=system.digest,
            status=status,
            failures=failures,
            reason=reason,
            trained_on="train split" if system.card.fits else None,
            flags=tuple(dict.fromkeys(flags)),
        )

    def _warnings(self, systems: Sequence[SystemRecord]) -> list[str]:
        found = [f"{s.name}: {s.reason or _counted(s.failures)}" for s in systems if s.status != "ok"]
        found += [f"{s.name}: {FAILS_MEMORISATION}: not ranked" for s in systems if FAILS_MEMORISATION in s.flags]
        for old, new in self.planned.renamed.items():
            found.append(f"{new}: its code is not that which was first run here as {old}: raise its version")
        unread = dict(self._set_facts(REAL).get("failures", {}))
        if unread:
            count = sum(unread.values())
            found.append(f"the real set: {count} {'file' if count == 1 else 'files'} could not be read")
        return found


def _range(row: RowPlan, protocol: Mapping[str, JSON]) -> tuple[float | None, float | None]:
    """Return between what values a row can lie."""
    return (0.0, 1.0) if row.section in {"utility", "seeds"} else possible_range(protocol)


def _with_warnings(rows: Sequence[Row]) -> list[Row]:
    """Return the rows, those flagged that say a shortcut alone is enough: after Holm over all shortcuts of the run."""
    tested = [row for row in rows if row.section == "shortcuts" and row.p is not None]
    adjusted = zip(tested, holm([row.p for row in tested if row.p is not None]), strict=True)
    warned = {row.id for row, p in adjusted if p < ALPHA}
    return [row.model_copy(update={"flags": (*row.flags, WARNED)}) if row.id in warned else row for row in rows]


def _row_warnings(rows: Sequence[Row]) -> Iterator[str]:
    for row in rows:
        if WARNED in row.flags and row.value is not None:
            yield f"{row.system}: {row.metric} alone tells real from fake (AUC {row.value:.2f}): see table shortcuts"
        if row.metric in OVERLAPS and row.value:
            count = round(row.value * row.n)
            what = "show a person" if row.metric == "overlap_people" else "are files"
            learnt = f"that detectors on {row.slice['train']} learnt from"
            yield f"{row.system}: {count} of {row.n} test items {what} {learnt}"


def _reals(row: RowPlan, found: Sequence[tuple[int, Mapping[str, JSON]]]) -> int | None:
    """Return how many real items stand beside the fakes of a detection row."""
    counts = [int(one.get("n_real", 0)) for _, one in found]
    return min(counts, default=None) if row.section in {"detection", "shortcuts", "utility"} and any(counts) else None


def _counted(failures: Mapping[str, int]) -> str:
    """Say how many items did not come, and why: `3 items that were asked for did not come (2 timeout, 1 error)`."""
    total = sum(failures.values())
    if not total:
        return "no item came"
    counts = ", ".join(f"{number} {kind}" if len(failures) > 1 else kind for kind, number in failures.items())
    items = "1 item that was" if total == 1 else f"{total} items that were"
    return f"{items} asked for did not come ({counts})"


def _why(failure: Failure | None) -> str:
    return f"failed ({failure.kind}): {failure.message}" if failure else "not run"


def _interval(
    values: Sequence[tuple[int, Mapping[str, JSON]]],
    replicates: Sequence[Sequence[float]] | None,
    possible: tuple[float | None, float | None],
) -> IntervalRecord | None:
    """Return the interval of one seed, or for several the jackknife's around the mean, cut to what is possible."""
    if len(values) == 1:
        interval = values[0][1]["interval"]
        return IntervalRecord(**interval) if interval else None
    if not replicates or len({len(r) for r in replicates}) != 1:
        return None
    from .stats.intervals import t_quantile

    seeds = np.array([one["value"] for _, one in values], dtype=np.float64)
    means = np.asarray(replicates, dtype=np.float64).mean(axis=0)
    count = len(means)
    shared = (count - 1) / count * float(((means - means.mean()) ** 2).sum())
    error = float(np.sqrt(shared + seeds.var(ddof=1) / len(seeds)))
    half = t_quantile(0.95, len(seeds) - 1) * error
    centre = float(seeds.mean())
    first = values[0][1]["interval"] or {}
    return IntervalRecord(
        low=centre - half if possible[0] is None else max(centre - half, possible[0]),
        high=centre + half if possible[1] is None else min(centre + half, possible[1]),
        level=0.95,
        method=f"{len(seeds)} training seeds and jackknife",
        cluster=str(first.get("cluster", "item")),
        about=str(first.get("about", "population")),
    )
