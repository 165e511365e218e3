import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from fauxbench import Artifact, Failure, Item, Request, f0_contour, read_sound, synthesise, tone_agreement
from fauxbench.harness.media.item import Kind, Modality

RATE = 22_050
TEXTS = {"en": "The bus leaves soon.", "cmn": "今天的天气非常好。"}


@pytest.fixture(autouse=True)
def _installed():
    pytest.importorskip("espeakng_loader")
    pytest.importorskip("pyworld")


@pytest.fixture
def said(tmp_path):
    """A sentence of a voice, as an Item."""

    def make(text, language, voice, *, sentence="s"):
        path = tmp_path / f"{language}-{voice}-{len(list(tmp_path.glob('*.wav')))}.wav"
        soundfile.write(path, synthesise(text, language, voice).sound, RATE)
        return Item(
            id=path.stem,
            modality=Modality.AUDIO,
            kind=Kind.REAL,
            group="t",
            language=language,
            clusters={"identity": f"p{voice}", "sentence": sentence},
            facts={"transcript": text},
            location=path,
        )

    return make


def only(system, request, context):
    (answer,) = system.generate([request], context)
    return answer


def median_f0(media):
    return float(np.nanmedian(f0_contour(media.sound, media.sample_rate).f0))


def test_tts_depends_on_text_language_and_seed(build, context):
    system = build("tts", voices=4)
    requests = [Request(id=str(seed), seed=seed, text=TEXTS["en"], language="en") for seed in (0, 1, 4)]
    first, second, again = system.generate(requests, context)
    assert np.array_equal(first.media.sound, again.media.sound)
    assert not np.array_equal(first.media.sound[:9000], second.media.sound[:9000])
    assert first.facts == {"synthesiser": "eSpeak NG", "voice": 1_500_000}


@pytest.mark.parametrize(
    ("text", "language", "words"),
    [
        (None, "en", "nothing to say"),
        ("hi", None, "no language"),
        ("hi", "xx", "no language 'xx'"),
        ("hi", "th", "THAI"),
    ],
)
def test_what_tts_cannot_say_is_a_failure_and_the_rest_goes_on(build, context, text, language, words):
    bad = Request(id="bad", seed=0, text=text, language=language)
    failed, fine = build("tts").generate([bad, Request(id="ok", seed=0, text="Yes.", language="en")], context)
    assert isinstance(failed, Failure)
    assert failed.kind == "unspeakable"
    assert words in failed.message
    assert isinstance(fine, Artifact)


def test_piper_is_asked_for_and_used_where_it_is(build, context, monkeypatch, tmp_path):
    request = Request(id="r", seed=0, text="Hallo", language="de")
    monkeypatch.setenv("FAUXBENCH_STORE", str(tmp_path))
    assert (
        "put de.onnx and de.onnx.json into weights/piper"
        in only(build("tts", engine="piper"), request, context).message
    )
    folder = tmp_path / "weights" / "piper"
    folder.mkdir(parents=True)
    for name in ("de.onnx", "de.onnx.json"):
        (folder / name).write_bytes(b"x")
    monkeypatch.setitem(sys.modules, "piper", None)
    assert "pip install piper-tts" in only(build("tts", engine="piper"), request, context).message
    chunk = SimpleNamespace(audio_float_array=np.full(1600, 0.1, np.float32), sample_rate=16_000)
    voice = SimpleNamespace(synthesize=lambda text, syn_config: [chunk, chunk])
    fake = SimpleNamespace(
        PiperVoice=SimpleNamespace(load=lambda path: voice), SynthesisConfig=lambda **given: SimpleNamespace(**given)
    )
    monkeypatch.setitem(sys.modules, "piper", fake)
    made = only(build("tts", engine="piper"), request, context)
    assert len(made.media.sound) == 3200
    assert made.facts["synthesiser"] == "Piper"


def test_a_clone_has_the_targets_pitch_and_formants_and_the_sources_tones(build, context, said):
    source, reference = said(TEXTS["cmn"], "cmn", 0), said("我妈妈在市场买了很多苹果。", "cmn", 1, sentence="other")
    request = Request(id="r", seed=0, target=source, references=(reference,))
    made = only(build("voiceclone"), request, context)
    real = read_sound(source.location, 16_000)
    assert len(made.media.sound) == len(real)
    wanted = np.nanmedian(f0_contour(read_sound(reference.location, 16_000), 16_000).f0)
    was = np.nanmedian(f0_contour(real, 16_000).f0)
    assert abs(np.log(median_f0(made.media) / wanted)) < 0.1 < abs(np.log(was / wanted))
    assert 1.05 < made.facts["warp"] < 1.35  # a longer tract becomes a shorter one
    assert made.facts["parallel"] is False
    tones = {
        control: tone_agreement(
            f0_contour(real, 16_000),
            f0_contour(only(build("voiceclone", control=control), request, context).media.sound, 16_000),
        ).concordance
        for control in ("none", "copy", "flat", "shuffled")
    }
    assert min(tones["none"], tones["copy"]) > 0.8
    assert max(tones["flat"], tones["shuffled"]) < 0.4
    assert np.array_equal(made.media.sound, only(build("voiceclone"), request, context).media.sound)


def test_the_same_words_are_aligned(build, context, said):
    source = said(TEXTS["en"], "en", 0)
    same, other = said(TEXTS["en"], "en", 1), said("Good morning.", "en", 1, sentence="other")
    request = Request(id="r", seed=0, target=source, references=(other, same))
    assert only(build("voiceclone"), request, context).facts["parallel"] is True
    assert only(build("voiceclone", parallel=False), request, context).facts["parallel"] is False


def test_a_voice_says_a_text_in_another_language(build, context, said):
    reference = said("Good morning, did you sleep well?", "en", 1)
    request = Request(id="r", seed=0, references=(reference,), text=TEXTS["cmn"], language="cmn")
    made = only(build("crosslingual"), request, context)
    wanted = np.nanmedian(f0_contour(read_sound(reference.location, 16_000), 16_000).f0)
    assert abs(np.log(median_f0(made.media) / wanted)) < 0.1
    assert made.facts["begun_as"] == 1_600_001  # the one built as the speaker is
    assert "no references" in only(build("crosslingual"), replace(request, references=()), context).message
    assert "nothing to say" in only(build("crosslingual"), replace(request, text=""), context).message


def test_sounds_that_cannot_be_used_are_counted(build, context, said, tmp_path):
    source, reference = said("Yes, of course.", "en", 0), said("Good morning.", "en", 1, sentence="o")
    for name, samples in (("silent", np.zeros(RATE)), ("short", np.full(220, 0.1))):
        soundfile.write(tmp_path / f"{name}.wav", samples, RATE)
    (tmp_path / "broken.wav").write_text("no sound")
    items = {name: replace(source, location=tmp_path / f"{name}.wav") for name in ("silent", "short", "broken")}
    requests = [
        Request(id="none", seed=0, references=(reference,)),
        Request(id="nobody", seed=0, target=source),
        *(Request(id=name, seed=0, target=item, references=(reference,)) for name, item in items.items()),
        Request(id="mute", seed=0, target=source, references=(items["silent"],)),
    ]
    answers = {answer.request_id: answer for answer in build("voiceclone").generate(requests, context)}
    words = {
        "none": "no target",
        "nobody": "no references",
        "silent": "silence",
        "short": "10 ms",
        "mute": "no reference",
    }
    assert all(word in answers[name].message for name, word in words.items())
    assert answers["broken"].kind == "unreadable"
    assert {answer.kind for name, answer in answers.items() if name != "broken"} == {"unusable"}
