"""The same table on a terminal, by rich."""

from typing import TYPE_CHECKING

from ..stats.score import Direction
from .model import Table
from .numbers import shown

if TYPE_CHECKING:
    from rich.table import Table as RichTable

_ARROW = {Direction.LOWER: " ↓", Direction.HIGHER: " ↑", Direction.NONE: ""}


def rich_table(table: Table) -> "RichTable":
    """Return the table for `rich.console.Console.print`; footnotes and notes stand below it."""
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    marks = table.footnotes()
    notes = [f"{mark}  {text}" for text, mark in marks.items()] + list(table.notes)
    result = RichTable(
        title=Text(table.title, style="bold"),
        caption=Text("\n".join(notes)) if notes else None,
        caption_justify="left",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    for column in table.columns:
        result.add_column(Text(f"{column.label}{_ARROW[column.direction]}"), justify=column.align)
    texts = iter(shown(table))
    for heading, lines in table.panels():
        if heading:
            result.add_row(Text(heading, style="italic"))
        for number, line in enumerate(lines, 1):
            cells = []
            for text, cell in zip(next(texts), line.cells, strict=True):
                entry = Text(text.value, style="bold" if cell.bold else "")
                if cell.footnotes:
                    entry.append(f" {','.join(sorted(marks[note] for note in cell.footnotes))}", style="dim")
                if text.interval:
                    # Without a space inside, a narrow terminal breaks before the interval and not within it.
                    entry.append(f" {text.interval.replace(', ', ',')}", style="dim")
                cells.append(entry)
            result.add_row(*cells, end_section=number == len(lines))
    return result
