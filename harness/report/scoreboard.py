"""The scoreboard: how real, how well caught, how useful, how safe; each system on one line."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ..stats.score import Direction
from ..store.schema import Results, Row, SystemRecord
from . import words
from .detection import PRIMARY
from .model import Cell, Column, Line, Table
from .panels import contested, kind_rank, position_cell, rank_cell, system_cell, value_cell
from .utility import adjusted, verdict

LEADING = ("fid", "fvd", "fad", "fd", "cmmd", "kid", "kd")
"""Measures of realism, the first that most systems have."""
MEMORY = "fails memorisation"
OTHER_PROTOCOL = "another protocol than the rest of its kind: not comparable down the column"


def scoreboard_tables(results: Results, origin: Mapping[str, str]) -> Iterator[Table]:
    """Yield `scoreboard`, where a run has at least two things to put side by side."""
    board = _Board.of(results)
    if board.lines:
        yield board.table(origin)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """What is known of a system."""

    record: SystemRecord
    realism: Row | None
    known: Row | None
    """Area of the detector that catches it best, of those that learnt from it."""
    unseen: Row | None
    """Likewise, of those that did not."""
    gain: Row | None
    marks: Row | None
    cleared: Row | None
    memory: Row | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Board:
    results: Results
    entries: tuple[_Entry, ...]
    measure: str
    learned: str
    p: Mapping[str, float]

    @classmethod
    def of(cls, results: Results) -> "_Board":
        realism = leading(results)
        gains = [row for row in results.rows if row.section == "utility" and row.metric == "gain"]
        learned = next((row.slice["learned"] for row in gains), "")
        return cls(
            results=results,
            entries=tuple(_entry(results, record, realism, learned) for record in results.systems),
            measure=next((row.metric for row in realism.values()), ""),
            learned=learned,
            p=adjusted(gains),
        )

    @property
    def lines(self) -> bool:
        """Whether there is more than one thing to put side by side."""
        rows = [(e.realism, e.known or e.unseen, e.gain, e.marks) for e in self.entries]
        return any(sum(one is not None for one in found) > 1 for found in rows)

    def table(self, origin: Mapping[str, str]) -> Table:
        ordered = sorted(self.entries, key=lambda entry: kind_rank(entry.record.kind))
        shown = [row for e in self.entries for row in (e.realism, e.known, e.unseen, e.gain, e.marks) if row]
        head = next((e.realism for e in self.entries if e.realism is not None), None)
        label = words.metric_label(self.measure)
        columns = [
            Column(key="system", label="system", align="left", form="text"),
            Column(
                key="realism",
                label=label or "realism",
                group="realism",
                direction=Direction(head.direction) if head else Direction.NONE,
            ),
            Column(key="rank", label="rank", group="realism", form="text"),
            Column(key="position", label="position", group="realism", form="number", decimals=2),
            Column(key="known", label="AUC, known", group="detectability"),
            Column(key="unseen", label="AUC, unseen", group="detectability"),
            Column(key="gain", label="gain", group="utility"),
            Column(key="evidence", label="evidence", group="utility", align="left", form="text"),
            Column(key="marks", label="marks", group="safety", form="text"),
            Column(key="cleared", label="terms, consent", group="safety", align="left", form="text"),
            Column(key="memorisation", label="memorisation", group="safety", align="left", form="text"),
        ]
        lines = [self._line(entry) for entry in ordered]
        kept = [0, *(n for n in range(1, len(columns)) if any(not _empty(line.cells[n]) for line in lines))]
        return Table(
            name="scoreboard",
            title="Scoreboard",
            caption=self._caption(shown, {columns[n].key for n in kept}),
            columns=tuple(columns[n] for n in kept),
            rows=tuple(replace(line, cells=tuple(line.cells[n] for n in kept)) for line in lines),
            provenance=origin,
        )

    def _realism(self, entry: _Entry) -> tuple[Cell, Cell]:
        """Return value and rank: only rows of the key that most of a kind have compete in its panel."""
        row = entry.realism
        if row is None:
            return Cell(), Cell()
        kind = [e.realism for e in self.entries if e.realism is not None and e.record.kind == entry.record.kind]
        main = Counter(one.comparability for one in kind).most_common(1)[0][0]
        if row.comparability != main:
            cell = value_cell(row)
            return replace(cell, footnotes=(*cell.footnotes, OTHER_PROTOCOL)), Cell()
        competes = row.metric in contested([one for one in kind if one.comparability == main])
        return value_cell(row, bold=competes), rank_cell(row) if competes else Cell()

    def _line(self, entry: _Entry) -> Line:
        realism = entry.realism
        cells = (
            system_cell(entry.record.name, entry.record),
            *self._realism(entry),
            position_cell(realism),
            _area(entry.known),
            _area(entry.unseen),
            value_cell(entry.gain) if entry.gain is not None else Cell(),
            Cell(text=verdict(entry.gain, self.p)),
            _marks(entry.marks),
            _cleared(entry.cleared),
            _memory(entry),
        )
        return Line(cells=cells, panel=words.kind_label(entry.record.kind))

    def _caption(self, shown: Sequence[Row], keys: set[str]) -> str:
        counts = [row for row in shown if row.section == "realism"]
        return words.sentences(
            "Each system on one line; only systems of one kind share a column.",
            f"Realism: {words.metric_label(self.measure)} against {words.reference_words(self.results)}."
            if "realism" in keys
            else "",
            "Detectability: AUC of the detector that catches it best, among those that learnt from the system (known) "
            "and those that did not (unseen), named below; the best of several lies a little too high, and neither "
            "high nor low is better."
            if {"known", "unseen"} & keys
            else "",
            f"Utility: gain in balanced accuracy of '{self.learned}' over the real pictures alone, p after Holm."
            if "gain" in keys
            else "",
            "Marks: test items whose watermark, credentials and provenance were read after leaving the store. Terms, "
            "consent: whether the set may be handed on. Memorisation: whether items repeat train items."
            if "marks" in keys
            else "",
            words.count_words(counts),
            words.interval_words(shown),
            words.direction_words(counts, ranked=True),
            words.RANK if "rank" in keys else "",
        )


def leading(results: Results) -> dict[str, Row]:
    """Return the rows of the measure of realism that most systems have, by system; ties go by `LEADING`."""
    found: dict[str, dict[str, Row]] = {}
    for row in results.rows:
        usable = row.section == "realism" and row.role == "system" and row.value is not None and not row.slice
        if usable and row.metric.partition("[")[0] in LEADING:
            found.setdefault(row.metric, {})[row.system] = row
    places = {name: (-len(own), LEADING.index(name.partition("[")[0])) for name, own in found.items()}
    best = min(places, key=lambda name: places[name], default=None)
    return found[best] if best else {}


def _entry(results: Results, record: SystemRecord, realism: Mapping[str, Row], learned: str) -> _Entry:
    mine = [row for row in results.rows if row.system == record.name and row.role == "system"]
    areas = [
        row
        for row in mine
        if (row.section, row.metric, row.slice.get("threshold", PRIMARY)) == ("detection", "auc", PRIMARY)
        and row.value is not None
        and "level" not in row.slice
    ]
    known = [row for row in areas if record.name in results.taught.get(row.slice.get("train", ""), ())]

    def one(section: str, metric: str) -> Row | None:
        found = (row for row in mine if row.section == section and row.metric.partition("[")[0] == metric)
        return next((row for row in found if row.slice.get("learned", learned) == learned), None)

    return _Entry(
        record=record,
        realism=realism.get(record.name),
        known=max(known, key=lambda row: row.value or 0.0, default=None),
        unseen=max((row for row in areas if row not in known), key=lambda row: row.value or 0.0, default=None),
        gain=one("utility", "gain"),
        marks=one("safety", "marks"),
        cleared=one("safety", "cleared"),
        memory=one("realism", "memorisation"),
    )


def _area(row: Row | None) -> Cell:
    if row is None:
        return Cell()
    cell = value_cell(row)
    return replace(cell, footnotes=(words.slice_label(row.slice, ("threshold",)), *cell.footnotes))


def _marks(row: Row | None) -> Cell:
    if row is None or row.value is None:
        return Cell(footnotes=(row.reason,)) if row is not None and row.reason else Cell()
    return Cell(text=f"{round(row.value * row.n)} of {row.n}", footnotes=row.flags)


def _cleared(row: Row | None) -> Cell:
    if row is None or row.value is None:
        return Cell()
    return Cell(text="clear" if row.value == 1.0 else "not clear", footnotes=row.flags)


def _memory(entry: _Entry) -> Cell:
    if MEMORY in entry.record.flags:
        return Cell(text="fails")
    return Cell(text="passes") if entry.memory is not None and entry.memory.value is not None else Cell()


def _empty(cell: Cell) -> bool:
    return cell.value is None and not cell.text and not cell.footnotes
