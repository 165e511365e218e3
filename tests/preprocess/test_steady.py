"""Boxes that tremble from frame to frame are held steady, and still follow the head."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fauxbench.harness.media.images import write_png
from fauxbench.harness.preprocess.align import TEMPLATE, steadied
from fauxbench.harness.preprocess.faces import Face, FaceFinder
from fauxbench.harness.preprocess.frames import FrameProtocol
from fauxbench.harness.preprocess.prepare import prepare
from fauxbench.harness.preprocess.protocol import FaceProtocol

SIDE, FPS = 60.0, 10.0


def head(x: float, y: float, side: float = SIDE, tremble: Sequence[float] = (0, 0, 0)) -> Face:
    """A face at (x, y) with true points, whose box is off by shares of its side: right, down, larger."""
    points = (TEMPLATE - 0.5) * side + [x, y]
    right, down, larger = tremble
    half = side / 2 * (1 + larger)
    middle = x + right * side, y + down * side
    box = (middle[0] - half, middle[1] - half, middle[0] + half, middle[1] + half)
    return Face(box=box, probability=0.99, points=tuple(map(tuple, points)))


def centres(faces: Mapping[int, Face]) -> np.ndarray:
    return np.array([faces[k].centre for k in sorted(faces)])


def test_a_trembling_box_follows_the_head_and_keeps_its_size() -> None:
    rng = np.random.default_rng(0)
    path = np.stack([100 + 4 * np.arange(40.0), 90 + 20 * np.sin(np.arange(40) / 4)], 1)
    faces = {k: head(x, y, tremble=rng.uniform(-0.08, 0.08, 3)) for k, (x, y) in enumerate(path)}
    held = steadied(faces, {k: k / FPS for k in faces})
    off = np.abs(centres(held) - path)
    assert off.max() < 0.04 * SIDE  # a constant share of the tremble is left, and nothing else
    assert (
        np.abs(np.diff(centres(held) - path, axis=0)).max()
        < 0.25 * np.abs(np.diff(centres(faces) - path, axis=0)).max()
    )
    sides = np.array([face.box[2] - face.box[0] for face in held.values()])
    assert np.ptp(sides) < 0.05 * SIDE
    assert all(abs((f.box[3] - f.box[1]) - (f.box[2] - f.box[0])) < 1e-9 for f in held.values())
    assert [f.points for f in held.values()] == [f.points for f in faces.values()]


def test_somebody_who_comes_nearer_stays_as_large_in_the_box() -> None:
    faces = {k: head(100, 100, side=40 + k) for k in range(60)}
    held = steadied(faces, {k: k / FPS for k in faces})
    for k in range(12, 48):
        assert held[k].box[2] - held[k].box[0] == pytest.approx(40 + k, rel=0.02)


@settings(max_examples=25)
@given(st.integers(1, 12), st.floats(-50, 50), st.floats(0.5, 3), st.integers(0, 2**31))
def test_it_moves_and_grows_as_the_picture_does(count: int, shift: float, scale: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    faces = {k: head(*rng.uniform(50, 60, 2), tremble=rng.uniform(-0.1, 0.1, 3)) for k in range(count)}
    times = {k: k / FPS for k in faces}

    def moved(face: Face) -> Face:
        points = scale * np.array(face.points) + shift
        box = tuple(float(v) for v in scale * np.array(face.box) + shift)
        return replace(face, box=box, points=tuple(map(tuple, points)))

    one = {k: moved(face) for k, face in steadied(faces, times).items()}
    two = steadied({k: moved(face) for k, face in faces.items()}, times)
    for k in faces:
        np.testing.assert_allclose(one[k].box, two[k].box, atol=1e-6)


def test_without_points_the_box_alone_is_evened() -> None:
    unknown = tuple((float("nan"), float("nan")) for _ in range(5))
    faces = {k: replace(head(100, 100, tremble=(0, 0, 0.1 * (-1) ** k)), points=unknown) for k in range(21)}
    held = steadied(faces, {k: k / FPS for k in faces})
    assert np.allclose(centres(held), 100)
    assert np.ptp([face.box[2] for face in held.values()]) < np.ptp([face.box[2] for face in faces.values()])


class Trembling(FaceFinder):
    """Finds the one white square of a picture, by a box that is wrong in another way each time."""

    name = "trembling"

    def __init__(self) -> None:
        self.rng = np.random.default_rng(1)

    @property
    def identity(self) -> Mapping[str, object]:
        return {"name": self.name}

    def find(self, pictures: Sequence[np.ndarray], smallest: float) -> list[tuple[Face, ...]]:
        found = []
        for picture in pictures:
            rows, columns = (np.flatnonzero((picture[..., 0] > 130).any(axis=axis)) for axis in (1, 0))
            x, y = (columns[0] + columns[-1] + 1) / 2, (rows[0] + rows[-1] + 1) / 2
            found.append((head(x, y, side=40.0, tremble=self.rng.uniform(-0.1, 0.1, 3)),))
        return found


def square(k: int) -> np.ndarray:
    picture = np.zeros((120, 200, 3), np.uint8)
    picture[40:80, 60 + k : 100 + k] = 255
    return picture


def test_a_clip_is_cut_steadily(write: Callable[..., Path], tmp_path: Path) -> None:
    """White stays where it is in what is cut out, though the square moves and its box trembles."""
    clip = write([4 * k for k in range(20)], frames=square)
    seen = {}
    for align in ("box", "steady"):
        protocol = FaceProtocol(frames=FrameProtocol(count=20), align=align, margin=0.5, size=80)
        made = prepare(clip, protocol, Trembling(), tmp_path / align)
        assert [face.sample for face in made.faces] == list(range(20))
        assert len(list((tmp_path / align).glob("*.png"))) == 20
        white = np.stack([picture[..., 0] > 127 for picture in made.pictures()])
        seen[align] = np.array([[np.flatnonzero(one.any(0))[0], np.flatnonzero(one.any(1))[0]] for one in white])
    assert np.ptp(seen["steady"], axis=0).max() <= 3
    assert np.ptp(seen["box"], axis=0).max() >= 6


def test_a_picture_has_nothing_to_be_evened_over(tmp_path: Path) -> None:
    write_png(tmp_path / "one.png", square(3))
    made = {
        align: prepare(tmp_path / "one.png", FaceProtocol(align=align, size=64), Trembling(), tmp_path / align)
        for align in ("box", "steady")
    }
    np.testing.assert_allclose(made["box"].faces[0].box, made["steady"].faces[0].box, atol=1e-9)
