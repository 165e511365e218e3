import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from fauxbench.harness.stats.intervals import (
    cluster_bootstrap,
    cluster_sums,
    design_effect,
    effective_size,
    jackknife,
    jackknife_interval,
    t_quantile,
    wilson,
    z_quantile,
)


def test_quantiles_are_scipy_stats():
    assert t_quantile(0.95, 19) == pytest.approx(stats.t.ppf(0.975, 19), rel=1e-12)
    assert z_quantile(0.9) == pytest.approx(stats.norm.ppf(0.95), rel=1e-12)


def test_jackknife_of_a_mean_is_the_standard_error(rng):
    x = rng.normal(size=20)
    found = jackknife(x.mean(), [np.delete(x, j).mean() for j in range(20)])
    assert found.corrected == pytest.approx(x.mean())
    assert found.error == pytest.approx(x.std(ddof=1) / math.sqrt(20))
    assert found.freedom == 19


def test_jackknife_takes_the_bias_of_the_plug_in_variance_away(rng):
    x = rng.normal(size=60)
    found = jackknife(x.var(), [np.delete(x, slice(3 * j, 3 * j + 3)).var() for j in range(20)])
    single = jackknife(x.var(), [np.delete(x, j).var() for j in range(60)])
    assert single.corrected == pytest.approx(x.var(ddof=1))
    assert abs(found.corrected - x.var(ddof=1)) < 0.2 * abs(x.var() - x.var(ddof=1)) + 1e-3


def test_unequal_blocks_are_weighted(rng):
    x = rng.normal(size=50)
    cuts = [slice(0, 20), slice(20, 30), slice(30, 38), slice(38, 50)]
    replicates = [np.delete(x, cut).mean() for cut in cuts]
    found = jackknife(x.mean(), replicates, [20 / 50, 10 / 50, 8 / 50, 12 / 50])
    assert found.corrected == pytest.approx(x.mean())


def test_empty_blocks_do_not_count(rng):
    x = rng.normal(size=10)
    replicates = [np.delete(x, j).mean() for j in range(10)]
    with_hole = jackknife(x.mean(), [*replicates, x.mean()], [0.1] * 10 + [0.0])
    assert with_hole == jackknife(x.mean(), replicates)


def test_jackknife_needs_two_blocks():
    with pytest.raises(ValueError, match="at least 2"):
        jackknife(1.0, [1.0])


def test_interval_of_population_is_centred_on_the_corrected_value():
    replicates = [1.1] * 10 + [1.2] * 10
    about_n = jackknife_interval(1.0, replicates, about="at-n")
    population = jackknife_interval(1.0, replicates, floor=0.0)
    assert (about_n.low + about_n.high) / 2 == pytest.approx(1.0)
    assert population.low == 0.0
    assert "bias-corrected" in population.method
    assert about_n.about == "at-n"


def test_bootstrap_of_independent_items_is_students(rng):
    x = rng.normal(3, 2, size=400)
    interval = cluster_bootstrap(x, [str(i) for i in range(400)], rng)
    half = t_quantile(0.95, 399) * x.std(ddof=1) / 20
    assert interval.low == pytest.approx(x.mean() - half, abs=0.1 * half)
    assert interval.high == pytest.approx(x.mean() + half, abs=0.1 * half)


def test_bootstrap_repeats_with_its_seed(rng):
    x, labels = rng.normal(size=30), [str(i % 10) for i in range(30)]
    first = cluster_bootstrap(x, labels, np.random.default_rng(7))
    assert first == cluster_bootstrap(x, labels, np.random.default_rng(7))


def test_bootstrap_of_one_cluster_is_refused(rng):
    assert cluster_bootstrap([1.0, 2.0], ["a", "a"], rng) is None


@pytest.mark.parametrize(("hits", "n"), [(0, 20), (3, 20), (20, 20), (50, 400)])
def test_wilson_of_independent_items_is_wilsons(hits, n):
    interval = wilson([1] * hits + [0] * (n - hits), [str(i) for i in range(n)])
    expected = stats.binomtest(hits, n).proportion_ci(method="wilson")
    assert interval.low == pytest.approx(expected.low, abs=1e-12)
    assert interval.high == pytest.approx(expected.high, abs=1e-12)


def test_wilson_of_whole_clusters_counts_clusters():
    hits = [1.0] * 50 + [0.0] * 150
    labels = [f"p{i // 10}" for i in range(200)]
    sums, sizes = cluster_sums(hits, labels)
    assert effective_size(sums, sizes) < 20
    apart = wilson([1] * 5 + [0] * 15, [str(i) for i in range(20)])
    assert wilson(hits, labels).high - wilson(hits, labels).low > apart.high - apart.low


def test_wilson_of_nothing_or_one_cluster_is_refused():
    assert wilson([], []) is None
    assert wilson([1, 0], ["a", "a"]) is None


@given(st.lists(st.tuples(st.booleans(), st.sampled_from("abcdef")), min_size=1, max_size=60))
def test_wilson_holds_the_rate(rows):
    hits, labels = [float(h) for h, _ in rows], [c for _, c in rows]
    interval = wilson(hits, labels)
    if interval is not None:
        assert 0 <= interval.low <= np.mean(hits) + 1e-12
        assert np.mean(hits) - 1e-12 <= interval.high <= 1


def _clustered(rng, people=40, pictures=10):
    chance = rng.beta(0.6, 1.4, size=people)
    return (rng.random((people, pictures)) < chance[:, None]).ravel().astype(float)


def test_clustered_rate_and_mean_are_covered(rng):
    labels = [f"p{i // 10}" for i in range(400)]
    plain, clustered, boot = 0, 0, 0
    draws = 300
    for _ in range(draws):
        hits = _clustered(rng)
        for name, interval in (
            ("plain", wilson(hits, [str(i) for i in range(400)])),
            ("clustered", wilson(hits, labels)),
            ("boot", cluster_bootstrap(hits, labels, rng, draws=400)),
        ):
            inside = interval.low <= 0.3 <= interval.high
            plain += inside and name == "plain"
            clustered += inside and name == "clustered"
            boot += inside and name == "boot"
    assert plain / draws < 0.80
    assert 0.92 <= clustered / draws <= 0.99
    assert 0.91 <= boot / draws <= 0.99


def latent(rng, groups, each, alike):
    shared = np.repeat(rng.standard_normal(groups), each)
    scores = math.sqrt(alike) * shared + math.sqrt(1.0 - alike) * rng.standard_normal(groups * each)
    return scores, [str(i // each) for i in range(groups * each)]


def test_design_effects_follow_how_much_clusters_are_alike():
    rng = np.random.default_rng(5)
    assert design_effect(*latent(rng, 200, 10, 0.0)) == pytest.approx(1.0, abs=0.3)
    assert design_effect(*latent(rng, 200, 10, 0.5)) == pytest.approx(1.0 + 9 * 0.5, rel=0.15)
    assert design_effect(*latent(rng, 200, 10, 1.0)) == pytest.approx(10.0)
    assert design_effect(np.ones(30), [str(i // 3) for i in range(30)]) == 3.0


def test_no_hit_is_not_wider_than_one_by_an_order_of_magnitude():
    scores, labels = latent(np.random.default_rng(1), 12, 10, 0.0)
    none, one = (wilson(scores > np.sort(scores)[-1 - k], labels, scores=scores) for k in (0, 1))
    assert none.low == 0.0
    assert none.high < one.high < 2.5 * none.high
    assert wilson(scores > 99, labels).high > 5 * none.high  # without the scores nothing is known of the people


@pytest.mark.parametrize(("rate", "alike"), [(0.005, 0.0), (0.02, 0.3), (0.02, 0.7)])
def test_few_hits_have_intervals_that_hold(rate, alike):
    rng, held = np.random.default_rng(7), 0
    threshold = NormalDist().inv_cdf(1.0 - rate)
    for _ in range(200):
        scores, labels = latent(rng, 12, 10, alike)
        found = wilson(scores > threshold, labels, scores=scores)
        held += found.low <= rate <= found.high
    assert held >= 185
