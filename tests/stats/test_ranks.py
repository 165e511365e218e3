import numpy as np
import pytest

from fauxbench.harness.stats.auc import areas
from fauxbench.harness.stats.ranks import block_contributions, ranking


def drawn(rng, means, groups=30, noise=0.7):
    """Estimates of systems that met the same clusters, and what each cluster adds."""
    common = rng.standard_normal(groups)
    values = common + noise * rng.standard_normal((len(means), groups)) + np.asarray(means)[:, None]
    return values.mean(1), (values - values.mean(1, keepdims=True)) / groups


def ranks_hold(found, means, *, tolerance=0.0):
    """Whether each interval holds the true rank; tied systems may have any of theirs."""
    means = np.asarray(means)
    return all(
        found.low[j] <= 1 + (means > m + tolerance).sum() and found.high[j] >= len(means) - (means < m).sum()
        for j, m in enumerate(means)
    )


@pytest.mark.parametrize("means", [[0.0] * 5, [0.0, 0.1, 0.2, 0.3, 0.4], [0.0, 0.0, 1.0, 1.0]])
def test_all_rank_intervals_hold_together_and_the_best_is_in_its_set(means):
    ranks, best = [], []
    for draw in range(300):
        rng = np.random.default_rng([5, draw])
        found = ranking(*drawn(rng, means), rng, draws=400)
        ranks.append(ranks_hold(found, means))
        best.append(found.best[int(np.argmax(means))])
    assert np.mean(ranks) >= 0.92
    assert np.mean(best) >= 0.92
    if len(set(means)) == 1:
        assert np.mean(ranks) <= 0.985  # not merely by being wide


def test_what_is_far_apart_is_ranked(rng):
    found = ranking(*drawn(rng, [0.0, 5.0, 10.0]), rng)
    assert (found.low, found.high, found.best) == ((3, 2, 1), (3, 2, 1), (False, False, True))
    turned = ranking(*drawn(rng, [0.0, 5.0, 10.0]), rng, lower=True)
    assert (turned.low, turned.best) == ((1, 2, 3), (True, False, False))


def test_each_system_alone_and_none(rng):
    one = ranking([0.3], np.ones((1, 5)), rng)
    assert (one.low, one.high, one.best) == ((1,), (1,), (True,))
    assert ranking(np.empty(0), np.empty((0, 5)), rng).low == ()


def test_copies_share_their_ranks(rng):
    estimates, parts = drawn(rng, [0.0, 5.0])
    found = ranking(estimates[[0, 1, 1]], parts[[0, 1, 1]], rng)
    assert (found.low, found.high) == ((3, 1, 1), (3, 2, 2))
    assert found.best == (False, True, True)


def test_without_variation_the_order_is_sure(rng):
    found = ranking([0.1, 0.2], np.zeros((2, 5)), rng)
    assert (found.low, found.best) == ((2, 1), (False, True))


def test_wrong_shapes_are_refused(rng):
    with pytest.raises(ValueError, match="do not fit"):
        ranking([0.1, 0.2], np.zeros((3, 5)), rng)


def test_blocks_become_contributions(rng):
    x = rng.normal(size=20)
    left = (x.sum() - x) / 19
    parts = block_contributions(left[None])
    assert 20 / 19 * (parts**2).sum() == pytest.approx(x.var(ddof=1) / 20)


def test_areas_of_detectors_are_ranked(rng):
    truth = np.arange(120) >= 60
    scores = rng.normal(size=(3, 120)) + np.array([[0.0], [1.0], [4.0]]) * truth
    found = areas(scores, truth, [f"p{i // 3}" for i in range(120)])
    assert ranking(found.values, found.contributions, rng).best == (False, False, True)
