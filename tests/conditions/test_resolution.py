import numpy as np
import pytest

from fauxbench.harness.conditions.resolution import change_resolution


@pytest.fixture
def noise():
    return np.random.default_rng(0).integers(0, 256, (48, 40, 3), dtype=np.uint8)


def test_factor_one_changes_nothing(noise):
    assert np.array_equal(change_resolution(noise, factor=1.0), noise)


def test_fine_detail_goes_and_the_mean_stays(noise):
    spreads = [change_resolution(noise, factor=f).std() for f in (1.0, 1.5, 2.0, 4.0)]
    assert spreads == sorted(spreads, reverse=True)
    assert change_resolution(noise, factor=4.0).mean() == pytest.approx(noise.mean(), abs=2.0)


def test_an_even_picture_stays_even():
    grey = np.full((30, 30, 3), 77, np.uint8)
    assert np.array_equal(change_resolution(grey, factor=3.0), grey)


def test_jpeg_takes_more_at_lower_quality(noise):
    plain = change_resolution(noise, factor=1.0).astype(float)
    losses = [np.abs(change_resolution(noise, factor=1.0, jpeg=q) - plain).mean() for q in (95, 50, 10)]
    assert 0 < losses[0] < losses[1] < losses[2]


@pytest.mark.parametrize("shape", [(1, 1), (2, 9), (5, 300)])
def test_tiny_and_long_pictures_keep_their_size(shape):
    assert change_resolution(np.zeros((*shape, 3), np.uint8), factor=5.0, jpeg=50).shape == (*shape, 3)


@pytest.mark.parametrize("wrong", [{"factor": 0.5}, {"jpeg": 100}, {"jpeg": -1}])
def test_values_out_of_range(wrong, noise):
    with pytest.raises(ValueError, match="legal"):
        change_resolution(noise, **wrong)
