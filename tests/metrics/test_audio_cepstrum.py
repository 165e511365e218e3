import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fauxbench import InputError, mel_cepstral_distortion
from fauxbench.harness.instruments.logmel import HIGH, LOW
from fauxbench.harness.metrics.audio_cepstrum import BANDS, CONSTANT, cosines, mel_cepstrum
from fauxbench.harness.metrics.audio_signal import active, warping_path, wave_of

RATE = 16_000


def mel(f):
    return 2595 * np.log10(1 + np.asarray(f) / 700)


def noise(seconds=2.0, seed=0):
    return 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * RATE))


def shaped(sound, amplitude, k):
    """A sound whose log magnitude has `amplitude` more of the k-th cosine over the mel bands."""
    spectrum = np.fft.rfft(sound)
    at = np.fft.rfftfreq(len(sound), 1 / RATE)
    step = (mel(HIGH) - mel(LOW)) / (BANDS + 1)
    place = ((mel(at) - mel(LOW)) / step - 0.5) / BANDS  # band b, centred on edge b + 1, lies at (b + 0.5) / BANDS
    return np.fft.irfft(spectrum * np.exp(amplitude * np.cos(k * np.pi * np.clip(place, 0, 1))), len(sound))


def seen(k):
    """The part of the k-th cosine that triangles as wide as two bands let through."""
    return np.sinc(k / (2 * BANDS)) ** 2


def test_the_constant():
    assert pytest.approx(6.14185, abs=1e-5) == CONSTANT


@pytest.mark.parametrize("k", [1, 2, 5, 9, 13])
@pytest.mark.parametrize("amplitude", [0.1, 0.4])
def test_a_constructed_difference_has_the_value_that_follows_from_the_definition(k, amplitude):
    sound = noise()
    found = mel_cepstral_distortion(sound, shaped(sound, amplitude, k), RATE, align=False)
    assert found == pytest.approx(CONSTANT * amplitude * seen(k), rel=0.03)


def test_it_is_the_root_mean_square_of_the_smoothed_spectra_in_db():
    """Parseval: with every coefficient, the distance over the cosines is that over the bands, level aside."""
    rng = np.random.default_rng(1)
    difference = rng.standard_normal(BANDS)
    coefficients = cosines(difference[:, None], BANDS - 1)[:, 0]
    over_bands = 20 / math.log(10) * (difference - difference.mean()).std()
    assert CONSTANT * np.linalg.norm(coefficients) == pytest.approx(over_bands, rel=1e-12)


def test_higher_coefficients_than_asked_for_are_not_heard():
    sound = noise()
    changed = shaped(sound, 0.4, 20)
    assert mel_cepstral_distortion(sound, changed, RATE, align=False) < 0.4
    wide = mel_cepstral_distortion(sound, changed, RATE, align=False, coefficients=30)
    assert wide == pytest.approx(CONSTANT * 0.4 * seen(20), rel=0.05)


@pytest.mark.parametrize("align", [True, False])
def test_equal_sounds_are_zero_apart_and_so_are_louder_ones(align):
    sound = noise(1.0)
    assert mel_cepstral_distortion(sound, sound, RATE, align=align) == 0
    assert mel_cepstral_distortion(sound, 0.05 * sound, RATE, align=align) < 1e-3
    assert mel_cepstral_distortion(sound, np.stack([sound, sound]), RATE, align=align) == 0


@pytest.mark.parametrize("align", [True, False])
def test_it_grows_with_noise(align):
    t = np.arange(RATE) / RATE
    voice = 0.1 * sum(np.sin(2 * np.pi * 140 * k * t) / k for k in range(1, 20)) * (1.1 + np.sin(2 * np.pi * 3 * t))
    level = np.sqrt(np.mean(voice**2))
    found = [
        mel_cepstral_distortion(voice, voice + noise(1.0) / 0.1 * level * 10 ** (-snr / 20), RATE, align=align)
        for snr in (50, 40, 30, 20, 10, 0)
    ]
    assert found == sorted(found)
    assert found[0] > 0


def test_pauses_in_both_count_for_nothing():
    a, b = noise(0.5, seed=1), noise(0.5, seed=2)
    gap = np.zeros(RATE)
    plain = mel_cepstral_distortion(a, b, RATE, align=False)
    with_gap = mel_cepstral_distortion(np.concatenate([a, gap]), np.concatenate([b, gap]), RATE, align=False)
    assert with_gap == pytest.approx(plain, rel=0.05)
    assert mel_cepstral_distortion(a, np.concatenate([gap, a, gap]), RATE) < 0.3 * plain


def test_warping_undoes_another_pace():
    parts = [shaped(noise(0.3, seed=i), 0.8, 1 + i) for i in range(4)]
    longer = [np.tile(part, 2) for part in parts]
    a, b, c = (np.concatenate(x) for x in (parts, longer, longer[::-1]))
    assert mel_cepstral_distortion(a, b, RATE) < 0.6 * mel_cepstral_distortion(a, c, RATE)
    with pytest.raises(InputError, match="not in step"):
        mel_cepstral_distortion(a, b, RATE, align=False)


@settings(deadline=None, max_examples=15)
@given(seeds=st.tuples(st.integers(0, 1000), st.integers(0, 1000)), seconds=st.floats(0.12, 0.6))
def test_warping_never_makes_it_worse_and_both_are_symmetric(seeds, seconds):
    a, b = (noise(seconds, seed) for seed in seeds)
    plain = mel_cepstral_distortion(a, b, RATE, align=False)
    warped = mel_cepstral_distortion(a, b, RATE)
    assert 0 <= warped <= plain + 1e-9
    assert mel_cepstral_distortion(b, a, RATE) == pytest.approx(warped, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(
    ("sound", "rate", "message"),
    [
        (np.zeros(RATE), RATE, "silence"),
        (np.full(RATE, 0.3), RATE, "silence"),
        (noise(0.01), RATE, "10 ms, at least 100 ms"),
        (np.zeros(0), RATE, "0 ms"),
        (np.append(noise(), np.nan), RATE, "NaN"),
        (noise().reshape(2, 2, -1), RATE, r"\(samples,\) or"),
        (np.arange(RATE), RATE, "floats or int16"),
        (noise(), 10, "1000 to 384000"),
    ],
)
def test_what_cannot_be_measured_says_why(sound, rate, message):
    with pytest.raises(InputError, match=message):
        mel_cepstral_distortion(sound, noise(), rate)


def test_rates_and_clipping_have_an_answer():
    t = np.arange(8000) / 8000
    telephone = 0.2 * np.sin(2 * np.pi * 300 * t) + 0.01 * np.random.default_rng(0).standard_normal(8000)
    assert mel_cepstral_distortion(telephone, telephone, 8000) == 0
    clipped = np.clip(20 * telephone, -1, 1)
    assert 0 < mel_cepstral_distortion(telephone, clipped, 8000) < 40
    as_int = (telephone * 32767).astype(np.int16)
    assert mel_cepstral_distortion(telephone, as_int, 8000) < 0.2
    with pytest.raises(InputError, match="1 to 39"):
        mel_cepstral_distortion(telephone, telephone, 8000, coefficients=40)


def test_active_frames_are_those_within_40_db():
    quiet = np.concatenate([noise(0.5), 1e-3 * noise(0.5)])
    assert active(wave_of(quiet, RATE)).mean() == pytest.approx(0.5, abs=0.02)
    assert mel_cepstrum(wave_of(quiet, RATE)).shape == (100, 13)


def cost(a, b, path):
    return float(np.sum(np.linalg.norm(a[path.first] - b[path.second], axis=1)))


def least_cost(a, b):
    """The recursion of Sakoe and Chiba, cell by cell."""
    total = np.full((len(a) + 1, len(b) + 1), np.inf)
    total[0, 0] = 0
    for i, j in np.ndindex(len(a), len(b)):
        before = min(total[i, j], total[i, j + 1], total[i + 1, j])
        total[i + 1, j + 1] = before + np.linalg.norm(a[i] - b[j])
    return total[-1, -1]


@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 7), (9, 1), (20, 31), (31, 12)])
def test_the_path_costs_the_least_and_goes_from_end_to_end(n, m):
    rng = np.random.default_rng(3)
    a, b = rng.standard_normal((n, 5)), rng.standard_normal((m, 5))
    path = warping_path(a, b)
    assert cost(a, b, path) == pytest.approx(least_cost(a, b), rel=1e-12)
    assert (path.first[0], path.second[0], path.first[-1], path.second[-1]) == (0, 0, n - 1, m - 1)
    moves = set(zip(np.diff(path.first).tolist(), np.diff(path.second).tolist(), strict=True))
    assert moves <= {(1, 1), (0, 1), (1, 0)}


def test_a_path_has_a_longest_length():
    with pytest.raises(InputError, match="at most 6000"):
        warping_path(np.zeros((6001, 1)), np.zeros((3, 1)))
