import numpy as np
import pytest

from fauxbench.harness.conditions.light import adjust_light, white_gains

GREYS = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)


def test_nothing_asked_for_changes_nothing():
    pixels = np.random.default_rng(0).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    assert np.array_equal(adjust_light(pixels), pixels)


def test_a_stop_doubles_linear_light():
    # sRGB 0.5 linear is 188 of 255 and 0.25 is 137 (IEC 61966-2-1)
    grey = np.full((2, 2, 3), 137, np.uint8)
    assert (adjust_light(grey, exposure=1.0) == 188).all()
    assert (adjust_light(np.full((2, 2, 3), 188, np.uint8), exposure=-1.0) == 137).all()
    assert (adjust_light(grey, exposure=20.0) == 255).all()


def test_gamma_is_a_power_of_the_encoded_value():
    expected = np.rint(255 * (np.arange(256) / 255) ** 2.0)
    assert np.abs(adjust_light(GREYS, gamma=2.0)[0, :, 0] - expected).max() <= 1


@pytest.mark.parametrize("temperature", [2700.0, 6500.0, 15000.0])
def test_white_gains_keep_the_luminance(temperature):
    assert white_gains(temperature) @ [0.2126, 0.7152, 0.0722] == pytest.approx(1.0)


def test_daylight_is_neutral_and_warmth_goes_to_red():
    assert white_gains(6500.0) == pytest.approx(1.0)
    warm, cold = (adjust_light(np.full((1, 1, 3), 120, np.uint8), warmth=w)[0, 0].astype(int) for w in (80, -60))
    assert warm[0] > warm[1] > warm[2]
    assert cold[0] < cold[1] < cold[2]


@pytest.mark.parametrize(
    ("direction", "bright", "dark"),
    [(0, np.s_[:, -1], np.s_[:, 0]), (90, np.s_[0], np.s_[-1]), (180, np.s_[:, 0], np.s_[:, -1])],
)
def test_the_gradient_comes_from_its_direction(direction, bright, dark):
    lit = adjust_light(np.full((11, 11, 3), 120, np.uint8), gradient=0.6, direction=direction)
    assert lit[bright].min() > 120 > lit[dark].max()
    assert (lit[5, 5] == 120).all()


@pytest.mark.parametrize("wrong", [{"warmth": 400.0}, {"warmth": -200.0}, {"gradient": 1.5}, {"gamma": 0.0}])
def test_values_out_of_range(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        adjust_light(GREYS, **wrong)
