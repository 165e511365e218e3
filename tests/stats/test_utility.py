import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

from fauxbench.harness.stats.utility import (
    AT_LEAST,
    AT_MOST,
    FLAT,
    Told,
    accuracy,
    equivalent,
    gain,
    monotone,
    worth,
)

PEOPLE, EACH = 30, 6


def told(share, *, seeds=3, real=100, seed=0, hard=None, apart=0.0):
    """Trainings that tell `share` of the items right; who is hard to tell is hard for all."""
    rng = np.random.default_rng(seed)
    count = PEOPLE * EACH
    home = np.repeat(np.arange(PEOPLE), EACH)
    person = np.random.default_rng(99).standard_normal(PEOPLE) if hard is None else hard
    latent = 0.5 * person[home] + np.sqrt(0.75) * rng.standard_normal((seeds, count))
    moved = apart * rng.standard_normal((seeds, 1))
    from scipy.special import ndtri

    right = latent < ndtri(share) + moved
    return Told(right=right, classes=np.arange(count) % 3 % 2, labels=tuple(f"p{p}" for p in home), real=real)


def test_accuracy_is_balanced_as_in_scikit_learn():
    one = told(0.7)
    truth = one.classes
    for seed in range(3):
        answers = np.where(one.right[seed], truth, 1 - truth)
        assert accuracy(one, seed).value == pytest.approx(balanced_accuracy_score(truth, answers))
    found = accuracy(one, 0)
    assert found.interval.low < found.value < found.interval.high
    assert len(found.replicates) == 20


def test_a_gain_speaks_of_the_recipe_from_three_trainings():
    found = gain(told(0.6, seed=1), told(0.9, seed=2))
    assert found.about == "recipe"
    assert found.p < 0.02
    assert found.df < 8  # what varies between trainings is known from few
    assert found.value == pytest.approx(0.3, abs=0.08)
    alone = gain(told(0.6, seeds=1), told(0.9, seeds=1, seed=2))
    assert alone.about == "checkpoint"
    assert alone.p < 0.001


def test_no_gain_is_found_in_about_one_of_twenty_and_power_is_as_stated():
    null = [gain(told(0.7, seed=2 * n, apart=0.1), told(0.7, seed=2 * n + 1, apart=0.1)) for n in range(200)]
    assert 0.01 <= np.mean([one.p < 0.05 for one in null]) <= 0.09
    effect = float(np.median([one.detectable(0.05) for one in null]))
    from scipy.special import ndtr, ndtri

    low = ndtri(0.7 - effect / 2), ndtri(0.7 + effect / 2)
    planted = [
        gain(told(ndtr(low[0]), seed=2 * n, apart=0.1), told(ndtr(low[1]), seed=2 * n + 1, apart=0.1))
        for n in range(200)
    ]
    assert 0.70 <= np.mean([one.p < 0.05 for one in planted]) <= 0.90


def test_the_curve_is_read_in_log_n():
    counts, heights = np.log([100.0, 200.0, 400.0]), np.array([0.6, 0.7, 0.8])
    assert equivalent(0.7, counts, heights) == (pytest.approx(200), "")
    assert equivalent(0.65, counts, heights) == (pytest.approx(100 * 2**0.5), "")
    assert equivalent(0.95, counts, heights) == (pytest.approx(400), AT_LEAST)
    assert equivalent(0.5, counts, heights) == (pytest.approx(100), AT_MOST)
    assert monotone(np.array([0.6, 0.8, 0.7])).tolist() == pytest.approx([0.6, 0.75, 0.75])
    assert equivalent(0.75, counts, np.array([0.6, 0.8, 0.7])) == (pytest.approx(200), "")


def test_worth_is_what_the_real_pictures_would_have_been():
    shares = {50: 0.55, 100: 0.65, 200: 0.75, 400: 0.85}
    curve = [told(share, real=real, seed=real, seeds=20) for real, share in shares.items()]
    found = worth(curve, told(0.75, real=100, seed=7, seeds=20), np.random.default_rng(0))
    assert found.value == pytest.approx(100, abs=50)
    assert found.low < 100 < found.high
    assert worth(curve, told(0.95, real=100, seed=7), np.random.default_rng(0)).flags == (AT_LEAST,)
    assert worth(curve, told(0.4, real=100, seed=7), np.random.default_rng(0)).value < 0


def test_a_curve_that_does_not_rise_says_nothing():
    flat = [told(0.8, real=50, seed=1), told(0.5, real=100, seed=2)]
    assert worth(flat, told(0.7, seed=3), np.random.default_rng(0)).reason == FLAT


def test_few_clusters_give_no_interval_and_no_test():
    def few(share, real):
        one = told(share, real=real, seed=real)
        return Told(right=one.right, classes=one.classes, labels=("a",) * 90 + ("b",) * 90, real=real)

    with pytest.raises(ValueError, match="2 clusters"):
        gain(few(0.6, 50), few(0.8, 100))
    assert accuracy(few(0.6, 50), 0).interval is None
    found = worth([few(0.5, 50), few(0.9, 100)], few(0.7, 50), np.random.default_rng(0))
    assert found.low is None
    assert "fewer than 5 clusters" in found.flags[-1]
