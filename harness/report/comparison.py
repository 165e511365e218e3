"""What a comparison says, and the table that prints it."""

from collections.abc import Container, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Literal

from ..canonical import JSON, canonical
from ..stats.compare import About
from .model import Cell, Column, Line, Table
from .words import first_capital, metric_label, sentences, shared_slice, slice_label

Verdict = Literal["better", "worse", "no evidence", "different"]

LONGEST = 40
"""Characters of a protocol's value that a table prints; `record()` has all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side of a comparison."""

    run: str
    """Run folder, as it was given."""
    system: str
    """`name@version`."""
    digest: str
    """Of the system: card, parameters and code."""
    results: str
    """Digest of the run's results."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedRow:
    """One metric of both systems, and what their difference says."""

    section: str
    metric: str
    slice: Mapping[str, str]
    direction: str
    a: float
    b: float
    difference: float
    """b - a."""
    interval: tuple[float, float] | None
    """Of the difference, at level 1 - alpha, not adjusted for the number of rows; None where nothing varies."""
    p: float
    p_adjusted: float
    """After Holm, over the rows of the comparison."""
    mde: float | None
    """Minimum detectable effect: the smallest true difference that, alone in this table, would be found with 80 %
    power; None where nothing varies."""
    verdict: Verdict
    """About B."""
    about: About
    n: tuple[int, int]
    expected: tuple[int, int]
    seeds: tuple[int, int]
    method: str = "jackknife"
    """The test."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferingField:
    """A field of the protocol in which two rows differ, by its dotted path."""

    field: str
    a: JSON
    b: JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedRow:
    """A metric that both sides have, measured under different protocols."""

    section: str
    metric: str
    slice: Mapping[str, str]
    fields: tuple[DifferingField, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingRow:
    """A metric that cannot be compared because a side has no row, no value or no replicates."""

    section: str
    metric: str
    slice: Mapping[str, str]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What two runs, or two systems of one run, say about B against A."""

    a: Side
    b: Side
    alpha: float
    rows: tuple[ComparedRow, ...]
    refused: tuple[RefusedRow, ...]
    missing: tuple[MissingRow, ...]
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """Return 0 if no row is worse, 1 if one is, 2 if nothing could be compared."""
        if not self.rows:
            return 2
        return int(any(row.verdict == "worse" for row in self.rows))

    def record(self) -> dict[str, JSON]:
        """Return the Comparison as a JSON object."""
        return asdict(self) | {"exit_code": self.exit_code}

    def table(self) -> Table:
        """Return the Comparison as a table for any renderer."""
        return _table(self)


def _table(comparison: Comparison) -> Table:
    slices = [row.slice for row in comparison.rows]
    slices += [row.slice for row in comparison.refused]
    slices += [row.slice for row in comparison.missing]
    shared = shared_slice([part for part in slices if part])
    columns = (
        Column(key="metric", label="metric", align="left", form="text"),
        Column(key="verdict", label="verdict", align="left", form="text"),
        Column(key="a", label="A", shared_decimals=False),
        Column(key="b", label="B", shared_decimals=False),
        Column(key="difference", label="difference", shared_decimals=False),
        Column(key="p_adjusted", label="p", form="number", decimals=3),
        Column(key="mde", label="MDE", form="number", shared_decimals=False),
        Column(key="about", label="about", align="left", form="text"),
    )
    # What every verdict is about is said once, in the caption.
    width = len(columns) - (len({row.about for row in comparison.rows}) <= 1)
    return Table(
        name="compare",
        title=f"{comparison.b.system} against {comparison.a.system}",
        caption=sentences(*_caption(comparison), f"{first_capital(slice_label(shared))}." if shared else ""),
        columns=columns[:width],
        rows=tuple(Line(cells=_cells(row)[:width], panel=_panel(row, shared)) for row in comparison.rows),
        notes=(
            *(f"Warning: {warning}" for warning in comparison.warnings),
            *comparison.notes,
            *_left_out(comparison, shared),
        ),
        provenance={
            name: f"{side.system} ({side.digest}) of {side.run} ({side.results})"
            for name, side in (("A", comparison.a), ("B", comparison.b))
        },
    )


def _caption(comparison: Comparison) -> Iterator[str]:
    a, b = comparison.a, comparison.b
    runs = (f" ({a.run})", f" ({b.run})") if a.run != b.run else ("", "")
    about = " and ".join(sorted({row.about for row in comparison.rows}))
    verdict = f"; the verdicts are about B's {about}" if about else ""
    yield f"B = {b.system}{runs[1]} compared with A = {a.system}{runs[0]}{verdict}."
    if not comparison.rows:
        return
    counts = sorted({count for row in comparison.rows for count in row.expected})
    sizes = " to ".join(map(str, dict.fromkeys((counts[0], counts[-1]))))
    yield f"n = {sizes} {'item' if counts == [1] else 'items'} a set."
    level = f"{100.0 * (1.0 - comparison.alpha):g} %"
    yield f"Difference: B minus A, with its own {level} interval ({_methods(comparison)})."
    yield (
        f"p: two-sided, adjusted for the number of rows ({len(comparison.rows)}) after Holm; "
        f"verdicts at {100.0 * comparison.alpha:g} %."
    )
    yield "MDE: minimum detectable effect, the smallest true difference that would be found with 80 % power."


def _methods(comparison: Comparison) -> str:
    """Return which test each measure had."""
    tests: dict[str, list[str]] = {}
    for row in comparison.rows:
        tests.setdefault(row.method, []).append(metric_label(row.metric))
    said = {"jackknife": "jackknife over shared blocks, paired"}
    if len(tests) == 1:
        return said.get(*tests, *tests)
    parts = [
        f"{said.get(method, method)}: {', '.join(dict.fromkeys(metrics))}"
        for method, metrics in sorted(tests.items(), key=lambda entry: entry[0] == "jackknife")
    ]
    return "; ".join(parts)


def _panel(row: ComparedRow | RefusedRow | MissingRow, shared: Container[str]) -> str:
    parts = slice_label(row.slice, shared)
    return f"{row.section.replace('_', ' ')}{f': {parts}' if parts else ''}"


def _cells(row: ComparedRow) -> tuple[Cell, ...]:
    arrow = {"lower": " ↓", "higher": " ↑"}.get(row.direction, "")
    half = (row.interval[1] - row.interval[0]) / 2.0 if row.interval else None
    return (
        Cell(text=f"{metric_label(row.metric)}{arrow}", raw=row.metric, footnotes=row.notes),
        Cell(text=row.verdict),
        Cell(value=row.a, half_width=half, n=row.n[0], expected=row.expected[0]),
        Cell(value=row.b, half_width=half, n=row.n[1], expected=row.expected[1]),
        Cell(value=row.difference, interval=row.interval),
        Cell(value=row.p_adjusted),
        Cell(value=row.mde, half_width=row.mde),
        Cell(text=row.about),
    )


def _left_out(comparison: Comparison, shared: Container[str]) -> Iterator[str]:
    """Yield what could not be compared, one note a cause."""
    causes: dict[str, list[RefusedRow | MissingRow]] = {}
    for refused in comparison.refused:
        fields = ", ".join(
            f"{field.field} ({_short(field.a)} in A, {_short(field.b)} in B)" for field in refused.fields
        )
        causes.setdefault(f"Refused, the protocols differ in {fields}", []).append(refused)
    for missing in comparison.missing:
        causes.setdefault(f"Missing, {missing.reason}", []).append(missing)
    for cause, rows in causes.items():
        places = [
            f"{place}: {', '.join(metric_label(row.metric) for row in members)}"
            for place, members in groupby(rows, lambda row: _panel(row, shared))
        ]
        yield f"{cause}: {'; '.join(places)}"


def _short(value: JSON) -> str:
    text = value if isinstance(value, str) else canonical(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
