"""Detection tables: by detector and training set, by kind, at three thresholds, and training sets by test sets.

Detectability has no better direction for a system under test, so nothing here is bold or ranked.
"""

from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import stdev

from ..store.schema import Results, Row
from . import words
from .model import Cell, Column, Line, Table
from .panels import apart_words, count_cell, deal, failed_line, system_cell, value_cell

MAIN = ("accuracy", "precision", "recall", "f1", "auc")
"""Measures of the table that a reader sees first."""
FULL = (
    *("balanced_accuracy", "specificity", "ap", "eer", "tpr_at_1pct_fpr"),
    *("log_loss", "brier", "calibration_error"),
)
"""All others."""
COMPARED = ("balanced_accuracy", "recall", "specificity")
"""Measures that stand side by side at three thresholds."""
MATRIX_METRICS = ("accuracy", "auc", "f1")
"""Metrics that get a matrix."""
PRIMARY = "validation"
"""The threshold of tables that show one."""
OF_SCORES = frozenset({"detection", "detection-full", "detection-frames", "kinds", "thresholds", "false_alarms"})
"""Tables that are made from item scores alone, besides the matrices."""

OTHER_PROTOCOL = "another protocol than the rest of this line: not comparable along it"


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """One table: which rows and which columns."""

    name: str
    title: str
    caption: str
    rows: Sequence[Row]
    metrics: Sequence[str]
    by_threshold: bool = False
    """Columns are measures at each threshold, instead of at one."""


def detection_tables(results: Results, origin: Mapping[str, str]) -> Iterator[Table]:
    """Yield the tables above, as far as the run has their rows."""
    every = [row for row in results.rows if row.section == "detection" and "level" not in row.slice]
    shown = [row for row in every if row.slice.get("threshold", PRIMARY) == PRIMARY]
    rows = [row for row in shown if row.role != "group"]
    known = {*MAIN, *FULL}
    others = tuple(dict.fromkeys(row.metric for row in rows if row.metric not in known))
    for view in (
        _View(
            name="detection",
            title="Detection",
            caption="Detection of each system by each detector, real data against the system's set.",
            rows=rows,
            metrics=(*MAIN, *others),
        ),
        _View(
            name="detection-full",
            title="Detection in full",
            caption="The measures that the table of detection leaves out.",
            rows=rows,
            metrics=FULL,
        ),
        _View(
            name="detection-frames",
            title="Detection, frame by frame",
            caption="Each frame judged by itself, with the truth of its clip, at the threshold for clips.",
            rows=[
                row
                for row in results.rows
                if row.slice.get("level") == "frame" and row.slice.get("threshold") == PRIMARY
            ],
            metrics=MAIN,
        ),
        _View(
            name="kinds",
            title="Detection by kind",
            caption="All systems of a kind together, real data against their items; each item weighs the same.",
            rows=[row.model_copy(update={"role": "system"}) for row in shown if row.role == "group"],
            metrics=MAIN,
        ),
        _View(
            name="thresholds",
            title="Detection at three thresholds",
            caption="The same scores at three thresholds; none was chosen on a test set.",
            rows=[row for row in every if row.role != "group" and row.slice.get("threshold")],
            metrics=COMPARED,
            by_threshold=True,
        ),
    ):
        yield from _by_detector(view, results, origin)
    yield from _matrices(rows, results, origin)
    alarms = [row for row in results.rows if row.section == "false_alarms"]
    yield from _by_detector(
        _View(
            name="false_alarms",
            title="False alarms",
            caption="How often detectors call real or lightly edited real data fake.",
            rows=alarms,
            metrics=tuple(dict.fromkeys(row.metric for row in alarms)),
            by_threshold=len({row.slice.get("threshold") for row in alarms}) > 1,
        ),
        results,
        origin,
    )


def _by_detector(view: _View, results: Results, origin: Mapping[str, str]) -> Iterator[Table]:
    rows = [row for row in view.rows if row.metric in view.metrics]
    if view.by_threshold:
        if len({row.slice.get("threshold") for row in rows}) < 2:
            return
        rows = [_at_threshold(row) for row in rows]
    found = {row.metric for row in rows}
    if not found:
        return
    keys = [key for key in _keys(view, rows) if key in found]
    counted = view.name != "false_alarms" and any(row.n_real for row in rows)
    columns = (
        Column(key="system", label="tested on", align="left", form="text"),
        Column(key="n", label="fakes" if counted else "n", form="number"),
        *([Column(key="n_real", label="real", form="number")] if counted else []),
        *(_column(key) for key in keys),
    )
    shared = words.shared_slice([row.slice for row in rows])
    lines: list[Line] = []
    for label, group in _grouped(rows, shared).items():
        lines += _panel_lines(label, group, keys, results, counted=counted)
    if view.name == "detection":
        seen = {row.system for row in rows}
        failed = [record for record in results.systems if record.status == "failed" and record.name not in seen]
        lines += [failed_line(record, len(columns), "no set to test on") for record in failed]
    yield Table(
        name=view.name,
        title=view.title,
        caption=words.sentences(
            view.caption,
            f"{words.first_capital(words.slice_label(shared))}." if shared else "",
            words.threshold_words(rows) if view.by_threshold else "",
            words.count_words(rows, trained=view.name != "kinds"),
            words.balance_words(rows),
            words.policy_words(rows),
            words.interval_words(rows),
        ),
        columns=columns,
        rows=tuple(lines),
        provenance=origin,
    )


def _at_threshold(row: Row) -> Row:
    """Return the row with the threshold as part of its column, not of its panel."""
    rest = {name: value for name, value in row.slice.items() if name != "threshold"}
    return row.model_copy(update={"metric": f"{row.metric} at {row.slice.get('threshold')}", "slice": rest})


def _keys(view: _View, rows: Sequence[Row]) -> list[str]:
    if not view.by_threshold:
        return list(view.metrics)
    thresholds = dict.fromkeys(row.metric.partition(" at ")[2] for row in rows)
    return [f"{metric} at {threshold}" for metric in view.metrics for threshold in thresholds]


def _column(key: str) -> Column:
    metric, _, threshold = key.partition(" at ")
    if not threshold:
        return Column(key=key, label=words.metric_label(metric))
    return Column(key=key, label=f"{words.metric_label(metric)}, {threshold}")


def _grouped(rows: Sequence[Row], shared: Container[str]) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(words.slice_label(row.slice, shared), []).append(row)
    return groups


def _panel_lines(
    label: str, rows: Sequence[Row], keys: Sequence[str], results: Results, *, counted: bool
) -> Iterator[Line]:
    records = {record.name: record for record in results.systems}
    panels = deal(rows)
    for number, panel in enumerate(panels):
        heading = label if number == 0 else f"{label}, {apart_words(panel, panels[0])}"
        controls = {row.system for row in panel.rows if row.role == "control"}
        for system in sorted(panel.systems(), key=lambda name: name not in controls):
            own = {row.metric: row for row in panel.rows if row.system == system}
            valued = [row for row in own.values() if row.value is not None]
            real = count_cell([row.model_copy(update={"n": row.n_real or 0}) for row in valued])
            cells = (
                system_cell(system, records.get(system), own.values()),
                count_cell(valued),
                *([real] if counted else []),
                *(value_cell(own[key]) if key in own else Cell() for key in keys),
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
        valued = [row.comparability for row in own.values() if row.value is not None]
        main = Counter(valued).most_common(1)[0][0] if valued else ""
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
            words.balance_words(rows),
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
    if row.value is None or row.comparability == main:
        return cell
    return replace(cell, footnotes=(*cell.footnotes, OTHER_PROTOCOL))


def seed_tables(results: Results, origin: Mapping[str, str]) -> Iterator[Table]:
    """Yield `detection-seeds`: how far apart the trainings of one detector are, where one was trained several times."""
    rows = [row for row in results.rows if row.section == "seeds"]
    if not rows:
        return
    metrics = list(dict.fromkeys(row.metric for row in rows))
    places: dict[tuple[str, str], dict[str, Row]] = {}
    for row in rows:
        places.setdefault((words.slice_label(row.slice), row.system), {})[row.metric] = row
    records = {record.name: record for record in results.systems}
    lines = []
    for (label, system), own in places.items():
        cells = [system_cell(system, records.get(system))]
        for metric in metrics:
            one = own.get(metric)
            cells += [value_cell(one) if one is not None else Cell(), Cell(value=_spread(one))]
        lines.append(Line(cells=tuple(cells), panel=label))
    yield Table(
        name="detection-seeds",
        title="Detection over trainings",
        caption=words.sentences(
            "Mean over trainings of one detector that differ in the seed alone, and the standard deviation "
            "between them.",
            words.count_words(rows),
            words.interval_words(rows),
        ),
        columns=(
            Column(key="system", label="tested on", align="left", form="text"),
            *(
                column
                for metric in metrics
                for column in (
                    Column(key=metric, label=words.metric_label(metric)),
                    Column(key=f"{metric}_sd", label="sd", form="number", decimals=3),
                )
            ),
        ),
        rows=tuple(lines),
        provenance=origin,
    )


def _spread(row: Row | None) -> float | None:
    """Return the standard deviation between trainings; None of a single one."""
    values = [one.value for one in row.seeds if one.value is not None] if row is not None else []
    return stdev(values) if len(values) > 1 else None
