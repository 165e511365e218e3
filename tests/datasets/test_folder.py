import os
import shutil
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fauxbench.harness.canonical import JSON
from fauxbench.harness.datasets import folder as folder_module
from fauxbench.harness.datasets.folder import collect_outputs, index_folder
from fauxbench.harness.datasets.listing import list_folder, list_media, listing_digest
from fauxbench.harness.errors import InputError
from fauxbench.harness.media.images import read_image
from fauxbench.harness.media.item import Kind, Modality, Split
from fauxbench.harness.media.mediaset import MediaSet, MediaSetWriter
from fauxbench.harness.store.memory import Memory

RNG = np.random.default_rng(2)
SHARES = {"train": 0.5, "validation": 0.2, "test": 0.3}
KEY: Mapping[str, JSON] = {"identities": "auto", "size": None, "seed": 0, "splits": SHARES, "code": "c"}


def picture(path: Path, size: tuple[int, int] = (8, 8)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(RNG.integers(0, 255, (*size, 3), dtype=np.uint8)).save(path)
    return path


@pytest.fixture
def people(tmp_path: Path) -> Path:
    for person in range(6):
        for number in range(3):
            picture(tmp_path / "people" / f"p{person}" / f"{number}.png")
    return tmp_path / "people"


def index(folder: Path, out: Path, **more: JSON) -> MediaSet:
    writer = MediaSetWriter(out, name="people", origin="folder", roots={"data": folder})
    return index_folder(folder, writer, {**KEY, **more}, Memory(out.parent / "memory.sqlite"), lambda share, text: None)


def names(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in list_media(folder)]


def test_listing_is_sorted_and_leaves_out_what_is_hidden(tmp_path: Path) -> None:
    for name in ("b/2.png", "b/1.jpg", "a b/ü.PNG", ".hidden/1.png", "b/.1.png", "b/notes.txt", "b/._1.jpg"):
        picture(tmp_path / name) if not name.endswith("txt") else (tmp_path / name).write_text("x")
    assert names(tmp_path) == ["a b/ü.PNG", "b/1.jpg", "b/2.png"]


def test_links_are_followed_and_circles_are_not(tmp_path: Path) -> None:
    real = picture(tmp_path / "elsewhere" / "1.png")
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "p0").symlink_to(real.parent)
    (folder / "p1").symlink_to(real.parent)
    (folder / "one.png").symlink_to(real)
    (folder / "gone.png").symlink_to(tmp_path / "nothing")
    (folder / "up").symlink_to(folder)
    assert names(folder) == ["gone.png", "one.png", "p0/1.png", "p1/1.png"]


def test_a_folder_with_the_name_of_a_picture_is_a_folder(tmp_path: Path) -> None:
    picture(tmp_path / "clip.mp4" / "0.png")
    (tmp_path / "empty.png").mkdir()
    assert names(tmp_path) == ["clip.mp4/0.png"]


def test_a_name_that_is_not_unicode_is_said(tmp_path: Path) -> None:
    with open(os.fsencode(tmp_path) + b"/b\xe9.png", "wb"):  # noqa: PTH123
        pass
    with pytest.raises(InputError, match=r"b\\udce9\.png.*not UTF-8"):
        list_media(tmp_path)


def test_a_folder_that_cannot_be_listed_is_said(people: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = os.scandir

    def scandir(path: str) -> object:
        if str(path).endswith("p3"):
            raise PermissionError(13, "Permission denied", str(path))
        return original(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(InputError, match="p3: cannot be listed: Permission denied"):
        list_media(people)


@pytest.mark.parametrize(
    ("make", "words"), [("nothing", "nothing there"), ("file", "a file"), ("empty", "no pictures")]
)
def test_what_is_no_folder_of_media(make: str, words: str, tmp_path: Path) -> None:
    if make == "file":
        (tmp_path / "x").write_text("")
    if make == "empty":
        (tmp_path / "x").mkdir()
    with pytest.raises(InputError, match=words):
        list_folder(tmp_path / "x")


def test_identities_are_sub_folders_or_files(people: Path) -> None:
    assert Counter(one.identity for one in list_folder(people)) == {f"p{n}": 3 for n in range(6)}
    assert {one.identity for one in list_folder(people, "flat")} == {None}
    (people / "stray.wav").write_bytes(b"")
    assert None not in {one.identity for one in list_folder(people)}
    picture(people / "stray.png")
    assert Counter(one.identity for one in list_folder(people)) == {f"p{n}": 3 for n in range(6)} | {None: 1}
    with pytest.raises(InputError, match=r"stray\.png lies at the top"):
        list_folder(people, "subfolders")


def test_only_the_most_frequent_modality_is_taken(people: Path) -> None:
    (people / "p0" / "song.wav").write_bytes(b"")
    listed = list_folder(people)
    assert len(listed) == 18
    assert {one.modality for one in listed} == {Modality.IMAGE}


def test_the_listing_digest_sees_changes_and_links_to_nothing(people: Path) -> None:
    (people / "gone.png").symlink_to("nothing")
    files = names(people)
    first = listing_digest(people, files)
    assert first == listing_digest(people, files)
    picture(people / "p0" / "0.png", (9, 9))
    assert listing_digest(people, files) != first


def test_a_folder_becomes_a_set(people: Path, tmp_path: Path) -> None:
    made = index(people, tmp_path / "set")
    assert [item.id for item in made] == names(people)
    for item in made:
        assert (item.kind, item.group, item.clusters["identity"]) == (Kind.REAL, "people", item.id.split("/")[0])
        assert item.location == people / item.id
        assert dict(item.facts) == {"width": 8, "height": 8}
    for identity in {item.cluster for item in made}:
        assert len({item.split for item in made if item.cluster == identity}) == 1
    assert not any((tmp_path / "set" / "media").iterdir())


def test_the_set_does_not_depend_on_where_it_lies(people: Path, tmp_path: Path) -> None:
    first = index(people, tmp_path / "a")
    shutil.copytree(people, tmp_path / "renamed")
    second = index(tmp_path / "renamed", tmp_path / "b")
    assert [(i.id, i.split) for i in first] == [(i.id, i.split) for i in second]
    assert first.digest == second.digest


def test_bad_files_are_counted_with_their_paths_and_the_rest_goes_on(people: Path, tmp_path: Path) -> None:
    (people / "p0" / "0.png").write_bytes(b"")
    (people / "p1" / "1.png").write_text("hello")
    (people / "p2" / "2.png").write_bytes((people / "p2" / "2.png").read_bytes()[:60])
    (people / "p3" / "gone.png").symlink_to("nothing")
    picture(people / "p4" / "large.png", (20, 30))
    shutil.copyfile(people / "p5" / "0.png", people / "p5" / "copy of ü 0.png")
    made = index(people, tmp_path / "set")
    bad = {"p0/0.png": "empty file", "p1/1.png": "not a picture", "p2/2.png": "decoded", "p3/gone.png": "No such file"}
    assert {m.failure.request_id for m in made.missed} == set(bad)
    for missed in made.missed:
        assert missed.failure.kind == "unreadable"
        assert bad[missed.failure.request_id] in missed.failure.message
        assert str(people / missed.failure.request_id) in missed.failure.message
        assert missed.split is not None
    assert (made.card.items, made.card.expected) == (17, 21)
    found = {item.id: item for item in made}
    assert found["p4/large.png"].facts["width"] == 30
    assert found["p5/copy of ü 0.png"].content == found["p5/0.png"].content


def test_pictures_are_cropped_and_resized_when_a_size_is_asked_for(people: Path, tmp_path: Path) -> None:
    picture(people / "p0" / "wide.png", (10, 30))
    (people / "p0" / "0.png").write_bytes(b"")
    made = index(people, tmp_path / "set", size=16)
    assert len(made.missed) == 1
    wide = next(item for item in made if item.id == "p0/wide.png")
    assert wide.facts["resized_from"] == "30x10"
    assert wide.location is not None
    assert wide.location.is_relative_to(tmp_path / "set" / "media")
    assert {read_image(item.location).shape for item in made if item.location} == {(16, 16, 3)}


def test_unchanged_files_are_not_read_again(people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = index(people, tmp_path / "a")
    read: list[Path] = []
    original = folder_module.content_of
    monkeypatch.setattr(folder_module, "content_of", lambda path, m: read.append(path) or original(path, m))
    assert index(people, tmp_path / "b").digest == first.digest
    assert read == []
    picture(people / "p0" / "0.png", (9, 9))
    assert index(people, tmp_path / "c").digest != first.digest
    assert read == [people / "p0" / "0.png"]
    index(people, tmp_path / "d", code="another")  # what another reader saw does not count
    assert len(read) == 19


def test_a_file_that_changes_while_it_is_read_is_read_again(
    people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = folder_module.content_of

    def slow(path: Path, modality: Modality) -> object:
        found = original(path, modality)
        if path.name == "0.png" and path.parent.name == "p0":
            picture(path, (9, 9))
        return found

    monkeypatch.setattr(folder_module, "content_of", slow)
    first = index(people, tmp_path / "a")
    monkeypatch.undo()
    second = index(people, tmp_path / "b")
    assert first.items[0].facts["width"] == 8
    assert second.items[0].facts["width"] == 9


# Outputs made elsewhere


COLLECT: Mapping[str, JSON] = {
    "kind": "fully_synthetic",
    "seed": 0,
    "splits": None,
    "counts": {"train": 9, "validation": 4, "test": 5},
    "manifest_rows": None,
    "code": "c",
}


def collect(folder: Path, real: MediaSet, out: Path, **more: JSON) -> MediaSet:
    writer = MediaSetWriter(out, name="mine@1", origin="folder", roots={"outputs": folder})
    memory = Memory(out.parent / "memory.sqlite")
    return collect_outputs(folder, writer, {**COLLECT, **more}, real, memory, lambda share, text: None)


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    for number in range(12):
        picture(tmp_path / "outputs" / f"{number:02d}.png")
    return tmp_path / "outputs"


def test_a_fixed_selection_of_n_is_taken(people: Path, outputs: Path, tmp_path: Path) -> None:
    real = index(people, tmp_path / "real")
    first = collect(outputs, real, tmp_path / "a")
    assert len(first) == 5
    assert {item.split for item in first} == {Split.TEST}
    assert all(item.visual_fake and not item.audio_fake and item.group == "mine@1" for item in first)
    assert [item.id for item in first] == sorted(item.id for item in first)
    assert collect(outputs, real, tmp_path / "b").digest == first.digest
    more = collect(outputs, real, tmp_path / "c", counts={"train": 0, "validation": 0, "test": 8})
    assert {item.id for item in first} < {item.id for item in more}
    everything = collect(outputs, real, tmp_path / "d", counts={"train": 0, "validation": 0, "test": 99})
    assert len(everything) == 12


def test_outputs_are_split_when_asked(people: Path, outputs: Path, tmp_path: Path) -> None:
    real = index(people, tmp_path / "real")
    made = collect(outputs, real, tmp_path / "a", splits=SHARES, counts={"train": 99, "validation": 99, "test": 99})
    assert {item.split for item in made} == set(Split)
    none = collect(outputs, real, tmp_path / "b", splits=SHARES, counts={"train": 0, "validation": 0, "test": 99})
    assert {item.split for item in none} == {Split.TEST}


def test_outputs_with_the_name_of_a_real_picture_were_made_from_it(people: Path, tmp_path: Path) -> None:
    real = index(people, tmp_path / "real")
    for name in ("p0/0.jpg", "p1/2.png", "other.png"):
        picture(tmp_path / "outputs" / name)
    made = collect(tmp_path / "outputs", real, tmp_path / "a", kind="augmented_real")
    found = {item.id: item for item in made}
    assert found["p0/0.jpg"].sources == ("p0/0.png",)
    assert found["p0/0.jpg"].cluster == "p0"
    assert found["other.png"].sources == ()
    assert not any(item.visual_fake for item in made)
    assert made.card.facts["targets"]


def test_a_manifest_names_files_and_defects_are_counted(people: Path, outputs: Path, tmp_path: Path) -> None:
    real = index(people, tmp_path / "real")
    (outputs / "notes.txt").write_text("x")
    (outputs / "broken.png").write_bytes(b"")
    rows = [
        ["00.png", "one", "test", 7, "p0/0.png", "de"],
        ["01.png", "two", "test", None, "nobody.png", None],
        ["gone.png", "three", "test", None, None, None],
        ["notes.txt", "four", "test", None, None, None],
        ["broken.png", "five", "test", None, None, None],
    ]
    made = collect(outputs, real, tmp_path / "a", manifest_rows=rows)
    assert [(i.id, i.seed, i.language, i.sources) for i in made] == [("one", 7, "de", ("p0/0.png",))]
    messages = {m.failure.request_id: m.failure.message for m in made.missed}
    assert "'nobody.png' is not in the real set" in messages["two"]
    assert "No such file" in messages["three"]
    assert "not a picture" in messages["four"]
    assert "empty file" in messages["five"]
    assert made.card.expected == 5


def test_outputs_are_cropped_and_resized_as_the_real_pictures_are(people: Path, outputs: Path, tmp_path: Path) -> None:
    real = index(people, tmp_path / "real")
    small = collect(outputs, real, tmp_path / "a", size=16)
    assert {read_image(item.location).shape for item in small if item.location} == {(16, 16, 3)}
    assert all("resized_from" in item.facts for item in small)
    whole = collect(outputs, real, tmp_path / "b")
    assert {item.id for item in small} == {item.id for item in whole}
    assert not any("resized_from" in item.facts for item in whole)
