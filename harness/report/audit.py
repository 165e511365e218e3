"""Tables of an audit: how metrics react to changes that people notice, and to ones that they do not."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..conditions.control import DEGRADED
from ..stats.score import Direction
from ..store.schema import Results, Row
from . import words
from .build import provenance
from .model import Cell, Column, Line, Table
from .panels import CONTROL_LABEL, DEGRADED_LABEL, position_cell, unplaced, value_cell

SEEN = {False: "people do not notice", True: "people notice"}
"""Headings."""
REAL = "real"
"""The `system` of the control."""
PIXELS = "pixels"
"""Stands for the instrument of metrics that read none."""

_PLACES = "Cells are positions: how far the metric says that the change takes them from real."


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditChange:
    """One change of the real pictures, as tables name it."""

    name: str
    """The `system` of its rows."""
    title: str
    seen: bool
    """Whether people notice it."""


def audit_tables(results: Results, changes: Sequence[AuditChange]) -> dict[str, Table]:
    """Return `audit`, a line for each metric with its positions, and one table of values for each instrument."""
    by_instrument: dict[str, list[Row]] = {}
    for row in results.rows:
        by_instrument.setdefault(_instrument(row), []).append(row)
    found = [_positions(results, by_instrument, changes)]
    found += [_values(results, name, rows, changes) for name, rows in by_instrument.items()]
    return {table.name: table for table in found if table.rows}


def _instrument(row: Row) -> str:
    return str(row.protocol.get("instrument") or PIXELS).partition(" ")[0]


def _metrics(rows: Sequence[Row]) -> dict[str, dict[str, Row]]:
    """Return each metric's rows by change, in the order of the run; only metrics that have a value somewhere."""
    found: dict[str, dict[str, Row]] = {}
    for row in rows:
        found.setdefault(row.metric, {})[row.system] = row
    return {metric: own for metric, own in found.items() if any(row.value is not None for row in own.values())}


def _absent(rows: Sequence[Row]) -> Iterator[str]:
    """Yield why metrics have no value at all, one note a reason."""
    there = _metrics(rows)
    reasons: dict[str, dict[str, None]] = {}
    for row in rows:
        if row.metric not in there and row.reason is not None:
            reasons.setdefault(row.reason, {})[words.metric_label(row.metric)] = None
    yield from (f"{', '.join(names)}: {reason}" for reason, names in reasons.items())


def _positions(results: Results, by_instrument: Mapping[str, Sequence[Row]], changes: Sequence[AuditChange]) -> Table:
    columns = [Column(key="metric", label="metric", align="left", form="text")]
    columns += [
        Column(key=change.name, label=change.title, group=SEEN[change.seen], form="number", decimals=2)
        for change in changes
    ]
    lines: list[Line] = []
    named = {heading: [c.title for c in changes if c.seen == seen] for seen, heading in SEEN.items()}
    notes = [f"{heading}: {', '.join(titles)}" for heading, titles in named.items() if titles]
    blind: dict[str, list[str]] = {}
    for instrument, rows in by_instrument.items():
        notes += _absent(rows)
        for metric, own in _metrics(rows).items():
            if not any(row.position for row in own.values()):
                continue
            why = unplaced(own.values())
            if why is not None:
                blind.setdefault(why, []).append(words.metric_label(metric))
                continue
            cells = (position_cell(own.get(change.name)) for change in changes)
            name = Cell(text=words.metric_label(metric), raw=metric)
            lines.append(Line(cells=(name, *cells), panel=instrument))
    notes += [f"{', '.join(metrics)}: no position: {why}" for why, metrics in blind.items()]
    every = [row for rows in by_instrument.values() for row in rows]
    return Table(
        name="audit",
        title="How metrics react to changes of real items",
        caption=words.sentences(
            f"Real items of {words.reference_words(results)}, changed. {_PLACES}",
            words.position_words(every),
        ),
        columns=tuple(columns),
        rows=tuple(lines),
        notes=tuple(dict.fromkeys(notes)),
        provenance=provenance(results),
    )


def _values(results: Results, instrument: str, rows: Sequence[Row], changes: Sequence[AuditChange]) -> Table:
    metrics = _metrics(rows)
    columns = [Column(key="change", label="change", align="left", form="text")]
    columns += [
        Column(key=metric, label=words.metric_label(metric), direction=Direction(next(iter(own.values())).direction))
        for metric, own in metrics.items()
    ]
    named = [(REAL, CONTROL_LABEL, ""), (DEGRADED, DEGRADED_LABEL, "")]
    named += [(change.name, change.title, SEEN[change.seen]) for change in changes]
    lines = []
    for name, title, panel in named:
        found = [own.get(name) for own in metrics.values()]
        if any(found):
            cells = (value_cell(row) if row else Cell() for row in found)
            lines.append(Line(cells=(Cell(text=title, raw=name), *cells), panel=panel))
    against = "the item itself" if instrument == PIXELS else "other real items"
    return Table(
        name=f"audit-{instrument}",
        title=f"Values under changes of real items, {instrument}",
        caption=words.sentences(
            f"Changed items against {against} of {words.reference_words(results)}.",
            words.count_words(rows, trained=False),
            words.protocol_words(rows),
            words.interval_words(rows),
            words.direction_words(rows, ranked=False),
        ),
        columns=tuple(columns),
        rows=tuple(lines),
        notes=tuple(_absent(rows)),
        provenance=provenance(results),
    )
