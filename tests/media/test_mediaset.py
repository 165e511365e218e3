import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydantic import ValidationError

from fauxbench.harness.errors import Failure, IntegrityError, MediaError
from fauxbench.harness.media.content import FileMedia, ImageMedia, SoundMedia
from fauxbench.harness.media.item import Item, Kind, Modality, Split
from fauxbench.harness.media.mediaset import MediaSet, MediaSetWriter, Terms, file_stem

RNG = np.random.default_rng(1)
PICTURES = [RNG.integers(0, 255, (8, 8, 3), dtype=np.uint8) for _ in range(4)]


def item(item_id: str, **more: object) -> Item:
    return Item(id=item_id, modality=Modality.IMAGE, kind=Kind.REAL, group="test", **more)  # type: ignore[arg-type]


def made(folder: Path, order: tuple[int, ...] = (0, 1, 2)) -> MediaSet:
    writer = MediaSetWriter(folder, name="small", origin="test", terms=Terms(people="none"))
    for number in order:
        writer.add(item(f"p/{number}", split=Split.TEST), ImageMedia(pixels=PICTURES[number]))
    writer.fail(Failure(request_id="p/9", kind="unreadable", message="gone"), Split.TRAIN)
    return writer.seal()


def test_a_sealed_set_can_be_opened_anywhere(tmp_path: Path) -> None:
    sealed = made(tmp_path / "a")
    (tmp_path / "a").rename(tmp_path / "b")
    opened = MediaSet.open(tmp_path / "b")
    assert opened.digest == sealed.digest
    assert [i.id for i in opened] == ["p/0", "p/1", "p/2"]
    assert (len(opened), opened.card.items, opened.card.expected) == (3, 3, 4)
    assert opened.asked() == {Split.TRAIN: 1, Split.TEST: 3}
    assert opened.select(Split.TRAIN) == ()
    assert opened.select(None) == opened.items
    assert opened.missed[0].failure.message == "gone"
    first = opened.items[0]
    assert first.location is not None
    np.testing.assert_array_equal(np.asarray(Image.open(first.location)), PICTURES[0])
    assert dict(first.facts) == {"width": 8, "height": 8}


def test_the_digest_is_over_content_and_order_and_failures(tmp_path: Path) -> None:
    assert made(tmp_path / "a").digest == made(tmp_path / "b").digest
    assert made(tmp_path / "c", order=(1, 0, 2)).digest != made(tmp_path / "a").digest
    writer = MediaSetWriter(tmp_path / "d", name="small", origin="test")
    for number in range(3):
        writer.add(item(f"p/{number}", split=Split.TEST), ImageMedia(pixels=PICTURES[number]))
    assert writer.seal().digest != made(tmp_path / "a").digest


def test_the_container_does_not_count(tmp_path: Path) -> None:
    digests = []
    for suffix in ("png", "bmp", "tif"):
        path = tmp_path / suffix / f"a.{suffix}"
        path.parent.mkdir()
        Image.fromarray(PICTURES[0]).save(path)
        writer = MediaSetWriter(tmp_path / f"set-{suffix}", name="s", origin="test", roots={"data": path.parent})
        writer.refer(item("a"), root="data", path=path.name)
        digests.append(writer.seal().digest)
    writer = MediaSetWriter(tmp_path / "owned", name="s", origin="test")
    writer.add(item("a"), ImageMedia(pixels=PICTURES[0]))
    digests.append(writer.seal().digest)
    assert len(set(digests)) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"id": "q/0"},
        {"kind": "fully_synthetic"},
        {"visual_fake": True},
        {"split": "train"},
        {"content": "0" * 64},
        {"clusters": {"identity": "p"}},
        {"seed": 4},
        {"facts": {"width": 9}},
        {"language": "de"},
    ],
)
def test_a_changed_record_is_noticed(change: dict[str, object], tmp_path: Path) -> None:
    made(tmp_path)
    lines = (tmp_path / "items.jsonl").read_text().splitlines()
    lines[0] = json.dumps({**json.loads(lines[0]), **change})
    (tmp_path / "items.jsonl").write_text("\n".join(lines) + "\n")
    with pytest.raises(IntegrityError, match="records have digest"):
        MediaSet.open(tmp_path)


def drop_line(folder: Path) -> None:
    path = folder / "items.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[1:]))


BROKEN: dict[str, Callable[[Path], object]] = {
    "a record less": drop_line,
    "a failure less": lambda f: (f / "failures.jsonl").write_text(""),
    "not JSON": lambda f: (f / "items.jsonl").write_text("{"),
    "no object": lambda f: (f / "items.jsonl").write_text("[1]\n"),
    "not text": lambda f: (f / "items.jsonl").write_bytes(b"\xff\xfe\x00"),
    "an unknown root": lambda f: (f / "items.jsonl").write_text(
        (f / "items.jsonl").read_text().replace('"root":"."', '"root":"elsewhere"')
    ),
    "an unknown field": lambda f: (f / "items.jsonl").write_text('{"colour": "red"}\n'),
    "an unknown split": lambda f: (f / "failures.jsonl").write_text(
        (f / "failures.jsonl").read_text().replace("train", "trian")
    ),
    "no card": lambda f: (f / "card.json").unlink(),
    "half a card": lambda f: (f / "card.json").write_text('{"name": "x"'),
    "no records": lambda f: (f / "items.jsonl").unlink(),
    "nothing": lambda f: [path.unlink() for path in f.glob("*.json*")],
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_set_is_one_error_with_its_folder(case: str, tmp_path: Path) -> None:
    made(tmp_path / "set")
    BROKEN[case](tmp_path / "set")
    with pytest.raises(IntegrityError, match=str(tmp_path / "set")):
        MediaSet.open(tmp_path / "set")


def test_nothing_is_sealed_before_seal(tmp_path: Path) -> None:
    writer = MediaSetWriter(tmp_path, name="s", origin="test")
    writer.add(item("a"), ImageMedia(pixels=PICTURES[0]))
    with pytest.raises(IntegrityError, match="not a sealed MediaSet"):
        MediaSet.open(tmp_path)


def test_two_items_with_one_id_are_refused(tmp_path: Path) -> None:
    writer = MediaSetWriter(tmp_path, name="s", origin="test")
    writer.add(item("a"), ImageMedia(pixels=PICTURES[0]))
    with pytest.raises(MediaError, match="two items with the id 'a'"):
        writer.add(item("a"), ImageMedia(pixels=PICTURES[1]))
    assert len(writer.seal()) == 1


def test_two_items_may_hold_the_same_picture(tmp_path: Path) -> None:
    writer = MediaSetWriter(tmp_path, name="s", origin="test")
    first = writer.add(item("a"), ImageMedia(pixels=PICTURES[0]))
    second = writer.add(item("b"), ImageMedia(pixels=PICTURES[0]))
    assert first.content == second.content
    assert first.digest != second.digest
    assert len(writer.seal()) == 2


def test_a_failed_item_may_be_added_again(tmp_path: Path) -> None:
    writer = MediaSetWriter(tmp_path, name="s", origin="test")
    with pytest.raises(MediaError):
        writer.add(item("a"), ImageMedia(pixels=np.zeros((2, 2))))
    writer.add(item("a"), ImageMedia(pixels=PICTURES[0]))
    assert len(writer.seal()) == 1


def test_media_of_another_modality_are_refused(tmp_path: Path) -> None:
    writer = MediaSetWriter(tmp_path / "set", name="s", origin="test")
    sound = SoundMedia(sound=np.zeros(100, np.float32))
    with pytest.raises(MediaError, match=r"expected modality image, found a \.wav"):
        writer.add(item("a"), sound)
    Image.fromarray(PICTURES[0]).save(tmp_path / "a.png")
    with pytest.raises(MediaError, match=r"expected modality video, found a \.png"):
        writer.add(replace(item("a"), modality=Modality.VIDEO), FileMedia(path=tmp_path / "a.png"))
    assert not any((tmp_path / "set" / "media").iterdir())


@pytest.mark.parametrize("value", [np.float32(1), float("nan"), object(), b"x", {1, 2}, "\udce9", {1: 2, "a": 3}])
def test_facts_that_are_not_json_fail_one_item_alone(value: object, tmp_path: Path) -> None:
    writer = MediaSetWriter(tmp_path, name="s", origin="test")
    writer.add(item("a"), ImageMedia(pixels=PICTURES[0]))
    with pytest.raises(MediaError, match="facts cannot be recorded as JSON"):
        writer.add(item("b", facts={"x": value}), ImageMedia(pixels=PICTURES[0]))
    assert len(writer.seal()) == 1
    assert [path.name for path in (tmp_path / "media").iterdir()] == ["a.png"]


def test_order_follows_the_request(tmp_path: Path) -> None:
    writer = MediaSetWriter(tmp_path, name="s", origin="test")
    for name in ("c", "a", "b"):
        writer.add(item(name), ImageMedia(pixels=PICTURES[0]))
    writer.order(["a", "x", "b", "c"])
    assert [i.id for i in writer.seal()] == ["a", "b", "c"]


def test_facts_of_the_item_win_over_what_was_seen(tmp_path: Path) -> None:
    writer = MediaSetWriter(tmp_path, name="s", origin="test")
    added = writer.add(item("a", facts={"width": 99, "smile": 0.5}), ImageMedia(pixels=PICTURES[0]))
    assert dict(added.facts) == {"width": 99, "height": 8, "smile": 0.5}


def test_a_record_is_the_item(tmp_path: Path) -> None:
    whole = item(
        "ä b/1",
        split=Split.TRAIN,
        language="pt-BR",
        sources=("x", "y"),
        clusters={"identity": "p"},
        seed=2**62,
        facts={"nested": {"a": [1, 2.5, None]}},
        content="c",
        root="data",
        path="ä b/1.png",
    )
    again = Item.from_record(json.loads(json.dumps(whole.record())), location=tmp_path)
    assert again == whole
    assert again.location == tmp_path
    assert again.digest == whole.digest
    assert replace(whole, root="other", path="z", location=tmp_path).digest == whole.digest


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"id": "a"},
        {**item("a").record(), "kind": "fake"},
        {**item("a").record(), "modality": "smell"},
        {**item("a").record(), "split": "dev"},
        {**item("a").record(), "extra": 1},
        {**item("a").record(), "clusters": 5},
    ],
)
def test_what_is_no_item_is_refused(record: dict[str, object]) -> None:
    with pytest.raises(IntegrityError, match="not an Item record"):
        Item.from_record(record)


def test_the_cluster_is_the_identity_or_the_item_itself() -> None:
    assert item("a").cluster == "a"
    assert item("a", clusters={"clip": "c", "identity": "i"}).cluster == "i"
    assert item("a", clusters={"clip": "c", "speaker": "s"}).cluster == "s"
    assert item("a", clusters={"sentence": "s"}).cluster == "a"


NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300)


@given(st.lists(NAMES, unique=True, max_size=8))
def test_file_names_are_safe_and_differ(ids: list[str]) -> None:
    stems = [file_stem(one) for one in ids]
    assert len(set(stems)) == len(ids)
    for stem in stems:
        assert "/" not in stem
        assert "\0" not in stem
        assert 0 < len(f"{stem}.jpeg".encode()) < 200


@pytest.mark.parametrize("name", ["..", ".", "../../etc/passwd", "a/b", "a b", "ünïcode", "x" * 400, "p/" * 150, "\n"])
def test_any_id_can_be_written(name: str, tmp_path: Path) -> None:
    writer = MediaSetWriter(tmp_path / "set", name="s", origin="test")
    writer.add(item(name), ImageMedia(pixels=PICTURES[0]))
    found = writer.seal().items[0]
    assert found.id == name
    assert found.location is not None
    assert found.location.resolve().parent == (tmp_path / "set" / "media").resolve()
    assert found.location.is_file()


@pytest.mark.parametrize(
    ("people", "permits", "allowed"),
    [("real", ("evaluate",), False), ("real", ("evaluate", "train"), True), ("rendered", (), True), ("none", (), True)],
)
def test_what_terms_allow(people: str, permits: tuple[str, ...], allowed: bool) -> None:
    assert Terms.model_validate({"people": people, "permits": permits, "grant": "me"}).allow("train") is allowed


@pytest.mark.parametrize("grant", ["", "  "])
def test_what_real_people_permit_needs_a_grant(grant: str) -> None:
    with pytest.raises(ValidationError, match="permits train, publish, but 'grant' does not say who allowed it"):
        Terms(permits=("evaluate", "train", "publish"), grant=grant)
    assert Terms(permits=("evaluate",), grant=grant).allow("evaluate")
    assert Terms(people="none", permits=("evaluate", "train"), grant=grant).allow("train")
