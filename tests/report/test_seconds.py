"""Scores against seconds seen."""

from typing import Any

import pytest

from fauxbench.harness.report import render
from fauxbench.harness.report.seconds import seconds_table, seen_of
from fauxbench.harness.store.schema import Results, SuiteRecord

CUT = [{"name": "length", "severity": 5, "parameters": {}}]
LONG = {"render": {"seconds": 300.0, "height": 240}, "people": 1}


@pytest.mark.parametrize(
    ("condition", "seen"),
    [
        (CUT, (15.0, "first seconds")),
        ([{"name": "length", "severity": 3, "parameters": {"seconds": 5}}], (5.0, "first seconds")),
        (LONG, (300.0, "rendered anew, 240p")),
        ({"render": {"height": 720}, "people": 2}, None),
        ([*CUT, {"name": "jpeg", "severity": 3, "parameters": {}}], None),
        ([], None),
        ([CUT, CUT], None),
        ([CUT], None),
        ("none", None),
        (None, None),
    ],
)
def test_only_what_was_cut_and_nothing_else_counts(condition: Any, seen: tuple[float, str] | None) -> None:
    assert seen_of(condition) == seen


def results(sample: Any, *conditions: Any, seconds: float | None = 60.0) -> Results:
    def under(metric: str, value: float, half: float | None, condition: Any, **more: Any) -> Any:
        parts = {"condition": "c", "statistic": "value", "place": str(condition), **more}
        protocol = {"metric": metric, "condition": condition}
        return sample.row("dcgan@1", metric, value, half, section="robustness", slice=parts, protocol=protocol)

    judge = {"detector": "rnn", "train": "dcgan@1"}
    rows = [
        sample.row("dcgan@1", "motion", 1.5, 0.1),
        sample.row("dcgan@1", "flicker", 9.0, 0.1),
        sample.row("dcgan@1", "auc", 0.97, 0.01, section="detection", slice=judge),
    ]
    for place, condition in enumerate(conditions):
        half = None if condition == LONG else 0.1
        rows += [
            under("motion", 2.0 + place, half, condition),
            under("auc", 0.6 + place / 10, half, condition, **judge),
        ]
    suite = SuiteRecord(name="s", version="1", digest="d")
    reference = {"dataset": "studio"} | ({"seconds": seconds} if seconds else {})
    return Results(
        suite=suite, reference=reference, numeric_class="cpu", systems=(sample.system("dcgan@1"),), rows=rows
    )


def test_lengths_stand_in_order_with_the_whole_clips_between_them(sample: Any) -> None:
    jpeg = [*CUT, {"name": "jpeg", "severity": 3, "parameters": {}}]
    table = seconds_table(results(sample, LONG, CUT, jpeg), {})
    assert table is not None
    assert [column.key for column in table.columns] == ["seconds", "clips", "n", "motion", "auc rnn dcgan@1"]
    told = [[cell.value if cell.text is None else cell.text for cell in line.cells] for line in table.rows]
    assert [line[:2] for line in told] == [[15, "first seconds"], [60, "as they are"], [300, "rendered anew, 240p"]]
    assert [line[3:] for line in told] == [[3.0, 0.7], [1.5, 0.97], [2.0, 0.6]]
    assert table.rows[2].cells[4].interval is None
    assert "300" in render(table, "markdown")


def test_one_length_is_no_table(sample: Any) -> None:
    assert seconds_table(results(sample), {}) is None
    assert seconds_table(results(sample, CUT, seconds=None), {}) is None
