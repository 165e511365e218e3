"""Compare two systems: B, the new one, against A, the old one, within a run or across two.

Only rows with equal comparability keys are compared; any other is refused, and the fields of the protocol in which the
two differ are named. Rows of detection are compared from the scores of each item (`stats/items.py`), all others from
their replicates (`stats/compare.py`); p values are adjusted after Holm for the number of rows.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .canonical import JSON, canonical
from .cards import did_you_mean
from .compare_detectors import compare_detectors, is_detector
from .errors import InputError
from .metrics import possible_range
from .report.build import results_digest
from .report.comparison import ComparedRow, Comparison, DifferingField, MissingRow, RefusedRow, Side, Verdict
from .report.detection import MAIN
from .score_table import REAL, SECTIONS, Scores, question_of, stored_scores, trained
from .stats.classification import METRICS
from .stats.compare import ONE_SEED, SEEDS_FOR_RECIPE, Difference, difference, holm, seed_component
from .stats.groups import evidence
from .stats.items import Sides, difference_of, sides
from .stats.lines import PRIMARY, of_split
from .store.schema import Replicates, Results, Row, SystemRecord, read_replicates, read_results

COVERAGE_GAP = 0.05
"""Rows whose coverages differ by more than this say so."""

RATES = frozenset({*METRICS, "false_alarm_rate"} - {"log_loss"})
"""Measures of detectors that lie between 0 and 1."""

GAINS = ("gain", "worth", "auc_gain")
"""Rows of utility that are differences already."""

ABSENT = "(absent)"
"""Stands for a field that only the other protocol has."""


def compare(a: str, b: str, *, alpha: float = 0.05, every: bool = False) -> Comparison:
    """Compare system B with system A.

    Args:
        a: The old one, as `RUN:name@version` with RUN a run folder; or a detector of the run, as `RUN:cnn`.
        b: The new one, likewise; without `RUN:` it is of the same run.
        alpha: Probability of calling any row different where none is.
        every: Compare detection by every measure at every threshold; otherwise by those of the table of detection,
            because each further row costs all others power.

    Raises:
        InputError: A specification that cannot be read, no such run or system, or alpha outside (0, 1).
    """
    if not 0.0 < alpha < 1.0:
        raise InputError(f"alpha: found {alpha!r}, legal: above 0, below 1")
    run_a, name_a = _split(a)
    if Path(a).is_dir():
        raise InputError(f"'{a}' names a run but no system; expected RUN:name@version, for instance {a}:dcgan@1")
    if run_a is None:
        raise InputError(f"'{a}' names no run; expected RUN:name@version, for instance runs/quick:dcgan@1")
    run_b, name_b = _split(b)
    run_b = run_a if run_b is None else run_b
    if name_a == name_b and Path(run_a).resolve() == Path(run_b).resolve():
        raise InputError(f"'{a}' and '{b}' are one system of one run: there is nothing to compare")
    if is_detector(run_a, name_a):
        return compare_detectors((run_a, name_a), (run_b, name_b), alpha=alpha, every=every)
    old = _load(run_a, name_a)
    new = old.of(name_b) if run_b == run_a else _load(run_b, name_b)
    return _compare(old, new, alpha, every=every)


def _split(spec: str) -> tuple[str | None, str]:
    """Split at the last colon: a run folder may hold colons, a system's name never does."""
    run, colon, name = spec.rpartition(":")
    return (run if colon else None), name


@dataclass(frozen=True, slots=True, kw_only=True)
class _Loaded:
    """A system in its run."""

    run: str
    results: Results
    replicates: Replicates
    system: SystemRecord

    @property
    def side(self) -> Side:
        digest = results_digest(self.results)
        return Side(run=self.run, system=self.system.name, digest=self.system.digest, results=digest)

    @property
    def rows(self) -> list[Row]:
        return [row for row in self.results.rows if row.role == "system" and row.system == self.system.name]

    def of(self, name: str) -> "_Loaded":
        """Return another system of the same run."""
        system = _find(self.results, name, self.run)
        return _Loaded(run=self.run, results=self.results, replicates=self.replicates, system=system)


def _load(run: str, name: str) -> _Loaded:
    folder = Path(run).expanduser()
    results = read_results(folder)
    system = _find(results, name, run)
    return _Loaded(run=run, results=results, replicates=read_replicates(folder), system=system)


def _find(results: Results, name: str, run: str) -> SystemRecord:
    for system in results.systems:
        if system.name == name:
            return system
    known = [system.name for system in results.systems]
    raise InputError(f"{run} has no system '{name}'{did_you_mean(name, known)}; it has: {', '.join(known) or 'none'}")


@dataclass(frozen=True, slots=True)
class _Tested:
    """Two rows that met, and their difference."""

    a: Row
    b: Row
    found: Difference
    method: str = "jackknife"
    seeds: tuple[str, ...] = ()
    """What is known of the variance between training seeds, in words."""

    def row(self, p_adjusted: float, alpha: float, family: int) -> ComparedRow:
        """Return what the table says, with a minimum detectable effect for `family` rows."""
        old, new, found = self.a, self.b, self.found
        interval, mde, notes = _possible(old, found, found.detectable(alpha / family), self.method)
        return ComparedRow(
            section=old.section,
            metric=old.metric,
            slice=old.slice,
            direction=old.direction,
            a=found.means[0],
            b=found.means[1],
            difference=found.value,
            interval=interval,
            p=found.p,
            p_adjusted=p_adjusted,
            mde=mde,
            verdict=_verdict(old.direction, found.value, p_adjusted < alpha),
            about=found.about,
            n=(old.n, new.n),
            expected=(old.expected, new.expected),
            seeds=found.seeds,
            method=self.method,
            notes=(*_row_notes(old, new, found), *notes, *self.seeds),
        )


def _possible(
    row: Row, found: Difference, mde: float | None, method: str
) -> tuple[tuple[float, float] | None, float | None, tuple[str, ...]]:
    """Return interval and detectable effect of a difference, cut to what the metric's range allows, and what was cut.

    The interval is that of Student's t, which knows no bounds; cutting it loses no possible value.
    """
    width = _width(row)
    notes = []
    interval = found.interval
    if width is None:
        return interval, mde, ()
    if interval is not None and (interval[0] < -width or interval[1] > width):
        interval = max(interval[0], -width), min(interval[1], width)
        notes.append(f"{method} interval cut to the possible range, -{width:g} to {width:g}")
    if mde is not None and mde > width:
        mde = None
        notes.append("no possible difference would be found with 80 % power")
    return interval, mde, tuple(notes)


def _width(row: Row) -> float | None:
    """Return how far two values of a row's metric can be apart, or None where that has no bound."""
    if row.section != "realism":
        return 1.0 if row.metric in RATES else None
    low, high = possible_range(row.protocol)
    return None if low is None or high is None else high - low


def _verdict(direction: str, value: float, evident: bool) -> Verdict:
    if not evident:
        return "no evidence"
    if direction == "none":
        return "different"
    return "better" if (value < 0.0) == (direction == "lower") else "worse"


def _row_notes(a: Row, b: Row, found: Difference) -> Iterator[str]:
    if abs(a.coverage - b.coverage) > COVERAGE_GAP:
        yield (
            f"coverage differs: {a.n} of {a.expected} in A, {b.n} of {b.expected} in B; items that failed may flatter "
            "the side that lost more"
        )
    if found.remark:
        yield found.remark
    for flag in dict.fromkeys((*a.flags, *b.flags)):
        yield f"{' and '.join(name for name, row in (('A', a), ('B', b)) if flag in row.flags)}: {flag}"


def _compare(a: _Loaded, b: _Loaded, alpha: float, *, every: bool) -> Comparison:
    meeting = _Meeting(a, b, alpha)
    mine, theirs = ([row for row in side.rows if every or _shown(row)] for side in (a, b))
    outcomes = [meeting.meet(old, new) for old, new in _matched(mine, theirs)]
    tested = [outcome for outcome in outcomes if isinstance(outcome, _Tested)]
    adjusted = holm([outcome.found.p for outcome in tested])
    rows = tuple(outcome.row(p, alpha, len(tested)) for outcome, p in zip(tested, adjusted, strict=True))
    return Comparison(
        a=a.side,
        b=b.side,
        alpha=alpha,
        rows=rows,
        refused=tuple(outcome for outcome in outcomes if isinstance(outcome, RefusedRow)),
        missing=tuple(outcome for outcome in outcomes if isinstance(outcome, MissingRow)),
        notes=tuple(_notes(a.side, b.side, rows)),
        warnings=tuple(_warnings(a, b)),
    )


def _shown(row: Row) -> bool:
    """Whether a row stands in a table that shows one threshold and the measures that a reader sees first."""
    if row.section not in SECTIONS:
        return row.section not in {"shortcuts", "languages"} and row.metric not in GAINS
    main = row.metric not in METRICS or (row.metric in MAIN and "level" not in row.slice)
    return main and row.slice.get("threshold", PRIMARY) == PRIMARY


def _notes(a: Side, b: Side, rows: Sequence[ComparedRow]) -> Iterator[str]:
    if a.digest == b.digest:
        yield "the same system: same card, parameters and code"
    elif a.system == b.system:
        yield f"{a.system} is not the same system in both runs: card, parameters or code differ"
    counts = sorted({row.seeds for row in rows if row.about == "checkpoint"})
    if counts:
        seeds = " and ".join(f"{old} against {new}" for old, new in counts)
        yield (
            f"about the checkpoint: these trained systems, not their recipes (training seeds: {seeds}); "
            f"from {SEEDS_FOR_RECIPE} on each side a comparison is about the recipe"
        )
        if any(1 in pair for pair in counts):
            yield ONE_SEED
    if not rows:
        yield "nothing could be compared"


def _warnings(a: _Loaded, b: _Loaded) -> Iterator[str]:
    classes = a.results.numeric_class, b.results.numeric_class
    if classes[0] != classes[1]:
        yield (
            f"the runs differ in numeric class ({classes[0]} in A, {classes[1]} in B): "
            "equal systems agree to a tolerance only"
        )
    for name, side in (("A", a.system), ("B", b.system)):
        if side.status != "ok":
            yield f"{name} = {side.name} is {side.status}{f': {side.reason}' if side.reason else ''}"


def _matched(rows_a: Sequence[Row], rows_b: Sequence[Row]) -> Iterator[tuple[Row | None, Row | None]]:
    """Pair rows of one section, metric and slice; first those with equal keys, then the rest in their order."""
    places: dict[str, tuple[list[Row], list[Row]]] = {}
    for side, rows in enumerate((rows_a, rows_b)):
        for row in rows:
            places.setdefault(canonical([row.section, row.metric, row.slice]), ([], []))[side].append(row)
    for left, right in places.values():
        right = list(right)
        alone = []
        for row in left:
            twin = next((other for other in right if other.comparability == row.comparability), None)
            if twin is None:
                alone.append(row)
            else:
                right.remove(twin)
                yield row, twin
        for number in range(max(len(alone), len(right))):
            yield (alone[number] if number < len(alone) else None), (right[number] if number < len(right) else None)


class _Meeting:
    """Brings rows of two systems together; item scores are read when the first row needs them."""

    def __init__(self, a: _Loaded, b: _Loaded, alpha: float) -> None:
        self.sides = (a, b)
        self.alpha = alpha
        self._scores: dict[str, Mapping[tuple[str, str, str], Scores]] = {}
        self._together: dict[tuple[str, ...], Sides | None] = {}

    def meet(self, a: Row | None, b: Row | None) -> _Tested | RefusedRow | MissingRow:
        """Compare two rows, or say why they cannot be compared."""
        row = a or b
        if row is None:
            raise ValueError("neither side has a row")
        if a is None or b is None:
            return _missing(row, f"only in {'A' if a else 'B'}")
        fields = _differing(a, b)
        if fields:
            return RefusedRow(section=row.section, metric=row.metric, slice=row.slice, fields=fields)
        if a.section in SECTIONS and "level" not in a.slice and a.value is not None and b.value is not None:
            together = self._items(a)
            if together is not None:
                return self._by_items(a, b, together)
        return self._by_blocks(a, b)

    def _by_items(self, a: Row, b: Row, together: Sides) -> _Tested | MissingRow:
        chosen = a.protocol.get("threshold")
        at = chosen.get("value") if isinstance(chosen, Mapping) else None
        try:
            found, method = difference_of(a.metric, together, at, np.random.default_rng(0), alpha=self.alpha)
        except ValueError as error:
            return _missing(a, f"cannot be tested: {error}")
        return _Tested(a, b, found, method)

    def _items(self, row: Row) -> Sides | None:
        """Return the item scores behind a row of both systems; None where a run folder does not hold them."""
        if "missing" not in row.protocol:
            return None
        key = (row.section, *trained(row), *map(str, question_of(row).record.values()))
        if key not in self._together:
            names = (REAL,) if row.section == "detection" else ()
            parts = []
            for side in self.sides:
                stored = self._stored(side.run)
                parts.append([stored.get((*trained(row), name)) for name in (*names, side.system.name)])
            lines = [[of_split(part.lines, "test") for part in side if part] for side in parts]
            whole = all(part is not None for side in parts for part in side)
            self._together[key] = sides(lines[0], lines[1], question_of(row)) if whole else None
        return self._together[key]

    def _stored(self, run: str) -> Mapping[tuple[str, str, str], Scores]:
        if run not in self._scores:
            try:
                found = stored_scores(Path(run).expanduser())
            except InputError:
                found = ()  # a run folder without scores: replicates are left
            self._scores[run] = {(one.detector, one.train, one.system): one for one in found}
        return self._scores[run]

    def _by_blocks(self, a: Row, b: Row) -> _Tested | MissingRow:
        found, causes = [], dict[str, str]()
        for name, side, loaded in (("A", a, self.sides[0]), ("B", b, self.sides[1])):
            try:
                found.append(evidence(side, loaded.replicates))
            except ValueError as error:
                cause = str(error)
                causes[cause] = f"{causes[cause]} and {name}" if cause in causes else name
        if causes:
            return _missing(a, "; ".join(f"{names}: {cause}" for cause, names in causes.items()))
        seeds = [f"{name}: {seed_component(one).said}" for name, one in zip("AB", found, strict=True) if one.seeds > 1]
        try:
            return _Tested(a, b, difference(found[0], found[1], alpha=self.alpha), seeds=tuple(seeds))
        except ValueError as error:
            return _missing(a, f"cut differently: {error}")


def _missing(row: Row, reason: str) -> MissingRow:
    return MissingRow(section=row.section, metric=row.metric, slice=row.slice, reason=reason)


def _differing(a: Row, b: Row) -> tuple[DifferingField, ...]:
    """Return the fields that keep two rows apart; none if they may be compared."""
    fields = tuple(_fields(a.protocol, b.protocol))
    if not fields and a.direction != b.direction:
        fields = (DifferingField(field="direction", a=a.direction, b=b.direction),)
    if not fields and a.comparability != b.comparability:
        fields = (DifferingField(field="comparability", a=a.comparability, b=b.comparability),)
    return fields


def _fields(a: JSON, b: JSON, path: str = "") -> Iterator[DifferingField]:
    if not (isinstance(a, dict) and isinstance(b, dict)):
        if (a is ABSENT) != (b is ABSENT) or canonical(a) != canonical(b):
            yield DifferingField(field=path, a=a, b=b)
        return
    for name in dict.fromkeys((*a, *b)):
        yield from _fields(a.get(name, ABSENT), b.get(name, ABSENT), f"{path}.{name}" if path else name)
