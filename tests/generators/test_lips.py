"""Systems that fit lips to speech: contract, what they keep, and a counted answer to everything that cannot be met."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.io import wavfile

from fauxbench import Artifact, Context, Failure, FitTask, InputError, Item, Request, VideoMedia, open_clip
from fauxbench.generators import _lips, _lips_ears, _training
from fauxbench.generators._faces_cut import CENTRE
from fauxbench.generators._lips import PER_FRAME, SAID, hear, read_speech, sound_windows, spectrogram
from fauxbench.generators._lips_cut import (
    COLUMNS,
    ROWS,
    Placed,
    evenly,
    follow,
    hidden_part,
    lay_in,
    mask_of,
    place_face,
)
from fauxbench.generators._lips_ears import STEPS, STRAIGHT, Listener, other_voices, pooled
from fauxbench.generators._lips_networks import CODE
from fauxbench.generators.crossmodal.model import CrossModal
from fauxbench.generators.lipsync.model import LipSync
from fauxbench.harness.media.encode import write_media
from fauxbench.harness.media.images import write_png
from fauxbench.harness.media.item import Kind, Modality

SIDE, COUNT, RATE = 64, 20, 16_000
TINY = {"steps": 8, "width": 4, "ears": 4, "windows": 2, "align": "centre"}


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


def test_another_sound_moves_the_mouth_otherwise(clips, fitted, tmp_path):
    system, _ = fitted
    stretched = [system.listen(hear(clips[k]), COUNT) for k in (1, 2)]
    assert stretched[0].shape == (COUNT, CODE)
    assert not torch.equal(*stretched)
    answers = [one(system, asked(clips, audio=clips[k]), tmp_path) for k in (1, 2)]
    first, second = (np.stack(list(answer.media.frames())) for answer in answers)
    assert (first != second).any(axis=(1, 2, 3)).mean() > 0.8


def test_where_a_mouth_is_painted_says_nothing_of_the_mouth():
    frames, covered = [list(frames_of(0)) for _ in range(2)]
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    for frame in covered[1:]:
        frame[((x - 32) / 7) ** 2 + ((y - 46) / 6) ** 2 < 1] = 20
    face = place_face(CENTRE, SIDE, SIDE)
    assert np.abs(follow(frames, face).turns - follow(covered, face).turns).max() < 0.05


def test_a_head_is_followed():
    """Frames that move by known steps: the part moves with them."""
    rng = np.random.default_rng(0)
    import cv2

    wide = cv2.GaussianBlur(rng.uniform(0, 255, (120, 120, 3)).astype(np.float32), (0, 0), 3)
    wide = np.clip((wide - wide.mean()) * 5 + 128, 0, 255).astype(np.uint8)
    steps = [(0, 0), (1, 0), (2, 1), (3, 2), (3, 4)]
    placed = follow([wide[10 + y : 90 + y, 10 + x : 90 + x] for x, y in steps], place_face(CENTRE, 80, 80))
    found = placed.turns[:, :2, 2] - placed.turns[0, :2, 2]
    assert placed.lost == 0
    assert np.abs(found + np.array(steps)).max() < 0.5
    assert follow([np.full((80, 80, 3), 9, np.uint8)] * 3, place_face(CENTRE, 80, 80)).lost == 3


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


def test_who_is_believed_about_where_a_face_is(monkeypatch):
    """What was learned, unless MTCNN sees the largest face elsewhere; a face that nobody sees is refused."""
    frames, finder = [next(frames_of(0))] * 3, object()

    def found(points: np.ndarray, plain: bool, faces: list[np.ndarray] | None, **more: bool) -> _lips.Face:
        def seen(frame: np.ndarray) -> list[np.ndarray]:
            if faces is None:
                raise InputError("not installed")
            return faces

        monkeypatch.setattr(_lips, "_told", lambda first, finder: (points, plain))
        monkeypatch.setattr(_lips, "_faces_in", seen)
        return _lips.find_face(frames, "auto", finder, **more)  # type: ignore[arg-type]

    beside = POINTS + np.array([0.9, 0])
    near = POINTS + 0.02
    for plain in (True, False):
        face = found(near, plain, [0.5 * POINTS, POINTS])
        assert (face.points is (near if plain else POINTS), face.found) == (True, 2)
        face = found(POINTS - 0.3, plain, [beside, 0.8 * POINTS])
        assert (face.points is beside, face.found) == (True, 2)
    for faces in ([], None):
        assert found(near, True, faces) == (near, -1)
        assert found(near, False, faces, made=True) == (near, -1)
        with pytest.raises(_lips.Unfit, match="no face is seen in 3 frames of 64 x 64") as told:
            found(near, False, faces)
        assert told.value.kind == "no-face"
    assert "'faces'" in str(told.value)
    assert _lips.find_face(frames, "auto") == (CENTRE, -1)  # nothing was learned, and MTCNN is not installed


def test_a_finder_sees_plainly_what_it_moves_with():
    """One that follows a bright spot, and one that always says the same."""

    class Spot(torch.nn.Module):
        def forward(self, squares: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            weight = (squares.mean(1) + 1)[0] ** 4
            at = torch.arange(weight.shape[0]) / weight.shape[0]
            middle = torch.stack([(weight.sum(0) * at).sum(), (weight.sum(1) * at).sum()]) / weight.sum()
            return middle.expand(1, 5, 2), torch.zeros(1, 0)

    class Same(torch.nn.Module):
        def forward(self, squares: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return torch.from_numpy(POINTS)[None], torch.zeros(1, 0)

    frame = np.zeros((96, 128, 3), np.uint8)
    frame[40:50, 60:70] = 255
    points, plain = _lips._told([frame] * 3, Spot())  # type: ignore[arg-type]
    assert plain
    assert np.abs(points - [(64.5 - 16) / 96, 44.5 / 96]).max() < 0.02
    assert not _lips._told([frame] * 3, Same())[1]  # type: ignore[arg-type]


def test_of_two_photographed_faces_the_larger_one_is_taken():
    """What comes with lipsync has learned from the studio alone; between two people it would see somebody."""
    pytest.importorskip("facenet_pytorch")
    data = pytest.importorskip("skimage.data")
    face = data.astronaut()[0:240, 120:330]
    wide = np.concatenate([face, np.pad(face[::2, ::2], ((60, 60), (60, 45), (0, 0)), mode="edge")], 1)
    shipped = LipSync(card := make(LipSync).card, card.fill({}))
    shipped.load(Path(__file__).parents[2] / "generators/lipsync/weights")
    finder = shipped._fitted().finder
    alone, two = (_lips.find_face([picture] * 2, "auto", finder) for picture in (face, wide))
    assert (alone.found, two.found) == (1, 2)
    corner = np.array([(wide.shape[1] - 240) / 2, 0])
    wanted = alone.points * 210 + np.array([0, 15])
    assert np.abs(two.points * 240 + corner - wanted).mean() < 10
    with pytest.raises(_lips.Unfit, match="no face is seen"):
        _lips.find_face([np.full((120, 160, 3), 90, np.uint8)], "auto", finder)


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
    placed = follow([pixels], place_face(CENTRE, *frame))
    part = rng.uniform(0, 255, (ROWS * placed.fine, COLUMNS * placed.fine, 3)).astype(np.float32)
    made = lay_in(pixels, part, placed.turns[0], hidden_part())
    mask = mask_of(pixels.shape[:2], placed.turns[0], hidden_part())
    assert made.shape == pixels.shape
    assert np.array_equal(made[mask == 0], pixels[mask == 0])
    assert (made[mask == 255] != pixels[mask == 255]).mean() > 0.9


@pytest.mark.parametrize("fine", [1, 2, 3])
def test_what_is_cut_and_laid_back_is_what_was_there(fine):
    import cv2

    pixels = cv2.GaussianBlur(np.random.default_rng(0).uniform(0, 255, (160, 160, 3)).astype(np.float32), (0, 0), 4)
    pixels = pixels.astype(np.uint8)
    placed = Placed(place_face(CENTRE, 160, 160)[None] @ np.array([[0.6, 0, 13], [0, 0.6, 35], [0, 0, 1]]), 0)
    made = lay_in(pixels, placed.cut(pixels, 0, fine).astype(np.float32), placed.turns[0], hidden_part())
    mask = mask_of(pixels.shape[:2], placed.turns[0], hidden_part())
    assert mask.max() == 255
    assert np.abs(made.astype(int) - pixels).max() <= 3


def test_a_face_at_the_edge_is_cut_with_its_edge_repeated():
    points = np.array([[0.85, 0.8], [1.05, 0.8], [0.95, 0.9], [0.87, 1.0], [1.03, 1.0]])
    pixels = np.random.default_rng(0).integers(0, 255, (80, 80, 3), dtype=np.uint8)
    placed = follow([pixels], place_face(points, 80, 80))
    part = placed.cut(pixels, 0)
    assert part.shape == (ROWS, COLUMNS, 3)
    made = lay_in(pixels, part.astype(np.float32), placed.turns[0], hidden_part())
    mask = mask_of(pixels.shape[:2], placed.turns[0], hidden_part())
    assert np.array_equal(made[mask == 0], pixels[mask == 0])


def test_places_are_even_and_few():
    assert list(evenly(5, 8)) == [0, 1, 2, 3, 4]
    assert list(evenly(9, 4)) == [0, 3, 6]


def test_other_voices_keep_time():
    sounds = torch.zeros(3, 2, 1, 40, STEPS)
    sounds[..., 20] = 5.0
    heard = other_voices(sounds, torch.Generator().manual_seed(0))
    assert heard.shape == sounds.shape
    assert bool((heard.mean(3).argmax(-1) == 20).all())
    assert not torch.equal(heard[0], heard[1])
