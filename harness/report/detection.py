"""Detection tables: by detector and training set, and the matrix of training sets by test sets.

Detectability has no better direction for a system under test, so nothing here is bold.
"""

from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import replace

from ..store.schema import Results, Row
from . import words
from .model import Cell, Column, Line, Table
from .panels import count_cell, deal, failed_line, system_cell, value_cell

MATRIX_METRICS = ("accuracy", "auc", "f1")
"""Metrics that get a matrix."""

OTHER_PROTOCOL = "another protocol than the rest of this line: not comparable along it"

_TITLES = {"detection": "Detection", "false_alarms": "False alarms"}

_CAPTIONS = {
    "detection": "Detection of each system by each detector, real data against the system's set.",
    "false_alarms": "How often detectors call real or lightly edited real data fake.",
}


def detection_tables(results: Results, origin: Mapping[str, str]) -> Iterator[Table]:
    """Yield `detection`, the matrices and `false_alarms`, as far as the run has their rows."""
    detection = [row for row in results.rows if row.section == "detection"]
    alarms = [row for row in results.rows if row.section == "false_alarms"]
    if detection:
        yield _by_detector("detection", detection, results, origin)
        yield from _matrices(detection, results, origin)
    if alarms:
        yield _by_detector("false_alarms", alarms, results, origin)


def _by_detector(section: str, rows: Sequence[Row], results: Results, origin: Mapping[str, str]) -> Table:
    metrics = list(dict.fromkeys(row.metric for row in rows))
    columns = (
        Column(key="system", label="tested on", align="left", form="text"),
        Column(key="n", label="n", form="number"),
        *(Column(key=metric, label=words.metric_label(metric)) for metric in metrics),
    )
    lines: list[Line] = []
    shared = words.shared_slice([row.slice for row in rows])
    for label, group in _grouped(rows, shared).items():
        lines += _panel_lines(label, group, metrics, results)
    if section == "detection":
        seen = {row.system for row in rows}
        failed = [record for record in results.systems if record.status == "failed" and record.name not in seen]
        lines += [failed_line(record, len(columns), "no set to test on") for record in failed]
    return Table(
        name=section,
        title=_TITLES[section],
        caption=words.sentences(
            _CAPTIONS[section],
            f"{words.first_capital(words.slice_label(shared))}." if shared else "",
            words.count_words(rows),
            words.interval_words(rows),
        ),
        columns=columns,
        rows=tuple(lines),
        provenance=origin,
    )


def _grouped(rows: Sequence[Row], shared: Container[str]) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(words.slice_label(row.slice, shared), []).append(row)
    return groups


def _panel_lines(label: str, rows: Sequence[Row], metrics: Sequence[str], results: Results) -> Iterator[Line]:
    records = {record.name: record for record in results.systems}
    for number, panel in enumerate(deal(rows)):
        heading = label if number == 0 else f"{label} (protocol {number + 1})"
        controls = {row.system for row in panel.rows if row.role == "control"}
        for system in sorted(panel.systems(), key=lambda name: name not in controls):
            own = {row.metric: row for row in panel.rows if row.system == system}
            cells = (
                system_cell(system, records.get(system), own.values()),
                count_cell([row for row in own.values() if row.value is not None]),
                *(value_cell(own[metric]) if metric in own else Cell() for metric in metrics),
            )
            yield Line(cells=cells, panel=heading)


def _matrices(rows: Sequence[Row], results: Results, origin: Mapping[str, str]) -> Iterator[Table]:
    """Yield one matrix for each detector, metric and rest of the slice."""
    matrices: dict[tuple[str, str], dict[str, list[Row]]] = {}
    for row in rows:
        if row.metric in MATRIX_METRICS and "detector" in row.slice and "train" in row.slice:
            rest = {name: value for name, value in row.slice.items() if name not in ("detector", "train")}
            by_rest = matrices.setdefault((row.slice["detector"], row.metric), {})
            by_rest.setdefault(words.slice_label(rest), []).append(row)
    for (detector, metric), by_rest in matrices.items():
        for number, (others, cells) in enumerate(by_rest.items()):
            name = f"matrix-{detector}-{metric}{f'-{number + 1}' if number else ''}"
            yield _matrix(name, (detector, metric, others), cells, results, origin)


def _matrix(
    name: str, about: tuple[str, str, str], rows: Sequence[Row], results: Results, origin: Mapping[str, str]
) -> Table:
    detector, metric, rest = about
    found = {row.system for row in rows}
    tested = [record.name for record in results.systems if record.name in found]
    tested += sorted(found.difference(tested))
    lines = []
    for train in dict.fromkeys(row.slice["train"] for row in rows):
        own = {row.system: row for row in rows if row.slice["train"] == train}
        main = Counter(row.comparability for row in own.values()).most_common(1)[0][0]
        cells = [_matrix_cell(own[system], main) if system in own else Cell() for system in tested]
        lines.append(Line(cells=(Cell(text=train), *cells)))
    label = words.first_capital(words.metric_label(metric))
    return Table(
        name=name,
        title=f"{label} of {detector}, training set by test set",
        caption=words.sentences(
            f"{label} of the detector {detector}{f', {rest}' if rest else ''}: trained on the system that the line "
            "names, tested on the one that the column names. Each line is a detector of its own.",
            words.count_words(rows),
            words.interval_words(rows),
        ),
        columns=(
            Column(key="train", label="trained on", align="left", form="text"),
            *(Column(key=system, label=system, group="tested on") for system in tested),
        ),
        rows=tuple(lines),
        provenance=origin,
    )


def _matrix_cell(row: Row, main: str) -> Cell:
    cell = value_cell(row)
    return cell if row.comparability == main else replace(cell, footnotes=(*cell.footnotes, OTHER_PROTOCOL))
