from pathlib import Path

import numpy as np
import pytest
import soundfile

from fauxbench.harness.errors import InputError, MediaError
from fauxbench.harness.preprocess.activity import levels, speech_in
from fauxbench.harness.preprocess.sound import (
    PEAK,
    SoundProtocol,
    loudness_of,
    normalised,
    prepare_sound,
    spectral_gate,
)

RATE = 16_000


def tone(seconds: float, frequency: float = 997.0, level: float = 0.1, rate: int = RATE) -> np.ndarray:
    time = np.arange(round(seconds * rate)) / rate
    return np.asarray(level * np.sin(2 * np.pi * frequency * time), dtype=np.float32)


def test_a_tone_has_the_loudness_that_the_standard_says() -> None:
    """BS.1770: a sine of 997 Hz at full scale in one channel is -3.01 LKFS."""
    assert loudness_of(tone(3, level=1.0, rate=48_000), 48_000) == pytest.approx(-3.01, abs=0.1)
    assert loudness_of(tone(3, level=0.1), RATE) == pytest.approx(-23.0, abs=0.2)


@pytest.mark.parametrize("goal", [-31.0, -23.0])
def test_sounds_are_brought_to_one_loudness(goal: float) -> None:
    for level in (0.003, 0.05, 0.6):
        done = normalised(tone(2, level=level), SoundProtocol(loudness=goal))
        assert loudness_of(done.sound, RATE) == pytest.approx(goal, abs=0.05)
        assert done.loudness == pytest.approx(20 * np.log10(level / 0.1) - 23.0, abs=0.2)
        assert not done.notes


def test_gain_stops_before_it_clips() -> None:
    spiky = tone(2, level=0.001)
    spiky[::4000] = 0.5
    done = normalised(spiky, SoundProtocol(loudness=-5.0))
    assert np.abs(done.sound).max() == pytest.approx(PEAK, abs=1e-3)
    assert done.notes == ("gain held back at -1 dB of full scale",)


def test_silence_and_what_is_too_short_are_left_and_said() -> None:
    silence = normalised(np.zeros(RATE, np.float32), SoundProtocol(trim=True))
    assert (silence.loudness, silence.gain, silence.notes) == (None, 1.0, ("no speech to trim to", "silence"))
    assert len(silence.sound) == RATE
    assert normalised(tone(0.2), SoundProtocol()).notes == ("too short for a loudness",)


def test_silence_around_speech_is_trimmed_and_the_pause_within_stays() -> None:
    parts = [
        np.zeros(RATE, np.float32),
        tone(0.5),
        np.zeros(RATE // 2, np.float32),
        tone(0.5),
        np.zeros(RATE, np.float32),
    ]
    done = normalised(np.concatenate(parts), SoundProtocol(trim=True, pad=0.1, loudness=None))
    assert done.start == pytest.approx(0.9, abs=0.02)
    assert len(done.sound) / RATE == pytest.approx(1.7, abs=0.04)
    assert done.speech == pytest.approx(1.0 / 3.5, abs=0.02)


def test_stationary_noise_is_lowered_in_pauses_and_speech_stays() -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.01, 3 * RATE).astype(np.float32)
    clean = np.concatenate([np.zeros(RATE, np.float32), tone(1), np.zeros(RATE, np.float32)])
    done = spectral_gate(clean + noise, RATE)
    assert done.shape == clean.shape
    pause, voice = slice(2000, RATE - 2000), slice(RATE + 2000, 2 * RATE - 2000)
    down = 10 * np.log10(np.mean(done[pause] ** 2) / np.mean(noise[pause] ** 2))
    assert -19 < down < -12
    assert np.mean((done[voice] - clean[voice]) ** 2) < 0.3 * np.mean(noise[voice] ** 2)
    assert np.sqrt(np.mean(done[voice] ** 2) / np.mean(clean[voice] ** 2)) == pytest.approx(1, abs=0.02)
    np.testing.assert_array_equal(spectral_gate(np.zeros(RATE, np.float32), RATE), 0)
    assert len(spectral_gate(tone(0.01), RATE)) == 160


def test_files_become_mono_at_one_rate(tmp_path: Path) -> None:
    left = tone(1, 440, 0.2, 44_100)
    soundfile.write(tmp_path / "stereo.wav", np.stack([left, 0 * left], axis=1), 44_100)
    done = prepare_sound(tmp_path / "stereo.wav", SoundProtocol(rate=24_000, loudness=None))
    assert len(done.sound) == pytest.approx(24_000, abs=40)
    peak = np.argmax(np.abs(np.fft.rfft(done.sound))) * 24_000 / len(done.sound)
    assert peak == pytest.approx(440, abs=2)
    assert np.abs(done.sound[1000:-1000]).max() == pytest.approx(0.1, rel=0.03)
    assert done.record()["seconds"] == pytest.approx(1, abs=0.01)
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), RATE)
    with pytest.raises(MediaError, match="empty"):
        prepare_sound(tmp_path / "empty.wav", SoundProtocol())


def test_speech_is_what_is_near_the_loudest() -> None:
    sound = np.concatenate(
        [tone(1, level=0.1), tone(1, level=0.1 * 10 ** (-25 / 20)), tone(1, level=0.1 * 10 ** (-40 / 20))]
    )
    np.testing.assert_array_equal(speech_in(levels(sound, RATE, 1.0)), [True, True, False])
    assert not speech_in(levels(tone(1, level=1e-5), RATE, 10)).any()


@pytest.mark.parametrize("given", [{"rate": 10}, {"noise": "wiener"}, {"loudness": 3.0}, {"pad": -1.0}])
def test_a_protocol_says_what_is_legal(given: dict[str, object]) -> None:
    with pytest.raises(InputError, match=f"sound: {next(iter(given))}: found"):
        SoundProtocol(**given)  # type: ignore[arg-type]
