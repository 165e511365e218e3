"""Tables of audits: shortcuts, people that train and test share, and detectors after re-encoding."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from ..store.schema import Results, Row
from . import words
from .model import Cell, Column, Line, Table
from .panels import count_cell, system_cell, value_cell

WARNED = "warning: alone it tells real from fake (lower limit above 0.6 after Holm); a detector may have learnt no more"
OVERLAPS = ("overlap_people", "overlap_content")
REENCODED = ("auc_before", "auc_after", "auc_change")


def shortcut_tables(results: Results, origin: Mapping[str, str]) -> Iterator[Table]:
    """Yield `shortcuts`, `overlap` and `re-encoded`, as far as the run has their rows."""
    rows = [row for row in results.rows if row.section == "shortcuts"]
    alone = [row for row in rows if not row.slice]
    if alone:
        yield _alone(alone, results, origin)
    yield from _by_panel(
        "overlap",
        "People and files in training and test",
        "Share of the test items that show a person, or are a file, that detectors were trained on.",
        [row for row in rows if row.metric in OVERLAPS],
        OVERLAPS,
        (results, origin),
    )
    again = [row for row in rows if row.metric in REENCODED]
    pipelines = dict.fromkeys(str(row.protocol.get("pipeline")) for row in again)
    yield from _by_panel(
        "re-encoded",
        "Detection after re-encoding",
        f"Both classes went through one encoder ({', '.join(pipelines)}) and were scored again by the same detectors: "
        "what a format told them is gone.",
        again,
        REENCODED,
        (results, origin),
    )


def _alone(rows: Sequence[Row], results: Results, origin: Mapping[str, str]) -> Table:
    metrics = list(dict.fromkeys(row.metric for row in rows))
    records = {record.name: record for record in results.systems}
    lines = []
    for system in dict.fromkeys(row.system for row in rows):
        own = {row.metric: row for row in rows if row.system == system}
        warned = [words.metric_label(row.metric) for row in own.values() if WARNED in row.flags]
        cells = (
            system_cell(system, records.get(system)),
            count_cell([row for row in own.values() if row.value is not None]),
            *(value_cell(own[metric]) if metric in own else Cell() for metric in metrics),
            Cell(text=", ".join(warned) or "none"),
        )
        lines.append(Line(cells=cells, panel=words.kind_label(next(iter(own.values())).kind)))
    return Table(
        name="shortcuts",
        title="Shortcuts",
        caption=words.sentences(
            "AUC of a small model that sees nothing but the file's format, size, length, bitrate, metadata or the "
            "border of the picture, cross-validated with people kept whole. 0.5: nothing to be learnt from it.",
            "A warning stands where the lower limit, adjusted after Holm over this table, is above 0.6.",
            words.count_words(rows, trained=False),
            words.balance_words(rows),
            words.interval_words(rows),
        ),
        columns=(
            Column(key="system", label="real against", align="left", form="text"),
            Column(key="n", label="fakes", form="number"),
            *(Column(key=metric, label=words.metric_label(metric)) for metric in metrics),
            Column(key="warning", label="warning", align="left", form="text"),
        ),
        rows=tuple(sorted(lines, key=lambda line: line.panel)),
        provenance=origin,
    )


def _by_panel(
    name: str,
    title: str,
    caption: str,
    rows: Sequence[Row],
    metrics: Sequence[str],
    about: tuple[Results, Mapping[str, str]],
) -> Iterator[Table]:
    if not rows:
        return
    results, origin = about
    records = {record.name: record for record in results.systems}
    places: dict[tuple[str, str], dict[str, Row]] = {}
    for row in rows:
        places.setdefault((words.slice_label(row.slice), row.system), {})[row.metric] = row
    lines = []
    for (label, system), own in places.items():
        named = system_cell(system, records.get(system), own.values())
        cells = (
            replace(named, text="real (test split)") if system == "real" else named,
            count_cell([row for row in own.values() if row.value is not None]),
            *(value_cell(own[metric]) if metric in own else Cell() for metric in metrics),
        )
        lines.append(Line(cells=cells, panel=label))
    yield Table(
        name=name,
        title=title,
        caption=words.sentences(
            caption, words.count_words(rows, trained=False), words.balance_words(rows), words.interval_words(rows)
        ),
        columns=(
            Column(key="system", label="tested on", align="left", form="text"),
            Column(key="n", label="n", form="number"),
            *(Column(key=metric, label=words.metric_label(metric)) for metric in metrics),
        ),
        rows=tuple(lines),
        provenance=origin,
    )
