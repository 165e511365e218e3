import numpy as np
import pytest

from fauxbench.harness.datasets.studio.recipe import RESERVED_PEOPLE
from fauxbench.harness.datasets.studio.speech import (
    LANGUAGES,
    RESERVED_VOICES,
    SAMPLE_RATE,
    sentences,
    sentences_of,
    speak,
    voice,
    voice_of_person,
)
from fauxbench.harness.errors import InputError
from fauxbench.harness.media.item import Split


def pitch(sound, low=60, high=400):
    """Return the fundamental in Hz along the voiced part of a sound, by autocorrelation."""
    found = []
    for start in range(0, len(sound) - 2048, 220):
        frame = sound[start : start + 2048].astype(float)
        if np.mean(frame**2) < 1e-4:
            continue
        power = np.abs(np.fft.rfft(frame * np.hanning(2048), 8192)) ** 2
        same = np.fft.irfft(power)
        lags = np.arange(SAMPLE_RATE // high, SAMPLE_RATE // low)
        best = lags[same[lags].argmax()]
        if same[best] > 0.45 * same[0]:
            found.append(SAMPLE_RATE / best)
    return np.array(found)


def test_voices_are_stable():
    assert voice("en", 3).id == "voice-en-0003"
    assert voice("en", 3) == voice("en", 3)
    assert voice("en", 3).pitch == 161.5
    assert voice("cmn", 3)._replace(id="", language="") == voice("en", 3)._replace(id="", language="")


def test_voices_differ_and_stay_in_range():
    many = [voice("en", n) for n in range(200)]
    assert len({v.profile() for v in many}) == 200
    for v in many:
        low, high = (132, 182) if v.feminine else (72, 112)
        assert low <= v.pitch <= high
        assert 140 <= v.words_per_minute <= 195
        assert 0.88 <= v.tract <= 1.2


def test_a_person_has_one_throat_and_judges_have_their_own():
    assert voice_of_person("en", 7, 0.8).number == 14
    assert voice_of_person("cmn", 7, 0.2).number == 15
    assert voice_of_person("en", RESERVED_PEOPLE - 1, 0.1).number < RESERVED_VOICES
    assert voice_of_person("en", RESERVED_PEOPLE, 0.9).number == RESERVED_VOICES


def test_pitch_is_heard():
    pytest.importorskip("espeakng_loader")
    for number in range(6):
        one = voice("en", number)
        heard = np.median(pitch(one.say(sentences("en")[1]).sound))
        assert 1.1 * one.pitch < heard < 1.5 * one.pitch


@pytest.mark.parametrize(
    ("code", "phonemic", "level", "rising", "falling"),
    [
        ("cmn", False, "妈", "麻", "骂"),
        ("yue", False, "詩", "史", "時"),
        ("vi", False, "ma", "má", "mà"),
        ("th", True, "ma:3", "ma:1", "ma:5"),
    ],
)
def test_tones_are_heard(code, phonemic, level, rising, falling):
    pytest.importorskip("espeakng_loader")

    def slope(syllable):
        v = voice(code, 0)
        heard = pitch(speak(syllable, code, profile=v.profile(), words_per_minute=160, phonemic=phonemic).sound)
        return np.log2(heard[-3:].mean() / heard[len(heard) // 3])

    assert slope(rising) > slope(level) + 0.02
    assert slope(falling) < slope(level) + 0.005
    assert slope(rising) > 0.05


@pytest.mark.parametrize("code", LANGUAGES)
def test_sentences_are_split_without_overlap(code):
    every = sentences(code)
    assert 20 <= len(every) <= 40
    assert len({s.text for s in every}) == len({s.id for s in every}) == len(every)
    parts = [{s.id for s in sentences_of(code, split)} for split in Split]
    assert sum(len(part) for part in parts) == len(every)
    assert set.union(*parts) == {s.id for s in every}
    assert min(len(part) for part in parts) >= 5
    assert sentences_of(code, None) == every


@pytest.mark.parametrize(
    ("code", "low", "high"),
    [("cmn", "一", "鿿"), ("yue", "一", "鿿"), ("th", "฀", "๿"), ("vi", "Ạ", "ỹ")],
)
def test_sentences_are_in_native_script(code, low, high):
    for sentence in sentences(code):
        assert any(low <= letter <= high for letter in sentence.text), sentence


def test_an_unknown_language_is_named():
    with pytest.raises(InputError, match="does not speak 'fr'"):
        sentences("fr")
    with pytest.raises(InputError, match="does not speak 'yo'"):
        voice("yo", 0)
