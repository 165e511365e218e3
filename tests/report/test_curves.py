"""Curves of what is left under conditions."""

from typing import Any

from fauxbench.harness.report.curves import WHOLE, curves_of, draw, figures
from fauxbench.harness.store.schema import Results, SuiteRecord


def results(sample: Any) -> Results:
    rows = [sample.row("dcgan@1", "motion", 3.0, 0.2), sample.row("dcgan@2", "motion", 4.0)]
    for name, value in (("dcgan@1", 2.0), ("dcgan@2", 3.0)):
        for severity in (1, 3, 5):
            parts = {"condition": "blur", "severity": str(severity), "statistic": "value"}
            rows.append(sample.row(name, "motion", value / severity, 0.1, section="robustness", slice=parts))
            kept = {"detector": "cnn", "train": name, **parts, "statistic": "retention"}
            rows.append(sample.row(name, "auc", 1 / severity, 0.2, section="robustness", slice=kept))
    alone = {"condition": "webp", "severity": "3", "statistic": "value"}
    rows.append(sample.row("dcgan@1", "motion", 1.0, section="robustness", slice=alone))
    suite = SuiteRecord(name="s", version="1", digest="d")
    return Results(suite=suite, reference={}, numeric_class="cpu", systems=(sample.system("dcgan@1"),), rows=rows)


def test_curves_begin_at_the_clean_value_where_it_is_known(sample: Any) -> None:
    found = results(sample)
    rows = [row for row in found.rows if row.section == "robustness" and row.metric == "motion"]
    bare = curves_of(rows, lambda row: row.system)
    assert list(bare) == ["blur"]  # a single severity is no curve
    assert [point.severity for point in bare["blur"]["dcgan@1"]] == [1, 3, 5]
    clean = {"dcgan@1": bare["blur"]["dcgan@1"][0]._replace(severity=0, value=3.0)}
    begun = curves_of(rows, lambda row: row.system, clean)["blur"]
    assert [point.severity for point in begun["dcgan@1"]] == [0, 1, 3, 5]
    assert [point.severity for point in begun["dcgan@2"]] == [1, 3, 5]


def test_every_figure_is_drawn_and_names_what_is_clean_and_what_chance_is(sample: Any) -> None:
    found = results(sample)
    names = [name for name, _ in figures(found)]
    assert names == [
        *(f"retention-{system}.{form}" for system in ("dcgan@1", "dcgan@2") for form in ("png", "pdf")),
        *(f"curve-motion.{form}" for form in ("png", "pdf")),
    ]
    kept = [row for row in found.rows if row.slice.get("statistic") == "retention" and row.system == "dcgan@1"]
    curves = curves_of(kept, lambda row: row.system)
    panel = draw("t", "l", curves, WHOLE).axes[0]
    low, high = panel.get_ylim()
    assert low <= 0 < 1 <= high
    assert [text.get_text() for text in panel.get_xticklabels()] == ["1", "3", "5"]
