from types import ModuleType
from typing import Any

import numpy as np
import pytest

from fauxbench.harness.report.figures.answers import answers, curve, hits_at
from fauxbench.harness.report.figures.distributions import score_figures
from fauxbench.harness.report.figures.matrix import matrix_figures
from fauxbench.harness.report.figures.model import Drawn, settings, styles
from fauxbench.harness.report.figures.realism import realism_figures
from fauxbench.harness.report.figures.roc import roc_figures
from fauxbench.harness.score_table import Scores
from fauxbench.harness.stats.weighted import weighted

CLUSTERS = 8


def lines(rng: np.random.Generator, fake: bool, middle: float) -> tuple[dict[str, Any], ...]:
    return tuple(
        {
            "item": f"{fake}-{number}",
            "kind": "fully_synthetic" if fake else "real",
            "split": "test",
            "visual_fake": fake,
            "audio_fake": False,
            "cluster": f"{number % CLUSTERS}",
            "status": "ok",
            "fake": float(score),
            "frames": [],
            "reason": None,
        }
        for number, score in enumerate(np.clip(rng.normal(middle, 0.2, 40), 0.0, 1.0))
    )


@pytest.fixture
def results(sample: ModuleType) -> Any:
    made = sample.results()
    policy = {"missing": "worst", "target": "any", "pooling": "the detector's own"}
    rows = [
        row.model_copy(update={"protocol": row.protocol | policy}) if row.section != "realism" else row
        for row in made.rows
    ]
    return made.model_copy(update={"rows": tuple(rows)})


@pytest.fixture
def scores() -> list[Scores]:
    rng, found = np.random.default_rng(3), []
    for train in ("dcgan@1", "dcgan@2"):
        for system, middle in (("real", 0.3), ("dcgan@1", 0.8), ("dcgan@2", 0.5), ("swap_a@0.3", 0.35)):
            found.append(
                Scores(
                    detector="cnn",
                    train=train,
                    system=system,
                    checkpoint=None,
                    checkpoint_origin=None,
                    threshold=0.5,
                    threshold_origin="",
                    threshold_pooled=None,
                    threshold_pooled_origin="",
                    role="real" if system == "real" else "own" if system == train else "other",
                    lines=lines(rng, system != "real", middle),
                )
            )
    return found


def test_curve_holds_its_area_and_its_band_holds_it(results: Any, scores: list[Scores]) -> None:
    for one in answers(results, scores):
        if one.row.section != "detection":
            continue
        drawn = curve(one.found, np.random.default_rng(0))
        area = weighted(one.found.fake, one.found.truth, np.ones((1, len(one.found.fake))), 0.5)["auc"][0]
        assert np.trapezoid(drawn.tpr, drawn.fpr) == pytest.approx(area, abs=1e-12)
        assert drawn.low is not None
        assert drawn.high is not None
        middle = hits_at(drawn.at, drawn.fpr, drawn.tpr)
        assert (drawn.low <= middle + 1e-9).mean() > 0.95
        assert (drawn.high >= middle - 1e-9).mean() > 0.95
        assert (drawn.high - drawn.low).max() > 0.05


def test_band_follows_clusters_not_items(results: Any, scores: list[Scores]) -> None:
    """Ten copies of every item say nothing new; a bootstrap over items would think so."""
    (once, *_) = [one.found for one in answers(results, scores) if one.system == "dcgan@2"]
    many = [one.lines * 10 for one in scores]
    copied = [
        Scores(**{n: getattr(s, n) for n in s.__slots__ if n != "lines"}, lines=m)
        for s, m in zip(scores, many, strict=True)
    ]
    (ten, *_) = [one.found for one in answers(results, copied) if one.system == "dcgan@2"]
    few, more = curve(once, np.random.default_rng(0)), curve(ten, np.random.default_rng(0))
    assert few.low is not None
    assert more.low is not None
    assert np.allclose(few.low, more.low)


def test_hits_take_the_highest_where_the_curve_rises() -> None:
    fpr, tpr = np.array([0.0, 0.0, 0.5, 0.5, 1.0]), np.array([0.0, 0.4, 0.6, 0.9, 1.0])
    assert hits_at(np.array([0.0, 0.25, 0.5, 0.75, 1.0]), fpr, tpr) == pytest.approx([0.4, 0.5, 0.9, 0.95, 1.0])


def test_every_system_has_a_look_of_its_own() -> None:
    names = [str(number) for number in range(49)]
    assert len(set(styles(names).values())) == 49
    assert len({(look.marker, look.dash) for look in styles(names[:7]).values()}) == 7


def test_figures_are_the_same_bytes_each_time(results: Any, scores: list[Scores]) -> None:
    def once() -> list[Drawn]:
        with settings():
            return list(roc_figures(results, answers(results, scores)))

    (first,), (second,) = once(), once()
    assert (first.png, first.pdf) == (second.png, second.pdf)
    assert first.png.startswith(b"\x89PNG")
    assert first.pdf.startswith(b"%PDF")
    assert b"CreationDate" not in first.pdf


def test_captions(results: Any, scores: list[Scores]) -> None:
    found = answers(results, scores)
    own = {(one.detector, one.train, one.system) for one in found if one.own}
    assert own == {("cnn", "dcgan@1", "dcgan@1"), ("cnn", "dcgan@2", "dcgan@2")}
    with settings():
        drawn = {one.name: one for one in (*realism_figures(results), *matrix_figures(results, own))}
        drawn |= {one.name: one for one in score_figures(results, found)}
    assert list(drawn) == ["realism-fd-spectrum", "matrix-auc", "matrix-accuracy", "matrix-f1", "scores-cnn"]
    assert drawn["matrix-auc"].caption == (
        "AUC of each detector on each system's test set, threshold from validation. Each row is a detector of its own; "
        "a dashed frame: the detector was trained on that system. n = 200 items a set, one training seed each. Below "
        "each value: 95 % intervals (delete-a-block jackknife, 20 blocks, by identity)."
    )
    assert drawn["realism-fd-spectrum"].caption == (
        "FD[spectrum] of each system against real test data, and AUC of each detector on the system's test set. "
        "Dotted: chance. A detector that was trained on a system knows it; being detected has no better direction. "
        "n = 200 items a set, one training seed each. "
        "Lines: 95 % intervals (delete-a-block jackknife, 20 blocks, by identity)."
    )
    assert drawn["scores-cnn"].caption.startswith("Answers of the detector cnn for the test items of each set")


def test_run_without_detectors_has_no_figures_of_them(sample: ModuleType) -> None:
    results = sample.results(sample.realism_rows())
    assert answers(results, ()) == []
    assert list(matrix_figures(results, ())) == []
    assert list(realism_figures(results)) == []
