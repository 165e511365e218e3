"""CSV: wide, at full precision; a column of scores brings its intervals, n, expected n and remarks."""

import csv
import io
from collections.abc import Iterator

from .model import Cell, Column, Line, Table

_PARTS = ("low", "high", "n", "expected", "note")


def header(table: Table) -> list[str]:
    """Return the names of the CSV columns: first `panel`, if there are panels; last `note`, about the whole line."""
    names = ["panel"] if _has_panels(table) else []
    for column in table.columns:
        names.append(column.key)
        if column.form == "score":
            names += [f"{column.key}_{part}" for part in _PARTS]
    return [*names, "note"]


def render(table: Table) -> str:
    """Return the table as CSV (RFC 4180, but lines end in a bare newline, within quotes too)."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header(table))
    for line in table.rows:
        fields = [line.panel] if _has_panels(table) else []
        for column, cell in zip(table.columns, line.cells, strict=True):
            fields += _fields(column, cell)
        fields.append("; ".join(_other_notes(table, line)))
        writer.writerow([field.replace("\r\n", "\n").replace("\r", "\n") for field in fields])
    return buffer.getvalue()


def _has_panels(table: Table) -> bool:
    return any(line.panel for line in table.rows)


def _fields(column: Column, cell: Cell) -> list[str]:
    text = cell.text if cell.raw is None else cell.raw
    value = _full(cell.value) if text is None else text
    if column.form != "score":
        return [value]
    low, high = cell.interval or (None, None)
    return [value, _full(low), _full(high), _full(cell.n), _full(cell.expected), "; ".join(cell.footnotes)]


def _other_notes(table: Table, line: Line) -> Iterator[str]:
    """Yield the remarks of a line that stand in no column of scores."""
    for column, cell in zip(table.columns, line.cells, strict=True):
        if column.form != "score":
            yield from cell.footnotes


def _full(value: float | int | None) -> str:
    return "" if value is None else repr(value)
