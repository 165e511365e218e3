import json

import pytest

from fauxbench import InputError, synthesise
from fauxbench.harness.datasets.studio.speech.sentences import sentences
from fauxbench.harness.datasets.studio.speech.tones import labelled, toned
from fauxbench.harness.metrics.tone_classes import FILE, LANGUAGES, token

pytest.importorskip("espeakng_loader")
VOICE = 1_500_003
KNOWN = json.loads(FILE.read_text(encoding="utf-8"))["sentences"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_tones_of_a_text_are_those_that_the_classifier_learnt_by(language: str) -> None:
    kept = [one for one in sentences(language) if one.id in KNOWN][:3]
    for one in kept:
        said = toned(one.text, language, VOICE)
        assert list(said.tones) == [token(text) for text in KNOWN[one.id].split()]
        assert [name for name, _, _ in said.heard] == [name for name, _ in said.tones]
    both = toned(f"{kept[0].text} {kept[1].text}", language, VOICE)
    assert sum(bool(tone) for _, tone in both.tones) == sum(
        "/" in text for one in kept[:2] for text in KNOWN[one.id].split()
    )
    assert both == toned(f"{kept[0].text} {kept[1].text}", language, VOICE)


def test_times_are_those_of_the_sound_that_anybody_is_given() -> None:
    media, said = synthesise("今天的天气非常好。", "cmn", VOICE), toned("今天的天气非常好。", "cmn", VOICE)
    assert said.seconds == len(media.sound) / media.sample_rate
    assert all(0 <= start <= end <= said.seconds for _, start, end in said.heard)
    starts = [start for _, start, _ in said.heard]
    assert starts == sorted(starts)
    assert toned("今天的天气非常好。", "cmn", VOICE + 1).seconds != said.seconds


def test_what_is_heard_must_be_what_is_written() -> None:
    assert labelled(["t", "a"], "t'a51", "cmn") == [("t", ""), ("a", "51")]
    with pytest.raises(InputError, match="heard 'o' where 'a51' is written"):
        labelled(["t", "o"], "ta51", "cmn")
    with pytest.raises(InputError, match="no transcription of 'สวัสดี'"):
        toned("สวัสดี", "th", VOICE)
