import math

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from fauxbench.harness.stats.auc import area_difference, area_interval, areas


def alone(count):
    return [str(i) for i in range(count)]


def plain_delong(scores, truth):
    """The covariance of DeLong, DeLong & Clarke-Pearson, from the definition."""
    x, y = scores[:, truth], scores[:, ~truth]
    wins = (x[:, :, None] > y[:, None, :]) + 0.5 * (x[:, :, None] == y[:, None, :])
    return np.cov(wins.mean(2)) / x.shape[1] + np.cov(wins.mean(1)) / y.shape[1]


def test_one_item_in_each_cluster_is_delong(rng):
    truth = np.arange(70) < 30
    scores = np.round(rng.normal(size=(3, 70)) + truth + rng.normal(size=70), 1)  # with ties
    found = areas(scores, truth, alone(70))
    assert found.values == pytest.approx([roc_auc_score(truth, row) for row in scores])
    np.testing.assert_allclose(found.covariance, plain_delong(scores, truth), rtol=1e-10)


def obuchowski(score, truth, labels):
    """Var of one area, from the paper's sums."""
    names, labels = sorted(set(labels)), np.array(labels)
    x, y = score[truth], score[~truth]
    theta = roc_auc_score(truth, score)
    v10 = {i: np.mean((score[i] > y) + 0.5 * (score[i] == y)) for i in np.flatnonzero(truth)}
    v01 = {i: np.mean((x > score[i]) + 0.5 * (x == score[i])) for i in np.flatnonzero(~truth)}
    a = np.array([sum(v - theta for i, v in v10.items() if labels[i] == name) for name in names])
    b = np.array([sum(v - theta for i, v in v01.items() if labels[i] == name) for name in names])
    m, n, i = len(x), len(y), len(names)
    i10, i01 = len(set(labels[truth])), len(set(labels[~truth]))
    s10 = i10 / ((i10 - 1) * m) * (a**2).sum()
    s01 = i01 / ((i01 - 1) * n) * (b**2).sum()
    s11 = i / (i - 1) * (a * b).sum()
    return s10 / m + s01 / n + 2 * s11 / (m * n)


def test_clusters_are_obuchowskis(rng):
    truth = rng.random(90) < 0.4
    labels = [f"p{i}" for i in rng.integers(0, 15, 90)]
    score = rng.normal(size=90) + truth
    assert areas(score, truth, labels).covariance[0, 0] == pytest.approx(obuchowski(score, truth, labels))


def test_the_variance_of_clusters_is_what_many_sets_show():
    values, stated = [], []
    for draw in range(200):
        rng = np.random.default_rng([3, draw])
        home = np.tile(np.repeat(np.arange(20), 5), 2)
        truth = np.arange(200) >= 100
        score = rng.normal(size=20)[home] + 0.7 * rng.normal(size=200) + rng.normal(size=40)[home + 20 * truth] + truth
        found = areas(score, truth, [str(h) for h in home])
        values.append(found.values[0])
        stated.append(found.covariance[0, 0])
    assert math.sqrt(np.mean(stated)) == pytest.approx(np.std(values), rel=0.15)


def test_areas_that_share_their_real_items(rng):
    real, a, b = rng.normal(size=50), rng.normal(size=40) + 1, rng.normal(size=60) + 1
    gap = np.full(60, np.nan), np.full(40, np.nan)
    first = np.concatenate([real, a, gap[0]])
    second = np.concatenate([real, gap[1], b])
    truth = np.arange(150) >= 50
    found = area_difference(first, second, truth, alone(150))
    pooled = [np.concatenate([real, fake]) for fake in (a, b)]
    aucs = [roc_auc_score(np.arange(len(p)) >= 50, p) for p in pooled]
    assert found.means == pytest.approx(tuple(aucs))
    apart = sum(areas(p, np.arange(len(p)) >= 50, alone(len(p))).covariance[0, 0] for p in pooled)
    assert found.se**2 < apart  # what both owe to the same real items cancels


def test_the_same_scores_are_no_evidence(rng):
    truth, score = np.arange(40) >= 20, rng.normal(size=40)
    found = area_difference(score, score, truth, alone(40))
    assert (found.value, found.p, found.detectable(0.05)) == (0.0, 1.0, None)


def test_perfect_against_hopeless_is_different():
    truth = np.arange(40) >= 20
    found = area_difference(truth.astype(float), -truth.astype(float), truth, alone(40))
    assert found.value == -1.0
    assert found.p < 1e-9
    assert found.interval is None


def test_interval_is_delongs_on_the_logit_scale(rng):
    truth = np.arange(4000) >= 2000
    score = rng.normal(size=4000) + truth
    found = area_interval(score, truth, alone(4000))
    value, variance = roc_auc_score(truth, score), plain_delong(np.stack([score, score]), truth)[0, 0]
    half = norm.ppf(0.975) * math.sqrt(variance) / (value * (1 - value))
    assert found.low == pytest.approx(1 / (1 + math.exp(half - math.log(value / (1 - value)))), abs=1e-4)
    assert found.method == "delong, logit"
    assert area_interval(score, truth, [f"p{i % 200}" for i in range(4000)]).method == "clustered delong, logit"


@pytest.mark.parametrize(("truth", "labels"), [([1, 1, 1], "abc"), ([1, 0, 0], "abb"), ([1, 1, 0, 0], "aabb")])
def test_without_two_clusters_of_either_class_there_is_no_variance(truth, labels):
    with pytest.raises(ValueError, match=r"no AUC|no variance"):
        areas(np.arange(len(truth)), np.array(truth, bool), list(labels))
    assert area_interval(np.arange(len(truth)), np.array(truth, bool), list(labels)) is None


def test_all_scores_equal_is_a_half_and_knows_nothing():
    truth = np.arange(40) >= 20
    assert areas(np.full(40, 0.5), truth, alone(40)).values[0] == 0.5


def test_two_identities_widen_the_error(rng):
    people = [rng.choice(20, 2, replace=False) for _ in range(200)]
    odd = rng.normal(size=20)
    truth = np.arange(200) >= 100
    score = np.array([odd[i] + odd[j] for i, j in people]) * np.where(truth, 1, -1) + 0.5 * rng.normal(size=200)
    crossed = areas(score, truth, [(f"p{i}", f"p{j}") for i, j in people]).covariance[0, 0]
    assert crossed > 2 * areas(score, truth, alone(200)).covariance[0, 0]
