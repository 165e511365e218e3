import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from fauxbench.harness.errors import InputError, MediaError
from fauxbench.harness.media.images import write_png
from fauxbench.harness.preprocess import cache
from fauxbench.harness.preprocess.align import TEMPLATE, cut, similarity, transform_of
from fauxbench.harness.preprocess.faces import Face, FaceFinder, overlap, pyramid_base
from fauxbench.harness.preprocess.frames import FrameProtocol, Sample
from fauxbench.harness.preprocess.prepare import FaceSet, prepare
from fauxbench.harness.preprocess.protocol import FaceProtocol
from fauxbench.harness.preprocess.search import search
from fauxbench.harness.preprocess.tracking import choose, follow
from fauxbench.harness.store.store import Store

Write = Callable[..., Path]
COLOURS = {"red": 0, "green": 1, "blue": 2}
EVEN = [4 * k for k in range(24)]


class Squares(FaceFinder):
    """Finds squares of pure colours, as faces whose points lie as in the template."""

    name = "squares"
    calls: list[tuple[int, float]]

    def __init__(self) -> None:
        self.calls = []

    @property
    def identity(self) -> Mapping[str, object]:
        return {"name": self.name}

    def find(self, pictures: Sequence[np.ndarray], smallest: float) -> list[tuple[Face, ...]]:
        self.calls.append((len(pictures), smallest))
        return [tuple(f for f in map(face_at, boxes(one)) if f.size >= smallest) for one in pictures]


def boxes(picture: np.ndarray) -> list[tuple[int, int, int, int]]:
    found = []
    for channel in COLOURS.values():
        others = [k for k in range(3) if k != channel]
        mask = (picture[..., channel] > 130) & (picture[..., others].max(axis=2) < 110)
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if len(rows) > 8 and len(columns) > 8:
            found.append((int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1))
    return found


def face_at(box: Sequence[float], probability: float = 0.99) -> Face:
    left, top, right, bottom = map(float, box)
    points = TEMPLATE * [right - left, bottom - top] + [left, top]
    return Face(box=(left, top, right, bottom), probability=probability, points=tuple(map(tuple, points)))


def scene(people: Mapping[str, Callable[[int], tuple[int, int, int] | None]]) -> Callable[[int], np.ndarray]:
    """Return frames of 96 x 160 in which each person is a square: frame -> left, top, side; None: out of sight."""

    def frame(number: int) -> np.ndarray:
        pixels = np.full((96, 160, 3), 60, np.uint8)
        for colour, place in people.items():
            at = place(number)
            if at is not None:
                left, top, side = at
                pixels[top : top + side, left : left + side] = 10
                pixels[top : top + side, left : left + side, COLOURS[colour]] = 240
        return pixels

    return frame


def made(path: Path, folder: Path, mask: Path | None = None, **protocol: object) -> FaceSet:
    given = {"frames": FrameProtocol(count=12), "size": 64, **protocol}
    return prepare(path, FaceProtocol(**given), Squares(), folder, mask=mask)  # type: ignore[arg-type]


def colour_of(picture: np.ndarray) -> str:
    return max(COLOURS, key=lambda name: int(picture[24:40, 24:40, COLOURS[name]].astype(int).sum()))


LEFT = {"red": lambda n: (10 + n, 10, 40), "green": lambda n: (110, 40, 30)}


def test_the_largest_person_is_followed_and_cut_out_of_every_sample(write: Write, tmp_path: Path) -> None:
    told = made(write(EVEN, frames=scene(LEFT)), tmp_path / "out")
    assert (told.asked, told.people, len(told.faces), told.missing) == (12, 2, 12, ())
    assert [face.frame for face in told.faces] == list(range(1, 24, 2))
    assert {colour_of(picture) for picture in told.pictures()} == {"red"}
    assert all(overlap(face.box, (10 + face.frame, 10, 50 + face.frame, 50)) > 0.85 for face in told.faces)
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted([*(f.file for f in told.faces), "faces.json"])
    assert FaceSet.read(tmp_path / "out") == told


def test_a_person_who_comes_nearer_for_one_frame_is_not_taken_for_the_one_who_was_larger_all_along(
    write: Write, tmp_path: Path
) -> None:
    """The largest face of each frame would jump from one person to another."""
    people = {"red": lambda n: (10, 10, 40), "green": lambda n: (100, 20, 50 if n in (8, 9) else 30)}
    told = made(write(EVEN, frames=scene(people)), tmp_path / "out")
    assert {colour_of(picture) for picture in told.pictures()} == {"red"}
    assert len(told.faces) == 12


def test_people_who_cross_stay_themselves() -> None:
    seen = {
        k: [face_at((10 + 10 * k, 20, 40 + 10 * k, 50)), face_at((110 - 10 * k, 24, 144 - 10 * k, 58))]
        for k in range(11)
    }
    for k in range(1, 11, 2):
        seen[k].reverse()
    tracks = follow(seen, {k: k / 5 for k in seen}, 1.0)
    assert len(tracks) == 2
    for track in tracks:
        lefts = [face.box[0] for face in track.faces.values()]
        assert lefts in ([10 + 10 * k for k in range(11)], [110 - 10 * k for k in range(11)])


def test_a_gap_is_bridged_and_a_long_one_makes_somebody_new() -> None:
    times = {k: k * 0.2 for k in range(20)}
    faces = {k: [face_at((10, 10, 40, 40))] for k in times if k not in (5, 6, 7)}
    assert len(follow(faces, times, 1.0)) == 1
    assert len(follow(faces, times, 0.5)) == 2
    slow = {k: k * 3.0 for k in range(6)}
    assert len(follow({k: [face_at((10, 10, 40, 40))] for k in slow if k != 3}, slow, 1.0)) == 1, "one sample always"


def test_a_face_far_off_or_of_another_size_is_somebody_else() -> None:
    times = {0: 0.0, 1: 0.2}
    assert len(follow({0: [face_at((0, 0, 30, 30))], 1: [face_at((100, 0, 130, 30))]}, times, 1.0)) == 2
    assert len(follow({0: [face_at((0, 0, 30, 30))], 1: [face_at((0, 0, 90, 90))]}, times, 1.0)) == 2


HIDDEN = {"red": lambda n: None if n in (11, 13) else (10 + n, 10, 40)}


def test_missing_faces_are_recorded_and_left_out(write: Write, tmp_path: Path) -> None:
    told = made(write(EVEN, frames=scene(HIDDEN)), tmp_path / "out")
    assert [(one.sample, one.reason) for one in told.missing] == [(5, "no face"), (6, "no face")]
    assert [face.sample for face in told.faces] == [0, 1, 2, 3, 4, 7, 8, 9, 10, 11]


def test_missing_faces_can_be_bridged_and_are_marked(write: Write, tmp_path: Path) -> None:
    told = made(write(EVEN, frames=scene(HIDDEN)), tmp_path / "out", missing="bridge")
    assert not told.missing
    assert [face.sample for face in told.faces if face.bridged] == [5, 6]
    for face in told.faces:
        assert face.box[0] == pytest.approx(10 + face.frame, abs=2)
    assert len(list(told.pictures())) == 12


def test_missing_faces_can_refuse_the_clip_with_the_reason(write: Write, tmp_path: Path) -> None:
    path = write(EVEN, frames=scene(HIDDEN))
    with pytest.raises(MediaError, match=r"missing in 2 of 12 samples, first at 0\.44 s: no face"):
        made(path, tmp_path / "out", missing="refuse")


def test_a_clip_without_faces_gives_none_and_never_its_middle(write: Write, tmp_path: Path) -> None:
    told = made(write(EVEN, frames=scene({})), tmp_path / "out")
    assert (told.people, told.faces, len(told.missing)) == (0, (), 12)
    assert {one.reason for one in told.missing} == {"no face"}
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["faces.json"]


TWO = {"red": lambda n: (4, 10, 50), "green": lambda n: (64, 32, 34)}


def test_the_most_central_person_and_everybody(write: Write, tmp_path: Path) -> None:
    path = write(EVEN, frames=scene(TWO))
    central = made(path, tmp_path / "central", choice="central")
    assert {colour_of(picture) for picture in central.pictures()} == {"green"}
    everybody = made(path, tmp_path / "all", choice="all")
    assert [face.person for face in everybody.faces] == [0] * 12 + [1] * 12


def test_the_face_under_the_mask_is_taken_even_where_the_mask_is_shorter(write: Write, tmp_path: Path) -> None:
    path = write(EVEN, frames=scene(TWO))

    def white(_number: int) -> np.ndarray:
        mask = np.zeros((48, 80, 3), np.uint8)
        mask[20:32, 36:48] = 255
        return mask

    mask = write(EVEN[:9], name="mask.mp4", frames=white)
    told = made(path, tmp_path / "out", choice="mask", mask=mask)
    assert {colour_of(picture) for picture in told.pictures()} == {"green"}
    black = write(EVEN, name="black.mp4", frames=lambda n: np.zeros((48, 80, 3), np.uint8))
    nobody = made(path, tmp_path / "none", choice="mask", mask=black)
    assert (nobody.faces, {one.reason for one in nobody.missing}) == ((), {"no person chosen"})
    with pytest.raises(MediaError, match="there is no mask"):
        made(path, tmp_path / "x", choice="mask")


def test_between_full_searches_only_what_is_followed_is_looked_for_unless_it_is_lost() -> None:
    def sample(k: int, left: int) -> Sample:
        return Sample(k, k / 10, k, scene({"red": lambda n: (left, 10, 60)})(0))

    finder = Squares()
    samples = [sample(k, 4 if k < 3 else 90) for k in range(5)]
    found = list(search(samples, finder, FaceProtocol(every=4)))
    assert [faces[0].box[0] for _, faces in found] == [4, 4, 4, 90, 90]
    assert finder.calls == [(1, 20.0), (3, 30.0), (1, 20.0), (1, 20.0)], (
        "first, the next three, the lost one, the fifth"
    )


def test_the_pyramid_is_a_part_of_the_whole_one() -> None:
    assert pyramid_base(20) == pyramid_base(3) == 20
    assert pyramid_base(28.2) == 20
    assert pyramid_base(28.3) == pytest.approx(20 / 0.709)
    assert pyramid_base(150) == pytest.approx(20 / 0.709**5)


def test_similarity_is_undone_exactly() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(5, 2)) * 30
    angle, scale, shift = 0.7, 1.8, np.array([4.0, -9.0])
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    found = similarity(points, points @ turn.T + shift)
    np.testing.assert_allclose(found, np.column_stack([turn, shift]), atol=1e-9)
    mirrored = similarity(points, points * [-1, 1])
    assert np.linalg.det(mirrored[:, :2]) > 0, "a face is never mirrored"
    for bad in (points[:1], np.ones((5, 2))):
        with pytest.raises(MediaError, match="point"):
            similarity(bad, points[: len(bad)])


@pytest.mark.parametrize("margin", [0.0, 0.5])
@pytest.mark.parametrize("scale", [0.6, 1.0, 5.0])
def test_points_fall_on_the_template(margin: float, scale: float) -> None:
    angle = 0.4
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = (TEMPLATE * 100) @ turn.T + [80 * scale, 60 * scale]
    side = int(320 * scale)
    picture = np.zeros((side, side, 3), np.uint8)
    radius = max(2, round(3 * scale))
    for x, y in points:
        picture[round(y) - radius : round(y) + radius + 1, round(x) - radius : round(x) + radius + 1] = 255
    face = Face(box=(0, 0, 1, 1), probability=1, points=tuple(map(tuple, points)))
    protocol = FaceProtocol(size=112, margin=margin)
    done, outside = cut(picture, face, protocol)
    assert outside == 0 or margin
    for x, y in (TEMPLATE - 0.5) * 112 / (1 + 2 * margin) + 55.5:
        assert done[round(y) - 1 : round(y) + 2, round(x) - 1 : round(x) + 2].mean() > 120
    unknown = Face(box=(0, 0, 1, 1), probability=1, points=((np.nan, np.nan), *face.points[1:]))
    np.testing.assert_allclose(transform_of(unknown, protocol), transform_of(face, protocol), atol=1e-6)


def test_what_lies_outside_of_the_picture_is_black_and_its_share_is_told() -> None:
    picture = np.full((100, 100, 3), 200, np.uint8)
    done, outside = cut(picture, face_at((-50, 0, 50, 100)), FaceProtocol(align="box", margin=0, size=64))
    assert outside == pytest.approx(0.5, abs=0.02)
    assert done[:, :30].max() == 0
    assert done[2:-2, 34:-2].min() == 200


def test_a_picture_is_a_clip_of_one_frame(tmp_path: Path) -> None:
    write_png(tmp_path / "one.png", scene(TWO)(0))
    told = made(tmp_path / "one.png", tmp_path / "out")
    assert (told.asked, len(told.faces), told.people) == (1, 1, 2)
    (tmp_path / "text.txt").write_text("x")
    with pytest.raises(MediaError, match="not a clip or picture"):
        made(tmp_path / "text.txt", tmp_path / "none")


def test_faces_are_kept_by_content_and_protocol(write: Write, tmp_path: Path) -> None:
    path = write(EVEN, frames=scene(LEFT))
    store, finder, protocol = Store(tmp_path / "store"), Squares(), FaceProtocol(frames=FrameProtocol(count=4), size=32)
    first = cache.faces_of(path, protocol, finder, store)
    calls = len(finder.calls)
    moved = path.rename(tmp_path / "another name.mp4")
    assert cache.faces_of(moved, protocol, finder, store) == first
    assert len(finder.calls) == calls
    other = cache.faces_of(moved, FaceProtocol(frames=FrameProtocol(count=4), size=48), finder, store)
    assert other.folder != first.folder
    assert len(finder.calls) > calls
    assert json.loads((first.folder / "unit.json").read_text())["facts"] == {"faces": 4, "missing": 0, "people": 2}
    changed = write(EVEN, frames=scene(TWO), name="another name.mp4")
    assert cache.faces_of(changed, protocol, finder, store).folder != first.folder


def test_what_failed_is_not_kept(write: Write, tmp_path: Path) -> None:
    store, protocol = Store(tmp_path / "store"), FaceProtocol(missing="refuse", frames=FrameProtocol(count=12))
    path = write(EVEN, frames=scene(HIDDEN))
    for _ in range(2):
        with pytest.raises(MediaError, match="missing in 2"):
            cache.faces_of(path, protocol, Squares(), store)
    assert not list((tmp_path / "store" / "units").rglob("unit.json"))


@pytest.mark.parametrize(
    "given",
    [{"size": 3}, {"choice": "best"}, {"missing": "centre"}, {"probability": 1.5}, {"every": 0}, {"smallest": 4.0}],
)
def test_a_protocol_says_what_is_legal(given: dict[str, object]) -> None:
    with pytest.raises(InputError, match=f"faces: {next(iter(given))}: found"):
        FaceProtocol(**given)  # type: ignore[arg-type]


def test_nobody_is_chosen_where_nobody_is() -> None:
    assert choose([], "largest", (10, 10)) == ()
