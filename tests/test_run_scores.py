"""Scores made elsewhere, through a whole run: whatever is wrong with the file, the run ends with an answer."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

import fauxbench
from fauxbench.harness.compare import compare
from fauxbench.harness.errors import InputError
from fauxbench.harness.report import tables
from fauxbench.harness.run import RunResult
from fauxbench.harness.score_table import export_scores, read_scores
from fauxbench.harness.scores import rescore
from fauxbench.harness.store.schema import Row
from fauxbench.harness.suite import Suite

FILES = ("good", "sloppy", "flipped", "equal", "empty", "fakes")


def suite_of(photographs: Path, systems: list[str]) -> Suite:
    return Suite.model_validate(
        {
            "suite": "brought",
            "data": {"dataset": "folder", "path": str(photographs), "terms": {"people": "none"}},
            "generators": systems,
            "metrics": ["fd"],
            "instruments": ["spectrum"],
            "detectors": [{"scores": str(photographs.parent / f"{name}.csv"), "name": name} for name in FILES],
        }
    )


def write(place: Path, lines: list[tuple[str, str, object]]) -> None:
    with place.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("item", "system", "score"), *lines])


@pytest.fixture
def made(photographs: Path, write_system: Callable[..., str], tmp_path: Path) -> RunResult:
    """Return a run with six files of scores, of which one is as it should be."""
    body = "def generate(self, requests, context):\n    for request in requests:\n        yield good(request)"
    systems = [write_system(name, body) for name in ("noise", "other")]
    real = [path.relative_to(photographs).as_posix() for path in sorted(photographs.rglob("*.png"))]
    fakes = [f"{split}-{i:05d}" for split in ("validation", "test") for i in range(40)]
    good = [(item, "real", 0.1 + i / 1000) for i, item in enumerate(real)]
    good += [(item, f"{name}@1", 0.6 + i / 400) for name in ("noise", "other") for i, item in enumerate(fakes)]
    by_name: dict[str, list[tuple[str, str, object]]] = {
        "good": good,
        "sloppy": [
            *(line for line in good if line[:2] not in {("test-00001", "other@1"), ("test-00002", "other@1")}),
            ("test-00002", "other@1", "nan"),
            ("test-00003", "other@1", 0.125),
            ("stranger", "other@1", 0.5),
            next(line for line in good if line[:2] == ("test-00004", "other@1")),
        ],
        "flipped": [(item, system, 1.0 - float(score)) for item, system, score in good],
        "equal": [(item, system, 0.5) for item, system, _ in good],
        "empty": [],
        "fakes": [line for line in good if line[1] != "real"],
    }
    for name, lines in by_name.items():
        write(tmp_path / f"{name}.csv", lines)
    return fauxbench.run(suite_of(photographs, systems), runs=tmp_path / "runs", workers=2)


def test_every_file_gets_an_answer(made: RunResult, tmp_path: Path) -> None:
    def row(detector: str, metric: str, threshold: str = "validation", system: str = "other@1") -> Row:
        return next(
            row
            for row in made.results.rows
            if row.slice.get("detector") == detector
            and (row.metric, row.slice["threshold"], row.system) == (metric, threshold, system)
        )

    assert row("good", "auc").value == 1.0
    assert row("good", "accuracy").value == 1.0
    assert row("good", "accuracy").protocol["threshold"]["origin"] == "validation of noise@1, other@1"
    assert row("good", "auc").n_real == len([i for i in read_scores(made.folder)[0].lines if i["split"] == "test"])
    sloppy = row("sloppy", "auc")
    assert sloppy.failures == {"missing": 1, "invalid": 1, "contradictory": 1}
    assert any("scores of items that nobody asked about, left out" in flag for flag in sloppy.flags)
    assert "1 scores given twice, counted once" in sloppy.flags
    assert sloppy.value is not None
    assert sloppy.value < 1.0
    assert "flipped" in " ".join(row("flipped", "auc").flags)
    assert row("flipped", "auc").value == 0.0
    assert row("equal", "auc").value == 0.5
    assert "all scores are equal" in " ".join(row("equal", "auc").flags)
    assert row("empty", "auc").value == 0.0  # an item without a score counts as the worst answer
    assert row("empty", "accuracy").reason == (
        "no threshold: the validation set of noise@1, other@1 does not have both classes"
    )
    assert row("fakes", "recall", "0.5").value == 1.0
    assert row("fakes", "specificity", "0.5").value == 0.0
    assert {"detection", "detection-full", "thresholds", "kinds", "shortcuts"} <= set(tables(made.results))
    assert rescore(made.folder).findings == ()
    place = next(p for p in export_scores(made.folder, tmp_path / "out") if p.name.startswith("good"))
    assert place.read_text().splitlines()[0] == "item,system,score,status,reason,seconds"
    found = compare(f"{made.folder}:noise@1", "other@1")
    auc = [one for one in found.rows if one.metric == "auc" and one.slice["detector"] == "good"]
    assert [(one.method, one.verdict, one.difference) for one in auc] == [("clustered DeLong", "no evidence", 0.0)]
    with pytest.raises(InputError, match="one system of one run"):
        compare(f"{made.folder}:noise@1", "noise@1")
