import json
from pathlib import Path

import pytest

import fauxbench
from fauxbench.harness.compare import compare
from fauxbench.harness.errors import SuiteError
from fauxbench.harness.report.page import report_page
from fauxbench.harness.run import plan
from fauxbench.harness.scores import rescore
from fauxbench.harness.suite import Suite

TASK = {"label": "glasses", "above": 0.5, "real": 0.5, "ratios": [1], "curve": [0.5, 1], "size": 16, "steps": 4}


def suite_of(*systems: object, **more: object) -> Suite:
    data = {"dataset": "studio", "people": 30, "per_person": 3, "size": 32}
    document = {
        "suite": "useful",
        "data": {**data, "splits": {"train": 0.5, "validation": 0.2, "test": 0.3}},
        "generators": list(systems),
        "metrics": ["fd"],
        "instruments": ["spectrum"],
        "utility": TASK,
        **more,
    }
    return Suite.model_validate(document)


def test_a_run_says_what_synthetic_pictures_are_good_for(good_system: str, tmp_path: Path) -> None:
    dcgan = {"use": "dcgan", "parameters": {"steps": 2, "width": 4}, "refit": True}
    detector = {"use": "cnn", "parameters": {"steps": 2, "size": 16, "width": 4, "blocks": 1, "batch": 4}}
    suite = suite_of(good_system, dcgan, "environment", detectors=[detector], train_on=["all", "all but dcgan"])
    ran = fauxbench.run(suite, runs=tmp_path / "runs", workers=2)
    rows = [row for row in ran.results.rows if row.section == "utility"]
    by = {(row.system, row.metric, row.slice.get("learned")): row for row in rows}
    alone = [row for row in rows if row.role == "control"]
    assert [(row.slice["learned"], row.n_real) for row in alone] == [("real 50 %", 24), ("real 100 %", 45)]
    both = "real 50 % + 1x synthetic"
    for system in ("good@1", "dcgan@1", "environment@2"):
        score, gain, worth = (by[system, one, both] for one in ("balanced_accuracy", "gain", "worth"))
        assert score.value is not None, score.reason
        assert len(score.seeds) == 3
        assert gain.value == pytest.approx(score.value - alone[0].value)
        assert gain.p is not None or gain.flags
        assert (worth.value is None) == (worth.reason is not None)
        assert by[system, "balanced_accuracy", "synthetic alone"].value is not None
    assert by["environment@2", "gain", both].protocol["labels"] == "target"
    assert by["good@1", "gain", both].protocol["labels"] == "labeller"
    (of_detector,) = (row for row in rows if row.metric == "auc_gain")
    assert (of_detector.system, of_detector.slice["detector"]) == ("dcgan@1", "cnn")
    assert of_detector.value is not None
    for suffix in (".tex", ".md", ".csv", ".html"):
        assert (ran.folder / "tables" / f"utility{suffix}").is_file()
        assert (ran.folder / "tables" / f"utility-detectors{suffix}").is_file()
    assert "Use as training data" in report_page(ran.folder)
    audited = [row for row in ran.results.rows if row.section == "shortcuts" and not row.metric.startswith("overlap")]
    again = rescore(ran.folder)
    assert not again.findings
    assert again.rows > len(audited) > 0
    place = ran.folder / "shortcuts" / "cnn on all - good@1.jsonl"
    lines = [json.loads(line) for line in place.read_text().splitlines()]
    turned = [{**line, "fake": 0.0} for line in lines]
    place.write_text("".join(json.dumps(line) + "\n" for line in turned))
    findings = [one.place for one in rescore(ran.folder).findings]
    assert {"auc_after", "auc_change"} <= {r.metric for r in audited if any(f.startswith(r.id) for f in findings)}
    found = compare(f"{ran.folder}:good@1", "dcgan@1")
    told = [row for row in found.rows if row.section == "utility"]
    assert {row.metric for row in told} == {"balanced_accuracy"}
    assert {row.about for row in told} == {"recipe"}


@pytest.mark.slow
def test_a_label_that_nobody_has_is_a_reason_and_not_the_end(good_system: str, tmp_path: Path) -> None:
    suite = suite_of(good_system, utility={**TASK, "label": "glases"})
    ran = fauxbench.run(suite, runs=tmp_path / "runs", workers=2)
    reasons = {row.reason for row in ran.results.rows if row.section == "utility"}
    assert all("has 'glases'; items have: folder, identity" in str(reason) for reason in reasons)
    assert any(row.value is not None for row in ran.results.rows)


@pytest.mark.slow
def test_who_an_unconditional_system_shows_is_known_to_nobody(good_system: str, tmp_path: Path) -> None:
    suite = suite_of(good_system, utility={**TASK, "label": "identity", "above": None})
    ran = fauxbench.run(suite, runs=tmp_path / "runs", workers=2)
    rows = {row.metric: row for row in ran.results.rows if row.section == "utility" and row.system == "good@1"}
    assert "nobody knows the identity of its pictures" in str(rows["gain"].reason)
    control = next(row for row in ran.results.rows if row.section == "utility" and row.role == "control")
    assert any("held-out pictures of the train split" in flag for flag in control.flags)


@pytest.mark.parametrize(
    ("utility", "words"),
    [
        ({"label": "smile", "curve": [0.25], "real": 0.25}, "two shares"),
        ({"label": "smile", "ratios": [1, 1]}, "one is given twice"),
        ({"label": "smile", "real": 2}, "less than or equal to 1"),
        ({"label": ""}, "at least 1 character"),
    ],
)
def test_a_task_that_cannot_be_is_refused(utility: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        suite_of("environment", utility=utility)


def test_only_pictures_are_learnt_from(tmp_path: Path) -> None:
    data = {"dataset": "studio", "people": 6, "sounds": 1, "seconds": 2}
    with pytest.raises(SuiteError, match="its classifier reads pictures"):
        plan(suite_of("tts", data=data, metrics=["fd"], instruments=["sound-spectrum"]), tmp_path / "store")
