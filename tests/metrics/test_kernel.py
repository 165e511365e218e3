import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fauxbench.harness.errors import InputError
from fauxbench.harness.metrics import kernel as module
from fauxbench.harness.metrics import load_metric
from fauxbench.harness.metrics.kernel import kernel_distance, kernel_distance_subsets


def by_loops(a, b):
    def k(x, y):
        return (float(np.dot(x, y)) / len(x) + 1) ** 3

    within = [np.mean([k(x, y) for i, x in enumerate(side) for j, y in enumerate(side) if i != j]) for side in (a, b)]
    return sum(within) - 2 * np.mean([k(x, y) for x in a for y in b])


def as_torch_fidelity(x, y):
    """Its `mmd2(..., mmd_est="unbiased")` for two subsets of one size, written from the formula."""
    m = len(x)
    kxx, kyy, kxy = ((p @ q.T / x.shape[1] + 1) ** 3 for p, q in ((x, x), (y, y), (x, y)))
    off = (kxx.sum() - np.trace(kxx) + kyy.sum() - np.trace(kyy)) / (m * (m - 1))
    return off - 2 * kxy.sum() / m**2


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 12), st.integers(2, 12), st.integers(1, 6), st.integers(0, 2**31))
def test_is_the_double_loop(n, m, d, seed):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(n, d)), rng.normal(0.5, 2, size=(m, d))
    assert kernel_distance(a, b) == pytest.approx(by_loops(a, b), rel=1e-9, abs=1e-9)


def test_subsets_are_torch_fidelitys(rng):
    a, b = rng.normal(size=(150, 24)).astype(np.float32), rng.normal(0.2, 1.1, size=(130, 24)).astype(np.float32)
    state = np.random.RandomState(2020)
    draws = [(state.choice(150, 100, replace=False), state.choice(130, 100, replace=False)) for _ in range(12)]
    expected = [as_torch_fidelity(a[i].astype(float), b[j].astype(float)) for i, j in draws]
    found = kernel_distance_subsets(a, b, draws=draws)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-12)


def test_subsets_have_the_expectation_of_the_whole(rng):
    a, b = rng.normal(size=(300, 6)), rng.normal(0.4, 1, size=(300, 6))
    found = kernel_distance_subsets(a, b, subsets=400, size=50, generator=rng)
    assert found.mean() == pytest.approx(kernel_distance(a, b), abs=4 * found.std() / 20)


def test_chunks_do_not_show(rng, monkeypatch, two_sets):
    a, b = rng.normal(size=(101, 5)), rng.normal(0.3, 1, size=(77, 5))
    whole = load_metric("kd").measure(two_sets(a, b))
    monkeypatch.setattr(module, "CHUNK", 16)
    parts = load_metric("kd").measure(two_sets(a, b))
    assert parts.value == pytest.approx(whole.value, rel=1e-9)
    np.testing.assert_allclose(parts.replicates, whole.replicates, rtol=1e-9)


def test_replicates_leave_one_block_out(rng, two_sets):
    a, b = rng.normal(size=(61, 5)), rng.normal(0.3, 1, size=(47, 5))
    found = load_metric("kd").measure(two_sets(a, b))
    assert found.value == pytest.approx(kernel_distance(a, b), rel=1e-9)
    direct = [kernel_distance(a[np.arange(61) % 20 != j], b[np.arange(47) % 20 != j]) for j in range(20)]
    np.testing.assert_allclose(found.replicates, direct, rtol=1e-9)


def test_two_samples_of_one_distribution_are_0_in_expectation(rng):
    values = [kernel_distance(rng.normal(size=(30, 4)), rng.normal(size=(40, 4))) for _ in range(600)]
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(600)
    assert min(values) < 0


def test_truth_is_covered(rng, two_sets):
    d, shift = 8, 0.4
    big = rng.normal(shift, 1, size=(6000, d)), rng.normal(size=(6000, d))
    truth = kernel_distance(*big)
    metric = load_metric("kd")
    found = [
        metric.measure(two_sets(rng.normal(shift, 1, size=(200, d)), rng.normal(size=(200, d)))).interval
        for _ in range(200)
    ]
    assert 0.90 <= np.mean([i.low <= truth <= i.high for i in found]) <= 0.99
    null = [metric.measure(two_sets(*rng.normal(size=(2, 100, d)))).interval for _ in range(200)]
    assert np.mean([i.low <= 0 <= i.high for i in null]) >= 0.93


def test_wrong_features_are_refused(rng):
    x = rng.normal(size=(10, 3))
    with pytest.raises(InputError, match="found 10 and 10 items"):
        kernel_distance_subsets(x, x, generator=rng)
    with pytest.raises(InputError, match="draws or a generator"):
        kernel_distance_subsets(x, x)
    with pytest.raises(InputError, match="use one instrument"):
        kernel_distance(x, x[:, :1])
