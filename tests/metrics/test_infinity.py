import numpy as np
import pytest

from fauxbench import InputError, frechet_distance, frechet_distance_infinity
from fauxbench.harness.metrics import load_metric, metric_card


def test_is_the_line_through_nested_subsets(rng):
    a, b = rng.normal(0.2, 1, size=(200, 4)), rng.normal(size=(160, 4))
    orders = np.random.default_rng(7)
    first, second = a[orders.permutation(200)], b[orders.permutation(160)]
    for both in (True, False):
        shares = np.linspace(0.5, 1, 15)
        n = np.round(shares * 200).astype(int)
        m = np.round(shares * 160).astype(int) if both else np.full(15, 160)
        values = [frechet_distance(first[:i], second[:j]) for i, j in zip(n, m, strict=True)]
        _, expected = np.polyfit(1 / n, values, 1)
        found = frechet_distance_infinity(a, b, generator=np.random.default_rng(7), both=both)
        assert found == pytest.approx(expected, rel=1e-9)


def test_takes_the_bias_away(rng):
    raw, corrected = [], []
    for _ in range(20):
        a, b = rng.normal(size=(300, 10)), rng.normal(size=(300, 10))
        raw.append(frechet_distance(a, b))
        corrected.append(frechet_distance_infinity(a, b, generator=rng, points=6))
    assert np.mean(raw) > 0.15
    assert abs(np.mean(corrected)) < 0.05


def test_with_a_fixed_real_side_its_bias_stays(rng):
    a, b = rng.normal(size=(4000, 10)), rng.normal(size=(60, 10))
    one = frechet_distance_infinity(a, b, generator=np.random.default_rng(1), both=False, points=5)
    assert one == pytest.approx(frechet_distance(a, b), rel=0.1)


def test_the_generator_decides_and_nothing_else(rng):
    a, b = rng.normal(size=(90, 5)), rng.normal(size=(90, 5))
    first, again, other = (frechet_distance_infinity(a, b, generator=np.random.default_rng(s)) for s in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize("shift", [0.0, 0.3])
def test_population_value_is_covered(rng, two_sets, shift):
    metric = load_metric("fd_infinity")
    size = 6
    found = [
        metric.measure(two_sets(rng.normal(shift, 1, size=(200, size)), rng.normal(size=(200, size))))
        for _ in range(40)
    ]
    truth = size * shift**2
    assert np.mean([f.interval.low <= truth <= f.interval.high for f in found]) >= 0.9
    assert all(f.interval.about == "population" for f in found)


def test_too_few_items_are_refused(rng, two_sets):
    a = rng.normal(size=(39, 10))
    with pytest.raises(InputError, match="39 items, at least 40"):
        frechet_distance_infinity(a, a, generator=rng)
    with pytest.raises(InputError, match="points"):
        frechet_distance_infinity(a[:, :2], a[:, :2], generator=rng, points=1)
    assert "at least 40" in load_metric("fd_infinity").measure(two_sets(a, a)).reason


def test_name():
    assert metric_card("fd_infinity").shown_as("inception-2015") == "fid_infinity"
