from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fauxbench.harness.errors import MediaError
from fauxbench.harness.instruments import instrument_card, load_instrument
from fauxbench.harness.instruments.sound_spectrum import BANDS, sound_spectrum
from fauxbench.harness.media.content import SoundMedia
from fauxbench.harness.metrics.frechet import frechet_distance

RATE = 16_000


def noise(seconds=1.0, seed=0, rate=RATE, slope=0.0):
    """White noise, or noise whose power falls by `slope` dB an octave."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(round(seconds * rate)))
    at = np.fft.rfftfreq(round(seconds * rate), 1 / rate)
    wave = np.fft.irfft(spectrum * (np.maximum(at, 50) / 1000) ** (-slope / 20 / np.log10(2)), round(seconds * rate))
    return SoundMedia(sound=(0.1 * wave / wave.std()).astype(np.float32), sample_rate=rate)


def test_it_needs_no_weights_and_gives_a_row_a_sound():
    instrument = load_instrument("sound-spectrum", Path("nowhere"))
    told = instrument.extract([noise(), noise(0.2, 1)])["features"]
    assert told.shape == (2, 24)
    assert told.dtype == np.float32
    np.testing.assert_array_equal(instrument.extract([noise(0.2, 1)])["features"][0], told[1])
    assert instrument.extract([])["features"].shape == (0, 24)
    assert instrument_card("sound-spectrum").modality == "audio"


@settings(deadline=None, max_examples=15)
@given(gain=st.floats(1e-3, 1), seed=st.integers(0, 50))
def test_loudness_does_not_count(gain, seed):
    plain = noise(0.3, seed)
    quiet = SoundMedia(sound=(gain * plain.sound).astype(np.float32), sample_rate=RATE)
    np.testing.assert_allclose(sound_spectrum(quiet), sound_spectrum(plain), atol=1e-3)


def test_white_noise_is_level_and_a_slope_is_a_slope():
    """6 dB an octave between two bands an octave apart is 6 / 17.37 of a unit."""
    flat, steep = (sound_spectrum(noise(4.0, slope=slope))[:BANDS] for slope in (0, 6))
    assert flat.std() < 0.05
    mel = np.linspace(2595 * np.log10(1 + 60 / 700), 2595 * np.log10(1 + 7600 / 700), BANDS + 2)[1:-1]
    octaves = np.log2(700 * (10 ** (mel / 2595) - 1))
    fit = np.polyfit(octaves[3:12], (steep - flat)[3:12], 1)
    assert fit[0] == pytest.approx(-6 / 17.37, rel=0.1)


def test_pauses_do_not_count():
    plain = noise()
    gap = np.zeros(RATE, np.float32)
    padded = SoundMedia(sound=np.concatenate([plain.sound, gap]), sample_rate=RATE)
    np.testing.assert_allclose(sound_spectrum(padded)[:BANDS], sound_spectrum(plain)[:BANDS], atol=0.05)


def test_rates_are_brought_to_one():
    voice = noise(2.0, rate=48_000, slope=3)
    at_16 = noise(2.0, seed=1, slope=3)
    np.testing.assert_allclose(sound_spectrum(voice)[2:14], sound_spectrum(at_16)[2:14], atol=0.1)


@pytest.mark.parametrize(
    ("sound", "message"),
    [
        (np.zeros(RATE), "silence"),
        (np.full(RATE, 0.2), "silence"),
        (np.full(RATE, np.nan), "silence, or samples that are no numbers"),
        (np.ones(160), "10 ms"),
        (np.zeros(0), "0 ms"),
    ],
)
def test_what_has_no_spectrum_says_why(sound, message):
    with pytest.raises(MediaError, match=message):
        sound_spectrum(SoundMedia(sound=sound.astype(np.float32), sample_rate=RATE))


def test_clipping_has_an_answer():
    loud = SoundMedia(sound=np.clip(20 * noise(slope=6).sound, -1, 1), sample_rate=RATE)
    assert np.isfinite(sound_spectrum(loud)).all()


def test_the_distance_grows_with_noise():
    voices = [noise(0.5, seed, slope=4 + seed % 3) for seed in range(60)]

    def rows(level, first):
        made = []
        for seed, voice in enumerate(voices[first : first + 30]):
            extra = level * np.random.default_rng(seed).standard_normal(len(voice.sound))
            made.append(sound_spectrum(SoundMedia(sound=(voice.sound + extra).astype(np.float32), sample_rate=RATE)))
        return np.array(made)

    real = rows(0, 0)
    found = [frechet_distance(real, rows(level, 30)) for level in (0, 0.01, 0.03, 0.1)]
    assert found == sorted(found)
    assert found[1] > found[0] + 0.01
