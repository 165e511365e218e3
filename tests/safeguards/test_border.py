import errno
import hashlib
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fauxbench.harness.errors import InputError, IntegrityError, StorageError
from fauxbench.harness.media.content import ImageMedia
from fauxbench.harness.media.item import Item, Kind, Modality
from fauxbench.harness.media.mediaset import MediaSet, MediaSetWriter
from fauxbench.harness.media.read import content_of
from fauxbench.harness.safeguards import border
from fauxbench.harness.safeguards.border import PROVENANCE, parents_told, release, release_picture, source_type
from fauxbench.harness.safeguards.keys import own_keys

RNG = np.random.default_rng(3)
IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"


def made(folder: Path, **kinds: Kind) -> MediaSet:
    writer = MediaSetWriter(folder, name="s", origin="x@1")
    for name, kind in kinds.items():
        item = Item(id=name, modality=Modality.IMAGE, kind=kind, group="x@1", seed=4, sources=("r",))
        writer.add(item, ImageMedia(pixels=RNG.integers(0, 255, (8, 8, 3), dtype=np.uint8)))
    return writer.seal()


def rows(folder: Path) -> dict[str, dict[str, object]]:
    lines = [json.loads(line) for line in (folder / PROVENANCE).read_text(encoding="utf-8").splitlines()]
    assert len({line["file"] for line in lines}) == len(lines)
    return {line["file"]: line for line in lines}


def test_every_file_that_leaves_has_a_row(tmp_path: Path) -> None:
    media = made(
        tmp_path / "set",
        full=Kind.FULLY_SYNTHETIC,
        part=Kind.PARTIALLY_SYNTHETIC,
        edit=Kind.AUGMENTED_REAL,
        real=Kind.REAL,
    )
    names = [f"sub/ü {item.id}.png" for item in media]
    release(media.items, tmp_path / "out", names, origin="fp")
    found = rows(tmp_path / "out")
    files = {p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*.png")}
    assert files == set(found) == set(names)
    for item, name in zip(media, names, strict=True):
        file = tmp_path / "out" / name
        row = found[name]
        assert row["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
        assert (row["item"], row["master"], row["generator"], row["seed"]) == (item.id, item.content, "x@1", 4)
        assert row["content"] == content_of(file, Modality.IMAGE)[0]
        assert (row["marks"] is None) == (item.kind is Kind.REAL)
        assert (row["sources"], row["made_by"], row["kind"]) == (["r"], "fp", str(item.kind))
    types = {str(name).split()[1]: row["digital_source_type"] for name, row in found.items()}
    assert types == {
        "full.png": IPTC + "trainedAlgorithmicMedia",
        "part.png": IPTC + "compositeWithTrainedAlgorithmicMedia",
        "edit.png": IPTC + "algorithmicallyEnhanced",
        "real.png": None,
    }
    assert [row["synthetic"] for row in found.values()] == [True, True, True, False]


def test_a_rendered_person_is_synthetic() -> None:
    item = Item(id="a", modality=Modality.IMAGE, kind=Kind.REAL, group="studio", facts={"rendered": True})
    assert source_type(item) == IPTC + "algorithmicMedia"
    assert source_type(replace(item, facts={})) is None


def test_writing_again_replaces_rows_and_keeps_others(tmp_path: Path) -> None:
    first = made(tmp_path / "a", one=Kind.FULLY_SYNTHETIC, two=Kind.FULLY_SYNTHETIC)
    second = made(tmp_path / "b", one=Kind.FULLY_SYNTHETIC)
    out = tmp_path / "out"
    names = ['odd "name" \\ ü.png', "two.png"]
    release(first.items, out, names, origin="first")
    release(second.items, out, names[:1], origin="second")
    found = rows(out)
    assert {name: row["made_by"] for name, row in found.items()} == {names[0]: "second", names[1]: "first"}
    for name in names:
        assert found[name]["sha256"] == hashlib.sha256((out / name).read_bytes()).hexdigest()


def test_a_file_that_was_changed_does_not_leave(tmp_path: Path) -> None:
    source = tmp_path / "outputs" / "a.png"
    source.parent.mkdir()
    Image.fromarray(RNG.integers(0, 255, (8, 8, 3), dtype=np.uint8)).save(source)
    writer = MediaSetWriter(tmp_path / "set", name="s", origin="x@1", roots={"outputs": source.parent})
    writer.refer(
        Item(id="a", modality=Modality.IMAGE, kind=Kind.FULLY_SYNTHETIC, group="x@1"), root="outputs", path="a.png"
    )
    media = writer.seal()
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(source)
    with pytest.raises(IntegrityError, match=r"a\.png: changed since it was read into 'x@1'"):
        release(media.items, tmp_path / "out", ["a.png"], origin="fp")
    source.unlink()
    with pytest.raises(IntegrityError, match="no such file"):
        release(media.items, tmp_path / "out", ["a.png"], origin="fp")
    assert not (tmp_path / "out" / "a.png").exists()


def test_items_of_a_set_that_is_not_open_cannot_leave(tmp_path: Path) -> None:
    media = made(tmp_path / "set", one=Kind.FULLY_SYNTHETIC)
    with pytest.raises(ValueError, match="its set is not open"):
        release([replace(media.items[0], location=None)], tmp_path / "out", ["a.png"], origin="fp")


def test_a_picture_of_several_items_has_a_row(tmp_path: Path) -> None:
    media = made(tmp_path / "set", one=Kind.FULLY_SYNTHETIC, two=Kind.FULLY_SYNTHETIC)
    pixels = np.zeros((8, 8, 3), np.uint8)
    for _ in range(2):
        release_picture(pixels, tmp_path / "out" / "x@1.png", media.items, "fp")
    row = rows(tmp_path / "out")["x@1.png"]
    assert row["sha256"] == hashlib.sha256((tmp_path / "out" / "x@1.png").read_bytes()).hexdigest()
    assert row["items"] == ["one", "two"]
    assert row["digital_source_type"] == IPTC + "trainedAlgorithmicMedia"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [PROVENANCE, "x@1.png"]


def test_one_synthetic_item_among_real_ones_makes_the_picture_synthetic(tmp_path: Path) -> None:
    media = made(tmp_path / "set", real=Kind.REAL, fake=Kind.PARTIALLY_SYNTHETIC)
    release_picture(np.full((64, 64, 3), 90, np.uint8), tmp_path / "out" / "grid.png", list(media), "fp")
    row = rows(tmp_path / "out")["grid.png"]
    assert (row["synthetic"], row["kind"]) == (True, "partially_synthetic")
    assert row["marks"] is not None


def test_parents_are_told_with_their_digests(tmp_path: Path) -> None:
    media = made(tmp_path / "set", fake=Kind.PARTIALLY_SYNTHETIC)
    parent = Item(id="r", modality=Modality.IMAGE, kind=Kind.REAL, group="x", path="r.jpg", content="c" * 64)
    release(media.items, tmp_path / "out", ["fake.png"], "fp", {"r": parent})
    assert rows(tmp_path / "out")["fake.png"]["parents"] == {"r": "c" * 64}
    assert parents_told(tmp_path / "out") == {"r": "c" * 64}
    assert parents_told(tmp_path / "set") == {}


def test_a_picture_is_not_there_before_its_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    media = made(tmp_path / "set", one=Kind.FULLY_SYNTHETIC)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(border, "append_rows", killed)
    with pytest.raises(KeyboardInterrupt):
        release_picture(np.zeros((8, 8, 3), np.uint8), tmp_path / "a.png", media.items, "fp")
    assert not (tmp_path / "a.png").exists()


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    media = made(tmp_path / "set", one=Kind.FULLY_SYNTHETIC, two=Kind.REAL)

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(border, "mark_file", full)
    with pytest.raises(StorageError, match="free space"):
        release(media.items[:1], tmp_path / "out", ["a.png"], origin="fp")
    monkeypatch.setattr(border.shutil, "copyfile", full)
    with pytest.raises(StorageError, match="free space"):
        release(media.items[1:], tmp_path / "out", ["a.png"], origin="fp")


def test_without_keys_nothing_synthetic_leaves(tmp_path: Path) -> None:
    media = made(tmp_path / "set", one=Kind.FULLY_SYNTHETIC, two=Kind.REAL)
    own_keys().folder.chmod(0o755)
    with pytest.raises(InputError, match="others can get at the keys"):
        release(media.items[:1], tmp_path / "out", ["a.png"], origin="fp")
    assert not (tmp_path / "out" / "a.png").exists()
    release(media.items[1:], tmp_path / "out", ["b.png"], origin="fp")  # what is real needs none


def test_without_the_library_nothing_synthetic_leaves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    media = made(tmp_path / "set", one=Kind.FULLY_SYNTHETIC, two=Kind.REAL)
    monkeypatch.setitem(sys.modules, "c2pa", None)
    with pytest.raises(InputError, match=r"need c2pa-python .*: reinstall fauxbench"):
        release(media.items[:1], tmp_path / "out", ["a.png"], origin="fp")
    assert not list((tmp_path / "out").iterdir())
    release(media.items[1:], tmp_path / "out", ["b.png"], origin="fp")
