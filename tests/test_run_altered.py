"""A suite with a system that is given sources: from requests to masks and to the distance from the perfect result."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fauxbench.harness.media.masks import read_masks
from fauxbench.harness.media.mediaset import MediaSet
from fauxbench.harness.run import run
from fauxbench.harness.suite import Suite

HALF = """
def fit(self, task, context):
    assert task.subjects and {item.cluster for item in task.references} == set(task.subjects)
    self.seen = {item.id for item in task.references}

def save(self, folder):
    import json
    (folder / "seen.json").write_text(json.dumps(sorted(self.seen)))

def load(self, folder):
    import json
    self.seen = set(json.loads((folder / "seen.json").read_text()))

def generate(self, requests, context):
    for request in requests:
        assert request.target.id not in self.seen
        assert {item.id for item in request.references} <= self.seen
        pixels = read_image(request.target.location).copy()
        mask = np.zeros(pixels.shape[:2], np.uint8)
        mask[8:24, 8:24] = 255
        yield Artifact(request_id=request.id, media=ImageMedia(pixels=pixels), masks=lambda mask=mask: iter([mask]))
"""


def test_a_system_with_sources_runs_and_is_judged_by_the_truth(
    write_system: Callable[..., str], tmp_path: Path
) -> None:
    use = write_system("untouched", HALF, kind="partially_synthetic", fits=True, uses='["target", "references"]')
    suite = Suite.model_validate(
        {
            "suite": "altered",
            "data": {"dataset": "studio", "size": 32, "people": 8, "per_person": 4},
            "generators": [use],
            "n": {"test": 8},
            "metrics": ["truth_gain", "identity_match", "expression_error", "ssim"],
            "instruments": ["studio-face", "thumbnail"],
        }
    )
    results = run(suite, runs=tmp_path / "runs", store=tmp_path / "store", workers=1).results
    rows = {row.metric: row for row in results.rows if row.role == "system"}
    assert rows["ssim"].value == pytest.approx(1.0)
    assert rows["truth_gain"].value == 0.0  # the untouched target is as far from the perfect swap as itself
    assert rows["truth_gain"].n == 8
    for name in ("identity_match[studio-face]", "expression_error[studio-face]"):
        if rows[name].value is None:
            assert "studio-face missing" in rows[name].reason
    folder = next(path.parent for path in (tmp_path / "store").rglob("masks"))
    made = MediaSet.open(folder)
    assert len(made) == 8
    assert all("source_identity" in item.clusters for item in made)
    assert next(read_masks(made.items[0])).sum() == 255 * 16 * 16
    perfect = [MediaSet.open(p.parent) for p in (tmp_path / "store").rglob("card.json")]
    (truth,) = [media for media in perfect if media.card.name == "perfect"]
    assert [item.id for item in truth] == [item.id for item in made]
    assert np.isfinite([len(item.facts["factors"]) for item in truth]).all()
