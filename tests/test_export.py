import csv
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from fauxbench.harness import export as export_module
from fauxbench.harness.errors import InputError, IntegrityError
from fauxbench.harness.export import CSV_COLUMNS, FORMS, export_set, find_set
from fauxbench.harness.generate import publish_set
from fauxbench.harness.media.content import ImageMedia, SoundMedia
from fauxbench.harness.media.images import read_image, write_png
from fauxbench.harness.media.item import Item, Kind, Modality, Split
from fauxbench.harness.media.mediaset import MediaSet, MediaSetWriter, Terms
from fauxbench.harness.safeguards.publishing import why_not_hand_on
from fauxbench.harness.store.store import Store

RNG = np.random.default_rng(6)
KINDS = {
    "real/1.png": (Kind.REAL, Split.TRAIN),
    "real/2.png": (Kind.REAL, Split.VALIDATION),
    "fake 1": (Kind.FULLY_SYNTHETIC, Split.TEST),
    "swap": (Kind.PARTIALLY_SYNTHETIC, Split.TRAIN),
    "light": (Kind.AUGMENTED_REAL, None),
}


def made(folder: Path, *ids: str, terms: Terms | None = None) -> MediaSet:
    writer = MediaSetWriter(folder, name="mixed@1", origin="mixed@1", terms=terms)
    for item_id in ids or KINDS:
        kind, split = KINDS[item_id]
        fake = kind in {Kind.FULLY_SYNTHETIC, Kind.PARTIALLY_SYNTHETIC}
        item = Item(
            id=item_id,
            modality=Modality.IMAGE,
            kind=kind,
            visual_fake=fake,
            group="mixed@1",
            split=split,
            sources=("a", "b") if kind is not Kind.REAL else (),
            seed=9 if fake else None,
        )
        writer.add(item, ImageMedia(pixels=RNG.integers(0, 255, (8, 8, 3), dtype=np.uint8)))
    writer.facts["made_by"] = "f" * 64
    return writer.seal()


@pytest.fixture
def media(tmp_path: Path) -> MediaSet:
    return made(tmp_path / "set")


def pixels(media: MediaSet) -> dict[str, bytes]:
    return {item.id: read_image(item.location).tobytes() for item in media if item.location}


def check_provenance(folder: Path, media: MediaSet) -> dict[str, str]:
    """Check that every picture has its row, and return the item of each file."""
    rows = [json.loads(line) for line in (folder / "provenance.jsonl").read_text(encoding="utf-8").splitlines()]
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*.png")}
    assert {row["file"] for row in rows} == files
    assert len(rows) == len(media)
    for row in rows:
        assert row["sha256"] == hashlib.sha256((folder / row["file"]).read_bytes()).hexdigest()
        assert (row["digital_source_type"] is None) == (row["kind"] == "real")
        assert row["made_by"] == "fp"
    return {row["file"]: row["item"] for row in rows}


def test_a_folder_of_classes(media: MediaSet, tmp_path: Path) -> None:
    out = export_set(media, "folder", tmp_path / "out", "fp")
    assert out == tmp_path / "out"
    items = check_provenance(out, media)
    places = {items[name]: name.rsplit("/", 1)[0] for name in items}
    assert places == {
        "real/1.png": "train/real",
        "real/2.png": "validation/real",
        "fake 1": "test/fully_synthetic",
        "swap": "train/partially_synthetic",
        "light": "all/augmented_real",
    }
    left = {items[name]: read_image(out / name).tobytes() for name in items}
    assert left == pixels(media)  # so small that no watermark fits: nothing but the file around them is new


def test_a_table(media: MediaSet, tmp_path: Path) -> None:
    file = export_set(media, "csv", tmp_path / "out", "fp")
    assert file == tmp_path / "out" / "items.csv"
    items = check_provenance(tmp_path / "out", media)
    with file.open(newline="", encoding="utf-8") as text:
        rows = list(csv.DictReader(text))
    assert list(rows[0]) == list(CSV_COLUMNS)
    assert [row["id"] for row in rows] == list(KINDS)
    for row in rows:
        kind, split = KINDS[row["id"]]
        assert (row["kind"], row["split"]) == (kind, split or "")
        assert items[row["file"]] == row["id"]
        assert row["visual_fake"] == str(kind in {Kind.FULLY_SYNTHETIC, Kind.PARTIALLY_SYNTHETIC})
        assert row["sources"] == ("" if kind is Kind.REAL else "a b")
    assert [row["seed"] for row in rows] == ["", "", "9", "9", ""]


def test_the_form_of_deepfakebench(media: MediaSet, tmp_path: Path) -> None:
    file = export_set(media, "deepfakebench", tmp_path / "out", "fp")
    assert file == tmp_path / "out" / "mixed-1.json"
    check_provenance(tmp_path / "out", media)
    document = json.loads(file.read_text())
    assert list(document) == ["mixed-1"]
    tree = document["mixed-1"]
    assert list(tree) == ["mixed-1_real", "mixed-1_fake"]
    found = {}
    for label, splits in tree.items():
        assert list(splits) == ["train", "val", "test"]
        for split, videos in splits.items():
            for name, video in videos.items():
                assert video["label"] == label
                (frame,) = video["frames"]
                assert frame == f"mixed-1/frames/{name}/000.png"
                found[read_image(tmp_path / "out" / frame).tobytes()] = (label.rpartition("_")[2], split)
    known = pixels(media)
    assert {item: found[known[item]] for item in KINDS} == {
        "real/1.png": ("real", "train"),
        "real/2.png": ("real", "val"),
        "fake 1": ("fake", "test"),
        "swap": ("fake", "train"),
        "light": ("real", "test"),  # augmented real is not fake; without a split it is for testing
    }


def test_only_pictures_have_a_form_of_deepfakebench(tmp_path: Path) -> None:
    writer = MediaSetWriter(tmp_path / "set", name="s", origin="x@1")
    item = Item(id="a", modality=Modality.AUDIO, kind=Kind.FULLY_SYNTHETIC, audio_fake=True, group="x@1")
    writer.add(item, SoundMedia(sound=np.zeros(100, np.float32)))
    media = writer.seal()
    with pytest.raises(InputError, match="only sets of pictures"):
        export_set(media, "deepfakebench", tmp_path / "out", "fp")
    assert not (tmp_path / "out").exists()
    assert (export_set(media, "folder", tmp_path / "out", "fp") / "all" / "fully_synthetic" / "a.wav").is_file()


@pytest.mark.parametrize("form", FORMS)
def test_a_folder_that_is_not_empty_is_left_alone(form: str, media: MediaSet, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    assert export_set(media, form, tmp_path / "out", "fp").exists()  # empty is new
    before = sorted((tmp_path / "out").rglob("*"))
    with pytest.raises(InputError, match="not empty; choose a new folder"):
        export_set(media, form, tmp_path / "out", "fp")
    assert sorted((tmp_path / "out").rglob("*")) == before


def test_an_export_that_fails_can_be_done_again(
    media: MediaSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert media.items[2].location is not None
    kept = media.items[2].location.read_bytes()
    media.items[2].location.write_bytes(b"")
    with pytest.raises(IntegrityError, match=r"fake 1: .*empty file"):
        export_set(media, "csv", tmp_path / "out", "fp")
    media.items[2].location.write_bytes(kept)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(export_module, "write_atomically", killed)
    with pytest.raises(KeyboardInterrupt):
        export_set(media, "csv", tmp_path / "out", "fp")
    monkeypatch.undo()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["keys", "set"]
    assert export_set(media, "csv", tmp_path / "out", "fp").is_file()


def test_the_store_holds_what_was_made(media: MediaSet, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    with store.lock("ab"), store.partial("ab") as folder:
        media.folder.rename(folder / "set")
        store.commit("generate", "ab", folder, {"output": "o", "seconds": 0, "facts": {}})
    run = tmp_path / "run:1"
    run.mkdir()
    good = {"unit": "generate mixed@1 seed 0", "kind": "generate", "status": "ok", "fingerprint": "ab"}
    bad = {"unit": "collect other@2", "kind": "collect", "status": "failed", "failure": {"message": "it hung"}}
    gone = {"unit": "generate gone@1 seed 0", "kind": "generate", "status": "ok", "fingerprint": "cd"}
    rest = {"unit": "real", "kind": "index", "status": "ok", "fingerprint": "ef"}
    (run / "records.jsonl").write_text("".join(json.dumps(r) + "\n" for r in (rest, good, bad, gone)))

    found, origin = find_set(f"{run}:mixed@1", store.root)
    assert (found.digest, origin) == (media.digest, "ab")
    for spec, words in (
        (f"{run}:mixed@2", "no system 'mixed@2' in that run; there are: gone@1, mixed@1, other@2"),
        (f"{run}:other@2", "that system made nothing: it hung"),
        (f"{run}:gone@1", "the store does not hold it any more"),
        (str(run), "neither a MediaSet folder"),
        ("nowhere", "neither a MediaSet folder"),
    ):
        with pytest.raises(InputError, match=words):
            find_set(spec, store.root)
    (run / "records.jsonl").write_text("hello\n")
    with pytest.raises(InputError, match="not a record of a run"):
        find_set(f"{run}:mixed@1", store.root)


def test_a_set_folder_is_a_set(media: MediaSet) -> None:
    found, origin = find_set(str(media.folder))
    assert (found.digest, origin) == (media.digest, "f" * 64)


def test_pictures_of_real_people_leave_only_if_the_terms_say_so(tmp_path: Path) -> None:
    assert why_not_hand_on(made(tmp_path / "a"))
    assert not why_not_hand_on(made(tmp_path / "b", terms=Terms(permits=("evaluate", "publish"), grant="me")))
    assert not why_not_hand_on(made(tmp_path / "c", terms=Terms(people="none")))
    assert not why_not_hand_on(made(tmp_path / "d", "fake 1"))


def test_masks_go_along_only_if_asked(tmp_path: Path) -> None:
    writer = MediaSetWriter(tmp_path / "swaps", name="swap@1", origin="swap@1")
    mask = np.eye(8, dtype=np.uint8) * 255
    item = Item(id="a b", modality=Modality.IMAGE, kind=Kind.PARTIALLY_SYNTHETIC, visual_fake=True, group="swap@1")
    writer.add(item, ImageMedia(pixels=np.zeros((8, 8, 3), np.uint8)), lambda: iter([mask]))
    media = writer.seal()
    export_set(media, "csv", tmp_path / "plain", "fp")
    assert not (tmp_path / "plain" / "masks").exists()
    export_set(media, "csv", tmp_path / "masked", "fp", masks=True)
    (written,) = (tmp_path / "masked" / "masks").iterdir()
    assert np.array_equal(read_image(written)[..., 0], mask)
    assert written.stem == next((tmp_path / "masked" / "media").iterdir()).stem


def test_masks_that_are_not_there_or_were_changed(media: MediaSet, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--masks: mixed@1 has none"):
        export_set(media, "csv", tmp_path / "none", "fp", masks=True)
    writer = MediaSetWriter(tmp_path / "swaps", name="swap@1", origin="swap@1")
    item = Item(id="a", modality=Modality.IMAGE, kind=Kind.PARTIALLY_SYNTHETIC, visual_fake=True, group="swap@1")
    pixels = np.zeros((8, 8, 3), np.uint8)
    writer.add(item, ImageMedia(pixels=pixels), lambda: iter([pixels[..., 0]]))
    changed = writer.seal()
    (tmp_path / "swaps/masks/a.png").write_bytes((tmp_path / "swaps/media/a.png").read_bytes())
    export_set(changed, "csv", tmp_path / "same", "fp", masks=True)  # black either way: the content counts
    write_png(tmp_path / "swaps/masks/a.png", pixels + 9)
    with pytest.raises(IntegrityError, match="not the masks that were made with a"):
        export_set(changed, "csv", tmp_path / "wrong", "fp", masks=True)
    assert not (tmp_path / "wrong").exists()


def test_the_items_that_files_were_made_from_are_told_again_and_again(tmp_path: Path) -> None:
    writer = MediaSetWriter(tmp_path / "swaps", name="swap@1", origin="swap@1")
    item = Item(
        id="a", modality=Modality.IMAGE, kind=Kind.PARTIALLY_SYNTHETIC, visual_fake=True, group="swap@1", sources=("r",)
    )
    writer.add(item, ImageMedia(pixels=np.zeros((8, 8, 3), np.uint8)))
    real = Item(id="r", modality=Modality.IMAGE, kind=Kind.REAL, group="people", path="r.png", content="c" * 64)
    left = publish_set(writer.seal(), tmp_path / "left", "fp", {"r": real})
    export_set(MediaSet.open(left.folder), "folder", tmp_path / "again", "fp")
    export_set(MediaSet.open(tmp_path / "swaps"), "csv", tmp_path / "other", "fp", real=[real])
    for folder in ("left", "again", "other"):
        (row,) = map(json.loads, (tmp_path / folder / "provenance.jsonl").read_text().splitlines())
        assert row["parents"] == {"r": "c" * 64}
