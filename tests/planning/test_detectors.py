from pathlib import Path

import pytest
from tests.planning.plans import plan, units

from fauxbench.harness.errors import SuiteError
from fauxbench.harness.plan import dependents
from fauxbench.harness.stats.classification import DECIDED, METRICS
from fauxbench.harness.stats.lines import THRESHOLDS


def test_detectors_are_trained_on_each_fake_system_and_on_all(tmp_path: Path) -> None:
    planned = plan(tmp_path, "dcgan", {"use": "dcgan", "version": 2}, "environment", detectors=["cnn"])
    trained = {name for name, kind in units(planned).items() if kind == "train"}
    assert trained == {"train cnn on dcgan@1", "train cnn on dcgan@2", "train cnn on all"}
    alarms = {row.system for row in planned.rows if row.section == "false_alarms"}
    assert alarms == {"real", "environment@2"}
    detection = [row for row in planned.rows if row.section == "detection" and row.role == "system"]
    assert {row.metric for row in detection} == set(METRICS)
    at = {which: {r.metric for r in detection if r.slice["threshold"] == which} for which in THRESHOLDS}
    assert at == {"0.5": set(DECIDED), "validation": set(METRICS), "pooled": set(DECIDED)}
    assert all(row.optional == (row.slice.get("level") == "frame") for row in detection)
    chosen = plan(tmp_path, "dcgan", detectors=["cnn"], train_on=["dcgan@1"])
    assert {name for name, kind in units(chosen).items() if kind == "train"} == {"train cnn on dcgan@1"}


def test_a_detector_may_have_training_sets_of_its_own(tmp_path: Path) -> None:
    own = {"use": "spectrum", "train_on": ["all", "gan@1"]}
    planned = plan(tmp_path, "dcgan", "gan", detectors=["cnn", own], train_on=["dcgan@1"])
    trainings = [unit.id for unit in planned.plan.units if unit.kind == "train"]
    assert trainings == ["train cnn on dcgan@1", "train spectrum on all", "train spectrum on gan@1"]
    with pytest.raises(SuiteError, match=r"detectors\.0\.train_on\.0: no fake system 'gna@1'"):
        plan(tmp_path, "dcgan", detectors=[{"use": "cnn", "train_on": ["gna@1"]}])


GENERATORS = ("dcgan", {"use": "dcgan", "version": 2}, {"use": "dcgan", "name": "other", "version": 1})


@pytest.mark.parametrize(
    ("train_on", "labels"),
    [
        (["leave-one-out"], {"all but dcgan": ["other@1"], "all but other": ["dcgan@1", "dcgan@2"]}),
        (
            ["all", "all but other@1"],
            {"all": ["dcgan@1", "dcgan@2", "other@1"], "all but other@1": ["dcgan@1", "dcgan@2"]},
        ),
        (
            ["all", "all but other+dcgan@2"],
            {"all": ["dcgan@1", "dcgan@2", "other@1"], "all but other+dcgan@2": ["dcgan@1"]},
        ),
        (["leave-one-out", "all but other"], {"all but dcgan": ["other@1"], "all but other": ["dcgan@1", "dcgan@2"]}),
    ],
)
def test_named_protocols(train_on: list[str], labels: dict[str, list[str]], tmp_path: Path) -> None:
    planned = plan(tmp_path, *GENERATORS, detectors=["cnn"], train_on=train_on)
    trained = {
        unit.id.removeprefix("train cnn on "): [role.partition("-")[2] for role in unit.inputs if role != "0-real"]
        for unit in planned.plan.units
        if unit.kind == "train"
    }
    assert trained == labels
    for unit in planned.plan.units:
        if unit.kind == "train":  # a system that fails takes no other with it
            fakes = frozenset(unit.inputs) - {"0-real"}
            assert unit.soft == (fakes if len(fakes) > 1 else frozenset())
    tested = {(row.slice["train"], row.system) for row in planned.rows if row.section == "detection"}
    assert tested >= {(label, name) for label in labels for name in ("dcgan@1", "dcgan@2", "other@1")}


def test_a_protocol_that_leaves_nothing_is_refused(tmp_path: Path) -> None:
    for train_on, message in {
        "leave-one-out": "leave-one-out needs two generators",
        "all but dcgan": "'all but dcgan' leaves nothing to train on",
        "all but dcgn": "'all but dcgn' leaves nothing out; did you mean 'dcgan'",
        "all but dcgan+gon": "'all but gon' leaves nothing out",
    }.items():
        with pytest.raises(SuiteError, match=message):
            plan(tmp_path, "dcgan", detectors=["cnn"], train_on=[train_on])


def test_a_broken_system_spoils_neither_thresholds_nor_groups(tmp_path: Path) -> None:
    planned = plan(tmp_path, *GENERATORS, detectors=["cnn"], train_on=["dcgan@1"])
    lost = dependents(planned.plan.units, "generate other@1 seed 0")
    assert "detect other@1 by cnn on dcgan@1" in lost
    assert not lost & {
        "threshold cnn on dcgan@1",
        "evaluate dcgan@2 by cnn on dcgan@1",
        "evaluate groups by cnn on dcgan@1",
    }
    assert "threshold cnn on dcgan@1" in dependents(planned.plan.units, "generate dcgan@1 seed 0")


def test_a_file_of_scores_is_a_detector(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("item,score\n")
    spec = {"scores": "mine.csv", "name": "mine"}
    planned = plan(tmp_path, "dcgan", "environment", detectors=["cnn", spec])
    assert {u.id for u in planned.plan.units if u.kind == "import_scores"} == {
        f"import {name} by mine on elsewhere" for name in ("real", "dcgan@1", "environment@2")
    }
    rows = [row for row in planned.rows if row.slice.get("detector") == "mine"]
    assert {row.detector_unit for row in rows} == {None}
    for wrong, message in (
        ({**spec, "scores": "gone.csv"}, "is no file"),
        ({**spec, "name": "cnn"}, "'cnn' is given twice"),
        ({"scores": "mine.csv"}, "needs a name"),
        ({**spec, "use": "cnn"}, "takes no `use`"),
    ):
        with pytest.raises((SuiteError, ValueError), match=message):
            plan(tmp_path, "dcgan", detectors=["cnn", wrong])
