"""Scores against seconds seen: the whole clips, their first seconds, and longer ones that were rendered for it."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ..canonical import JSON
from ..conditions.table import CHANGES
from ..stats.score import Direction
from ..store.schema import Results, Row
from . import words
from .model import Cell, Column, Line, Table
from .panels import value_cell

LENGTH = "length"
MEASURE = "auc"


class Seen(NamedTuple):
    """How much of a clip was seen."""

    seconds: float
    how: str


def seconds_table(results: Results, origin: Mapping[str, str]) -> Table | None:
    """Return a line for each length and a panel for each system; None where a run has no two lengths.

    A cell is one of lengths where cutting is all that was done, or where clips were rendered at a length.
    """
    rows = [(seen_of(row.protocol.get("condition")), row) for row in results.rows if row.section == "robustness"]
    told = [(seen, row) for seen, row in rows if seen and row.slice["statistic"] == "value"]
    whole = results.reference.get("seconds")
    if not told or len({seen for seen, _ in told}) + (whole is not None) < 2:
        return None
    if whole is not None:
        wanted = {_what(row) for _, row in told}
        told += [(Seen(float(whole), "as they are"), row) for row in _clean(results.rows) if _what(row) in wanted]
    columns, lines = _columns([row for _, row in told]), []
    for system in dict.fromkeys(row.system for _, row in told):
        mine = [(seen, row) for seen, row in told if row.system == system]
        for seen in sorted({seen for seen, _ in mine}):
            here = {_what(row): row for at, row in mine if at == seen}
            count = min((row.n for row in here.values() if row.value is not None), default=None)
            texts = (Cell(value=seen.seconds), Cell(text=seen.how), Cell(value=count))
            cells = (value_cell(here[key]) if key in here else Cell() for key in columns)
            lines.append(Line(cells=(*texts, *cells), panel=system))
    return Table(
        name="robustness-seconds",
        title="Scores against seconds seen",
        caption=words.sentences(
            "The same test clips as they are and cut to their first seconds; rendered ones are of other people.",
            "A single clip has no interval, and its score says little.",
            words.interval_words([row for _, row in told]),
        ),
        columns=(
            Column(key="seconds", label="seconds", form="number"),
            Column(key="clips", label="clips", align="left", form="text"),
            Column(key="n", label="n", form="number"),
            *columns.values(),
        ),
        rows=tuple(lines),
        provenance=origin,
    )


def seen_of(condition: JSON) -> Seen | None:
    """Return how much of a clip is seen under a condition, as it stands in a protocol; None: it is about others."""
    if isinstance(condition, Mapping):
        asked = dict(condition).get("render") or {}
        height = f", {asked['height']}p" if asked.get("height") else ""
        return Seen(float(asked["seconds"]), f"rendered anew{height}") if asked.get("seconds") else None
    step = condition[0] if isinstance(condition, list | tuple) and len(condition) == 1 else None
    if not isinstance(step, Mapping) or step["name"] != LENGTH:
        return None
    known = {**CHANGES[LENGTH].fixed(int(step["severity"])), **step["parameters"]}
    return Seen(float(known["seconds"]), "first seconds")


def _clean(rows: Sequence[Row]) -> list[Row]:
    """Return the rows of unchanged clips, one for each thing that is measured."""
    mine = [row for row in rows if row.role == "system" and row.slice.get("level") != "frame"]
    judged = [row for row in mine if row.section == "detection" and row.metric == MEASURE and "detector" in row.slice]
    return [row for row in mine if row.section == "realism"] + judged


def _what(row: Row) -> str:
    """Return what a row is a value of, whatever the length."""
    if "detector" not in row.slice:
        return row.metric
    return f"{row.metric} {row.slice['detector']} {row.slice['train']}" if row.metric == MEASURE else ""


def _columns(rows: Sequence[Row]) -> dict[str, Column]:
    columns: dict[str, Column] = {}
    for row in rows:
        key = _what(row)
        if not key or key in columns:
            continue
        label = words.metric_label(row.metric)
        if "detector" in row.slice:
            group = f"trained on {row.slice['train']}"
            columns[key] = Column(key=key, label=f"{row.slice['detector']}, {label}", group=group)
        else:
            columns[key] = Column(key=key, label=label, direction=Direction(row.direction))
    return columns
