"""CSV: wide, at full precision; a numeric column brings its interval, n, expected n and remarks."""

import csv
import io

from .model import Cell, Column, Table

_PARTS = ("low", "high", "n", "expected", "note")


def header(table: Table) -> list[str]:
    """Return the names of the CSV columns; a table with panels starts with `panel`."""
    names = ["panel"] if _has_panels(table) else []
    for column in table.columns:
        names.append(column.key)
        if column.numeric:
            names += [f"{column.key}_{part}" for part in _PARTS]
    return names


def render(table: Table) -> str:
    """Return the table as CSV (RFC 4180, but lines end in a bare newline, within quotes too)."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header(table))
    for line in table.rows:
        fields = [line.panel] if _has_panels(table) else []
        for column, cell in zip(table.columns, line.cells, strict=True):
            fields += _fields(column, cell)
        writer.writerow([field.replace("\r\n", "\n").replace("\r", "\n") for field in fields])
    return buffer.getvalue()


def _has_panels(table: Table) -> bool:
    return any(line.panel for line in table.rows)


def _fields(column: Column, cell: Cell) -> list[str]:
    value = cell.text if cell.text is not None else _full(cell.value)
    if not column.numeric:
        return [value]
    low, high = cell.interval or (None, None)
    return [value, _full(low), _full(high), _full(cell.n), _full(cell.expected), "; ".join(cell.footnotes)]


def _full(value: float | int | None) -> str:
    return "" if value is None else repr(value)
