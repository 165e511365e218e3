import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fauxbench.harness.conditions.damage import add_noise, blur, change_contrast, cover, round_colours
from fauxbench.harness.conditions.encoding import compress
from fauxbench.harness.conditions.sampling import FILTERS, move, resample


@pytest.fixture
def picture():
    y, x = np.mgrid[0:40, 0:36]
    spot = np.exp(-((y - 20) ** 2 + (x - 18) ** 2) / 120)[:, :, None]
    return np.clip(50 + 150 * spot * (1.0, 0.8, 0.6), 0, 255).astype(np.uint8)


def apart(a, b):
    return float(np.abs(a.astype(float) - b).mean())


def test_jpeg_loses_more_at_lower_quality(picture):
    losses = [apart(compress(picture, quality=quality), picture) for quality in (100, 80, 20, 1)]
    assert losses == sorted(losses)
    assert losses[0] < 0.7
    assert apart(compress(picture, quality=100, chroma="4:4:4"), picture) < losses[0]


def test_every_filter_keeps_a_flat_picture(picture):
    flat = np.full((30, 31, 3), 77, dtype=np.uint8)
    for name in FILTERS:
        assert (resample(flat, factor=1.7, filter=name) == 77).all()
        assert np.array_equal(resample(picture, factor=1.0, filter=name), picture)
        assert 0 < apart(resample(picture, factor=2.0, filter=name), picture) < 10


def test_a_move_is_a_move(picture):
    moved = move(picture, right=2, down=-3)
    assert np.array_equal(moved[:-3, 2:], picture[3:, :-2])
    assert np.array_equal(moved[-1], moved[-4])
    assert np.array_equal(move(picture, right=0), picture)


@given(st.integers(1, 128))
def test_rounded_colours_are_multiples_and_near(step):
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
    rounded = round_colours(ramp, step=step)
    assert (np.abs(rounded.astype(int) - ramp) <= step / 2).all()
    assert ((rounded % step == 0) | (rounded == 255)).all()


def test_contrast_keeps_the_mean_and_scales_the_rest(picture):
    half = change_contrast(picture, factor=0.5)
    assert half.mean(axis=(0, 1)) == pytest.approx(picture.mean(axis=(0, 1)), abs=0.5)
    assert half.std(axis=(0, 1)) == pytest.approx(picture.std(axis=(0, 1)) / 2, rel=0.03)
    assert np.array_equal(change_contrast(picture, factor=1.0), picture)


def test_blur_smooths_by_a_share_of_the_side(picture):
    noisy = add_noise(picture, deviation=20, seed=1)
    assert np.diff(blur(noisy, sigma=0.03).astype(float), axis=0).std() < np.diff(noisy.astype(float), axis=0).std() / 2
    assert np.array_equal(blur(picture, sigma=0.0), picture)


def test_noise_has_the_deviation_asked_for_and_follows_its_seed(picture):
    grey = np.full((64, 64, 3), 128, dtype=np.uint8)
    noisy = add_noise(grey, deviation=12, seed=3)
    assert noisy.astype(float).std() == pytest.approx(12, rel=0.03)
    assert np.array_equal(noisy, add_noise(grey, deviation=12, seed=3))
    assert not np.array_equal(noisy, add_noise(grey, deviation=12, seed=4))


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_a_block_covers_its_share_and_stays_inside(share, x, y):
    covered = cover(np.zeros((50, 40, 3), dtype=np.uint8), share=share, x=x, y=y)
    assert (covered == 128).mean() == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda p: compress(p, quality=0), "1 to 100"),
        (lambda p: compress(p, chroma="4:1:1"), "4:4:4"),
        (lambda p: resample(p, factor=0.9), "at least 1"),
        (lambda p: resample(p, filter="nearest"), "bicubic"),
        (lambda p: round_colours(p, step=0), "1 to 128"),
        (lambda p: change_contrast(p, factor=-1), "at least 0"),
        (lambda p: blur(p, sigma=-1), "at least 0"),
        (lambda p: add_noise(p, deviation=-1), "at least 0"),
        (lambda p: cover(p, share=2), "0 to 1"),
    ],
)
def test_parameters_outside_their_range_are_refused(call, words, picture):
    with pytest.raises(ValueError, match=words):
        call(picture)
