"""Where lips are painted: faces that are found and followed, parts that are cut and laid back."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.generators.lips import RATE, SIDE, frames_of, make

from fauxbench import InputError
from fauxbench.generators import _lips
from fauxbench.generators._faces_cut import CENTRE
from fauxbench.generators._lips import PER_FRAME, sound_windows, spectrogram
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
from fauxbench.generators._lips_ears import STEPS, other_voices
from fauxbench.generators.lipsync.model import LipSync

POINTS = np.array([[0.4, 0.45], [0.6, 0.45], [0.5, 0.55], [0.42, 0.68], [0.58, 0.68]])


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
