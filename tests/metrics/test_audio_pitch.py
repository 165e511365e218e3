import numpy as np
import pytest

from fauxbench import InputError, f0_contour
from fauxbench.harness.metrics.audio_pitch import HIGH, LOW

RATE = 16_000
INSIDE = slice(4, -5)
"""Frames whose windows lie within the sound."""


def tone(f0, seconds=1.0, rate=RATE, partials=10):
    """A sum of partials below 4 kHz that fall by 6 dB an octave; `f0` is a number or one a sample."""
    t = np.arange(round(seconds * rate)) / rate
    f0 = np.broadcast_to(f0, t.shape)
    phase = 2 * np.pi * np.cumsum(f0) / rate
    return 0.1 * sum(np.cos(k * phase) / k * (k * f0 < 4000) for k in range(1, partials + 1))


def cents(found, true):
    return 1200 * np.log2(found / true)


@pytest.mark.parametrize(("partials", "mean", "most"), [(1, 15, 25), (10, 5, 15)])  # YIN leans sharp on low pure sines
@pytest.mark.parametrize("f0", [62, 85, 117.3, 220, 333, 480, 590])
def test_steady_tones_are_found_within_cents(f0, partials, mean, most):
    contour = f0_contour(tone(f0, 0.5, partials=partials), RATE)
    assert contour.voiced.all()
    error = cents(contour.f0[INSIDE], f0)
    assert np.abs(np.mean(error)) < mean
    assert np.abs(error).max() < most


@pytest.mark.parametrize(("start", "octaves"), [(100, 1), (300, -1), (150, 0.3)])
def test_glides_are_followed_within_cents(start, octaves):
    t = np.arange(RATE) / RATE
    contour = f0_contour(tone(start * 2 ** (octaves * t)), RATE)
    error = cents(contour.f0, start * 2 ** (octaves * contour.times))[INSIDE]
    assert np.abs(error).max() < 15
    assert np.abs(np.mean(error)) < 5


@pytest.mark.parametrize(
    ("f0", "rate", "gain"), [(107.75, 8000, 1.0), (240.0, 22_050, 1e-3), (70.0, 44_100, 0.1), (551.0, 48_000, 0.01)]
)
def test_neither_rate_nor_loudness_moves_it(f0, rate, gain):
    contour = f0_contour(gain * tone(f0, 0.3, rate), rate)
    assert contour.voiced[INSIDE].all()
    assert np.abs(np.median(cents(contour.f0[INSIDE], f0))) < 6


def test_a_missing_fundamental_is_heard():
    t = np.arange(RATE) / RATE
    sound = 0.1 * sum(np.sin(2 * np.pi * 120 * k * t) for k in (3, 4, 5, 6))
    assert np.median(f0_contour(sound, RATE).f0) == pytest.approx(120, rel=1e-3)


def test_noise_is_unvoiced_and_what_is_silent_too():
    noise = 0.1 * np.random.default_rng(0).standard_normal(RATE)
    assert f0_contour(noise, RATE).voiced.mean() < 0.02
    half = tone(150)
    half[RATE // 2 :] = 0
    contour = f0_contour(half, RATE)
    assert contour.voiced[:48].all()
    assert not contour.voiced[53:].any()


def test_a_hum_in_a_pause_is_no_voice():
    hum = np.concatenate([tone(150, 0.5), 1e-3 * tone(100, 0.5), tone(150, 0.5)])
    voiced = f0_contour(hum, RATE).voiced
    assert not voiced[54:96].any()
    assert voiced[:47].all()
    assert voiced[104:].all()


def test_voicing_falls_with_noise():
    rng = np.random.default_rng(0)
    voice = tone(150)
    level = np.sqrt(np.mean(voice**2))
    shares = [
        f0_contour(voice + level * 10 ** (-snr / 20) * rng.standard_normal(RATE), RATE).voiced.mean()
        for snr in (30, 10, 0, -6, -15)
    ]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] == 1
    assert shares[-1] < 0.2


def test_out_of_bounds_is_not_given():
    contour = f0_contour(tone(900, partials=1), RATE)
    found = contour.f0[contour.voiced]
    assert ((found > LOW * 0.97) & (found < HIGH * 1.03)).all()


def test_frames_stand_at_the_middle_of_10_ms():
    contour = f0_contour(tone(150, 0.507), RATE)
    assert len(contour) == 50
    np.testing.assert_allclose(contour.times[:2], [0.005, 0.015])
    assert ((contour.voicing >= 0) & (contour.voicing <= 1)).all()
    assert contour.cents[10] == pytest.approx(1200 * np.log2(1.5), abs=5)


@pytest.mark.parametrize(
    ("sound", "message"),
    [(np.zeros(RATE), "silence"), (tone(200, 0.01), "10 ms"), (np.full(RATE, np.nan), "NaN")],
)
def test_what_has_no_pitch_says_why(sound, message):
    with pytest.raises(InputError, match=message):
        f0_contour(sound, RATE)
