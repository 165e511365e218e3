"""The same table on a terminal, by rich: as wide as it likes, or folded until it fits."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..stats.score import Direction
from .model import Cell, Column, Table, groups_to_name, joined, naming
from .numbers import Shown, shown

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.text import Text

_ARROW = {Direction.LOWER: " ↓", Direction.HIGHER: " ↑", Direction.NONE: ""}

GAP = 2
"""Blanks between columns."""


@dataclass(frozen=True, slots=True)
class RichTable:
    """What `rich.console.Console.print` takes.

    Intervals stand behind their values; on a narrow terminal below them; and if that is still too wide, the columns go
    below each other in parts, each with the first columns again. Nothing is cut off.
    """

    table: Table
    caption: bool = False
    """Whether the caption is printed too."""

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        """Yield the lines."""
        from rich.text import Text

        table = self.table
        yield Text(table.title, style="bold")
        if self.caption:
            yield Text(table.caption)
        yield Text()
        cells = _entries(table, stacked=False)
        if _width(cells, range(len(table.columns))) > options.max_width:
            cells = _entries(table, stacked=True)
        for columns in _parts(table.columns, cells, options.max_width):
            yield from _grid(table, cells, columns)
            yield Text()
        for text, mark in table.footnotes().items():
            yield Text(f"{mark}  {text}")
        for note in table.notes:
            yield Text(note)
        if table.footnotes() or table.notes:
            yield Text()


def rich_table(table: Table, *, caption: bool = False) -> RichTable:
    """Return the table for `rich.console.Console.print`; with `caption`, the caption below the title."""
    return RichTable(table, caption)


Entry = tuple["Text", ...]
"""The lines of one cell."""


def _entries(table: Table, *, stacked: bool) -> list[list[Entry]]:
    """Return the header and every line of the table as texts."""
    from rich.text import Text

    marks = table.footnotes()
    heads: list[Entry] = [
        (Text(f"{column.label}{_ARROW[column.direction]}", style="bold"), *map(Text, filter(None, group.split(", "))))
        for column, group in zip(table.columns, groups_to_name(table.columns), strict=True)
    ]
    lines = [
        [_entry(text, cell, marks, stacked) for text, cell in zip(texts, line.cells, strict=True)]
        for texts, line in zip(shown(table), table.rows, strict=True)
    ]
    return [heads, *lines]


def _entry(text: Shown, cell: Cell, marks: Mapping[str, str], stacked: bool) -> Entry:
    from rich.text import Text

    mark = Text(f" {joined(cell.footnotes, marks)}" if cell.footnotes else "", style="dim")
    value = Text(text.value, style="bold" if cell.bold else "")
    if not text.interval:
        return (Text.assemble(value, mark),)
    interval = Text.assemble((text.interval, "dim"), mark)  # between the two it would read as part of a number
    return (value, interval) if stacked else (Text.assemble(value, " ", interval),)


def _widths(cells: Sequence[Sequence[Entry]]) -> list[int]:
    return [max(part.cell_len for line in cells for part in line[i]) for i in range(len(cells[0]))]


def _width(cells: Sequence[Sequence[Entry]], columns: Sequence[int]) -> int:
    widths = _widths(cells)
    return sum(widths[i] + GAP for i in columns) - GAP


def _parts(columns: Sequence[Column], cells: Sequence[Sequence[Entry]], limit: int) -> list[list[int]]:
    """Return the columns of each part: those that name the lines, and as many others as fit, spread evenly."""
    count = naming(columns)
    while count > 1 and any(_width(cells, [*range(count), i]) > limit for i in range(count, len(columns))):
        count -= 1  # there is no room for all names
    lead, rest = list(range(count)), range(count, len(columns))
    greedy: list[list[int]] = [[*lead]]
    for i in rest:
        if len(greedy[-1]) > len(lead) and _width(cells, [*greedy[-1], i]) > limit:
            greedy.append([*lead])
        greedy[-1].append(i)
    size = max(1, math.ceil(len(rest) / len(greedy)))
    even = [[*lead, *rest[start : start + size]] for start in range(0, max(1, len(rest)), size)]
    return even if all(_width(cells, part) <= limit for part in even) else greedy


def _grid(table: Table, cells: Sequence[Sequence[Entry]], columns: Sequence[int]) -> Iterator["Text"]:
    from rich.text import Text

    widths = _widths(cells)
    lines = iter(cells)
    yield from _line(table, next(lines), columns, widths)
    yield Text("─" * _width(cells, columns), style="dim", no_wrap=True, overflow="ignore")
    for number, (heading, panel) in enumerate(table.panels()):
        if number:
            yield Text()
        if heading:
            yield Text(heading, style="italic")
        for _ in panel:
            yield from _line(table, next(lines), columns, widths)


def _line(table: Table, line: Sequence[Entry], columns: Sequence[int], widths: Sequence[int]) -> Iterator["Text"]:
    from rich.text import Text

    for row in range(max(len(line[i]) for i in columns)):
        texts = []
        for i in columns:
            text = line[i][row].copy() if row < len(line[i]) else Text()
            text.align(table.columns[i].align, widths[i])
            texts.append(text)
        joined = Text(" " * GAP).join(texts)
        joined.rstrip()
        joined.no_wrap, joined.overflow = True, "ignore"
        yield joined
