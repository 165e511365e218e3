"""Dealing rows into panels, so that no column of a panel holds two comparability keys."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ..conditions.control import DEGRADED
from ..store.schema import Row, SystemRecord
from . import words
from .model import Cell, Column, Line

CONTROL_LABEL = "real (held out)"
DEGRADED_LABEL = "real (degraded)"
WHOLE_LABEL = "real (whole set)"
EQUAL_LABEL = "equal n"
"""Beside the name of a system: its score at the n of the controls, against as many real items."""


@dataclass(slots=True)
class Panel:
    """Rows that may share columns: for each metric, one comparability key."""

    kind: str
    """Of the first system."""
    keys: dict[str, str] = field(default_factory=dict)
    """Metric -> comparability key of its values."""
    rows: list[Row] = field(default_factory=list)

    def fits(self, row: Row) -> bool:
        """Return whether the row's key is that of its column, and its place is free; without a value any key is."""
        free = all((row.system, row.metric) != (other.system, other.metric) for other in self.rows)
        same = row.value is None or self.keys.get(row.metric, row.comparability) == row.comparability
        return free and same

    def add(self, row: Row) -> None:
        """Take in a row that fits."""
        if row.value is not None:
            self.keys.setdefault(row.metric, row.comparability)
        self.rows.append(row)

    def shares(self, rows: Iterable[Row]) -> int:
        """Return how many of the rows find their key here."""
        return sum(self.keys.get(row.metric) == row.comparability for row in rows)

    def has(self, metric: str) -> bool:
        """Return whether the metric has a column."""
        return any(row.metric == metric for row in self.rows)

    def systems(self) -> list[str]:
        """Return the systems in order of their first row."""
        return list(dict.fromkeys(row.system for row in self.rows))


def deal(rows: Sequence[Row]) -> list[Panel]:
    """Return panels that together hold every row once.

    A system goes where most of its rows find their key; if nowhere, to a panel of its kind that nothing contradicts,
    else to a new one. Rows that contradict their panel are dealt again, among themselves. Controls follow the keys of
    the systems. Rows without a value decide nothing: a system that has no other comes last, in a panel that is there.
    """
    panels: list[Panel] = []
    left: list[Row] = []
    systems = [row for row in rows if row.role == "system"]
    valued = {row.system for row in systems if row.value is not None}
    for name in sorted(_by_kind(systems), key=lambda name: name not in valued):
        own = [row for row in systems if row.system == name]
        panel = _home(panels, own)
        for row in own:
            if panel.fits(row):
                panel.add(row)
            else:
                left.append(row)
    for row in rows:
        if row.role == "control":
            homes = [panel for panel in panels if panel.has(row.metric) and panel.fits(row)]
            home = max(homes, key=lambda panel: panel.shares([row]), default=None)
            if home is None:
                left.append(row)
            else:
                home.add(row)
    if not panels and left:
        panels.append(Panel(left[0].kind))
        left = [row for row in left if not _taken(panels[0], row)]
    return panels + (deal(left) if left else [])


def apart_words(panel: Panel, first: Panel) -> str:
    """Return in what a panel's protocol differs from that of the first, in words."""
    differs: dict[str, None] = {}
    others = {row.metric: row.protocol for row in reversed(first.rows) if row.value is not None}
    for row in panel.rows:
        if row.value is not None and row.metric in others and row.comparability != first.keys[row.metric]:
            differs |= dict.fromkeys(words.differing(row.protocol, others[row.metric]))
    return ", ".join(differs) or "another protocol"


def _taken(panel: Panel, row: Row) -> bool:
    if fits := panel.fits(row):
        panel.add(row)
    return fits


def _home(panels: list[Panel], own: Sequence[Row]) -> Panel:
    valued = [row for row in own if row.value is not None]
    best = max(panels, key=lambda panel: panel.shares(valued or own), default=None)
    if best is not None and best.shares(valued or own):
        return best
    kind = own[0].kind
    fitting = [panel for panel in panels if all(map(panel.fits, own))]
    for panel in fitting:
        if panel.kind == kind:
            return panel
    if fitting and not valued:
        return fitting[0]
    panels.append(Panel(kind))
    return panels[-1]


def _by_kind(rows: Sequence[Row]) -> list[str]:
    kinds = {row.system: row.kind for row in reversed(rows)}
    names = dict.fromkeys(row.system for row in rows)
    return sorted(names, key=lambda name: kind_rank(kinds[name]))


def kind_rank(kind: str) -> int:
    """Return a kind's place in tables."""
    return words.KINDS.index(kind) if kind in words.KINDS else len(words.KINDS)


def contested(rows: Iterable[Row]) -> set[str]:
    """Return the metrics for which more than one row is ranked: alone, a row is the best of nothing."""
    ranked = Counter(row.metric for row in rows if row.best is not None)
    return {metric for metric, count in ranked.items() if count > 1}


def value_cell(row: Row, *, bold: bool = False) -> Cell:
    """Return the cell of one row; with `bold`, in bold if the row is not distinguishable from the best."""
    interval = (row.interval.low, row.interval.high) if row.interval is not None and row.value is not None else None
    return Cell(
        value=row.value,
        interval=interval,
        n=row.n,
        expected=row.expected,
        bold=bold and row.best is True and row.direction != "none",
        footnotes=words.row_notes(row),
    )


def system_cell(name: str, record: SystemRecord | None, rows: Iterable[Row] = ()) -> Cell:
    """Return the first cell of a line: the name of a system, or what a control is, which its rows say."""
    notes = words.system_notes(record) if record else ()
    labels = list(dict.fromkeys(control_label(row) for row in rows if row.role == "control"))
    text = labels[0] if len(labels) == 1 else "real" if labels else name
    return Cell(text=text, raw=name, footnotes=notes)


def control_label(row: Row) -> str:
    """Return which real items a control row is of."""
    if row.system == DEGRADED:
        return DEGRADED_LABEL
    return WHOLE_LABEL if row.protocol.get("control") == "whole" else CONTROL_LABEL


def position_column(metric: str = "") -> Column:
    """Return the column that says where systems lie between the controls; beside a metric, or for whole lines."""
    return Column(key=f"{metric}_position" if metric else "position", label="position", form="number", decimals=2)


def rank_column(metric: str) -> Column:
    """Return the column that says which ranks systems may have by a metric."""
    return Column(key=f"{metric}_rank", label="rank", form="text")


def rank_cell(row: Row | None) -> Cell:
    """Return the cell of one row: `2`, or `1–3` where the order is not known."""
    if row is None or row.rank is None:
        return Cell()
    return Cell(text="–".join(map(str, dict.fromkeys(row.rank))))


def position_cell(row: Row | None) -> Cell:
    """Return the cell of one row: the controls are the ends of the scale."""
    if row is None or (row.role == "control" and row.value is None):
        return Cell()
    if row.role == "control":
        return Cell(value=int(row.system == DEGRADED))
    if row.position is None:
        return Cell()
    # A system without a score has said why already.
    notes = (row.position.reason,) if row.position.reason and row.value is not None else ()
    return Cell(value=row.position.value, footnotes=notes)


def unplaced(rows: Iterable[Row]) -> str | None:
    """Return why no system has a position for the metric of these rows; nothing where one has, or none could have."""
    found = [row.position for row in rows if row.position is not None and row.value is not None]
    if not found or any(position.value is not None for position in found):
        return None
    return "; ".join(dict.fromkeys(position.reason for position in found if position.reason))


def count_cell(rows: Sequence[Row]) -> Cell:
    """Return the number of items that entered: one number, or the range over the metrics of a line."""
    counts = sorted({row.n for row in rows})
    if not counts:
        return Cell()
    return Cell(value=counts[0]) if len(counts) == 1 else Cell(text=f"{counts[0]}–{counts[-1]}")


def failed_line(record: SystemRecord, columns: int, panel: str) -> Line:
    """Return the line of a system that gave nothing: dashes, and the reason below the table."""
    return Line(cells=(system_cell(record.name, record), *[Cell()] * (columns - 1)), panel=panel)
