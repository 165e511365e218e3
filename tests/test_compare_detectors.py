import json

import numpy as np
import pytest

import fauxbench
from fauxbench.harness.compare import compare
from fauxbench.harness.errors import InputError
from fauxbench.harness.report.build import tables
from fauxbench.harness.run import RunResult
from fauxbench.harness.scores import rescore
from fauxbench.harness.stats.auc import area_difference
from fauxbench.harness.store.schema import read_results
from fauxbench.harness.suite import DetectorSpec, Suite

SMALL = {"steps": 3, "size": 16, "width": 4, "blocks": 1, "batch": 4}


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    root = tmp_path_factory.mktemp("detectors")
    document = {
        "suite": "two",
        "data": {"dataset": "studio", "people": 24, "per_person": 2, "size": 32},
        "generators": [{"use": "dcgan", "parameters": {"steps": 2, "width": 4}, "refit": True}],
        "metrics": ["fd"],
        "instruments": ["spectrum"],
        "detectors": [
            {"use": "spectrum", "parameters": {"size": 16}},
            {"use": "cnn", "parameters": SMALL, "seeds": [0, 1, 2]},
        ],
    }
    return fauxbench.run(Suite.model_validate(document), runs=root / "runs", store=root / "store", workers=2)


def test_detectors_are_compared_item_by_item(ran: RunResult) -> None:
    found = compare(f"{ran.folder}:cnn.seed0", "spectrum")
    (area,) = (row for row in found.rows if row.metric == "auc")
    stored = {row.slice["detector"]: row.value for row in ran.results.rows if row.metric == "auc" and row.section == "detection" and row.role == "system" and "level" not in row.slice}  # fmt: skip # noqa: E501
    assert (area.a, area.b) == (pytest.approx(stored["cnn.seed0"]), pytest.approx(stored["spectrum"]))
    assert (area.about, area.method) == ("checkpoint", "clustered DeLong")
    lines = {}
    for name in ("cnn.seed0", "spectrum"):
        texts = [
            (ran.folder / "scores" / f"{name} on dcgan@1 - {part}.jsonl").read_text() for part in ("real", "dcgan@1")
        ]
        lines[name] = [one for text in texts for one in map(json.loads, text.splitlines()) if one["split"] == "test"]
    scores = [np.array([one["fake"] for one in lines[name]]) for name in ("cnn.seed0", "spectrum")]
    truth = [one["visual_fake"] for one in lines["spectrum"]]
    again = area_difference(*scores, truth, [one["cluster"] for one in lines["spectrum"]])
    assert area.difference == pytest.approx(again.value)
    assert area.p == pytest.approx(again.p)
    assert any("better is what catches more" in note for note in found.notes)
    assert {row.metric for row in compare(f"{ran.folder}:cnn.seed0", "spectrum", every=True).rows} >= {"auc", "f1"}


def test_trainings_are_a_component_of_their_own(ran: RunResult) -> None:
    rows = {row.metric: row for row in ran.results.rows if row.section == "seeds"}
    assert [one.seed for one in rows["auc"].seeds] == [0, 1, 2]
    single = [row for row in ran.results.rows if row.section == "detection" and row.metric == "auc" and row.role == "system" and "level" not in row.slice]  # fmt: skip # noqa: E501
    by = {row.slice["detector"]: row.value for row in single}
    assert rows["auc"].value == pytest.approx(np.mean([by[f"cnn.seed{n}"] for n in range(3)]))
    assert rows["auc"].interval is not None
    assert "3 training seeds" in rows["auc"].interval.method
    table = tables(read_results(ran.folder))["detection-seeds"]
    assert [column.key for column in table.columns] == ["system", "auc", "auc_sd", "accuracy", "accuracy_sd"]
    assert "mean of 3 training seeds" in table.caption
    assert not rescore(ran.folder).findings
    with pytest.raises(InputError, match="one system of one run"):
        compare(f"{ran.folder}:cnn", "cnn")
    found = compare(f"{ran.folder}:cnn", "spectrum")
    assert {(row.about, row.seeds) for row in found.rows} == {("checkpoint", (3, 1))}  # one was trained once


def test_a_detector_that_is_not_there_is_said(ran: RunResult) -> None:
    with pytest.raises(InputError, match="no detector 'spectrun'; did you mean 'spectrum'"):
        compare(f"{ran.folder}:cnn.seed0", "spectrun")


@pytest.mark.parametrize(
    "given",
    [
        {"use": "cnn", "seed": 1, "seeds": [1, 2]},
        {"use": "cnn", "seeds": [1, 1]},
        {"scores": "a.csv", "name": "a", "seeds": [1]},
    ],
)
def test_seeds_that_cannot_be_are_refused(given: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="seeds"):
        DetectorSpec.model_validate(given)
