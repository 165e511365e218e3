"""The table model: what a table says, before any renderer decides how it looks.

Numbers stay at full precision here; rounding belongs to the renderers (see `numbers.py`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, takewhile
from types import MappingProxyType
from typing import Literal

from ..stats.score import Direction

Align = Literal["left", "right", "center"]

Form = Literal["text", "number", "score"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column: what stands in it, and which way is better."""

    key: str
    """Unique in the table; the column's name in CSV."""
    label: str
    group: str = ""
    """Heading above neighbouring columns that have the same."""
    direction: Direction = Direction.NONE
    align: Align = "right"
    form: Form = "score"
    """What the cells are: texts, bare numbers, or scores, which CSV writes with interval, n, expected n and remarks."""
    shared_decimals: bool = True
    """Whether the column is rounded as one; False where its lines are of different metrics."""
    decimals: int | None = None
    """Fixed decimals, for instance of p values; then what would round to nothing is shown as `<0.001`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One entry: a number with what makes it readable, or a text; with neither, a dash."""

    value: float | int | None = None
    text: str | None = None
    """Instead of a value."""
    raw: str | None = None
    """The text for machines (CSV), where it differs."""
    interval: tuple[float, float] | None = None
    """Low and high."""
    half_width: float | None = None
    """Decides the rounding where there is no interval to print."""
    n: int | None = None
    expected: int | None = None
    bold: bool = False
    """Not distinguishable from the best."""
    footnotes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a table."""

    cells: tuple[Cell, ...]
    """As many as there are columns."""
    panel: str = ""
    """Heading above a group of lines. Within a panel, a column holds one comparability key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table, ready for any renderer."""

    name: str
    """File name and label, for instance `realism`."""
    title: str
    """A few words, for a heading."""
    caption: str
    """What n, interval, level and protocol are, in words."""
    columns: tuple[Column, ...]
    rows: tuple[Line, ...]
    notes: tuple[str, ...] = ()
    """Remarks about the table as a whole, printed below it."""
    provenance: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Run digest, suite, version: so that a table in a paper can be traced."""

    def __post_init__(self) -> None:
        """Check the shape.

        Raises:
            ValueError: A line with another number of cells than columns, no column, or two columns with one key.
        """
        if not self.columns or len({column.key for column in self.columns}) != len(self.columns):
            raise ValueError(f"table {self.name}: columns need keys of their own")
        for number, line in enumerate(self.rows):
            if len(line.cells) != len(self.columns):
                raise ValueError(
                    f"table {self.name}, line {number}: {len(line.cells)} cells for {len(self.columns)} columns"
                )

    def footnotes(self) -> dict[str, str]:
        """Return each footnote's text with its mark, in reading order: a to z, then aa, ab, ..."""
        marks: dict[str, str] = {}
        for line in self.rows:
            for cell in line.cells:
                for note in cell.footnotes:
                    marks.setdefault(note, mark(len(marks)))
        return marks

    def panels(self) -> Iterator[tuple[str, tuple[Line, ...]]]:
        """Yield each panel's heading and its lines: neighbours with the same heading."""
        for heading, lines in groupby(self.rows, lambda line: line.panel):
            yield heading, tuple(lines)


def joined(footnotes: Sequence[str], marks: Mapping[str, str]) -> str:
    """Return the marks of a cell's footnotes, in order: `a,b`."""
    return ",".join(sorted((marks[note] for note in footnotes), key=lambda mark: (len(mark), mark)))


def naming(columns: Sequence[Column]) -> int:
    """Return how many columns say what a line is of: the first one, and the texts beside it."""
    texts = takewhile(lambda column: column.form == "text" and column.align != "center", columns)
    return max(1, min(len(list(texts)), len(columns) - 1))


def groups_to_name(columns: Sequence[Column]) -> list[str]:
    """Return each column's group where only that tells it from another column of the same label; else nothing."""
    groups: dict[str, set[str]] = {}
    for column in columns:
        groups.setdefault(column.label, set()).add(column.group)
    return [column.group if len(groups[column.label]) > 1 else "" for column in columns]


def column_groups(columns: Sequence[Column]) -> list[tuple[str, int]]:
    """Return each column group's heading and its number of columns; nothing where no column has one."""
    groups = [(heading, len(list(members))) for heading, members in groupby(columns, lambda column: column.group)]
    return groups if any(heading for heading, _ in groups) else []


def mark(number: int) -> str:
    """Return the footnote mark of the given number, from 0: a, b, ..., z, aa, ab, ..."""
    letters = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("a") + rest) + letters
    return letters
