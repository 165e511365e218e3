import ctypes
import sys

import numpy as np
import pytest

from fauxbench.harness.datasets.studio.speech import LANGUAGES, SAMPLE_RATE, sentences, speak, voice
from fauxbench.harness.datasets.studio.speech.espeak import languages
from fauxbench.harness.errors import InputError

TEXTS = (("en", "Hello world."), ("cmn", "你好吗？"), ("de", "Guten Tag!"), ("vi", "Xin chào."))


@pytest.fixture(autouse=True)
def _installed():
    return pytest.importorskip("espeakng_loader")


def test_sound_and_events():
    spoken = speak("Hello world.", "en")
    assert spoken.sound.dtype == np.float32
    assert spoken.sound.ndim == 1
    assert 0.5 < len(spoken.sound) / SAMPLE_RATE < 2
    assert 0.05 < np.abs(spoken.sound).max() < 1
    names = [p.mnemonic for p in spoken.phonemes if not p.mnemonic.startswith("_")]
    assert names == ["h", "@", "l", "oU", "w", "3:", "l", "d"]
    assert [p.mnemonic for p in spoken.phonemes if p.stress == 2] == ["oU", "3:"]
    assert [(w.text_start, w.text_end) for w in spoken.words] == [(0, 5), (6, 11)]


def test_phonemes_follow_each_other_to_the_end():
    spoken = speak("Pepper, and bread and butter.", "en")
    for one, after in zip(spoken.phonemes, spoken.phonemes[1:], strict=False):
        assert one.end == after.start
        assert one.start <= one.end
    assert spoken.phonemes[-1].end == pytest.approx(len(spoken.sound) / SAMPLE_RATE)


def test_a_plosive_starts_with_the_silence_of_its_closure():
    spoken = speak("apapa", "es")
    plosives = [p for p in spoken.phonemes if p.mnemonic == "p"]
    assert len(plosives) == 2
    for p in plosives:
        assert 0.02 < p.release - p.start <= 0.06
        closure = spoken.sound[int(p.start * SAMPLE_RATE) + 2 : int(p.release * SAMPLE_RATE)]
        vowel = spoken.sound[int(p.end * SAMPLE_RATE) : int((p.end + 0.05) * SAMPLE_RATE)]
        assert np.abs(closure).max() < 0.02 * np.abs(vowel).max()


def test_equal_input_gives_equal_bytes_in_any_order():
    profile = voice("en", 3).profile()
    first = [speak(text, code, profile=profile).sound.tobytes() for code, text in TEXTS]
    second = [speak(text, code, profile=profile).sound.tobytes() for code, text in reversed(TEXTS)]
    assert first == second[::-1]


def test_nothing_of_a_call_stays_for_the_next():
    plain = speak("Hello world.", "en").sound.tobytes()
    speak("Hello world.", "en", profile=voice("en", 1).profile(), words_per_minute=300)
    speak("sa2 wat2", "th", phonemic=True)
    with pytest.raises(InputError):
        speak("e kaaro", "yo")
    assert speak("Hello world.", "en").sound.tobytes() == plain


@pytest.mark.skipif(sys.platform == "win32", reason="dlopen")
def test_somebody_else_may_hold_the_library():
    import espeakng_loader

    alone = speak("Hello world.", "en").sound.tobytes()
    other = ctypes.CDLL(espeakng_loader.get_library_path())
    other.espeak_Initialize(2, 0, espeakng_loader.get_data_path().encode(), 0)
    try:
        assert speak("Hello world.", "en").sound.tobytes() == alone
        assert speak("Hello world.", "en").sound.tobytes() == alone
    finally:
        import _ctypes

        other.espeak_Terminate()
        _ctypes.dlclose(other._handle)


def test_a_language_that_is_not_there_is_an_error_that_names_those_that_are():
    with pytest.raises(InputError, match=r"no language 'yo'; it has: .*cmn.*yue"):
        speak("e kaaro", "yo")
    assert set(LANGUAGES) <= set(languages())


@pytest.mark.parametrize("text", ["", "  ", "a\0b"])
def test_nothing_to_say(text):
    with pytest.raises(InputError, match="nothing to say"):
        speak(text, "en")


def test_a_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(InputError, match=r"fauxbench\[speech\]"):
        speak("Hello", "en")


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_sentence_is_spoken_in_its_own_language(code):
    for sentence in sentences(code):
        spoken = voice(code, 2).say(sentence)
        assert 0.8 < len(spoken.sound) / SAMPLE_RATE < 6, sentence
        assert not [p for p in spoken.phonemes if "(" in p.mnemonic], sentence  # "(en)" marks another language
        assert sum(len(p.mnemonic) > 0 and p.mnemonic[0] not in "_" for p in spoken.phonemes) >= 6
