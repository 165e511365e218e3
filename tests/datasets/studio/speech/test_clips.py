import json

import av
import cv2
import numpy as np
import pytest
import soundfile

from fauxbench.harness.datasets.studio.recipe import StudioRecipe
from fauxbench.harness.datasets.studio.speech import (
    SAMPLE_RATE,
    ClipRecipe,
    Room,
    SpeechRecipe,
    plan_clip,
    render_clips,
    render_speech,
    sentences_of,
)
from fauxbench.harness.datasets.studio.speech.clips import SPOKEN
from fauxbench.harness.datasets.studio_set import TERMS, StudioFolder, write_studio
from fauxbench.harness.errors import InputError
from fauxbench.harness.media.item import Modality, Split
from fauxbench.harness.media.mediaset import MediaSet, MediaSetWriter
from fauxbench.harness.media.read import read_sound

TINY = {"height": 64, "width": 64}


@pytest.fixture(autouse=True)
def _installed():
    return pytest.importorskip("espeakng_loader")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    pytest.importorskip("espeakng_loader")
    asked = StudioFolder(
        pictures=StudioRecipe(people=3, per_person=1, size=64, seed=5),
        clips=ClipRecipe(people=3, clips_per_person=1, seconds=1, languages=("en", "yue"), seed=5, **TINY),
        sounds=SpeechRecipe(people=3, per_person=1, languages=("en", "yue"), seed=5, room=Room(snr=20)),
    )
    told = []
    path = tmp_path_factory.mktemp("studio") / "set"
    writer = MediaSetWriter(path, name="studio", origin="studio", modality=asked.modality, terms=TERMS)
    made = write_studio(writer, asked, lambda done, message: told.append(done))
    assert told[-1] == 1.0
    assert len(told) == asked.count == 9
    return made


def of(made, modality):
    return [item for item in made if item.modality is modality]


def test_files_are_ordinary(folder):
    assert [item.path.rpartition(".")[2] for item in folder] == ["png"] * 3 + ["mp4"] * 3 + ["wav"] * 3
    assert MediaSet.open(folder.folder).digest == folder.digest
    assert folder.card.modality == "video"
    for item in of(folder, Modality.VIDEO):
        reader = cv2.VideoCapture(str(item.location))
        shapes = []
        while True:
            there, frame = reader.read()
            if not there:
                break
            shapes.append(frame.shape)
        assert shapes == [(64, 64, 3)] * 25
        assert reader.get(cv2.CAP_PROP_FPS) == 25
        with av.open(str(item.location)) as container:
            names = {stream.type: stream.codec_context.name for stream in container.streams}
            lengths = [float(stream.duration * stream.time_base) for stream in container.streams]
        assert names == {"video": "h264", "audio": "aac"}
        assert lengths == pytest.approx([1.0, 1.0], abs=0.002)
    for item in of(folder, Modality.AUDIO):
        samples, rate = soundfile.read(item.location)
        assert rate == SAMPLE_RATE
        assert len(samples) / rate == pytest.approx(item.facts["seconds"], abs=0.01)


def test_facts_say_what_is_true(folder):
    for item in of(folder, Modality.VIDEO):
        facts = item.facts
        assert facts["rendered"]
        assert facts["offset_frames"] == 0
        assert facts["transcript"]
        assert facts["speaker"] == item.clusters["speaker"]
        assert item.clusters["identity"].startswith("studio-")
        assert item.clusters["sentence"].startswith(item.language)
        assert facts["tonal"] == (item.language == "yue")
        starts = [start for _, start, _ in facts["phonemes"]]
        assert starts == sorted(starts)
        assert facts["phonemes"][-1][2] <= 1.0
        assert {"melanin", "key_azimuth"} <= set(facts["factors"])
        json.dumps(item.record())


def test_people_are_the_same_in_pictures_clips_and_sounds(folder):
    for kind in Modality:
        assert [i.clusters["identity"] for i in of(folder, kind)] == [f"studio-5-{p:05d}" for p in range(3)]
    clips, sounds = of(folder, Modality.VIDEO), of(folder, Modality.AUDIO)
    assert [i.clusters["speaker"] for i in clips] == [i.clusters["speaker"] for i in sounds]
    assert [i.language for i in clips] == ["en", "yue", "en"]


def test_splits_are_disjoint_in_identity_speaker_and_sentence(folder):
    split_of = {}
    for item in folder:
        assert item.split is not None
        for name in ("identity", "speaker"):
            if name in item.clusters:
                assert split_of.setdefault(item.clusters[name], item.split) is item.split
    for item in of(folder, Modality.VIDEO) + of(folder, Modality.AUDIO):
        allowed = {s.id for s in sentences_of(item.language, item.split)}
        assert set(item.clusters["sentence"].split("+")) <= allowed
    assert {item.split for item in folder} == set(Split)


def test_the_sound_in_the_file_is_in_step(folder):
    item = of(folder, Modality.VIDEO)[0]
    recipe = ClipRecipe(people=3, clips_per_person=1, seconds=1, languages=("en", "yue"), seed=5, **TINY)
    meant = plan_clip(recipe, 0, 0, item.split).sound
    found = read_sound(item.location, SAMPLE_RATE)
    lags = np.correlate(found[: len(meant)].astype(float), meant.astype(float), "full")
    assert abs(int(lags.argmax()) - (len(meant) - 1)) <= 2


def test_a_clip_is_the_same_whenever_it_is_rendered():
    recipe = ClipRecipe(people=2, clips_per_person=2, seconds=1, seed=3, **TINY)
    (item, media), *_ = render_clips(recipe)
    alone = plan_clip(ClipRecipe(people=1, clips_per_person=1, seconds=1, seed=3, **TINY), 0, 0)
    assert item.record() == alone.labelled().record()
    assert np.array_equal(media.sound, alone.sound)
    first, again = list(media.frames()), list(alone.frames())
    assert len(first) == 25
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))


def test_the_mouth_is_seen_to_move():
    plan = plan_clip(ClipRecipe(people=1, clips_per_person=1, seconds=1, seed=3, **TINY), 0, 0)
    frames = np.stack(list(plan.frames())).astype(float)
    assert np.abs(np.diff(frames, axis=0)).mean() > 0.2


def test_motion_is_smooth_and_blinks_are_there():
    plan = plan_clip(ClipRecipe(people=1, clips_per_person=1, seconds=30, seed=3, **TINY), 0, 0)
    states = plan.states(0, plan.recipe.frames)
    for name, most in (("yaw", 2.0), ("pitch", 2.0), ("roll", 1.0), ("jaw_open", 0.35)):
        assert np.abs(np.diff([s[name] for s in states])).max() < most
    blinks = np.array([s["blink_left"] for s in states])
    begun = np.count_nonzero((blinks[1:] > 0.5) & (blinks[:-1] <= 0.5))
    assert 3 <= begun <= 20
    assert np.std([s["gaze_x"] for s in states]) > 0.02


@pytest.mark.parametrize("seconds", [1.0, 6.4, 60.0])
def test_any_length(seconds):
    recipe = ClipRecipe(people=1, clips_per_person=1, seconds=seconds, languages=("th",), **TINY)
    plan = plan_clip(recipe, 0, 0, Split.TEST)
    assert len(plan.sound) == round(seconds * SAMPLE_RATE)
    assert recipe.frames == round(seconds * 25)
    assert np.count_nonzero(np.abs(plan.sound) > 0.01) > 0.1 * len(plan.sound)
    assert plan.utterance.phonemes[-1].end <= seconds + 1e-9


def test_a_cut_sentence_loses_the_words_that_are_not_heard():
    recipe = ClipRecipe(people=1, clips_per_person=1, seconds=1, **TINY)
    said = plan_clip(recipe, 0, 0).utterance.said
    assert not said[-1].whole
    full = {s.id: s.text for s in sentences_of("en", None)}[said[-1].id]
    assert full.startswith(said[-1].text)
    assert len(said[-1].text) < len(full)


def test_speech_is_whole_sentences_unless_a_length_is_asked():
    (item, media), *_ = render_speech(SpeechRecipe(people=1, per_person=1))
    assert item.facts["sentences"][0]["whole"]
    assert len(item.facts["sentences"]) == 1
    assert 0.01 < np.sqrt(np.mean(media.sound**2)) < 0.2
    (_, timed), *_ = render_speech(SpeechRecipe(people=1, per_person=1, seconds=2.5))
    assert len(timed.sound) == round(2.5 * SAMPLE_RATE)


@pytest.mark.parametrize(("height", "width"), [(240, 426), (360, 640), (480, 854), (720, 1280), (1080, 1920)])
def test_usual_sizes_are_even_and_wide(height, width):
    assert ClipRecipe(people=1, clips_per_person=1, seconds=1, height=height).size == (height, width)


@pytest.mark.parametrize(
    "wrong",
    [
        {"seconds": 0.5},
        {"seconds": 301},
        {"height": 241},
        {"fps": 2},
        {"languages": ()},
        {"languages": ("fr",)},
        {"people": 0},
        {"seed": -1},
        {"offset_frames": 900},
        {"room": Room(rt60=9)},
        {"max_yaw": 60},
    ],
)
def test_recipes_are_checked(wrong):
    with pytest.raises(InputError):
        ClipRecipe(**{"people": 1, "clips_per_person": 1, "seconds": 2, **wrong})


def test_nothing_to_render(tmp_path):
    writer = MediaSetWriter(tmp_path / "set", name="studio", origin="studio")
    with pytest.raises(InputError, match="nothing to render"):
        write_studio(writer, StudioFolder())


def test_every_language_is_spoken_by_every_person_with_one_throat():
    pytest.importorskip("espeakng_loader")
    recipe = SpeechRecipe(people=2, per_person=2, seconds=1.0, languages=("en", "th"), every_language=True)
    items = [item for item, _ in render_speech(recipe)]
    assert len(items) == 2 * recipe.each == 8
    assert len({item.id for item in items}) == 8
    numbers = {}
    for item in items:
        numbers.setdefault((item.clusters["identity"], item.language), set()).add(item.facts["voice"]["number"])
    first, second = (item.clusters["identity"] for item in (items[0], items[-1]))
    assert numbers[first, "en"] == numbers[first, "th"] != numbers[second, "th"] == numbers[second, "en"]
    turned = SpeechRecipe(people=2, per_person=2, seconds=1.0, languages=("en", "th"))
    assert [item.id for item, _ in render_speech(turned)] == [
        f"{person}/speech-{index:03d}" for person in (first, second) for index in range(2)
    ]


def test_sounds_tell_what_a_mouth_does_that_says_them():
    """As clips do, of the same sentence: where the sound is loud the jaw is open, and lips that meet stop it."""
    (item, media), *_ = render_speech(SpeechRecipe(people=1, per_person=1, seconds=3))
    told = item.facts["mouth"]
    values = np.array(told["values"])
    assert tuple(told["names"]) == SPOKEN
    assert values.shape == (75, len(SPOKEN))
    level = np.sqrt((media.sound[: 75 * 882].reshape(75, 882).astype(np.float64) ** 2).mean(1))
    assert np.corrcoef(values[:, 0], level)[0, 1] > 0.4
    pressed = [(start, end) for name, start, end in item.facts["phonemes"] if name in {"p", "b", "m"} and end < 3]
    assert pressed
    for start, end in pressed:
        frame = int((start + end) / 2 * 25)
        assert values[frame, list(SPOKEN).index("lip_press")] > np.median(values[:, list(SPOKEN).index("lip_press")])
