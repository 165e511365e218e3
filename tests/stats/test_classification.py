import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score, roc_auc_score

from fauxbench.harness.stats.blocks import blocks_by_id
from fauxbench.harness.stats.classification import METRICS, Judged, false_alarms, judge


def judged(rng, *, people=12, each=10, fakes=120, distance=1.5, threshold=0.5) -> Judged:
    """Real items in clusters of people, fakes each its own; scores are squashed normal draws."""
    person = np.repeat(rng.normal(0, 0.6, people), each)
    real = person + rng.normal(0, 0.8, people * each)
    fake = distance + rng.normal(0, 1, fakes)
    scores = 1 / (1 + np.exp(-(np.concatenate([real, fake]) - distance / 2)))
    ids = [f"r{i}" for i in range(people * each)], [f"f{i}" for i in range(fakes)]
    labels = [f"p{i // each}" for i in range(people * each)]
    mine, theirs = blocks_by_id(dict(zip(ids[1], ids[1], strict=True)), dict(zip(ids[0], labels, strict=True)))
    return Judged(
        fake=scores,
        truth=np.arange(len(scores)) >= people * each,
        clusters=(*labels, *ids[1]),
        blocks=(*theirs.values(), *mine.values()),
        threshold=threshold,
    )


def test_values_are_scikit_learns():
    one = judged(np.random.default_rng(0))
    found = judge(one, np.random.default_rng(0))
    decided = one.fake >= one.threshold
    for name, score in (
        ("accuracy", accuracy_score), ("precision", precision_score), ("recall", recall_score), ("f1", f1_score)
    ):  # fmt: skip
        assert found[name].value == pytest.approx(score(one.truth, decided), abs=1e-12)
    assert found["auc"].value == pytest.approx(roc_auc_score(one.truth, one.fake), abs=1e-12)
    for name in METRICS:
        interval = found[name].interval
        assert interval.low <= found[name].value <= interval.high
        assert len(found[name].replicates) == 12


def test_intervals_cover_with_few_people():
    truth = {"accuracy": [], "precision": [], "recall": [], "f1": [], "auc": []}
    large = judge(judged(np.random.default_rng(1), people=4000, each=2, fakes=8000), np.random.default_rng(0))
    draws = 60
    for draw in range(draws):
        found = judge(judged(np.random.default_rng([2, draw])), np.random.default_rng(draw))
        for name, hits in truth.items():
            hits.append(found[name].interval.low <= large[name].value <= found[name].interval.high)
    for name, hits in truth.items():
        assert np.mean(hits) >= 0.88, name  # 95 % nominal; three standard errors of 60 draws are 8 points


def test_a_perfect_detector_of_few_people_is_not_certain():
    found = judge(judged(np.random.default_rng(3), distance=40.0), np.random.default_rng(0))
    for name in METRICS:
        assert found[name].value == 1.0
        if name != "recall":
            assert found[name].interval.low < 0.9, name  # 12 people say little about the false alarms
    assert found["recall"].interval.low > 0.95


def test_precision_is_undefined_where_nothing_is_called_fake():
    found = judge(judged(np.random.default_rng(4), threshold=1.1), np.random.default_rng(0))
    assert found["precision"].value is None
    assert found["precision"].reason == "undefined: nothing was called fake"
    assert found["recall"].value == 0.0
    assert found["accuracy"].interval.high < 0.6


@pytest.mark.parametrize("people", [1, 2, 4])
def test_too_few_people_give_no_interval_and_no_error(people):
    found = judge(judged(np.random.default_rng(5), people=people), np.random.default_rng(0))
    for name in METRICS:
        assert found[name].value is not None
        assert found[name].interval is None
        assert found[name].flags
        assert found[name].replicates == ()


def test_one_class_says_so():
    one = judged(np.random.default_rng(6))
    rows = ~one.truth
    real = Judged(
        fake=one.fake[rows],
        truth=one.truth[rows],
        clusters=tuple(c for c, r in zip(one.clusters, rows, strict=True) if r),
        blocks=tuple(b for b, r in zip(one.blocks, rows, strict=True) if r),
        threshold=0.5,
    )
    assert {m.reason for m in judge(real, np.random.default_rng(0)).values()} == {"only real items in the test set"}
    alarms = false_alarms(real)
    assert alarms.value == pytest.approx(float((real.fake >= 0.5).mean()))
    assert alarms.interval.low <= alarms.value <= alarms.interval.high
