import numpy as np
import pytest
from scipy.stats import ttest_rel

from fauxbench.harness.stats.paired import paired_difference, permutation_p


def test_error_and_interval_of_items_alone_are_the_paired_t_tests(rng):
    a, b = rng.normal(size=(2, 60))
    found = paired_difference(a, b, [str(i) for i in range(60)], rng)
    wanted = ttest_rel(b, a)
    assert found.interval == pytest.approx(tuple(wanted.confidence_interval(0.95)))
    assert found.p == pytest.approx(wanted.pvalue, abs=0.03)
    assert found.df == 59


def test_few_clusters_are_permuted_exactly(rng):
    d = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    assert permutation_p(d, list("abcde"), rng) == pytest.approx(2 / 2**5)
    twice = np.repeat(d, 2)
    assert permutation_p(twice, [x for x in "abcde" for _ in "12"], rng) == pytest.approx(2 / 2**5)


def test_clusters_change_sides_whole(rng):
    d = np.array([1.0, -1.0] * 20)
    together = [f"p{i // 2}" for i in range(40)]
    assert permutation_p(d + 1e-9, together, rng, permutations=199) < 0.02  # every cluster leans the same way
    assert permutation_p(d + 1e-9, [str(i) for i in range(40)], rng, permutations=199) > 0.5


def test_what_one_side_lacks_is_left_out_and_said(rng):
    a, b = rng.normal(size=(2, 30))
    a[3], b[7] = np.nan, np.inf
    found = paired_difference(a, b, [str(i) for i in range(30)], rng, permutations=99)
    assert found.remark == "2 of 30 items left out: not both have a value"
    kept = np.delete(np.arange(30), [3, 7])
    assert found.value == pytest.approx(float((b[kept] - a[kept]).mean()))


def test_equal_answers_are_no_evidence(rng):
    hits = (rng.random(30) < 0.5).astype(float)
    found = paired_difference(hits, hits, [str(i) for i in range(30)], rng)
    assert (found.value, found.p, found.interval, found.detectable(0.05)) == (0.0, 1.0, (0.0, 0.0), None)


@pytest.mark.parametrize("values", [[], [1.0], [np.nan, 1.0]])
def test_nothing_to_pair_is_said(rng, values):
    with pytest.raises(ValueError, match="a test needs 2"):
        paired_difference(values, values, [str(i) for i in range(len(values))], rng)


def test_two_identities_are_said(rng):
    pairs = [tuple(f"p{i}" for i in rng.choice(12, 2, replace=False)) for _ in range(80)]
    found = paired_difference(*rng.normal(size=(2, 80)), pairs, rng)
    assert "two clusters" in found.remark
    assert 0.0 < found.p <= 1.0
