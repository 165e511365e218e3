"""A suite with conditions, from the sets to tables and figures."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fauxbench.harness.datasets.fixture import write_fixture
from fauxbench.harness.errors import SuiteError
from fauxbench.harness.media.mediaset import MediaSet
from fauxbench.harness.report import render, tables
from fauxbench.harness.run import plan, run
from fauxbench.harness.store.schema import Results, Row
from fauxbench.harness.suite import Suite

CARD = """
name = "sharpness"
version = "1"
title = "Calls what is sharp fake"
modality = "image"
target = "visual"
fits = false
"""
MODEL = """
import numpy as np
from fauxbench import Detector, ScoreRecord, read_image

class Sharpness(Detector):
    def score(self, items, context):
        for item in items:
            grain = np.abs(np.diff(read_image(item.location).astype(float), axis=0)).mean()
            yield ScoreRecord(item=item.id, fake=float(1 / (1 + np.exp(-(grain - 8.0) / 2.0))))
"""
SPLITS = {"train": 0.2, "validation": 0.2, "test": 0.6}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> tuple[Results, Path]:
    root = tmp_path_factory.mktemp("robustness")
    rng = np.random.default_rng(0)
    for side, grain in (("real", 3.0), ("made", 9.0)):
        for person in range(20):
            folder = root / side / f"p{person:02d}"
            folder.mkdir(parents=True)
            for place in range(2):
                pixels = np.clip(120 + rng.normal(0, grain * rng.uniform(0.6, 1.4), (40, 40, 3)), 0, 255)
                Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{place}.png")
    (root / "sharpness.toml").write_text(CARD, encoding="utf-8")
    (root / "sharpness.py").write_text(MODEL, encoding="utf-8")
    made = {"use": "folder", "name": "made", "version": "1", "kind": "fully_synthetic", "path": root / "made"}
    suite = Suite.model_validate(
        {
            "suite": "robust",
            "data": {"dataset": "folder", "path": root / "real", "splits": SPLITS},
            "generators": [{**made, "splits": SPLITS}],
            "metrics": ["fd"],
            "instruments": ["spectrum"],
            "detectors": [{"use": f"{root}/sharpness.py:Sharpness"}],
            "conditions": [
                {"use": "blur", "severity": [1, 5]},
                {"use": "height", "severity": 5},
                {"chain": ["jpeg", {"use": "text", "severity": 1}], "name": "post"},
            ],
        }
    )
    done = run(suite, runs=root / "runs", store=root / "store", workers=1)
    return done.results, done.folder


def row_of(found: Results, metric: str, **wanted: str) -> Row:
    rows = [row for row in found.rows if row.section == "robustness" and row.metric == metric]
    return next(row for row in rows if all(row.slice.get(name) == value for name, value in wanted.items()))


def test_blur_takes_from_a_detector_of_sharpness_what_it_lives_on(results) -> None:
    found, _ = results
    mild = row_of(found, "auc", condition="blur", severity="1", statistic="retention")
    hard = row_of(found, "balanced_accuracy", condition="blur", severity="5", statistic="retention")
    assert mild.value > 0.9
    assert hard.value < 0.2
    assert hard.interval.cluster == "cluster"
    assert row_of(found, "balanced_accuracy", condition="blur", statistic="worst").value == hard.value
    area = row_of(found, "balanced_accuracy", condition="blur", statistic="area").value
    first = row_of(found, "balanced_accuracy", condition="blur", severity="1", statistic="retention").value
    assert area == pytest.approx((1 + 2 * first + hard.value) / 4)
    assert row_of(found, "score_fake", condition="blur", severity="5", statistic="change").value < -0.3


def test_a_metric_under_a_condition_stands_beside_its_difference_to_the_clean_one(results) -> None:
    found, _ = results
    clean = next(row for row in found.rows if (row.section, row.metric) == ("realism", "fd[spectrum]"))
    value = row_of(found, "fd[spectrum]", condition="blur", severity="5", statistic="value")
    change = row_of(found, "fd[spectrum]", condition="blur", severity="5", statistic="change")
    made = next(
        row for row in found.rows if row.section == "realism" and row.system == "made@1" and row.metric == clean.metric
    )
    assert change.value == pytest.approx(value.value - made.value)
    assert change.interval.low < change.value < change.interval.high
    assert value.comparability != made.comparability


def test_an_empty_cell_is_empty_and_says_why(results) -> None:
    found, folder = results
    for metric, statistic in (("auc", "retention"), ("fd[spectrum]", "value")):
        row = row_of(found, metric, condition="height", statistic=statistic)
        assert row.reason == "empty: height: 40 x 40 pixels are not up-scaled to 240p"
        assert (row.value, row.n) == (None, 0)
    failures = [json.loads(line) for line in (folder / "failures.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {one["kind"] for one in failures} == {"empty"}


def test_two_sets_with_the_same_item_ids_are_kept_apart(results) -> None:
    _, folder = results
    told: dict[str, dict[str, float]] = {}
    for path in (folder / "scores").glob("*.jsonl"):
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        told["made" if "made@1" in path.stem.rpartition(" - ")[2] else "real"] = {d["item"]: d["fake"] for d in lines}
        assert len({line["item"] for line in lines}) == len(lines)
    shared = set(told["real"]) & set(told["made"])
    assert len(shared) >= 20
    assert np.mean([told["made"][one] - told["real"][one] for one in shared]) > 0.3


def test_every_item_keeps_what_was_done_to_it(results) -> None:
    _, folder = results
    sets = [MediaSet.open(path.parent) for path in (folder.parent.parent / "store").rglob("set/card.json")]
    changed = [media for media in sets if "chain" in media.card.facts]
    items = [item for media in changed for item in media]
    post = [item for item in items if len(item.facts["conditions"]) == 2]
    assert [step["name"] for step in post[0].facts["conditions"]] == ["jpeg", "text"]
    assert len({item.facts["conditions"][0]["parameters"]["quality"] for item in post}) > 1
    bases = {media.digest for media in sets if "chain" not in media.card.facts}
    assert {media.card.facts["base"] for media in changed} <= bases


def test_tables_and_figures_are_written(results) -> None:
    found, folder = results
    made = tables(found)
    assert {"robustness", "retention-auc", "retention-balanced-accuracy", "survives"} <= set(made)
    text = render(made["survives"], "markdown")
    assert "empty at 5" in text
    cells = [line.cells[1].text for line in made["survives"].rows]
    assert cells[0] in {"1; ? at 5", "1, 5", "1; lost at 5"}  # blur
    assert cells[2] == "yes"
    for name in made:
        for form in ("latex", "html", "csv"):
            assert render(made[name], form)
    png = (folder / "figures" / "retention-made@1.png").read_bytes()
    assert png.startswith(b"\x89PNG")
    assert (folder / "figures" / "retention-made@1.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize("size", ["default", "tiny", "full"])
def test_the_robustness_suite_can_be_planned(size: str, tmp_path: Path) -> None:
    planned = plan("robustness", tmp_path, size=size)
    assert {unit.kind for unit in planned.plan.units} >= {"render", "generate", "condition", "retain", "shift"}
    with pytest.raises(SuiteError, match="leave --data out"):
        plan("robustness", tmp_path, data=tmp_path)


@pytest.mark.parametrize(("name", "dataset"), [("ffpp", "faceforensics"), ("celebdf", "celebdf-v2"), ("dfdc", "dfdc")])
def test_suites_of_published_data_are_planned_on_their_fixtures(name: str, dataset: str, tmp_path: Path) -> None:
    write_fixture(dataset, tmp_path / "copy")
    planned = plan(name, tmp_path / "store", size="tiny", data=tmp_path / "copy")
    rows = [row for row in planned.rows if row.section == "robustness"]
    assert {row.slice["condition"] for row in rows} == {"h264", "height"}
    with pytest.raises(SuiteError, match=r"expected a folder at .*nothing there"):
        plan(name, tmp_path / "store", data=tmp_path / "gone")


@pytest.mark.slow
@pytest.mark.parametrize(("name", "dataset"), [("ffpp", "faceforensics"), ("celebdf", "celebdf-v2"), ("dfdc", "dfdc")])
def test_suites_of_published_data_run_on_their_fixtures(name: str, dataset: str, tmp_path: Path) -> None:
    write_fixture(dataset, tmp_path / "copy")
    done = run(name, runs=tmp_path / "runs", store=tmp_path / "store", workers=1, size="tiny", data=tmp_path / "copy")
    found = done.results
    assert json.loads((done.folder / "run.json").read_text(encoding="utf-8"))["status"] == "complete"
    records = [json.loads(line) for line in (done.folder / "records.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [one for one in records if one["status"] != "ok"] == []
    assert found.systems
    assert {system.status for system in found.systems} == {"ok"}
    bare = {row.system for row in found.rows if row.reason == "only real items in the test set"}
    assert bare <= {"deepfakedetection@faceforensics"}  # the fixture has none of them in the test split
    tested = [system for system in found.systems if system.name not in bare]
    assert tested
    for system in tested:
        clean = [row for row in found.rows if row.section == "detection" and row.metric == "auc"]
        assert any(row.system == system.name and row.value is not None for row in clean)
        mine = [row for row in found.rows if row.section == "robustness" and row.system == system.name]
        coded = [row for row in mine if row.slice["condition"] == "h264" and row.slice["statistic"] == "value"]
        assert {row.metric for row in coded} >= {"auc", "balanced_accuracy", "motion"}
        assert all(row.value is not None for row in coded), [row.reason for row in coded]
        small = [row for row in mine if row.slice["condition"] == "height"]
        assert small
        assert {row.reason for row in small} == {"empty: 64 x 64 pixels are not up-scaled to 240p"}
    assert {"robustness", "retention-auc", "survives"} <= set(tables(found))
