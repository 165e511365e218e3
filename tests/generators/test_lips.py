"""Systems that fit lips to speech: contract, what they keep, and a counted answer to everything that cannot be met."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.io import wavfile
from tests.generators.lips import COUNT, RATE, envelope, frames_of, make

from fauxbench import Artifact, Context, Failure, FitTask, InputError, Item, Request, VideoMedia, open_clip
from fauxbench.generators import _lips, _lips_ears, _training
from fauxbench.generators._faces_cut import CENTRE
from fauxbench.generators._lips import SAID, hear, read_speech
from fauxbench.generators._lips_ears import STEPS, STRAIGHT, Listener, pooled
from fauxbench.generators._lips_networks import CODE
from fauxbench.generators.crossmodal.model import CrossModal
from fauxbench.generators.lipsync.model import LipSync
from fauxbench.harness.media.encode import write_media
from fauxbench.harness.media.images import write_png
from fauxbench.harness.media.item import Kind, Modality


def voice(seed: int, frames: int = COUNT, rate: int = RATE) -> np.ndarray:
    t = np.arange(int(frames / 25 * rate)) / rate
    loud = np.interp(t, (np.arange(frames) + 0.5) / 25, envelope(seed, frames))
    return (0.3 * (0.05 + loud) * np.sin(2 * np.pi * (150 + 30 * (seed % 4)) * t)).astype(np.float32)


def clip_of(folder: Path, seed: int, **more: object) -> Item:
    media = VideoMedia(frames=lambda: frames_of(seed), fps=25.0, sound=voice(seed), sample_rate=RATE)
    path, _, facts = write_media(folder, f"clip-{seed}", media)
    return item(f"c{seed}", path, Modality.VIDEO, facts=facts, clusters={"identity": f"p{seed}"}, **more)


def item(name: str, path: Path | None, modality: Modality, **more: object) -> Item:
    return Item(id=name, modality=modality, kind=Kind.REAL, group="t", location=path, **more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> tuple[Item, ...]:
    folder = tmp_path_factory.mktemp("clips")
    return tuple(clip_of(folder, seed) for seed in range(3))


def sound_file(folder: Path, name: str, samples: np.ndarray, rate: int = RATE) -> Item:
    wavfile.write(folder / f"{name}.wav", rate, samples)
    return item(name, folder / f"{name}.wav", Modality.AUDIO)


@pytest.fixture(scope="module")
def fitted(clips, tmp_path_factory) -> tuple[LipSync, Path]:
    folder = tmp_path_factory.mktemp("lipsync")
    system = make(LipSync)
    system.fit(FitTask(train=clips), Context(seed=1, scratch=folder))
    system.save(folder / "weights")
    return system, folder / "weights"


def asked(clips: tuple[Item, ...], **more: object) -> Request:
    return Request(id="r", seed=5, **{"target": clips[0], "audio": clips[1], **more})


def one(system: object, request: Request, tmp_path: Path) -> Artifact | Failure:
    (answer,) = system.generate([request], Context(seed=0, scratch=tmp_path))  # type: ignore[attr-defined]
    return answer


def test_the_contract(clips, fitted, tmp_path):
    system, folder = fitted
    again = make(LipSync)
    again.load(folder)
    sound = sound_file(tmp_path, "long", voice(7, 30))
    answer, other = (one(s, asked(clips, audio=sound), tmp_path) for s in (system, again))
    assert isinstance(answer, Artifact), answer
    frames, real = list(answer.media.frames()), list(open_clip(clips[0].location).frames())
    masks = list(answer.masks())
    assert len(frames) == len(masks) == COUNT  # the clip is shorter than the sound
    assert len(answer.media.sound) == COUNT * RATE // 25
    assert np.allclose(answer.media.sound, voice(7, 30)[: len(answer.media.sound)], atol=1e-3)
    assert 0.05 < (masks[0] > 0).mean() < 0.5
    for made, was, mask in zip(frames, real, masks, strict=True):
        assert np.array_equal(made[mask == 0], was[mask == 0])  # nothing but the mouth's part is touched
    assert any(not np.array_equal(made, was) for made, was in zip(frames, real, strict=True))
    assert all(np.array_equal(a, b) for a, b in zip(frames, other.media.frames(), strict=True))
    assert all(np.array_equal(a, b) for a, b in zip(frames, answer.media.frames(), strict=True))  # every pass
    json.dumps(dict(answer.facts), allow_nan=False)


def test_another_sound_moves_the_mouth_otherwise(clips, fitted, tmp_path):
    system, _ = fitted
    stretched = [system.listen(hear(clips[k]), COUNT) for k in (1, 2)]
    assert stretched[0].shape == (COUNT, CODE)
    assert not torch.equal(*stretched)
    answers = [one(system, asked(clips, audio=clips[k]), tmp_path) for k in (1, 2)]
    first, second = (np.stack(list(answer.media.frames())) for answer in answers)
    assert (first != second).any(axis=(1, 2, 3)).mean() > 0.8


def test_the_closed_form_alone_makes_the_mouth_open_with_the_sound(tmp_path):
    """Steps 1: a loud sound opens the mouth of somebody who was not learned from, a faint one closes it."""
    clips = tuple(clip_of(tmp_path, seed) for seed in range(8))
    system = make(LipSync, steps=1, align="centre")
    system.fit(FitTask(train=clips[:7]), Context(seed=1, scratch=tmp_path))
    answer = one(system, asked(clips, target=clips[7], audio=clips[2]), tmp_path)
    assert isinstance(answer, Artifact), answer
    dark = [float((frame[36:56, 22:42] < 60).mean()) for frame in answer.media.frames()]
    assert np.corrcoef(dark, envelope(2))[0, 1] > 0.5
    assert abs(np.corrcoef(dark, envelope(7))[0, 1]) < np.corrcoef(dark, envelope(2))[0, 1] - 0.2


def test_a_listener_begins_as_the_straight_line():
    rng = torch.Generator().manual_seed(0)
    sounds = torch.randn(400, 1, 40, STEPS, generator=rng)
    aims = torch.stack([sounds[:, 0, 8:12].mean((1, 2)), sounds[:, 0, :, 16:20].mean((1, 2))], 1)
    aims = aims / aims.std(0)
    listener = Listener(8, 2).eval()
    listener.begin([(sounds, aims)], rng)
    with torch.no_grad():
        told = listener(sounds)
    assert np.corrcoef(told[:, 1], aims[:, 1])[0, 1] > 0.8
    assert float(listener.last.weight.detach().abs().max()) == 0


def test_the_straight_line_is_that_of_ridge_regression_however_it_was_heard(monkeypatch):
    monkeypatch.setattr(_lips_ears, "VOICES", 0)
    rng = torch.Generator().manual_seed(3)
    sounds, aims = torch.randn(500, 1, 40, STEPS, generator=rng) + 2, torch.randn(500, 3, generator=rng)
    whole, parts = Listener(8, 3).eval(), Listener(8, 3).eval()
    whole.begin([(sounds, aims)], rng)
    parts.begin(((sounds[k : k + 77], aims[k : k + 77]) for k in range(0, 500, 77)), rng)
    x = pooled(sounds).double().numpy()
    x = (x - x.mean(0)) / x.std(0, ddof=1)
    y = aims.double().numpy()
    slopes = np.linalg.solve(x.T @ x + STRAIGHT * 500 * np.eye(x.shape[1]), x.T @ (y - y.mean(0)))
    with torch.no_grad():
        for listener in (whole, parts):
            np.testing.assert_allclose(listener(sounds).numpy(), x @ slopes + y.mean(0), atol=1e-4)


def labelled(item: Item, seed: int, frames: int = COUNT) -> Item:
    values = np.tile(envelope(seed, frames)[:, None], (1, len(SAID))) * np.linspace(0.5, 1, len(SAID))
    return replace(item, facts={**item.facts, "mouth": {"names": list(SAID), "values": values.round(3).tolist()}})


def test_sounds_with_labels_teach_to_listen(clips, tmp_path):
    """Where clips have labels; what sounds without labels and sounds that cannot be read would teach is counted."""
    told = tuple(labelled(clip, seed) for seed, clip in enumerate(clips))
    sounds = tuple(labelled(sound_file(tmp_path, f"s{k}", voice(k)), k) for k in range(3, 15))
    mute = sound_file(tmp_path, "mute", voice(3))
    found = [what for _, what in read_speech([*sounds, mute, item("none", None, Modality.AUDIO)], 250)]
    assert [len(one.said) for one in found[:-2]] == [COUNT] * 12
    assert "'mouth'" in str(found[-2])
    assert "no file" in str(found[-1])

    def system(train: tuple[Item, ...]) -> LipSync:
        made, said = make(LipSync, steps=1, align="centre"), []
        context = Context(seed=1, scratch=tmp_path, progress=lambda _, text: said.append(text))
        made.fit(FitTask(train=train), context)
        made.save(tmp_path / f"w{len(train)}")
        assert said[0] == f"3 clips, {len(train) - 3 - (len(train) > 10)} sounds, {int(len(train) > 10)} unusable"
        return made

    few, many = system(told), system((*told, *sounds, mute))
    assert json.loads((tmp_path / "w16/config.json").read_text())["heard"] == 12
    heard = hear(sound_file(tmp_path, "other", voice(40)))
    by = [np.corrcoef(one.listen(heard, COUNT)[:, 0], envelope(40))[0, 1] for one in (few, many)]
    assert by[1] > 0.9
    assert by[1] > by[0]


def test_an_interrupted_training_ends_the_same(clips, tmp_path, monkeypatch):
    monkeypatch.setattr(_training, "CHECKPOINT_SECONDS", 0.0)

    class Stop(Exception):
        pass

    def stop(share: float, said: str) -> None:
        if "step 6" in said:
            raise Stop

    monkeypatch.setattr(_training, "REPORT_EVERY", 1)
    whole, halves = make(LipSync), make(LipSync)
    whole.fit(FitTask(train=clips), Context(seed=2, scratch=tmp_path))
    whole.save(tmp_path / "whole")
    kept = tmp_path / "kept"
    kept.mkdir()
    with pytest.raises(Stop):
        halves.fit(FitTask(train=clips), Context(seed=2, scratch=tmp_path, checkpoints=kept, progress=stop))
    halves = make(LipSync)
    halves.fit(FitTask(train=clips), Context(seed=2, scratch=tmp_path, checkpoints=kept))
    halves.save(tmp_path / "halves")
    weights = [(tmp_path / name / "weights.safetensors").read_bytes() for name in ("whole", "halves")]
    assert weights[0] == weights[1]


BAD = {
    "none": ("missing", "no audio"),
    "no-file": ("missing", "no file on this machine"),
    "no-target": ("missing", "no target"),
    "sound-for-picture": ("missing", "is a sound, and shows no face"),
    "no-sound": ("unreadable", "without sound"),
    "short": ("too-short", "10 ms"),
    "silence": ("silent", "nobody speaks"),
    "damaged": ("unreadable", "no video stream"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_met_is_counted(case, clips, fitted, tmp_path):
    mute = VideoMedia(frames=lambda: frames_of(4), fps=25.0)
    path, _, facts = write_media(tmp_path, "mute", mute)
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"no clip")
    given = {
        "none": {"audio": None},
        "no-file": {"audio": item("x", None, Modality.AUDIO)},
        "no-target": {"target": None},
        "sound-for-picture": {"target": sound_file(tmp_path, "voice", voice(3))},
        "no-sound": {"audio": item("mute", path, Modality.VIDEO, facts=facts)},
        "short": {"audio": sound_file(tmp_path, "short", voice(1)[: RATE // 100])},
        "silence": {"audio": sound_file(tmp_path, "silence", np.zeros(RATE, np.float32))},
        "damaged": {"target": item("bad", bad, Modality.VIDEO)},
    }[case]
    answer = one(fitted[0], asked(clips, **given), tmp_path)
    assert isinstance(answer, Failure)
    assert (answer.kind, BAD[case][1] in answer.message) == (BAD[case][0], True), answer.message


def test_telephone_sound_clipped_sound_and_a_still_are_met(clips, fitted, tmp_path):
    system, _ = fitted
    telephone = sound_file(tmp_path, "telephone", voice(5, rate=8000), 8000)
    clipped = sound_file(tmp_path, "clipped", np.clip(20 * voice(5), -1, 1))
    write_png(tmp_path / "still.png", next(frames_of(0)))
    still = item("still", tmp_path / "still.png", Modality.IMAGE)
    answers = [
        one(system, asked(clips, audio=telephone), tmp_path),
        one(system, asked(clips, audio=clipped), tmp_path),
        one(system, asked(clips, target=still), tmp_path),
    ]
    assert [type(answer) for answer in answers] == [Artifact] * 3
    assert answers[0].facts["clipped"] == 0 < 0.2 < answers[1].facts["clipped"]
    assert sum(1 for _ in answers[2].media.frames()) == COUNT  # as long as the sound


POINTS = np.array([[0.4, 0.45], [0.6, 0.45], [0.5, 0.55], [0.42, 0.68], [0.58, 0.68]])


def test_no_face_and_two_faces(clips, fitted, tmp_path, monkeypatch):
    system = make(LipSync, align="mtcnn")
    system.load(fitted[1])
    monkeypatch.setattr(_lips, "_faces_in", lambda frame: [])
    nobody = one(system, asked(clips), tmp_path)
    assert isinstance(nobody, Failure)
    assert (nobody.kind, "no face is seen in 3 frames of 64 x 64" in nobody.message) == ("no-face", True)
    monkeypatch.setattr(_lips, "_faces_in", lambda frame: [0.5 * POINTS, POINTS])
    two = one(system, asked(clips), tmp_path)
    assert isinstance(two, Artifact)
    assert two.facts["faces"] == 2
    found = _lips.find_face([next(frames_of(0))], "mtcnn")
    assert np.array_equal(found.points, POINTS)  # the larger one


def test_clips_without_sound_are_counted_in_training_and_one_clip_is_too_few(clips, tmp_path):
    path, _, facts = write_media(tmp_path, "mute", VideoMedia(frames=lambda: frames_of(4), fps=25.0))
    mute = item("mute", path, Modality.VIDEO, facts=facts)
    with pytest.raises(
        InputError,
        match=r"1 of 2 train items are clips of a talking face.* of 1 that will not do the first: [^\['\]]*$",
    ):
        make(LipSync).fit(FitTask(train=(clips[0], mute)), Context(seed=0, scratch=tmp_path))


@pytest.mark.parametrize(("key", "value"), [("width", "x"), ("ears", None), ("system", "other"), ("finder", True)])
def test_wrong_weights_are_refused(key, value, fitted, tmp_path):
    config = json.loads((fitted[1] / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, key: value}))
    with pytest.raises(InputError):
        make(LipSync).load(tmp_path)


def test_crossmodal_is_lipsync_by_another_kind(clips, fitted, tmp_path, monkeypatch):
    monkeypatch.setattr(_lips, "_faces_in", lambda frame: [CENTRE])
    system = make(CrossModal, "crossmodal", lips="lipsync")
    assert system.card.kind == "fully_synthetic"
    system.load(fitted[1])
    mine, theirs = (one(s, asked(clips), tmp_path) for s in (system, fitted[0]))
    assert np.array_equal(next(mine.media.frames()), next(theirs.media.frames()))
