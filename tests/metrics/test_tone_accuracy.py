import numpy as np
import pytest

from fauxbench import InputError
from fauxbench.harness.datasets.studio.speech import SpeechRecipe, render_speech
from fauxbench.harness.errors import IntegrityError
from fauxbench.harness.media.content import SoundMedia
from fauxbench.harness.metrics import load_metric, tone_classes
from fauxbench.harness.metrics.audio_pitch import Contour
from fauxbench.harness.metrics.audio_prosody import flattened_f0
from fauxbench.harness.metrics.base import Evidence, SoundPair
from fauxbench.harness.metrics.tone_accuracy import SPOILT, tone_accuracies, tone_accuracy
from fauxbench.harness.metrics.tone_classes import LANGUAGES, Syllable, classes_of, syllables_of, tone_features


@pytest.fixture(scope="module")
def spoken():
    """Two sounds of 3 s in each tonal language, by voices of people."""
    recipe = SpeechRecipe(people=1, per_person=2, seconds=3, languages=LANGUAGES, every_language=True, first_person=40)
    return [(item, media) for item, media in render_speech(recipe)]


def contour(cents):
    cents = np.asarray(cents, dtype=float)
    return Contour(f0=100 * 2 ** (cents / 1200), voicing=np.ones(len(cents)))


def test_voices_that_were_not_learnt_are_told_and_spoilt_ones_are_not(spoken):
    generator = np.random.default_rng(0)
    for language in LANGUAGES:
        mine = [(item, media) for item, media in spoken if item.language == language]
        found = [tone_accuracies(m, syllables_of(i.facts, language), language, generator) for i, m in mine]
        whole, flat, mixed = (np.mean([one[name] for one in found]) for name in ("", "_flattened", "_shuffled"))
        chance = classes_of(language).chance
        assert whole > flat + 0.15, language
        assert whole > mixed + 0.1, language
        assert flat < chance + 0.25, language


def test_register_and_range_of_a_voice_tell_nothing():
    rng = np.random.default_rng(1)
    cents = np.cumsum(rng.normal(0, 60, 100))
    syllables = [Syllable("1", 0.1, 0.3), Syllable("2", 0.4, 0.7)]
    first = tone_features(contour(cents), syllables)
    assert np.allclose(first, tone_features(contour(1.5 * cents + 900), syllables))
    assert np.all(tone_features(flattened_f0(contour(cents)), syllables) == 0)
    assert first.shape == (2, 7)


def test_a_syllable_without_voice_counts_as_wrong():
    still = Contour(f0=np.full(100, np.nan), voicing=np.zeros(100))
    assert tone_accuracy(still, [Syllable("55", 0.1, 0.4)], "cmn") == 0
    with pytest.raises(InputError, match="whose tone is known"):
        tone_accuracy(still, [Syllable("9", 0.1, 0.4)], "cmn")
    with pytest.raises(InputError, match="whose tone is known"):
        tone_accuracy(still, [], "cmn")


def test_syllables_stand_where_the_facts_have_their_vowels(spoken):
    item = next(item for item, _ in spoken if item.language == "cmn")
    found = syllables_of(item.facts, "cmn")
    assert len(found) >= 5
    assert {one.tone for one in found} <= {"55", "35", "214", "51", "11"}
    assert all(0 <= one.start < one.end <= 3 for one in found)
    moved = [[name, start + 0.5, end + 0.5] for name, start, end in item.facts["phonemes"]]
    assert syllables_of({**item.facts, "phonemes": moved[3:]}, "cmn") != found
    assert syllables_of(item.facts, "en") == ()
    assert syllables_of({}, "cmn") == ()


def test_phonemes_of_another_sentence_are_not_labelled(spoken):
    item = next(item for item, _ in spoken if item.language == "cmn")
    other = next(item for item, _ in spoken if item.language == "vi")
    assert syllables_of({**item.facts, "phonemes": other.facts["phonemes"]}, "cmn") == ()


def test_in_a_suite_before_and_after_are_rows_and_a_flat_voice_is_flagged(spoken):
    def pairs(change):
        for number in range(5):
            for item, media in spoken[:2]:
                made = SoundMedia(sound=change(media.sound), sample_rate=media.sample_rate)
                yield SoundPair(
                    id=f"{number}/{item.id}",
                    cluster=f"p{number}",
                    synthetic=made,
                    real=media,
                    language=item.language,
                    facts=item.facts,
                )

    same = load_metric("tone_accuracy").measure(Evidence(sounds=pairs(lambda sound: sound)))
    before = load_metric("tone_accuracy_before").measure(Evidence(sounds=pairs(lambda sound: sound)))
    assert same.value == pytest.approx(before.value)
    assert SPOILT not in same.flags
    t = np.arange(spoken[0][1].sound.size) / spoken[0][1].sample_rate
    hum = (0.1 * sum(np.cos(2 * np.pi * 130 * k * t) / k for k in range(1, 9))).astype(np.float32)
    flat = load_metric("tone_accuracy").measure(Evidence(sounds=pairs(lambda sound: hum[: len(sound)])))
    assert flat.value < same.value - 0.15
    assert SPOILT in flat.flags


def test_a_language_without_tones_is_counted_and_named(spoken):
    item, media = spoken[0]
    pair = SoundPair(id="a", cluster="p", synthetic=media, real=media, language="en", facts=item.facts)
    found = load_metric("tone_accuracy").measure(Evidence(sounds=iter([pair])))
    assert found.value is None
    assert dict(found.failures) == {"no lexical tones are known": 1}


def test_other_weights_are_refused(tmp_path, monkeypatch):
    other = tmp_path / "tone_classes.json"
    other.write_text("{}")
    monkeypatch.setattr(tone_classes, "FILE", other)
    tone_classes._record.cache_clear()
    try:
        with pytest.raises(IntegrityError, match="reinstall"):
            classes_of("cmn")
    finally:
        tone_classes._record.cache_clear()
