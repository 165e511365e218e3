"""Tables as the page of a report shows them: each cell with what sorting needs, each line with its kind."""

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..stats.score import Direction
from ..store.schema import Results
from . import csv_, latex, markdown, words
from .model import Cell, Column, Line, Table, column_groups, joined
from .numbers import Shown, shown

ARROWS = {Direction.LOWER: "↓", Direction.HIGHER: "↑", Direction.NONE: ""}
MEANINGS = {Direction.LOWER: "lower is better", Direction.HIGHER: "higher is better", Direction.NONE: ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class PageCell:
    """A cell, ready to be escaped and set."""

    value: str
    interval: str
    marks: str
    """Of its footnotes, `a,b`."""
    bold: bool
    sort: str
    """What sorting goes by: a number at full precision, or a text; nothing sorts last."""
    align: str
    kind: str
    """Of its column, where columns are systems."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageLine:
    """A line, with the kind of the system that it is about; nothing where it is about none or several."""

    kind: str
    cells: tuple[PageCell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PageColumn:
    """A head."""

    label: str
    arrow: str
    meaning: str
    align: str
    kind: str
    first: str
    """Which way the first click sorts: `up` or `down`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageTable:
    """A table for the template."""

    name: str
    title: str
    caption: str
    groups: tuple[tuple[str, int, str], ...]
    """Heading, width and kind of each group of columns."""
    columns: tuple[PageColumn, ...]
    panels: tuple[tuple[str, tuple[PageLine, ...]], ...]
    notes: tuple[tuple[str, str], ...]
    """Mark and text of footnotes; those of the whole table have no mark."""
    files: tuple[tuple[str, str, str], ...]
    """Label, file name and `data:` address of the table in other formats."""


def page_table(table: Table, kinds: Mapping[str, str]) -> PageTable:
    """Return a table for the template.

    Args:
        table: Any table of `build.tables`.
        kinds: System -> kind.
    """
    marks = table.footnotes()
    of_column = [_column_kind(column, kinds) for column in table.columns]
    texts = iter(shown(table))
    panels = []
    for heading, lines in table.panels():
        made = tuple(_line(line, next(texts), table.columns, of_column, (marks, kinds)) for line in lines)
        panels.append((heading, made))
    return PageTable(
        name=table.name,
        title=table.title,
        caption=table.caption,
        groups=tuple(_groups(table.columns, of_column)),
        columns=tuple(_column(column, kind) for column, kind in zip(table.columns, of_column, strict=True)),
        panels=tuple(panels),
        notes=(*((mark, text) for text, mark in marks.items()), *(("", note) for note in table.notes)),
        files=(
            ("LaTeX", f"{table.name}.tex", data_address(latex.render(table).encode(), "text/x-tex")),
            ("Markdown", f"{table.name}.md", data_address(markdown.render(table).encode(), "text/markdown")),
            ("CSV", f"{table.name}.csv", data_address(csv_.render(table).encode(), "text/csv")),
        ),
    )


def kinds_of(results: Results) -> dict[str, str]:
    """Return the kind of every system, the controls among them."""
    kinds = {row.system: row.kind for row in results.rows if row.role != "group"}
    return kinds | {record.name: record.kind for record in results.systems}


def data_address(content: bytes, media_type: str) -> str:
    """Return content as a `data:` address, which needs no file and no network."""
    return f"data:{media_type};base64,{b64encode(content).decode()}"


def _line(
    line: Line,
    texts: Sequence[Shown],
    columns: Sequence[Column],
    of_column: Sequence[str],
    about: tuple[Mapping[str, str], Mapping[str, str]],
) -> PageLine:
    marks, kinds = about
    cells = tuple(
        PageCell(
            value=_minus(text.value) if text.number else text.value,
            interval=_minus(text.interval),
            marks=joined(cell.footnotes, marks),
            bold=cell.bold,
            sort=_sort(cell),
            align=column.align,
            kind=kind,
        )
        for cell, text, column, kind in zip(line.cells, texts, columns, of_column, strict=True)
    )
    return PageLine(kind="" if any(of_column) else _line_kind(line, kinds), cells=cells)


def _line_kind(line: Line, kinds: Mapping[str, str]) -> str:
    """Return the kind of a line: of the system in its first cell, or of the one that its heading names."""
    first = line.cells[0]
    names = (first.raw, first.text, line.panel, line.panel.rpartition("tested on ")[2])
    for name in names:
        if name is not None and name in kinds:
            return kinds[name]
    said = (first.text or "").removeprefix("all ")
    return next((kind for kind in words.KINDS if said in {kind, words.kind_label(kind)}), "")


def _column_kind(column: Column, kinds: Mapping[str, str]) -> str:
    return kinds.get(column.key) or kinds.get(column.group.rpartition(", trained on ")[0], "")


def _groups(columns: Sequence[Column], of_column: Sequence[str]) -> Iterator[tuple[str, int, str]]:
    """Yield groups, cut where the kind changes, so that a group can go with its columns."""
    place = 0
    for heading, width in column_groups(columns):
        start = place
        for at in range(place, place + width):
            if at + 1 == place + width or of_column[at + 1] != of_column[at]:
                yield heading, at + 1 - start, of_column[at]
                start = at + 1
        place += width


def _column(column: Column, kind: str) -> PageColumn:
    return PageColumn(
        label=column.label,
        arrow=ARROWS[column.direction],
        meaning=MEANINGS[column.direction],
        align=column.align,
        kind=kind,
        first="down" if column.direction is Direction.HIGHER else "up",
    )


def _sort(cell: Cell) -> str:
    if cell.text is None:
        return "" if cell.value is None else repr(float(cell.value))
    number = re.match(r"-?\d+(\.\d+)?(?=[–% ]|$)", cell.text)  # ranks and ranges go by their first number
    return number[0] if number else cell.text.casefold()


def _minus(text: str) -> str:
    return text.replace("-", "\N{MINUS SIGN}")
