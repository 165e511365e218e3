import numpy as np
import pytest

from fauxbench import InputError, synthesise
from fauxbench.harness.datasets.studio.speech import LANGUAGES, sentences
from fauxbench.harness.datasets.studio.speech.espeak import SAMPLE_RATE, languages
from fauxbench.harness.datasets.studio.speech.synthesis import SCRIPTS, check_text


@pytest.fixture(autouse=True)
def _installed():
    return pytest.importorskip("espeakng_loader")


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_sentence_of_the_studio_can_be_said(code):
    for sentence in sentences(code):
        assert check_text(sentence.text, code) == sentence.text
    made = synthesise(sentences(code)[0].text, code, 5)
    assert made.sample_rate == SAMPLE_RATE
    assert made.sound.dtype == np.float32
    assert 0.5 < len(made.sound) / SAMPLE_RATE < 10
    assert np.array_equal(made.sound, synthesise(f" {sentences(code)[0].text}\n", code, 5).sound)
    assert not np.array_equal(made.sound, synthesise(sentences(code)[0].text, code, 6).sound[: len(made.sound)])


def test_another_language_of_espeak_is_spoken_by_the_same_throats():
    assert len(synthesise("Bonjour tout le monde.", "fr", 2).sound) > SAMPLE_RATE / 2
    assert set(SCRIPTS) <= set(languages()) | {"en", "pt", "es", "fr", "vi", "fa"}


def test_two_thai_sentences_are_said_one_after_the_other():
    first, second = (sentence.text for sentence in sentences("th")[:2])
    both = synthesise(f"{first} {second}", "th", 1).sound
    assert len(both) > max(len(synthesise(text, "th", 1).sound) for text in (first, second))


@pytest.mark.parametrize(
    ("text", "language", "number", "words"),
    [
        ("", "en", 0, "nothing to say in en"),
        (" ?! ", "cmn", 0, "nothing to say in cmn"),
        ("Hello", None, 0, "no language"),
        ("Hello", "", 0, "no language"),
        ("Hello", "qq", 0, "eSpeak NG has no language 'qq'; it has [0-9]+, among them cmn, .*en, .{,60}$"),
        ("Hello", "en-gb", 0, r"no language 'en-gb'; did you mean 'en'\? it has"),
        ("Hello", "EN", 0, r"no language 'EN'; did you mean 'en'\? it has"),
        (5, "en", 0, r"text: expected words, found 5 \(int\)"),
        ("Hello", 7, 0, r"language: expected words, found 7 \(int\)"),
        ("Hello", "en", "a", "voice 'a': legal are 0 to 1999999"),
        ("Hello", "en", 1.5, "voice 1.5: legal are 0 to 1999999"),
        ("Hello there", "cmn", 0, "cmn is written in CJK letters, found LATIN: 'Hello there'"),
        ("你好吗", "vi", 0, "vi is written in LATIN letters, found CJK"),
        ("Привет", "en", 0, "found CYRILLIC"),
        ("ไม่รู้จัก", "th", 0, "no transcription of 'ไม่รู้จัก'"),
        ("Hello", "en", 2_000_000, "belong to judges"),
        ("Hello", "en", -1, "legal are 0 to 1999999"),
    ],
)
def test_what_cannot_be_said_is_one_line(text, language, number, words):
    with pytest.raises(InputError, match=words):
        synthesise(text, language, number)


def test_words_of_another_script_may_stand_in_a_text():
    assert check_text("我喜欢 jazz 和茶", "cmn")
    assert check_text("42", "de")
