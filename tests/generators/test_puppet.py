"""A still picture that speaks: what it is given, what it keeps, and what it cannot do."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.generators.test_lips import COUNT, clip_of, envelope, frames_of, sound_file, voice

from fauxbench import Artifact, Context, Failure, FitTask, GeneratorCard, InputError, Item, Request, read_image
from fauxbench.generators._lips_still import ACTS, labelled_stills, swaying
from fauxbench.generators._lips_visemes import VISEMES, Ears, spoken_of, train_ears, visemes
from fauxbench.generators.crossmodal.model import CrossModal
from fauxbench.generators.puppet.model import Puppet
from fauxbench.harness.cards import read_card
from fauxbench.harness.media.images import write_png
from fauxbench.harness.media.item import Kind, Modality

PLACES = {
    "left_eye": (24, 28),
    "right_eye": (40, 28),
    "nose": (32, 36),
    "mouth_left": (26, 45),
    "mouth_right": (38, 45),
}


def labelled(item: Item, seed: int) -> Item:
    """The clip with what the studio would say of it."""
    rng = np.random.default_rng(seed)
    mouths = np.zeros((COUNT, len(VISEMES)))
    mouths[:, VISEMES.index("jaw_open")] = envelope(seed)
    frames = [
        {
            "frame": k,
            "points": {n: list(p) for n, p in PLACES.items()},
            "factors": {n: float(rng.uniform()) for n in ACTS},
        }
        for k in (1, 7, 13)
    ]
    facts = {**item.facts, "frames": frames, "mouth": {"names": list(VISEMES), "values": mouths.tolist()}}
    return replace(item, facts=facts)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> tuple[Item, ...]:
    folder = tmp_path_factory.mktemp("labelled")
    return tuple(labelled(clip_of(folder, seed), seed) for seed in range(3))


def make(cls: type = Puppet, name: str = "puppet", **given: object) -> Puppet:
    card = read_card(Path(__file__).parents[2] / "generators" / name / "card.toml", GeneratorCard)
    quick = {"steps": 2, "batch": 4, "numbers": 6, "width": 8, "code": 4, "align": "centre"} if name == "puppet" else {}
    return cls(card, card.fill({**quick, **given}))


@pytest.fixture(scope="module")
def fitted(clips, tmp_path_factory) -> tuple[Puppet, Path]:
    from fauxbench.generators import _lips_still as model

    patch = pytest.MonkeyPatch()
    patch.setattr(model, "EARS_STEPS", 3)
    folder = tmp_path_factory.mktemp("puppet")
    system = make()
    system.fit(FitTask(train=clips), Context(seed=1, scratch=folder))
    system.save(folder / "weights")
    patch.undo()
    return system, folder / "weights"


def one(system: object, request: Request, tmp_path: Path) -> Artifact | Failure:
    (answer,) = system.generate([request], Context(seed=0, scratch=tmp_path))  # type: ignore[attr-defined]
    return answer


def test_the_contract(clips, fitted, tmp_path):
    system, folder = fitted
    again = make()
    again.load(folder)
    write_png(tmp_path / "still.png", next(frames_of(0)))
    still = Item(id="s", modality=Modality.IMAGE, kind=Kind.REAL, group="t", location=tmp_path / "still.png")
    request = Request(id="r", seed=5, target=still, audio=sound_file(tmp_path, "a", voice(7, 12)))
    answer, other = one(system, request, tmp_path), one(again, request, tmp_path)
    assert isinstance(answer, Artifact), answer
    assert isinstance(other, Artifact)
    frames, masks = list(answer.media.frames()), list(answer.masks())
    assert len(frames) == len(masks) == 12  # as long as the sound
    picture = read_image(still.location)
    for frame, mask in zip(frames, masks, strict=True):
        assert np.array_equal(frame[mask == 0], picture[mask == 0])
    assert 0.1 < (masks[0] > 0).mean() < 0.9
    assert all(np.array_equal(a, b) for a, b in zip(frames, other.media.frames(), strict=True))
    clip = one(system, replace(request, target=clips[0]), tmp_path)
    assert isinstance(clip, Artifact)  # of a clip, the first frame
    assert next(clip.media.frames()).shape == picture.shape


def test_a_sound_moves_the_jaw_and_the_still_keeps_the_rest(fitted):
    system, _ = fitted
    said = np.zeros((4, len(VISEMES)))
    jaw = VISEMES.index("jaw_open")
    said[2, jaw] = 1.0
    mine = np.full(len(ACTS), 0.25)
    wanted = np.array([move(mine) for move in system.moves(said, seed=3)])
    assert wanted[2, ACTS.index("jaw_open")] > wanted[1, ACTS.index("jaw_open")]
    still = [ACTS.index(name) for name in ("smile", "brow_lower", "gaze_x")]
    assert np.array_equal(wanted[:, still], np.full((4, 3), 0.25))
    assert np.abs(wanted).max() <= 1


def test_sways_and_blinks_follow_from_the_seed():
    (a, shut), (b, _), (c, _) = (swaying(500, seed) for seed in (1, 1, 2))
    assert all(np.array_equal(a[name], b[name]) for name in a)
    assert not np.array_equal(a["yaw"], c["yaw"])
    assert a["yaw"][0] == pytest.approx(0, abs=0.02)  # it begins where the still is
    assert 2 <= np.sum(np.diff((shut > 0.5).astype(int)) == 1) <= 9  # in 20 s


def test_ears_learn_to_tell_the_jaw_from_the_sound(clips, tmp_path):
    spoken, wrong = spoken_of(clips)
    assert (len(spoken.sounds), wrong) == (3 * COUNT, [])
    net = train_ears(spoken, 120, Context(seed=0, scratch=tmp_path))
    assert isinstance(net, Ears)
    told = visemes(net, voice(1), COUNT)[:, VISEMES.index("jaw_open")]
    assert np.corrcoef(told, envelope(1))[0, 1] > 0.7


def test_clips_without_labels_are_refused(clips, tmp_path):
    bare = tuple(replace(item, facts={}) for item in clips)
    with pytest.raises(
        InputError,
        match=r"0 frames with sound and labels in 3 items[^\[]*of 3 that .*'mouth'\), as the studio's do; train",
    ):
        make().fit(FitTask(train=bare), Context(seed=0, scratch=tmp_path))


def test_labels_reach_the_learning_with_the_frame_they_are_of(clips, tmp_path):
    found = labelled_stills(clips, tmp_path / "stills")
    assert len(found) == 9
    frames = list(frames_of(0))
    assert np.abs(read_image(found[1].location).astype(int) - frames[7]).mean() < 12  # H.264 lies between
    assert found[1].facts["factors"] == clips[0].facts["frames"][1]["factors"]


@pytest.mark.parametrize(
    ("given", "kind"), [({"target": None}, "missing"), ({"audio": None}, "missing"), ({"target": "sound"}, "missing")]
)
def test_what_cannot_be_met_is_counted(given, kind, clips, fitted, tmp_path):
    sound = sound_file(tmp_path, "a", voice(1))
    more = {name: sound if value == "sound" else value for name, value in given.items()}
    answer = one(fitted[0], Request(id="r", seed=0, **{"target": clips[0], "audio": sound, **more}), tmp_path)
    assert isinstance(answer, Failure)
    assert answer.kind == kind


def test_crossmodal_takes_the_weights_of_a_puppet(clips, fitted, tmp_path):
    system = make(CrossModal, "crossmodal")
    assert (system.card.kind, dict(system.card.parts)) == ("fully_synthetic", {"target": "stylegan", "audio": "tts"})
    system.inner = make()
    system.load(fitted[1])
    request = Request(id="r", seed=5, target=clips[0], audio=clips[1])
    mine, theirs = one(system, request, tmp_path), one(fitted[0], request, tmp_path)
    assert np.array_equal(next(mine.media.frames()), next(theirs.media.frames()))
