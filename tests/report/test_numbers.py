import pytest
from hypothesis import given
from hypothesis import strategies as st

from fauxbench.harness.report.model import Cell, Column, Line, Table
from fauxbench.harness.report.numbers import number, shown


def column(*cells, **given):
    table = Table(
        name="t",
        title="",
        caption="",
        columns=(Column(key="a", label="a", **given),),
        rows=tuple(Line(cells=(cell,)) for cell in cells),
    )
    return [line[0] for line in shown(table)]


def about(value, half):
    return Cell(value=value, interval=(value - half, value + half))


@pytest.mark.parametrize(
    ("value", "half", "text", "interval"),
    [
        (1.23456, 0.21, "1.23", "[1.02, 1.44]"),
        (1.23456, 0.0996, "1.23", "[1.13, 1.33]"),
        (1.23456, 0.0994, "1.235", "[1.135, 1.334]"),
        (123.456, 35.0, "123", "[88, 158]"),
        (123456.7, 3500.0, "123457", "[119957, 126957]"),
        (-0.001, 0.2, "0.00", "[-0.20, 0.20]"),
        (1.2341e-8, 2e-10, "1.234e-8", "[1.214e-8, 1.254e-8]"),
        (5.0, 0.0, "5.000", "[5.000, 5.000]"),
    ],
)
def test_two_digits_of_the_half_width(value, half, text, interval):
    (cell,) = column(about(value, half))
    assert (cell.value, cell.interval) == (text, interval)


def test_a_column_has_one_number_of_decimals():
    assert [cell.value for cell in column(about(1.0, 0.02), about(2.0, 0.2), Cell(value=3.0))] == [
        "1.000",
        "2.000",
        "3.000",
    ]
    assert [cell.value for cell in column(about(1.0, 0.002), about(2.0, 0.2))] == ["1.000", "2.000"]
    assert [cell.value for cell in column(about(1.0, 0.0002), about(2.0, 0.2))] == ["1.00000", "2.00"]
    assert [cell.value for cell in column(about(1.0, 0.02), about(2.0, 0.2), shared_decimals=False)] == [
        "1.000",
        "2.00",
    ]


def test_without_intervals_the_largest_decides():
    assert [cell.value for cell in column(Cell(value=0.5), Cell(value=0.91234))] == ["0.5000", "0.9123"]
    assert [cell.value for cell in column(Cell(value=5), Cell(value=12))] == ["5", "12"]


def test_fixed_decimals_never_round_to_nothing():
    assert [
        cell.value for cell in column(*(Cell(value=p) for p in (0.0, 2e-6, 0.0004, 0.0006, 0.5, 1.0)), decimals=3)
    ] == [
        "0.000",
        "<0.001",
        "<0.001",
        "0.001",
        "0.500",
        "1.000",
    ]


def test_a_dash_stands_for_nothing_and_text_for_itself():
    nothing, text = column(Cell(), Cell(text="180–194"))
    assert (nothing.value, nothing.number, text.value, text.number) == ("–", False, "180–194", False)


@given(st.floats(-1e300, 1e300), st.none() | st.integers(0, 12))
def test_what_is_shown_is_near_the_value(value, decimals):
    error = abs(float(number(value, decimals)) - value)
    assert error <= (1e-3 * abs(value) if decimals is None else 0.5001 * 10.0**-decimals + 1e-3 * abs(value))
