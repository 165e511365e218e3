"""Systems that fit lips to speech: contract, what they keep, and a counted answer to everything that cannot be met."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.io import wavfile

from fauxbench import Artifact, Context, Failure, FitTask, InputError, Item, Request, VideoMedia, open_clip
from fauxbench.generators import _training
from fauxbench.generators._lips import (
    COLUMNS,
    PER_FRAME,
    ROWS,
    STEPS,
    cut_box,
    hear,
    hidden_part,
    lay_in,
    mask_of,
    middle_box,
    sound_windows,
    spectrogram,
)
from fauxbench.generators._lips_ears import other_voices
from fauxbench.generators.crossmodal.model import CrossModal
from fauxbench.generators.lipsync.model import LipSync
from fauxbench.harness.media.encode import write_media
from fauxbench.harness.media.images import write_png
from fauxbench.harness.media.item import Kind, Modality

SIDE, COUNT, RATE = 64, 20, 16_000
TINY = {"steps": 8, "width": 4, "ears": 4, "windows": 2}


def envelope(seed: int, frames: int = COUNT) -> np.ndarray:
    return np.repeat(np.random.default_rng(seed).uniform(0, 1, frames // 2 + 1), 2)[:frames]


def voice(seed: int, frames: int = COUNT, rate: int = RATE) -> np.ndarray:
    t = np.arange(int(frames / 25 * rate)) / rate
    loud = np.interp(t, (np.arange(frames) + 0.5) / 25, envelope(seed, frames))
    return (0.3 * (0.05 + loud) * np.sin(2 * np.pi * (150 + 30 * (seed % 4)) * t)).astype(np.float32)


def frames_of(seed: int, count: int = COUNT) -> Iterator[np.ndarray]:
    """A face of one colour whose dark mouth opens with the sound."""
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    colour = np.random.default_rng(seed + 100).integers(120, 220, 3)
    for opening in envelope(seed, count):
        frame = np.full((SIDE, SIDE, 3), 90, np.uint8)
        frame[((x - 32) / 20) ** 2 + ((y - 34) / 26) ** 2 < 1] = colour
        frame[((x - 32) / 7) ** 2 + ((y - 45) / (0.6 + 5 * opening)) ** 2 < 1] = 20
        yield frame


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


def make(cls: type, name: str = "lipsync", **given: object) -> LipSync:
    from fauxbench import GeneratorCard
    from fauxbench.harness.cards import read_card

    card = read_card(Path(__file__).parents[2] / "generators" / name / "card.toml", GeneratorCard)
    return cls(card, card.fill({**TINY, **given} if name == "lipsync" else given))


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


def test_what_is_said_moves_the_mouth_and_the_targets_own_mouth_does_not(clips, fitted, tmp_path):
    system, _ = fitted
    stretched = [system.listen(hear(clips[k]), COUNT) for k in (1, 2)]
    assert stretched[0].shape == (COUNT, 8)
    assert not torch.equal(*stretched)
    # the hidden part of the target is not looked at
    frame = next(frames_of(0))
    box = middle_box(SIDE, SIDE)
    seen = cut_box(frame, box)
    closed = np.where((hidden_part() >= 1)[:, :, None], np.uint8(200), seen)
    code = torch.cat([stretched[0][3], torch.zeros(3)])
    assert np.array_equal(*(system.paint(part, seen, code)[hidden_part() >= 1] for part in (seen, closed)))


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


def test_no_face_and_two_faces(clips, fitted, tmp_path, monkeypatch):
    from fauxbench.generators import _lips

    points = np.array([[0.4, 0.45], [0.6, 0.45], [0.5, 0.55], [0.42, 0.68], [0.58, 0.68]])
    system = make(LipSync, align="mtcnn")
    system.load(fitted[1])
    monkeypatch.setattr(_lips, "_faces_in", lambda frame: [])
    nobody = one(system, asked(clips), tmp_path)
    assert isinstance(nobody, Failure)
    assert (nobody.kind, "sees no face" in nobody.message) == ("no-face", True)
    small = 0.5 * points
    monkeypatch.setattr(_lips, "_faces_in", lambda frame: [small, points])
    two = one(system, asked(clips), tmp_path)
    assert isinstance(two, Artifact)
    assert two.facts["faces"] == 2
    apart = np.subtract(middle_box(SIDE, SIDE, points), middle_box(SIDE, SIDE))
    assert np.abs(apart).max() <= 2  # the larger one, where portraits have it


def test_clips_without_sound_are_counted_in_training_and_one_clip_is_too_few(clips, tmp_path):
    path, _, facts = write_media(tmp_path, "mute", VideoMedia(frames=lambda: frames_of(4), fps=25.0))
    mute = item("mute", path, Modality.VIDEO, facts=facts)
    with pytest.raises(InputError, match="1 of 2 train items are clips of a talking face"):
        make(LipSync).fit(FitTask(train=(clips[0], mute)), Context(seed=0, scratch=tmp_path))


@pytest.mark.parametrize(("key", "value"), [("width", "x"), ("ears", None), ("system", "other")])
def test_wrong_weights_are_refused(key, value, fitted, tmp_path):
    config = json.loads((fitted[1] / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, key: value}))
    with pytest.raises(InputError):
        make(LipSync).load(tmp_path)


def test_crossmodal_is_lipsync_by_another_kind(clips, fitted, tmp_path):
    system = make(CrossModal, "crossmodal", lips="lipsync")
    assert system.card.kind == "fully_synthetic"
    system.load(fitted[1])
    mine, theirs = (one(s, asked(clips), tmp_path) for s in (system, fitted[0]))
    assert np.array_equal(next(mine.media.frames()), next(theirs.media.frames()))


def test_the_sound_beside_a_frame_is_centred_on_it():
    """A click in the middle of frame 6 stands in the middle of its window, and in no other's."""
    sound = np.zeros(RATE, np.float32)
    sound[int(6.5 / 25 * RATE)] = 1.0
    windows = sound_windows(torch.from_numpy(spectrogram(sound, 25)))
    assert windows.shape == (25, 1, 40, STEPS)
    loudest = windows.sum((1, 2)).argmax(1)
    assert abs(int(loudest[6]) - STEPS // 2) <= 1
    assert int(loudest[5]) - int(loudest[6]) == PER_FRAME


@pytest.mark.parametrize("frame", [(64, 64), (72, 128), (240, 426), (100, 50)])
def test_what_is_laid_in_changes_nothing_outside_its_mask(frame):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 255, (*frame, 3), dtype=np.uint8)
    box, share = middle_box(*frame), hidden_part()
    part = rng.integers(0, 255, (ROWS, COLUMNS, 3), dtype=np.uint8)
    made, mask = lay_in(pixels, part, box, share), mask_of(frame, box, share)
    assert made.shape == pixels.shape
    assert np.array_equal(made[mask == 0], pixels[mask == 0])
    assert (made[mask == 255] != pixels[mask == 255]).mean() > 0.9


def test_a_face_at_the_edge_is_cut_with_its_edge_repeated():
    points = np.array([[0.85, 0.8], [1.05, 0.8], [0.95, 0.9], [0.87, 1.0], [1.03, 1.0]])
    box = middle_box(80, 80, points)
    assert box.bottom > 80
    assert box.right > 80
    pixels = np.random.default_rng(0).integers(0, 255, (80, 80, 3), dtype=np.uint8)
    part = cut_box(pixels, box)
    assert part.shape == (ROWS, COLUMNS, 3)
    made, mask = lay_in(pixels, part, box, hidden_part()), mask_of((80, 80), box, hidden_part())
    assert np.array_equal(made[mask == 0], pixels[mask == 0])


def test_other_voices_keep_time():
    sounds = torch.zeros(3, 2, 1, 40, STEPS)
    sounds[..., 20] = 5.0
    heard = other_voices(sounds, torch.Generator().manual_seed(0))
    assert heard.shape == sounds.shape
    assert bool((heard.mean(3).argmax(-1) == 20).all())
    assert not torch.equal(heard[0], heard[1])
