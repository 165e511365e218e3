import numpy as np
import pytest

from fauxbench.harness.errors import InputError
from fauxbench.harness.metrics import load_metric
from fauxbench.harness.metrics import neighbours as module
from fauxbench.harness.metrics.neighbours import density_coverage, neighbour_scores, precision_recall

NAMES = ("precision", "recall", "density", "coverage")


def by_definition(real, synthetic):
    """Precision, recall (k 3, closed), density and coverage (k 5, open), one loop an equation."""

    def radius(items, i, k):
        return np.sort(np.linalg.norm(items - items[i], axis=1))[k]  # the first is itself

    def inside(queries, centres):
        radii = [radius(centres, i, 3) for i in range(len(centres))]
        return np.mean([any(np.linalg.norm(centres - q, axis=1) <= radii) for q in queries])

    radii = np.array([radius(real, i, 5) for i in range(len(real))])
    apart = np.linalg.norm(real[:, None] - synthetic[None], axis=2)
    return (
        inside(synthetic, real),
        inside(real, synthetic),
        np.mean(np.sum(apart < radii[:, None], axis=0)) / 5,
        np.mean(apart.min(axis=1) < radii),
    )


@pytest.mark.parametrize("cells", [8_000_000, 50])
@pytest.mark.parametrize(("n", "m", "d"), [(40, 30, 3), (6, 6, 2), (25, 60, 8)])
def test_is_the_definition(rng, monkeypatch, cells, n, m, d):
    monkeypatch.setattr(module, "CELLS", cells)
    real, synthetic = rng.normal(5, 1, size=(n, d)), rng.normal(5.5, 1.2, size=(m, d))
    found = (*precision_recall(real, synthetic), *density_coverage(real, synthetic))
    assert found == pytest.approx(by_definition(real, synthetic))
    assert neighbour_scores(real, synthetic) == pytest.approx(found)


def test_mode_collapse_keeps_precision_and_loses_recall():
    rng = np.random.default_rng(42)
    synthetic, real = 0.1 * rng.normal(size=(200, 16)), 3 * rng.normal(size=(200, 16))
    precision, recall = precision_recall(real, synthetic)
    assert precision > 0.8
    assert recall < 0.3
    spread, covered = precision_recall(synthetic, real)
    assert (spread, covered) == pytest.approx((recall, precision))


def test_the_four_together_are_each_alone(rng):
    real, synthetic = rng.normal(size=(90, 5)), rng.normal(0.3, 1, size=(70, 5))
    far = neighbour_scores(real, synthetic, k=40, k_open=41)  # many neighbours are sorted
    assert (far.precision, far.recall) == precision_recall(real, synthetic, k=40)
    assert far.density == pytest.approx(density_coverage(real, synthetic, k=41)[0])
    reach = np.sort(np.linalg.norm(real[:, None] - real[None], axis=2), axis=1)[:, 40]
    apart = np.linalg.norm(synthetic[:, None] - real[None], axis=2)
    assert far.precision == np.mean((apart <= reach).any(axis=1))
    found = neighbour_scores(real, synthetic, k=4, k_open=2)
    assert (found.precision, found.recall) == precision_recall(real, synthetic, k=4)
    assert (found.density, found.coverage) == density_coverage(real, synthetic, k=2)


def test_far_away_sets_have_nothing_in_common(rng):
    real = rng.normal(size=(50, 4))
    assert precision_recall(real, real + 100) == (0, 0)
    assert density_coverage(real, real + 100) == (0, 0)


def test_equal_sets(rng):
    real = rng.normal(size=(50, 4))
    assert precision_recall(real, real) == (1, 1)
    assert density_coverage(real, real)[1] == 1


@pytest.mark.parametrize("name", NAMES)
def test_replicates_leave_one_block_out(rng, features, name):
    from fauxbench.harness.metrics.base import Evidence

    real, synthetic = rng.normal(size=(84, 3)), rng.normal(0.4, 1.1, size=(66, 3))
    real[:30] *= 0.01  # one block sits close together, so that most neighbours vanish with it
    people = ["close"] * 30 + [f"p{i // 6}" for i in range(54)]
    given = Evidence(
        synthetic=features(synthetic, clusters=[f"s{i // 6}" for i in range(66)]), real=features(real, clusters=people)
    )
    metric = load_metric(name)
    found = metric.measure(given)
    both = module.both_sets(given)
    assert both.blocks == 10
    for j in range(both.blocks):
        sides = [s.features[s.block != j] for s in (both.real, both.synthetic)]
        direct = (*precision_recall(*sides), *density_coverage(*sides))[NAMES.index(name)]
        assert found.replicates[j] == pytest.approx(direct), j
    direct = (*precision_recall(real, synthetic), *density_coverage(real, synthetic))
    assert found.value == pytest.approx(direct[NAMES.index(name)])
    assert found.interval.about == "at-n"
    assert found.interval.low <= found.value <= found.interval.high


@pytest.mark.parametrize("name", NAMES)
def test_expectation_at_n_is_covered(rng, two_sets, name):
    def draw():
        return rng.normal(0.3, 1, size=(150, 4)), rng.normal(size=(150, 4))

    metric = load_metric(name)
    found = [metric.measure(two_sets(*draw())) for _ in range(60)]
    truth = np.mean([f.value for f in found])
    assert np.mean([f.interval.low <= truth <= f.interval.high for f in found]) >= 0.9


def test_nothing_in_common_has_an_interval_above_0(rng, two_sets):
    real = rng.normal(size=(50, 4))
    for name in ("precision", "recall", "coverage"):
        found = load_metric(name).measure(two_sets(real + 100, real))
        assert (found.value, found.interval.low) == (0, 0)
        assert 0.05 < found.interval.high < 0.1
    assert load_metric("density").measure(two_sets(real + 100, real)).interval is None


def test_too_few_items_are_refused(rng, two_sets):
    with pytest.raises(InputError, match="real: expected at least 4 rows, found 3"):
        precision_recall(rng.normal(size=(3, 2)), rng.normal(size=(9, 2)))
    found = load_metric("coverage").measure(two_sets(rng.normal(size=(5, 2)), rng.normal(size=(30, 2))))
    assert found.value is None
    assert "more than 5 are needed" in found.reason
