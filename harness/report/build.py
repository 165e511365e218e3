"""Tables from results.json: which rows stand together, and which must not."""

import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version as installed_version

from ..canonical import digest_of
from ..stats.score import Direction
from ..store.schema import Results, Row, SystemRecord
from . import words
from .detection import detection_tables, seed_tables
from .languages import language_tables
from .model import Cell, Column, Line, Table
from .panels import (
    CONTROL_LABEL,
    DEGRADED_LABEL,
    EQUAL_LABEL,
    Panel,
    apart_words,
    contested,
    control_label,
    count_cell,
    deal,
    failed_line,
    kind_rank,
    position_cell,
    position_column,
    rank_cell,
    rank_column,
    system_cell,
    unplaced,
    value_cell,
)
from .robustness import robustness_tables
from .scoreboard import scoreboard_tables
from .shortcuts import shortcut_tables
from .utility import utility_tables


def tables(results: Results, *, version: str | None = None) -> dict[str, Table]:
    """Return every table of a run by its name, in the order in which a report shows them.

    `realism` holds the control and the systems; what has another comparability key stands in a table of its own
    (`realism-augmented_real`). `detection` and `false_alarms` have one panel for each detector and training set,
    `matrix-<detector>-<metric>` one line for each training set and one column for each system under test. A section
    without rows gives no table.

    Args:
        results: The document.
        version: Of fauxbench, for the provenance; by default the installed one.
    """
    origin = provenance(results, version)
    built = [
        *scoreboard_tables(results, origin),
        *_realism(results, origin),
        *detection_tables(results, origin),
        *shortcut_tables(results, origin),
    ]
    built += [*seed_tables(results, origin), *robustness_tables(results, origin)]
    built += [*language_tables(results, origin), *utility_tables(results, origin)]
    return {table.name: table for table in built}


def provenance(results: Results, version: str | None = None) -> dict[str, str]:
    """Return what a printed table must carry so that it can be traced."""
    suite = results.suite
    return {
        "run": results_digest(results),
        "suite": f"{suite.name} {suite.version} ({suite.digest})",
        "numeric class": results.numeric_class,
        "fauxbench": version or installed_version("fauxbench"),
    }


def results_digest(results: Results) -> str:
    """Return the digest of the document, whatever file holds it."""
    return f"sha256:{digest_of(results.model_dump(mode='json'))}"


def measure_table(
    rows: Sequence[Row], *, title: str = "Realism", caption: str = "", origin: Mapping[str, str] | None = None
) -> Table:
    """Return one line a row: metric, value with interval, n; system and position too where there are several.

    A position is made of scores at one n on both sides. Where that is not what a row was measured at, the set's own
    score at that n has a line of its own, and the position stands there: what it is computed of can be seen.
    """
    columns = (
        Column(key="system", label="system", align="left", form="text"),
        Column(key="metric", label="metric", align="left", form="text"),
        Column(key="value", label="value", shared_decimals=False),
        Column(key="n", label="n", form="number"),
        position_column(),
    )
    again = any(map(_again, rows))
    first = 0 if again or len({row.system for row in rows}) > 1 else 1
    last = len(columns) if any(row.position is not None for row in rows) else -1
    lines = [line for row in rows for line in _measure_lines(row, rows)]
    notes = (words.position_words(rows), words.EQUAL if again else "", words.pair_words(rows))
    return Table(
        name="measure",
        title=title,
        caption=words.sentences(
            caption, words.count_words(rows), words.protocol_words(rows), words.interval_words(rows)
        ),
        columns=columns[first:last],
        rows=tuple(Line(cells=cells[first:last]) for cells in lines),
        notes=tuple(filter(None, notes)),
        provenance=dict(origin or {}),
    )


def _again(row: Row) -> bool:
    """Whether the position of a row is made of another score of its set than the row's own."""
    return row.position is not None and row.position.system is not None and row.position.system != row.value


def _measure_lines(row: Row, rows: Sequence[Row]) -> Iterator[tuple[Cell, ...]]:
    """Yield the cells of a row, and those of its set at the n of the controls where that is another."""
    name, metric, value, n, position = _measure_cells(row, rows)
    if row.position is None or not _again(row):
        yield name, metric, value, n, position
        return
    yield name, metric, value, n, Cell()
    equal = Cell(text=f"{row.system} ({EQUAL_LABEL})", raw=f"{row.system} {EQUAL_LABEL}")
    yield equal, metric, Cell(value=row.position.system, n=row.position.n), Cell(value=row.position.n), position


def _measure_cells(row: Row, rows: Sequence[Row]) -> tuple[Cell, ...]:
    name = system_cell(row.system, None, (row,))
    arrow = {"lower": " ↓", "higher": " ↑", "none": ""}[row.direction]
    metric = Cell(text=f"{words.metric_label(row.metric)}{arrow}", raw=row.metric)
    placed = any(other.metric == row.metric and other.position and other.position.value is not None for other in rows)
    position = position_cell(row) if placed or row.role == "system" else Cell()
    return name, metric, value_cell(row), Cell(value=row.n if row.value is not None else None), position


def _realism(results: Results, origin: Mapping[str, str]) -> Iterator[Table]:
    slices: dict[str, list[Row]] = {}
    for row in results.rows:
        if row.section == "realism":
            slices.setdefault(words.slice_label(row.slice), []).append(row)
    taken: set[str] = set()
    for label, rows in slices.items():
        panels = deal(rows)
        lost = _lost(results, rows, panels)
        for number, panel in enumerate(panels):
            lone = all(row.role == "control" for row in panel.rows)
            titles = [label, ("controls" if lone else words.kind_label(panel.kind)) if number else ""]
            yield Table(
                name=_name("realism", [label, panel.kind if number else ""], taken),
                title=", ".join(["Realism", *filter(None, titles)]),
                caption=_realism_caption(results, panel, label, apart_words(panel, panels[0]) if number else ""),
                columns=tuple(_realism_columns(panel, rows)),
                rows=tuple(_realism_lines(results, panel, rows, lost[number])),
                notes=_absent_notes(panel),
                provenance=origin,
            )


def _lost(results: Results, rows: Sequence[Row], panels: Sequence[Panel]) -> list[list[SystemRecord]]:
    """Return for each panel the failed systems that have no row at all: with their kind, or else in the first panel."""
    lost: list[list[SystemRecord]] = [[] for _ in panels]
    shown = {row.system for row in rows}
    for record in results.systems:
        if record.name not in shown and record.status == "failed":
            home = next((i for i, panel in enumerate(panels) if panel.kind == record.kind), 0)
            lost[home].append(record)
    return lost


def _name(stem: str, parts: Sequence[str], taken: set[str]) -> str:
    """Return a name that no table has yet, and take it."""
    name = base = "-".join([stem, *(re.sub(r"[^A-Za-z0-9._@]+", "-", part).strip("-") for part in parts if part)])
    number = 2
    while name in taken:
        name = f"{base}-{number}"
        number += 1
    taken.add(name)
    return name


def _heads(panel: Panel, rows: Sequence[Row]) -> dict[str, Direction]:
    """Return the metrics that have a column, in the order of the run, with their directions."""
    inside = {row.id for row in panel.rows}
    found = {row.metric: Direction(row.direction) for row in rows if row.id in inside}
    absent = _absent(panel)
    return {metric: direction for metric, direction in found.items() if metric not in absent} or found


def _absent(panel: Panel) -> dict[str, str]:
    """Return the metrics that no system of the panel has, all for one reason, with the reason.

    A column of dashes says no more than a note does.
    """
    reasons: dict[str, set[str | None]] = {}
    for row in panel.rows:
        reasons.setdefault(row.metric, set()).add(row.reason)
    return {
        metric: reason
        for metric, (reason, *others) in reasons.items()
        if not others and reason is not None and reason.startswith("not computed")
    }


def _absent_notes(panel: Panel) -> tuple[str, ...]:
    absent = _absent(panel)
    metrics: dict[str, list[str]] = {}
    if len(absent) < len({row.metric for row in panel.rows}):
        for metric, reason in absent.items():
            metrics.setdefault(reason, []).append(words.metric_label(metric))
    for metric in _heads(panel, panel.rows):
        why = unplaced(row for row in panel.rows if row.metric == metric)
        if why is not None:
            metrics.setdefault(f"no position: {why}", []).append(words.metric_label(metric))
    return tuple(f"{', '.join(names)}: {reason}" for reason, names in metrics.items())


def _placed(panel: Panel) -> set[str]:
    """Return the metrics for which a system has a position."""
    return {row.metric for row in panel.rows if row.position is not None and row.position.value is not None}


def _ranked(panel: Panel) -> set[str]:
    """Return the metrics by which systems of the panel compete."""
    return {row.metric for row in panel.rows if row.rank is not None} & contested(panel.rows)


def _realism_columns(panel: Panel, rows: Sequence[Row]) -> Iterator[Column]:
    yield Column(key="system", label="system", align="left", form="text")
    yield Column(key="n", label="n", form="number")
    placed, ranked = _placed(panel), _ranked(panel)
    for metric, direction in _heads(panel, rows).items():
        yield Column(key=metric, label=words.metric_label(metric), direction=direction)
        if metric in ranked:
            yield rank_column(metric)
        if metric in placed:
            yield position_column(metric)


def _realism_lines(results: Results, panel: Panel, rows: Sequence[Row], lost: Sequence[SystemRecord]) -> Iterator[Line]:
    """Yield the control, then the systems kind by kind, those that gave nothing last of their kind."""
    heads, placed = _heads(panel, rows), _placed(panel)
    ranked, with_rank = contested(panel.rows), _ranked(panel)
    records = {record.name: record for record in results.systems}
    lines: list[tuple[int, Line]] = []
    for system in panel.systems():
        own = {row.metric: row for row in panel.rows if row.system == system}
        first = next(iter(own.values()))
        control = first.role == "control"
        cells = [
            system_cell(system, records.get(system), own.values()),
            count_cell([row for row in own.values() if row.value is not None]),
        ]
        for metric in heads:
            cells.append(value_cell(own[metric], bold=metric in ranked) if metric in own else Cell())
            if metric in with_rank:
                cells.append(rank_cell(own.get(metric)))
            if metric in placed:
                cells.append(position_cell(own.get(metric)))
        heading = "" if control else words.kind_label(first.kind)
        lines.append((-1 if control else kind_rank(first.kind), Line(cells=tuple(cells), panel=heading)))
    for record in lost:
        line = failed_line(
            record, 2 + len(heads) + len(placed) + len(with_rank.intersection(heads)), words.kind_label(record.kind)
        )
        lines.append((kind_rank(record.kind), line))
    yield from (line for _, line in sorted(lines, key=lambda entry: entry[0]))


def _realism_caption(results: Results, panel: Panel, label: str, apart: str) -> str:
    systems = [row for row in panel.rows if row.role == "system"]
    absent = _absent(panel)
    controls = {control_label(row) for row in panel.rows if row.role == "control" and row.metric not in absent}
    return words.sentences(
        f"Realism against {words.reference_words(results)}{f'; {label}' if label else ''}.",
        f"A table of its own, because its protocol is not that of the first: {apart}." if apart else "",
        f"The line {CONTROL_LABEL} is what as many other real items score." if CONTROL_LABEL in controls else "",
        f"{DEGRADED_LABEL} are the same items, slightly degraded." if DEGRADED_LABEL in controls else "",
        words.count_words(panel.rows),
        words.protocol_words(panel.rows),
        words.interval_words(panel.rows),
        words.position_words(panel.rows),
        words.direction_words(systems, ranked=bool(contested(panel.rows))),
        words.RANK if _ranked(panel) else "",
    )
