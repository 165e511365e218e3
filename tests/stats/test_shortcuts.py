import numpy as np
import pytest

from fauxbench.harness.stats.shortcuts import ALIKE, LIMIT, above, audit, components, held_out_scores


def people(count, each):
    return tuple(f"p{i // each}" for i in range(count * each))


def test_what_tells_the_classes_apart_is_found(rng):
    truth = np.arange(120) % 2 == 1
    features = np.column_stack([truth + 0.3 * rng.standard_normal(120), rng.standard_normal(120)])
    found = audit(features, truth, [f"i{i}" for i in range(120)], 0)
    assert found.found.value > 0.95
    assert found.p < 1e-6
    assert found.found.interval.low > LIMIT
    assert (found.found.n, found.found.n_real) == (60, 60)


def test_chance_is_not(rng):
    truth = np.arange(120) % 2 == 1
    ps = [audit(rng.standard_normal((120, 3)), truth, [f"i{i}" for i in range(120)], k).p for k in range(8)]
    assert min(ps) > 0.05


def test_a_person_is_never_on_both_sides(rng):
    # Each person is one class and has a number of their own: whoever splits people finds the truth, else nothing.
    labels = people(24, 10)
    truth = np.array([int(label[1:]) % 2 == 1 for label in labels])
    features = np.repeat(rng.standard_normal((24, 2)), 10, axis=0)
    kept = audit(features, truth, labels, 0).found.value
    leaked = audit(features, truth, [f"i{i}" for i in range(240)], 0).found.value
    assert leaked == 1.0
    assert kept < 0.8


def test_people_of_one_picture_stand_together():
    assert components(["a", "b", ("a", "c"), "d", ("c", "e"), "e"]).tolist() == [0, 1, 0, 2, 0, 0]


@pytest.mark.parametrize(
    ("truth", "labels", "reason"),
    [
        ([True] * 12, people(12, 1), "12 fakes and 0 real items"),
        ([], [], "0 fakes and 0 real items"),
        ([True, False] * 6, ["a", "b"] * 6, "fakes in 1 and real items in 1 groups that share nobody; 5 are needed"),
    ],
)
def test_what_cannot_be_tested_says_why(truth, labels, reason, rng):
    found = audit(rng.standard_normal((len(truth), 2)), np.array(truth, dtype=bool), labels, 0)
    assert (found.found.value, found.found.reason, found.p) == (None, reason, None)


def test_what_is_the_same_everywhere_tells_nothing():
    for features in (np.ones((20, 2)), np.zeros((20, 0))):
        found = audit(features, np.arange(20) % 2 == 1, people(20, 1), 0)
        assert (found.found.value, found.p, found.found.flags) == (0.5, 1.0, (ALIKE,))


def test_the_scores_are_probabilities_and_repeat(rng):
    features, truth = rng.standard_normal((60, 2)), np.arange(60) % 2 == 1
    one, two = (held_out_scores(features, truth, np.arange(60), 3) for _ in range(2))
    assert np.array_equal(one, two)
    assert 0.0 <= one.min() <= one.max() <= 1.0


def test_p_is_that_of_the_limit():
    assert above(0.6, 0.02, 50.0, 20) == pytest.approx(0.5)
    assert above(0.59, 0.02, 50.0, 20) > 0.5
    assert above(1.0, 0.0, 50.0, 12) == pytest.approx(0.6**12)
    # 0.6 is the lower end of the one-sided 97.5 % interval on the logit scale
    error, value = 0.05, 0.7
    low = np.log(value / (1 - value)) - 2.0085591 * error / (value * (1 - value))
    limit = 1 / (1 + np.exp(-low))
    assert (above(value, error, 50.0, 20) < 0.025) == (limit > LIMIT)


def test_a_bare_limit_cries_wolf_and_the_warning_does_not(rng):
    # 30 items of either class and nothing to be learnt: the area passes 0.6 by chance, the warning does not.
    truth = np.arange(60) % 2 == 1
    labels = [f"i{i}" for i in range(60)]
    found = [audit(rng.standard_normal((60, 2)), truth, labels, k) for k in range(12)]
    assert sum(one.p < 0.05 / 5 for one in found) == 0
