"""Rounding, in one place: a number is printed to two significant digits of its interval's half width."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .model import Cell, Column, Table

MOST_DECIMALS = 6
"""Numbers that need more are written with an exponent, and so are those from `LARGE` on."""

LARGE = 1e9

SPREAD = 2
"""A column is rounded as one while its cells' own precisions differ by no more than this many digits; at just that
many, the most precise cell gives up one digit, so that the least precise one does not claim two too many."""

DIGITS_ALONE = 4
"""Significant digits of a number without interval."""

DASH = "–"
"""Stands where there is no value."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A cell as text, not yet escaped."""

    value: str
    """Number or text; a dash where there is neither."""
    interval: str = ""
    """`[low, high]` or nothing."""
    number: bool = False
    """Whether `value` is a number, so that a renderer may set its minus sign."""


def shown(table: Table) -> list[list[Shown]]:
    """Return every cell of the table as text."""
    columns = [_column(column, [line.cells[i] for line in table.rows]) for i, column in enumerate(table.columns)]
    return [list(line) for line in zip(*columns, strict=True)]


def _column(column: Column, cells: Sequence[Cell]) -> list[Shown]:
    if column.decimals is not None:
        return [_show(cell, column.decimals, floor=True) for cell in cells]
    own = [_own_decimals(cell) for cell in cells]
    shared = _shared_decimals(cells, own) if column.shared_decimals else None
    return [_show(cell, decimals if shared is None else shared) for cell, decimals in zip(cells, own, strict=True)]


def _shared_decimals(cells: Sequence[Cell], own: Sequence[int | None]) -> int | None:
    """Return the decimals for a whole column, or None where one number of decimals does not suit it."""
    known = [decimals for decimals in own if decimals is not None]
    if known:
        spread = max(known) - min(known)
        return max(known) - (spread == SPREAD) if spread <= SPREAD else None
    sizes = [abs(cell.value) for cell in cells if isinstance(cell.value, float) and math.isfinite(cell.value)]
    largest = max(sizes, default=0.0)
    return _decimals_alone(largest) if largest else None


def _own_decimals(cell: Cell) -> int | None:
    """Return the decimals that the cell's interval supports, or None where it has none."""
    half = cell.half_width
    if cell.interval is not None:
        half = (cell.interval[1] - cell.interval[0]) / 2.0
    if cell.value is None or half is None or not half > 0.0:
        return None
    return max(0, 1 - _exponent(half))


def _exponent(value: float) -> int:
    """Return the decimal exponent of `value` after rounding to two digits, so that 0.0996 counts as 0.10."""
    return int(f"{value:.1e}".partition("e")[2])


def _decimals_alone(value: float) -> int:
    return max(0, DIGITS_ALONE - 1 - math.floor(math.log10(abs(value))))


def _show(cell: Cell, decimals: int | None, *, floor: bool = False) -> Shown:
    if cell.text is not None:
        return Shown(cell.text)
    if cell.value is None:
        return Shown(DASH)
    interval = ""
    if cell.interval is not None:
        low, high = (number(limit, decimals) for limit in cell.interval)
        interval = f"[{low}, {high}]"
    if floor and decimals is not None and 0.0 < cell.value < 0.5 * 10.0**-decimals:
        return Shown(f"<{10.0**-decimals:.{decimals}f}", interval, number=True)
    return Shown(number(cell.value, decimals), interval, number=True)


def number(value: float, decimals: int | None = None) -> str:
    """Return a number as text; without `decimals`, with four significant digits, and integers whole."""
    if isinstance(value, int) or not math.isfinite(value):
        return str(value)
    if decimals is None:
        decimals = _decimals_alone(value) if value else 0
        if decimals <= MOST_DECIMALS and abs(value) < LARGE:
            return _plain(f"{value:.{decimals}f}", trim=True)
    if decimals <= MOST_DECIMALS and abs(value) < LARGE:
        return _plain(f"{value:.{decimals}f}")
    if value == 0.0:
        return "0"
    digits = max(0, min(DIGITS_ALONE, decimals + math.floor(math.log10(abs(value)))))
    mantissa, _, exponent = f"{value:.{digits}e}".partition("e")
    return f"{mantissa}e{int(exponent)}"


def _plain(text: str, *, trim: bool = False) -> str:
    """Drop the sign of a zero, and with `trim` the zeros at the end."""
    if trim and "." in text:
        text = text.rstrip("0").rstrip(".")
    return text.removeprefix("-") if not text.strip("-0.") else text
