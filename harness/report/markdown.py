"""Markdown as GitHub reads it: aligned pipes, so that the source is a table too."""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence

from ..stats.score import Direction
from .model import Align, Column, Table, groups_to_name, joined
from .numbers import Shown, shown

_ARROW = {Direction.LOWER: " ↓", Direction.HIGHER: " ↑", Direction.NONE: ""}


def escape(text: str) -> str:
    """Return `text` so that Markdown and its HTML show it as it is, on one line."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    plain = re.sub(r"([\\`*_\[\]|~#$])", r"\\\1", plain)
    return plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").strip()


def render(table: Table) -> str:
    """Return the table in Markdown, with its title as heading and its caption below that."""
    return "\n".join(_lines(table)) + "\n"


def _lines(table: Table) -> Iterator[str]:
    yield f"### {escape(table.title)}"
    yield ""
    yield escape(table.caption)
    yield ""
    heads = list(map(_header, table.columns, groups_to_name(table.columns)))
    yield from _grid([column.align for column in table.columns], [heads, *_body(table)])
    notes = [f"<sup>{mark}</sup> {escape(text)}" for text, mark in table.footnotes().items()]
    notes += [escape(note) for note in table.notes]
    for note in notes:
        yield ""
        yield note
    if table.provenance:
        yield ""
        yield f"<sub>{'; '.join(f'{escape(name)}: {escape(value)}' for name, value in table.provenance.items())}</sub>"


def _header(column: Column, group: str) -> str:
    return f"{escape(', '.join(filter(None, (column.label, group))))}{_ARROW[column.direction]}"


def _body(table: Table) -> Iterator[list[str]]:
    marks = table.footnotes()
    cells = iter(shown(table))
    for heading, lines in table.panels():
        if heading:
            yield [f"*{escape(heading)}*", *[""] * (len(table.columns) - 1)]
        for line in lines:
            yield [
                _cell(text, cell.bold, cell.footnotes, marks)
                for text, cell in zip(next(cells), line.cells, strict=True)
            ]


def _cell(text: Shown, bold: bool, footnotes: tuple[str, ...], marks: Mapping[str, str]) -> str:
    value = escape(text.value)
    if bold and value:
        value = f"**{value}**"
    if footnotes:
        value += f"<sup>{joined(footnotes, marks)}</sup>"
    return f"{value} {escape(text.interval)}" if text.interval else value


def _grid(aligns: Sequence[Align], lines: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(3, *(_width(line[i]) for line in lines)) for i in range(len(aligns))]
    yield _line(aligns, widths, lines[0])
    rules = {"left": ":{}-", "right": "-{}:", "center": ":{}:"}
    yield f"| {' | '.join(rules[a].format('-' * (w - 2)) for a, w in zip(aligns, widths, strict=True))} |"
    for line in lines[1:]:
        yield _line(aligns, widths, line)


def _line(aligns: Sequence[Align], widths: Sequence[int], texts: Sequence[str]) -> str:
    padded = [_pad(*cell) for cell in zip(aligns, widths, texts, strict=True)]
    return f"| {' | '.join(padded)} |"


def _pad(align: Align, width: int, text: str) -> str:
    space = width - _width(text)
    before = {"left": 0, "right": space, "center": space // 2}[align]
    return " " * before + text + " " * (space - before)


def _width(text: str) -> int:
    """Return how many columns of a terminal the text takes: East Asian letters take two, combining marks none."""
    return sum(
        0 if unicodedata.combining(letter) else 1 + (unicodedata.east_asian_width(letter) in "WF") for letter in text
    )
