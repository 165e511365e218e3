import numpy as np
import pytest
from tests.safeguards.watermark.examples import KEY, mark_of

from fauxbench.harness.safeguards.watermark.code import encode
from fauxbench.harness.safeguards.watermark.lattice import (
    FALSE_POSITIVES,
    Evidence,
    decide,
    displacement,
    dithers,
    shuffle,
)
from fauxbench.harness.safeguards.watermark.mark import seal


def test_a_displacement_is_at_most_half_a_step_and_lands_on_the_bit():
    rng = np.random.default_rng(0)
    numbers, dither = 30 * rng.standard_normal(256), rng.random(256)
    coded = rng.integers(0, 2, 256).astype(np.uint8)
    moved = displacement(numbers, coded, dither, 0.7)
    assert np.abs(moved).max() <= 0.35 + 1e-12
    turns = (numbers + moved) / 0.7 - dither
    np.testing.assert_allclose(np.cos(2 * np.pi * turns), 1.0 - 2.0 * coded, atol=1e-9)
    assert np.mean(moved**2) == pytest.approx(0.7**2 / 12, rel=0.2)


@pytest.mark.parametrize("frames", [1, 5])
def test_the_bound_holds_for_any_file_over_random_dithers(frames):
    rng = np.random.default_rng(1)
    host = np.linspace(-3, 3, 256) + 0.2 * rng.standard_normal((frames, 1, 256))  # alike frames, far from random
    evidence = None
    dither = rng.random((4_000, 256))
    for one in host:
        told = Evidence.of(one - dither)
        evidence = told if evidence is None else evidence + told
    assert evidence is not None
    for level in (0.3, 0.1, 0.01):
        share = np.mean(np.exp(-evidence.odds) <= level)
        assert 0.02 * level < share <= level


def test_what_is_unknown_does_not_count():
    rng = np.random.default_rng(2)
    turns = rng.random((1, 256))
    half = np.repeat([[1.0, 0.0]], 128, axis=0).reshape(1, 256)
    other = np.where(half > 0, turns, rng.random((1, 256)))
    assert Evidence.of(turns, half).odds == pytest.approx(Evidence.of(other, half).odds)
    assert Evidence.of(turns, 0.0).odds == 0.0


def test_the_rate_grows_with_the_attempts_and_decides():
    coded = encode(seal(mark_of(1), KEY))
    rng = np.random.default_rng(3)
    dull = rng.integers(0, 2, 256) / 2.0  # on the lattice, with bits that open to nothing
    turns = dull + 0.14 * rng.standard_normal(256)
    one = decide(Evidence.of(turns[None]), KEY)
    assert one is not None
    assert one.mark is None
    many = decide(Evidence.of(np.stack([turns, rng.random(256)])), KEY)
    assert many is not None
    assert many.false_positive_rate == pytest.approx(2 * one.false_positive_rate)
    assert decide(Evidence.of(turns[None]), KEY, attempts=int(2 * FALSE_POSITIVES / one.false_positive_rate)) is None
    assert decide(Evidence.of(np.zeros((1, 256)) + 0.25 * np.arange(256)), KEY) is None
    read = decide(Evidence.of((coded / 2.0)[None]), KEY)
    assert read is not None
    assert (read.mark, read.corrected) == (mark_of(1), 0)


def test_corrected_bits_are_counted():
    coded = encode(seal(mark_of(1), KEY)).astype(np.float64)
    coded[::32] = 1 - coded[::32]
    found = decide(Evidence.of((coded / 2.0)[None]), KEY)
    assert found is not None
    assert (found.mark, found.corrected) == (mark_of(1), 8)


def test_secrets_follow_from_key_and_purpose():
    assert np.array_equal(dithers(KEY, "picture"), dithers(KEY, "picture"))
    assert not np.array_equal(dithers(KEY, "picture"), dithers(KEY, "sound"))
    assert not np.array_equal(dithers(KEY, "picture"), dithers(bytes(32), "picture"))
    rows = shuffle(KEY, "rows", 4, 50)
    np.testing.assert_array_equal(np.sort(rows), np.tile(np.arange(50), (4, 1)))
    assert not np.array_equal(rows[0], rows[1])
