from pathlib import Path

import pytest

import fauxbench
from fauxbench.harness.board.check import check
from fauxbench.harness.board.entry import read_entry
from fauxbench.harness.board.publish import publish
from fauxbench.harness.suite import Suite


@pytest.fixture(autouse=True)
def _quick_detectors() -> None:
    """Use the real ones."""


@pytest.mark.slow
def test_a_run_from_its_suite_to_its_entry(good_system: str, photographs: Path, tmp_path: Path) -> None:
    suite = Suite.model_validate(
        {
            "suite": "s",
            "data": {"dataset": "folder", "path": str(photographs), "terms": {"people": "none"}},
            "generators": [good_system],
            "n": {"train": 8, "validation": 4, "test": 8},
            "metrics": ["fd"],
            "instruments": ["spectrum"],
            "detectors": ["spectrum"],
        }
    )
    made = fauxbench.run(suite, runs=tmp_path / "runs", workers=1)
    entry = read_entry(publish(made.folder, tmp_path / "boards", tmp_path / "store"))
    found = check(tmp_path / "boards")
    assert found.findings == ()
    assert found.recomputed > 10
    assert list(entry.detectors) == ["spectrum on good@1"]
    assert entry.sets["good@1"].detectability.detections[0].auc is not None
    page = (tmp_path / "boards" / "s" / "README.md").read_text()
    assert "FD" in page
    assert "### Detectability" in page
