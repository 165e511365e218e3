from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fauxbench.harness.errors import InputError
from fauxbench.harness.execute.steps.learner import Lessons, teach, tell
from fauxbench.harness.execute.steps.lessons import course, lessons
from fauxbench.harness.media.item import Item, Kind, Modality, Split


class Set(tuple):
    """Items that can be selected by split."""

    def select(self, split):
        return tuple(item for item in self if item.split is split)


def item(number, split, person, location=None, **facts):
    clusters = {"identity": person} if person else {}
    return Item(
        id=f"{facts.get('folder', 'f')}/{number}", modality=Modality.IMAGE, kind=Kind.REAL, group="g", split=split,
        clusters=clusters, facts=facts, location=location,
    )  # fmt: skip


def faces(**more):
    return Set(
        item(f"{person}-{n}", Split.TRAIN if person < 8 else Split.TEST, f"p{person}", factors={"smile": n / 5}, **more)
        for person in range(12)
        for n in range(6)
    )


def test_numbers_are_cut_in_two_and_shares_take_whole_people():
    found = course(faces(), "smile", 0.5, 0)
    assert found.classes == ("above 0.5", "up to 0.5")
    assert not found.held_out
    quarter, half = (found.share(of) for of in (0.25, 0.5))
    assert (len(quarter), len(half), len(found.share(1.0))) == (12, 24, 48)
    assert {i.id for i, _ in quarter} < {i.id for i, _ in half}
    assert len({i.cluster for i, _ in quarter}) == 2
    assert not {i.cluster for i, _ in found.train} & {i.cluster for i, _ in found.test}
    assert course(faces(), "smile", None, 0).classes == ("above 0.5", "up to 0.5")  # the median


def test_people_are_told_apart_on_held_out_pictures():
    found = course(faces(), "identity", None, 0)
    assert found.held_out
    assert len(found.classes) == 8
    assert (len(found.train), len(found.test)) == (32, 16)
    assert not {i.id for i, _ in found.train} & {i.id for i, _ in found.test}
    assert {said for _, said in found.share(0.01)} == set(found.classes)  # a share holds everybody


def test_a_folder_is_a_label():
    items = Set(
        item(f"{n}", [Split.TRAIN, Split.TEST][n % 2], "", folder=["happy", "sad"][n // 2 % 2]) for n in range(16)
    )
    assert course(items, "folder", None, 0).classes == ("happy", "sad")


@pytest.mark.parametrize(
    ("label", "above", "words"),
    [("smle", None, "has 'smle'; items have: folder, identity, smile"), ("smile", 9.0, "shows only 'up to 9'")],
)
def test_what_cannot_be_told_is_said(label, above, words):
    with pytest.raises(InputError, match=words):
        course(faces(), label, above, 0)


def test_unreadable_pictures_are_left_out(tmp_path: Path):
    Image.fromarray(np.zeros((40, 30, 3), np.uint8)).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"no picture")
    pairs = [(item(n, Split.TRAIN, "p", location=tmp_path / f"{n}.png"), "x") for n in "ab"]
    found, items = lessons(pairs, ("x", "y"), 16)
    assert (found.pictures.shape, [one.id for one in items]) == ((1, 16, 16, 3), ["f/a"])
    with pytest.raises(InputError, match="none of the pictures"):
        lessons(pairs[1:], ("x", "y"), 16)


def test_a_classifier_learns_repeats_and_depends_on_its_seed():
    rng = np.random.default_rng(0)
    classes = np.arange(80) % 2
    pictures = rng.integers(0, 90, (80, 16, 16, 3), dtype=np.uint8)
    pictures[classes == 1, 4:12, 4:12] += 120
    taught = teach(Lessons(pictures=pictures[:60], classes=classes[:60]), 2, 30, (0, 0))
    assert (tell(taught, pictures[60:]) == classes[60:]).mean() > 0.9
    again = teach(Lessons(pictures=pictures[:60], classes=classes[:60]), 2, 30, (0, 0))
    other = teach(Lessons(pictures=pictures[:60], classes=classes[:60]), 2, 30, (0, 1))
    weights = [[p.detach().numpy() for p in net.parameters()] for net in (taught, again, other)]
    assert all((a == b).all() for a, b in zip(weights[0], weights[1], strict=True))
    assert not all((a == b).all() for a, b in zip(weights[0], weights[2], strict=True))
