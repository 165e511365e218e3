import numpy as np
import pytest
from sklearn import metrics

from fauxbench.harness.stats.classification import METRICS, Judged, values
from fauxbench.harness.stats.weighted import weighted


def made(rng, count=120, *, ties=False):
    truth = rng.random(count) < 0.4
    scores = 1 / (1 + np.exp(-(rng.normal(size=count) + truth)))
    return np.round(scores, 1) if ties else scores, truth


@pytest.mark.parametrize("ties", [False, True])
def test_repeated_items_weigh_as_often_as_they_stand_there(rng, ties):
    scores, truth = made(rng, ties=ties)
    times = np.stack([np.ones(120, int), rng.integers(0, 4, 120), rng.integers(0, 2, 120)])
    found = weighted(scores, truth, times.astype(float), 0.5)
    for draw, counts in enumerate(times):
        rows = np.repeat(np.arange(120), counts)
        one = Judged(fake=scores[rows], truth=truth[rows], clusters=(), blocks=(), threshold=0.5)
        for name, value in values(one).items():
            assert found[name][draw] == pytest.approx(value, abs=1e-12), name
    assert set(found) == set(METRICS)


def test_weights_are_scikit_learns_sample_weights(rng):
    scores, truth = made(rng)
    weights = rng.random((1, 120))
    found = weighted(scores, truth, weights, 0.5)
    given = {"sample_weight": weights[0]}
    assert found["auc"][0] == pytest.approx(metrics.roc_auc_score(truth, scores, **given))
    assert found["ap"][0] == pytest.approx(metrics.average_precision_score(truth, scores, **given))
    assert found["log_loss"][0] == pytest.approx(metrics.log_loss(truth, scores, **given))
    assert found["brier"][0] == pytest.approx(metrics.brier_score_loss(truth, scores, **given))
    assert found["balanced_accuracy"][0] == pytest.approx(
        metrics.balanced_accuracy_score(truth, scores >= 0.5, **given)
    )


def test_a_class_without_weight_is_not_a_number(rng):
    scores, truth = made(rng)
    found = weighted(scores, truth, np.stack([truth, ~truth]).astype(float), 0.5)
    for name in ("auc", "ap", "eer", "tpr_at_1pct_fpr"):
        assert np.isnan(found[name]).all(), name


def test_many_weightings_are_done_in_parts(rng, monkeypatch):
    scores, truth = made(rng)
    weights = rng.integers(0, 3, (50, 120)).astype(float)
    whole = weighted(scores, truth, weights, 0.5)
    monkeypatch.setattr("fauxbench.harness.stats.weighted.CELLS", 500)
    for name, values_ in weighted(scores, truth, weights, 0.5).items():
        np.testing.assert_array_equal(values_, whole[name])
