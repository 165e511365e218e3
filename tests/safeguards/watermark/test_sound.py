import io

import numpy as np
import pytest
from tests.safeguards.watermark.examples import KEY, mark_of

from fauxbench.harness.safeguards.watermark import find_in_sound, mark_sound

MARK = mark_of(2)


def voice(seconds=2.6, rate=16_000, seed=0):
    """Harmonics of a moving pitch, in syllables with pauses."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * rate)) / rate
    phase = 2 * np.pi * np.cumsum(120 + 20 * np.sin(2 * np.pi * 0.7 * t)) / rate
    sound = sum(np.sin(k * phase) / np.sqrt(k) for k in range(1, 30))
    syllables = np.clip(np.sin(2 * np.pi * 3 * t), 0, 1)
    return (0.1 * sound * syllables + 0.002 * rng.standard_normal(len(t))).astype(np.float32)


def snr(sound, other):
    return 10 * np.log10(np.mean(sound**2) / np.mean((sound - other) ** 2))


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100])
def test_a_mark_is_quiet_and_read_at_any_rate(rate):
    sound = voice(rate=rate)
    marked = mark_sound(sound, rate, MARK, KEY)
    assert marked.dtype == np.float32
    assert marked.shape == sound.shape
    assert snr(sound, marked) > 22
    found = find_in_sound(marked, rate, KEY)
    assert found is not None
    assert found.mark == MARK
    np.testing.assert_array_equal(marked, mark_sound(sound, rate, MARK, KEY))


def test_pauses_stay_quieter_than_speech():
    sound = voice()
    added = mark_sound(sound, 16_000, MARK, KEY) - sound
    t = np.arange(len(sound)) / 16_000
    loud, pause = np.sin(2 * np.pi * 3 * t) > 0.7, np.sin(2 * np.pi * 3 * t) < -0.5
    assert np.mean(added[pause] ** 2) < 0.2 * np.mean(added[loud] ** 2)


def noisy(sound):
    noise = np.random.default_rng(1).standard_normal(len(sound))
    return (sound + noise * np.sqrt(np.mean(sound**2) / 100)).astype(np.float32)


def aac(sound, rate=16_000):
    import av

    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=rate, layout="mono")
        stream.bit_rate = 64_000
        frame = av.AudioFrame.from_ndarray(sound[None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts = rate, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    file.seek(0)
    with av.open(file) as container:
        parts = [frame.to_ndarray()[0] for frame in container.decode(audio=0)]
    return np.concatenate(parts)[: len(sound)]


@pytest.mark.parametrize(
    "change", [noisy, aac, lambda s: 0.3 * s, lambda s: np.rint(s * 32767).astype(np.float32) / 32767]
)
def test_what_a_sound_survives(change):
    found = find_in_sound(np.asarray(change(mark_sound(voice(4.0), 16_000, MARK, KEY)), np.float32), 16_000, KEY)
    assert found is not None
    assert found.mark == MARK


def test_resampling():
    from scipy.signal import resample_poly

    marked = mark_sound(voice(rate=48_000), 48_000, MARK, KEY)
    found = find_in_sound(resample_poly(marked, 1, 3).astype(np.float32), 16_000, KEY)
    assert found is not None
    assert found.mark == MARK


def test_a_trimmed_sound_is_found():
    marked = mark_sound(voice(4.5, rate=8_000), 8_000, MARK, KEY)
    found = find_in_sound(marked[4321:], 8_000, KEY)
    assert found is not None
    assert found.mark == MARK


def test_silence_is_marked_below_hearing():
    silence = np.zeros(20_000, np.float32)
    assert find_in_sound(silence, 8_000, KEY) is None
    marked = mark_sound(silence, 8_000, MARK, KEY)
    assert 20 * np.log10(np.std(marked)) < -70
    found = find_in_sound(marked, 8_000, KEY)
    assert found is not None
    assert found.mark == MARK


def test_a_sound_at_full_scale_stays_in_range():
    loud = np.clip(8 * voice(), -1, 1)
    marked = mark_sound(loud, 16_000, MARK, KEY)
    assert np.abs(marked).max() <= 1
    found = find_in_sound(marked, 16_000, KEY)
    assert found is not None
    assert found.mark == MARK


def test_nothing_is_found_without_a_mark_or_with_another_key():
    assert find_in_sound(voice(rate=8_000), 8_000, KEY) is None
    assert find_in_sound(mark_sound(voice(rate=8_000), 8_000, MARK, KEY), 8_000, bytes(32)) is None


def test_odd_sounds():
    for length in (0, 1, 50, 3999):
        short = np.full(length, 0.1, np.float32)
        assert find_in_sound(short, 16_000, KEY) is None
        with pytest.raises(ValueError, match="shortest"):
            mark_sound(short, 16_000, MARK, KEY)
    with pytest.raises(ValueError, match="4000 Hz"):
        mark_sound(voice(rate=8_000), 4_000, MARK, KEY)


@pytest.mark.parametrize("length", [4_000, 5_000, 32_001, 32_050, 36_000])
def test_short_sounds_and_short_rests_are_marked_as_quietly(length):
    sound = voice(3.0, seed=3)[:length]
    marked = mark_sound(sound, 16_000, MARK, KEY)
    assert snr(sound, marked) > 18
    found = find_in_sound(marked, 16_000, KEY)
    assert found is not None
    assert found.mark == MARK
