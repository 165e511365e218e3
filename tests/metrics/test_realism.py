import numpy as np
import pytest

from fauxbench import InputError, realism_score
from fauxbench.harness.metrics import load_metric
from fauxbench.harness.metrics import neighbours as module


def by_definition(real, synthetic, k=3):
    radii = np.array([np.sort(np.linalg.norm(real - r, axis=1))[k] for r in real])
    kept = radii <= np.median(radii)
    return np.array([np.max(radii[kept] / np.linalg.norm(real[kept] - g, axis=1)) for g in synthetic])


@pytest.mark.parametrize("cells", [8_000_000, 60])
@pytest.mark.parametrize(("n", "m", "d"), [(40, 30, 3), (41, 12, 8)])
def test_is_the_definition(rng, monkeypatch, cells, n, m, d):
    monkeypatch.setattr(module, "CELLS", cells)
    real, synthetic = rng.normal(5, 1, size=(n, d)), rng.normal(5.5, 1.2, size=(m, d))
    np.testing.assert_allclose(realism_score(real, synthetic), by_definition(real, synthetic), rtol=1e-7)


def test_falls_with_distance_and_is_endless_for_a_copy(rng):
    real = rng.normal(size=(200, 4))
    steps = np.linspace(2, 30, 8)[:, None] * np.ones(4)
    scores = realism_score(real, steps)
    assert (np.diff(scores) < 0).all()
    assert scores[-1] < 0.1
    radii = np.sort(np.linalg.norm(real[:, None] - real[None], axis=2), axis=1)[:, 3]
    inner = real[radii < np.median(radii)]
    assert np.isinf(realism_score(real, inner[:4] * 1.0)).all()


def test_copies_among_the_real_items_give_1_and_not_a_hole():
    real = np.repeat([[0.0, 0.0], [5.0, 5.0]], 6, axis=0)
    np.testing.assert_array_equal(realism_score(real, [[0.0, 0.0], [1.0, 1.0], [5.0, 5.0], [9, 9]]), [1, 0, 1, 0])


def test_metric_has_items_and_replicates_that_leave_a_block_out(rng, two_sets):
    real, synthetic = rng.normal(size=(60, 3)), rng.normal(0.4, 1.1, size=(45, 3))
    given = two_sets(synthetic, real)
    found = load_metric("realism").measure(given)
    both = module.both_sets(given)
    expected = np.minimum(by_definition(real, synthetic), 10)
    assert found.value == pytest.approx(expected.mean())
    assert list(found.items.values()) == pytest.approx(list(expected))
    assert list(found.items)[:2] == ["s0", "s1"]
    for j in range(both.blocks):
        kept = by_definition(real[both.real.block != j], synthetic[both.synthetic.block != j])
        assert found.replicates[j] == pytest.approx(np.minimum(kept, 10).mean()), j
    assert found.interval.about == "at-n"
    assert found.interval.low < found.value < found.interval.high


def test_too_few_items_are_refused(rng, two_sets):
    with pytest.raises(InputError, match="real: expected at least 4 rows"):
        realism_score(rng.normal(size=(3, 2)), rng.normal(size=(9, 2)))
    found = load_metric("realism").measure(two_sets(rng.normal(size=(9, 2)), rng.normal(size=(3, 2))))
    assert found.value is None
    assert "more than 3 are needed" in found.reason
