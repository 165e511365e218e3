import numpy as np
import pytest

from fauxbench.harness.errors import InputError
from fauxbench.harness.metrics import load_metric
from fauxbench.harness.metrics.base import Evidence
from fauxbench.harness.metrics.memorisation import memorisation

D, PICTURES = 24, 5


@pytest.fixture
def people(rng, features):
    """Draws `count` people with five pictures each, alike among themselves; returns their Features."""

    def draw(count, prefix):
        centres = rng.normal(size=(count, D))
        array = np.repeat(centres, PICTURES, 0) + rng.normal(0, 0.4, size=(count * PICTURES, D))
        return features(array, clusters=[f"{prefix}{i // PICTURES}" for i in range(len(array))], prefix=prefix)

    return draw


@pytest.fixture
def judge(people, features):
    fit, unseen, reference = people(30, "f"), people(20, "u"), people(20, "r")

    def measure(synthetic):
        evidence = Evidence(synthetic=synthetic, fit=fit, unseen=unseen, real=reference, seed=3)
        return load_metric("memorisation").measure(evidence)

    return measure, fit.arrays["features"]


def fails(found):
    return "fails memorisation" in found.flags


def test_a_copy_of_the_fit_set_fails(judge, features):
    measure, fit = judge
    found = measure(features(fit))
    assert found.value == 1.0
    assert found.interval.low > 0.9
    assert fails(found)


@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_a_share_of_copies_fails(judge, people, features, rng, noise):
    measure, fit = judge
    mixed = people(20, "s").arrays["features"]
    mixed[:30] = fit[rng.choice(len(fit), 30, replace=False)] + rng.normal(0, noise, size=(30, D))
    found = measure(features(mixed))
    assert 0.28 <= found.value <= 0.5
    assert fails(found)


def test_one_fit_item_over_and_over_fails(judge, features, rng):
    measure, fit = judge
    assert fails(measure(features(np.repeat(fit[7:8], 100, axis=0) + rng.normal(0, 0.01, size=(100, D)))))


def test_copies_are_seen_when_the_fit_set_is_much_the_larger(people, features):
    fit, unseen, reference = people(200, "f"), people(10, "u"), people(10, "r")
    evidence = Evidence(synthetic=features(fit.arrays["features"][:300]), fit=fit, unseen=unseen, real=reference)
    found = load_metric("memorisation").measure(evidence)
    assert found.value > 0.95
    assert fails(found)


def test_fresh_people_and_blurs_pass(people, features, rng):
    """Over many draws: which people are in which set must not decide. The test has level 2.5 %."""
    failed = {"fresh": 0, "mean": 0}
    shares = []
    for _ in range(16):
        fit, unseen, reference = people(14, "f"), people(10, "u"), people(10, "r")
        blur = fit.arrays["features"].mean(0) + rng.normal(0, 0.02, size=(60, D))
        for name, synthetic in (("fresh", people(12, "s")), ("mean", features(blur))):
            evidence = Evidence(synthetic=synthetic, fit=fit, unseen=unseen, real=reference)
            found = load_metric("memorisation").measure(evidence)
            failed[name] += fails(found)
            shares += [found.value] if name == "fresh" else []
    assert failed["fresh"] <= 2
    assert failed["mean"] <= 2
    assert 0.02 < np.mean(shares) < 0.15


def test_ratio_is_distance_over_distance(rng):
    found = memorisation(
        [[1.0, 0.0]], [[0.0, 0.0], [9.0, 0.0]], [[3.0, 0.0], [1.0, 5.0]], rng.normal(size=(40, 2)), generator=rng
    )
    assert found.ratios == pytest.approx([0.5])


def test_equal_distances_and_double_copies_are_1(rng):
    found = memorisation([[0.0], [2.0]], [[0.0], [1.0]], [[0.0], [3.0]], rng.normal(size=(30, 1)), generator=rng)
    assert found.ratios == pytest.approx([1.0, 1.0])


def test_metric_gives_reasons(people, rng):
    metric = load_metric("memorisation")
    synthetic, fit = people(4, "s"), people(4, "f")
    assert "no features of the fit set" in metric.measure(Evidence(synthetic=synthetic)).reason
    found = metric.measure(Evidence(synthetic=synthetic, fit=fit, real=fit))
    assert "no features of the unseen real set" in found.reason
    with pytest.raises(InputError, match="unseen"):
        memorisation(rng.normal(size=(3, 2)), rng.normal(size=(3, 2)), rng.normal(size=(3, 4)), [[0, 0]], generator=rng)
