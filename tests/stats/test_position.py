import numpy as np
import pytest

from fauxbench.harness.stats.position import place


def means(rng, shift, count=20, each=10):
    """A score that is a mean over blocks, and its replicates."""
    blocks = shift + rng.normal(size=(count, each))
    left_out = [np.delete(blocks, j, 0).mean() for j in range(count)]
    return float(blocks.mean()), np.array(left_out)


def test_positions_lie_between_the_controls():
    assert place(1.0, 0.0, 2.0).value == 0.5
    assert place(0.7, 0.9, 0.4, higher=True).value == pytest.approx(0.4)
    assert place(0.0, 0.0, 2.0).value == 0
    assert place(6.0, 0.0, 2.0).value == 3


def test_a_degradation_that_is_not_seen_gives_no_position(rng):
    blind = place(1.0, 0.5, 0.4, n=20)
    assert (blind.value, blind.reason) == (None, "the degradation is not seen at n 20")
    assert place(1.0, 0.5, 0.6, higher=True).value is None
    (a, ra), (b, rb), (c, rc) = (means(rng, shift) for shift in (1.0, 0.0, 0.0))
    low, high = sorted([(b, rb), (c, rc)], key=lambda pair: pair[0])
    chance = place(a, low[0], high[0], (ra, low[1], high[1]), n=200)
    assert chance.reason == "the degradation is not told from chance at n 200"


def test_intervals_of_positions_hold(rng):
    hits = 0
    for _ in range(300):
        (s, rs), (c, rc), (d, rd) = (means(rng, shift) for shift in (2.0, 0.0, 4.0))
        found = place(s, c, d, (rs, rc, rd))
        assert found.interval is not None
        hits += found.interval.low <= 0.5 <= found.interval.high
    assert 0.91 <= hits / 300 <= 0.985
    assert place(s, c, d, (rs, rc)).interval is None
    assert place(s, c, d, (rs, rc, rd[:5])).interval is None
