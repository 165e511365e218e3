import numpy as np
import pytest

from fauxbench.harness.stats.clusters import Clusters, by_class
from fauxbench.harness.stats.intervals import cluster_bootstrap


def brute(values, labels):
    """Sum over all pairs of items that share a cluster."""
    sets = [{label} if isinstance(label, str) else set(label) for label in labels]
    return sum(values[i] * values[j] for i in range(len(sets)) for j in range(len(sets)) if sets[i] & sets[j])


@pytest.mark.parametrize("ways", [1, 2])
def test_products_are_the_sum_over_pairs_that_share_a_cluster(rng, ways):
    labels = [tuple(f"p{i}" for i in rng.choice(6, ways, replace=False)) for _ in range(40)]
    labels[3], labels[9] = ("p1",), "p2"
    x = rng.normal(size=40)
    assert Clusters.of(labels).products(x[None], x[None])[0, 0] == pytest.approx(brute(x, labels))


def test_an_item_twice_in_one_cluster_is_once_in_it():
    found = Clusters.of([("a", "a"), ("a", "b"), "b"])
    assert found.second.tolist() == [-1, 1, -1]
    assert (found.count, found.crossed, found.single) == (2, True, False)


@pytest.mark.parametrize("label", [(), ("a", "b", "c")])
def test_no_cluster_and_three_are_refused(label):
    with pytest.raises(ValueError, match="clusters"):
        Clusters.of(["a", label])


def test_draws_take_whole_clusters_and_multiply_the_ways(rng):
    labels = ["a", "a", ("a", "b"), "b", *"cdefg"]
    times = Clusters.of(labels).draws(rng, 400)
    assert (times[:, 0] == times[:, 1]).all()
    np.testing.assert_array_equal(times[:, 2], times[:, 0] * times[:, 3])
    assert times[:, 0].mean() == pytest.approx(1.0, abs=0.2)


def test_strata_keep_their_number_unless_they_are_tiny(rng):
    truth = np.arange(20) >= 8
    clusters = Clusters.of([f"p{i}" for i in range(20)])
    times = clusters.draws(rng, 50, by_class(clusters, truth))
    assert (times[:, truth].sum(1) == 12).all()
    few = np.arange(20) >= 18
    assert len(set(clusters.draws(rng, 50, by_class(clusters, few))[:, few].sum(1))) > 1


def test_the_pigeonhole_covers_where_identities_vary():
    held = []
    for draw in range(150):
        rng = np.random.default_rng([1, draw])
        face, body = rng.normal(size=(2, 30))
        pairs = [rng.choice(30, 2, replace=False) for _ in range(300)]
        values = [face[i] + body[i] + face[j] + body[j] + 0.5 * rng.normal() for i, j in pairs]
        labels = [(f"p{i}", f"p{j}") for i, j in pairs]
        crossed = cluster_bootstrap(values, labels, rng, draws=300)
        alone = cluster_bootstrap(values, [str(i) for i in range(300)], rng, draws=300)
        held.append([crossed.low <= 0 <= crossed.high, alone.low <= 0 <= alone.high])
        assert crossed.method == "pigeonhole-bootstrap"
    share = np.mean(held, axis=0)
    assert 0.90 <= share[0] <= 1.0
    assert share[1] < 0.70
