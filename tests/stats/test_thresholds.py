import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score

from fauxbench.harness.stats.thresholds import Validation, best_threshold, by_name, three_thresholds


def made(name, shift, count=40, seed=0):
    rng = np.random.default_rng(seed)
    truth = np.arange(count) >= count // 2
    return Validation(
        name=name, scores=np.clip(0.3 + 0.1 * rng.normal(size=count) + shift + 0.3 * truth, 0, 1), truth=truth
    )


def test_three_side_by_side_with_their_origin():
    fixed, own, pooled = three_thresholds(made("a", 0.0), [made("b", 0.2, count=400, seed=1)])
    assert (fixed.value, fixed.origin) == (0.5, "fixed beforehand")
    assert own.origin == "validation of a"
    assert pooled.origin == "validation of a, b"
    assert own.value < pooled.value
    assert by_name((fixed, own, pooled)) == {"0.5": 0.5, "validation": own.value, "pooled": pooled.value}


def test_a_validation_set_of_one_class_chooses_nothing():
    one = made("a", 0.0)
    _, own, pooled = three_thresholds(Validation(name="a", scores=one.scores, truth=np.ones(40, bool)))
    assert own.value is None
    assert "both classes" in own.reason
    assert by_name((own, pooled)) == {}


def test_scores_that_are_no_numbers_choose_nothing():
    one = made("a", 0.0)
    spoilt = np.append(one.scores, np.nan)
    found = three_thresholds(Validation(name="a", scores=spoilt, truth=np.append(one.truth, True)))[1]
    assert found.value == best_threshold([(one.scores, one.truth)])


@given(st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=2, max_size=40))
def test_no_threshold_is_better(rows):
    scores, truth = np.array([s / 20 for s, _ in rows]), np.array([t for _, t in rows])
    if truth.all() or not truth.any():
        return
    best = best_threshold([(scores, truth)])
    found = balanced_accuracy_score(truth, scores >= best)
    assert found >= max(balanced_accuracy_score(truth, scores >= t) for t in np.linspace(0, 1, 41)) - 1e-12


def test_sets_weigh_the_same_whatever_their_size():
    small, large = made("a", 0.0), made("b", 0.3, count=4000, seed=2)
    both = best_threshold([(one.scores, one.truth) for one in (small, large)])
    again = best_threshold([(np.tile(small.scores, 9), np.tile(small.truth, 9)), (large.scores, large.truth)])
    assert both == pytest.approx(again)
