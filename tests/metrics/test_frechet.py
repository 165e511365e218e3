from dataclasses import replace

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st

from fauxbench.harness.errors import InputError
from fauxbench.harness.metrics import load_metric
from fauxbench.harness.metrics.base import Evidence
from fauxbench.harness.metrics.frechet import (
    Moments,
    effective_items,
    frechet_distance,
    frechet_of_moments,
    principal_axes,
    replicates_of,
)
from fauxbench.harness.metrics.sets import Sample


def by_eigenvalues(a, b):
    """The definition as torch-fidelity reduces it, written from the formula."""
    step = a.mean(0) - b.mean(0)
    one, two = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = np.sqrt(np.linalg.eigvals(one @ two).astype(complex)).real.sum()
    return float(step @ step + np.trace(one) + np.trace(two) - 2 * root)


def by_root(a, b):
    """The definition as pytorch-fid reduces it."""
    step = a.mean(0) - b.mean(0)
    one, two = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    return float(step @ step + np.trace(one) + np.trace(two) - 2 * np.trace(scipy.linalg.sqrtm(one @ two).real))


def whitened(rng, n, d):
    """Features whose mean is exactly 0 and whose unbiased covariance is exactly 1."""
    x = rng.normal(size=(n, d))
    x -= x.mean(0)
    return np.linalg.svd(x, full_matrices=False)[0] * np.sqrt(n - 1)


@pytest.mark.parametrize("n", [200, 12])
def test_shift_of_a_gaussian(rng, n):
    x, shift = rng.normal(size=(n, 16)), rng.normal(size=16)
    assert frechet_distance(x, x + shift) == pytest.approx(shift @ shift, rel=1e-9)


def test_spread_of_a_gaussian(rng):
    x = whitened(rng, 300, 20)
    assert frechet_distance(3 * x, 5 * x[::-1]) == pytest.approx(20 * (5 - 3) ** 2, rel=1e-9)


def test_commuting_covariances(rng):
    x = whitened(rng, 100, 8)
    one, two = rng.uniform(0.1, 4, 8), rng.uniform(0.1, 4, 8)
    expected = np.sum((np.sqrt(one) - np.sqrt(two)) ** 2)
    assert frechet_distance(x * np.sqrt(one), x * np.sqrt(two)) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("n", [2, 5, 31, 32, 33, 40, 500])
def test_a_set_against_itself_is_exactly_zero(rng, n):
    x = rng.normal(size=(n, 32)).astype(np.float32)
    assert frechet_distance(x, x) == 0.0
    assert frechet_distance(x, x[::-1]) == 0.0
    assert frechet_of_moments(Moments.of(x), Moments.of(x)) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("d", [2, 4, 16, 64, 256])
@pytest.mark.parametrize("n", [2, 8, 64, 512, 2048])
def test_agrees_with_the_eigenvalues_of_the_product(rng, n, d):
    a, b = rng.normal(size=(n, d)), rng.normal(0.3, 1.4, size=(n, d))
    assert frechet_distance(a, b) == pytest.approx(by_eigenvalues(a, b), rel=1e-6)


@pytest.mark.parametrize(("n", "m", "d"), [(500, 300, 40), (90, 41, 40), (41, 2000, 40)])
def test_agrees_with_the_matrix_root(rng, n, m, d):
    a = rng.normal(size=(n, d)) @ rng.normal(size=(d, d))
    b = rng.normal(0.3, 1.4, size=(m, d)) @ rng.normal(size=(d, d))
    assert frechet_distance(a, b) == pytest.approx(by_root(a, b), rel=1e-6)


@pytest.mark.parametrize(("n", "m"), [(10, 12), (10, 300), (300, 10), (33, 33), (32, 200)])
def test_every_route_gives_the_same(rng, n, m):
    a, b = rng.normal(size=(n, 32)), rng.normal(0.2, 2, size=(m, 32))
    through_moments = frechet_of_moments(Moments.of(a), Moments.of(b))
    assert frechet_distance(a, b) == pytest.approx(through_moments, rel=1e-6)
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a), rel=1e-9)


def test_constant_and_repeated_columns_do_no_harm(rng):
    a, b = rng.normal(size=(200, 6)), rng.normal(1, 2, size=(200, 6))
    expected = frechet_distance(a, b)
    padded = [np.concatenate([x, np.zeros((200, 3))], axis=1) for x in (a, b)]
    doubled = [np.concatenate([x, x], axis=1) for x in (a, b)]
    assert frechet_distance(*padded) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(*doubled) == pytest.approx(2 * expected, rel=1e-6)


@pytest.mark.parametrize("d", [900, 60])
def test_collapsed_and_repeated_items_do_no_harm(rng, two_sets, d):
    few = rng.normal(size=(2, d))
    a, b = np.repeat(few, 150, axis=0), np.repeat(few, 150, axis=0)[::-1]
    assert frechet_distance(a, b) == pytest.approx(0, abs=1e-6 * d)
    found = load_metric("fd").measure(two_sets(a, b + 1e-9 * rng.normal(size=b.shape)))
    assert found.value == pytest.approx(0, abs=1e-6 * d)
    assert np.isfinite(found.replicates).all()


def test_badly_conditioned_features_keep_six_digits(rng):
    basis = np.linalg.qr(rng.normal(size=(64, 64)))[0]
    scale = np.arange(1, 65.0) ** -3
    a, b = (rng.normal(size=(800, 64)) * scale) @ basis, (rng.normal(size=(800, 64)) * scale * 1.1) @ basis
    whole = frechet_distance(a, b)
    moments = [Moments.of(x) for x in (a, b)]
    roots = [np.linalg.svd(x - x.mean(0), full_matrices=False) for x in (a, b)]
    factors = [(s[:, None] * v) / np.sqrt(799) for _, s, v in roots]
    nuclear = np.linalg.svd(factors[0] @ factors[1].T, compute_uv=False).sum()
    step = moments[0].mean - moments[1].mean
    traces = sum(np.trace(m.covariance) for m in moments)
    assert whole == pytest.approx(step @ step + traces - 2 * nuclear, rel=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 40), st.integers(2, 40), st.integers(1, 24), st.floats(0.01, 100), st.integers(0, 2**31))
def test_rotation_shift_and_scale(n, m, d, scale, seed):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(n, d)), rng.normal(0.5, 1.5, size=(m, d))
    turn, shift = np.linalg.qr(rng.normal(size=(d, d)))[0], rng.normal(size=d)
    expected = frechet_distance(a, b)
    assert expected >= 0
    assert frechet_distance(a @ turn + shift, b @ turn + shift) == pytest.approx(expected, rel=1e-6, abs=1e-9)
    assert frechet_distance(scale * a, scale * b) == pytest.approx(scale**2 * expected, rel=1e-6, abs=1e-9 * scale**2)


def test_merged_moments_are_those_of_the_whole(rng):
    x = rng.normal(1e4, 1, size=(5000, 7)).astype(np.float32)
    whole = np.cov(x.astype(np.float64), rowvar=False)
    for total in (Moments.of(x), Moments.stream(np.split(x, [3, 800, 4999]))):
        assert total.count == 5000
        np.testing.assert_allclose(total.covariance, whole, rtol=0, atol=1e-9 * whole.max())
    rest = Moments.of(x).without(Moments.of(x[:900]))
    np.testing.assert_allclose(rest.covariance, np.cov(x[900:].astype(np.float64), rowvar=False), atol=1e-9)


def test_statistics_of_other_tools_are_read(rng):
    x, y = rng.normal(size=(100, 5)), rng.normal(size=(90, 5))
    a = Moments.from_statistics(x.mean(0), np.cov(x, rowvar=False), 100)
    assert frechet_of_moments(a, Moments.of(y)) == pytest.approx(frechet_distance(x, y), rel=1e-9)


@pytest.mark.parametrize(("n", "m", "d"), [(60, 80, 8), (50, 60, 100), (50, 300, 100), (100, 100, 90)])
def test_replicates_leave_one_block_out(rng, n, m, d):
    a, b = rng.normal(size=(n, d)).astype(np.float32), rng.normal(0.3, 1.2, size=(m, d)).astype(np.float32)
    samples = [Sample(features=x, block=np.arange(len(x)) % 7) for x in (a, b)]
    direct = [frechet_distance(*(s.features[s.block != j] for s in samples)) for j in range(7)]
    np.testing.assert_allclose(replicates_of(*samples, 7), direct, rtol=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_wrong_features_are_refused(rng, bad):
    x = rng.normal(size=(10, 3))
    y = x.copy()
    y[4, 1] = bad
    with pytest.raises(InputError, match=r"NaN or infinity in 1 row$"):
        frechet_distance(x, y)
    with pytest.raises(InputError, match="at least 2 rows, found 1"):
        frechet_distance(x, x[:1])
    with pytest.raises(InputError, match="use one instrument"):
        frechet_distance(x, x[:, :2])


def test_metric_states_what_its_interval_is_about(rng, two_sets):
    metric = load_metric("fd")
    large = metric.measure(two_sets(rng.normal(size=(200, 8)), rng.normal(size=(200, 8))))
    assert large.interval.about == "population"
    assert large.interval.low <= 0 <= large.interval.high
    assert len(large.replicates) == 20
    raised = any(flag.startswith("biased upwards") for flag in large.flags)
    assert raised == (large.value > large.interval.high)
    assert not any(flag.startswith("n below") for flag in large.flags)
    small = metric.measure(two_sets(rng.normal(size=(60, 64)), rng.normal(size=(60, 64))))
    assert small.interval.about == "at-n"
    assert "n below 640" in small.flags
    assert small.interval.low < small.value < small.interval.high


def test_metric_gives_a_reason_and_never_nan(rng, two_sets):
    metric = load_metric("fd")
    good = rng.normal(size=(30, 4))
    bad = good.copy()
    bad[7] = np.nan
    assert "NaN or infinity in the features of 1 of 30 items, first s7" in metric.measure(two_sets(bad, good)).reason
    assert "real set: 1 item, at least 2 are needed" in metric.measure(two_sets(good, good[:1])).reason
    assert metric.measure(Evidence()).value is None
    few = metric.measure(two_sets(good[:3], good))
    assert few.value is not None
    assert few.interval is None
    assert any("no interval" in flag for flag in few.flags)


@pytest.mark.slow
@pytest.mark.parametrize(("shift", "low", "high"), [(0.0, 0.93, 1.0), (0.3, 0.90, 0.99)])
def test_population_is_covered(rng, two_sets, shift, low, high):
    assert low <= _coverage(two_sets, rng, 32, 2000, shift, 200, 32 * shift**2) <= high


@pytest.mark.parametrize("name", ["fd", "kd"])
def test_population_is_covered_with_ten_pictures_a_person(rng, features, name):
    labels = [f"p{i // 10}" for i in range(400)]

    def people(prefix):
        alike, own = rng.normal(size=(40, 8)), rng.normal(size=(400, 8))
        return features(0.7 * np.repeat(alike, 10, 0) + 0.714 * own, clusters=[prefix + x for x in labels])

    metric = load_metric(name)
    clustered, plain = [], []
    for _ in range(60):
        one, two = people("s"), people("r")
        clustered.append(metric.measure(Evidence(synthetic=one, real=two)).interval)
        alone = [features(side.arrays["features"]) for side in (one, two)]
        plain.append(metric.measure(Evidence(synthetic=alone[0], real=alone[1])).interval)
    assert np.mean([i.low <= 0 <= i.high for i in clustered]) >= 0.93
    assert np.mean([i.low <= 0 <= i.high for i in plain]) < 0.5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("d", "n", "shift", "low", "high"),
    [(128, 256, 0.0, 0.93, 1.0), (128, 256, 0.5, 0.90, 0.99), (128, 1000, 0.0, 0.93, 1.0), (128, 1000, 0.3, 0.9, 0.99)],
)
def test_population_is_covered_at_small_n(rng, two_sets, d, n, shift, low, high):
    assert low <= _coverage(two_sets, rng, d, n, shift, 200, d * shift**2) <= high


@pytest.mark.slow
def test_expectation_at_n_is_covered_below_two_items_a_dimension(rng, two_sets):
    def draw():
        return rng.normal(0.2, 1, size=(100, 64)), rng.normal(size=(100, 64))

    expectation = np.mean([frechet_distance(*draw()) for _ in range(400)])
    metric = load_metric("fd")
    found = [metric.measure(two_sets(*draw())).interval for _ in range(100)]
    assert {i.about for i in found} == {"at-n"}
    assert np.mean([i.low <= expectation <= i.high for i in found]) >= 0.93


def test_distance_on_axes_is_that_of_the_coordinates(rng, features, two_sets):
    fit = features(rng.normal(size=(60, 30)) * np.linspace(3, 0.1, 30))
    a, b = rng.normal(size=(40, 30)), rng.normal(0.3, 1, size=(44, 30))
    axes = principal_axes(fit.arrays["features"], 10)
    np.testing.assert_allclose(axes.T @ axes, np.eye(10), atol=1e-10)
    metric = load_metric("fd")
    found = metric.measure(two_sets(a, b, fit=fit, parameters={"pca": 10}))
    assert found.value == pytest.approx(frechet_distance(a @ axes, b @ axes), rel=1e-9)
    assert found.interval.about == "population"
    refused = metric.measure(two_sets(a, b, fit=fit, parameters={"pca": 11}))
    assert refused.reason == "pca 11: 40 items can support at most 10 axes"
    assert "fit set" in metric.measure(two_sets(a, b, parameters={"pca": 5})).reason


def test_clusters_are_worth_fewer_items(rng, features):
    apart = rng.normal(size=(200, 24))
    labels = [f"p{i // 10}" for i in range(200)]
    assert effective_items(apart, [str(i) for i in range(200)]) == 200
    assert effective_items(apart, labels) > 150
    assert effective_items(np.repeat(apart[:20], 10, axis=0), labels) == pytest.approx(20)
    people = [features(np.repeat(rng.normal(size=(20, 24)), 10, 0), clusters=labels, prefix=side) for side in "sr"]
    found = load_metric("fd").measure(Evidence(synthetic=people[0], real=people[1]))
    assert found.interval.about == "at-n"
    assert any("clusters worth 20 items, below 36" in flag for flag in found.flags)


def test_given_blocks_are_kept_where_an_item_is_missing(rng, two_sets):
    whole = two_sets(rng.normal(size=(60, 4)), rng.normal(size=(60, 4)))
    dealt = replace(whole.synthetic, blocks=tuple(i % 20 for i in range(60)))
    real = replace(whole.real, blocks=dealt.blocks)
    rows = np.delete(np.arange(60), 7)
    found = load_metric("fd").measure(Evidence(synthetic=dealt.take(rows), real=real))
    kept = rows[rows % 20 != 12]
    expected = frechet_distance(dealt.arrays["features"][kept], real.arrays["features"][np.arange(60) % 20 != 12])
    assert found.replicates[12] == pytest.approx(expected, rel=1e-9)


@pytest.mark.slow
def test_population_is_covered_on_axes_of_the_fit_set(rng, features, two_sets):
    d, n, count, draws = 512, 200, 50, 60
    spread = np.linspace(3, 0.1, d)
    fit = features(rng.normal(size=(300, d)) * spread)
    axes = principal_axes(fit.arrays["features"], count)
    shift = rng.normal(0, 0.1, size=d)
    truth = float(np.sum((shift @ axes) ** 2))
    metric = load_metric("fd")
    inside = {0.0: 0, 1.0: 0}
    for scale in inside:
        for _ in range(draws):
            sets = rng.normal(size=(n, d)) * spread + scale * shift, rng.normal(size=(n, d)) * spread
            interval = metric.measure(two_sets(*sets, fit=fit, parameters={"pca": count})).interval
            assert interval.about == "population"
            inside[scale] += interval.low <= scale * truth <= interval.high
    assert min(inside.values()) / draws >= 0.93


def _coverage(two_sets, rng, d, n, shift, draws, truth):
    metric = load_metric("fd")
    found = [
        metric.measure(two_sets(rng.normal(shift, 1, size=(n, d)), rng.normal(size=(n, d)))).interval
        for _ in range(draws)
    ]
    assert {i.about for i in found} == {"population"}
    return float(np.mean([i.low <= truth <= i.high for i in found]))
