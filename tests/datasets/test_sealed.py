from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.sealed import in_splits

from fauxbench.harness.canonical import JSON
from fauxbench.harness.datasets.sealed import index_sealed, items_taken, modality_taken
from fauxbench.harness.errors import InputError, IntegrityError
from fauxbench.harness.media.content import ImageMedia, SoundMedia
from fauxbench.harness.media.images import read_image, write_png
from fauxbench.harness.media.item import Item, Kind, Modality, Split
from fauxbench.harness.media.mediaset import MediaSet, MediaSetWriter
from fauxbench.harness.store.memory import Memory

SHARES = {"train": 0.5, "validation": 0.25, "test": 0.25}


def index(media: MediaSet, out: Path, **more: JSON) -> MediaSet:
    key = {"sealed": media.digest, "modality": "image", "size": None, "splits": None, "seed": None, "code": "c", **more}
    writer = MediaSetWriter(out, name=media.card.name, origin="x", terms=media.card.terms)
    return index_sealed(media.folder, writer, key, Memory(out.parent / "memory.sqlite"), lambda share, text: None)


@pytest.fixture
def media(tmp_path: Path) -> MediaSet:
    return MediaSet.open(in_splits(tmp_path / "sealed"))


def test_a_sealed_set_is_taken_over_as_it_is(media: MediaSet, tmp_path: Path) -> None:
    taken = index(media, tmp_path / "taken")
    assert taken.digest == media.digest  # content, splits, languages, clusters, facts, labels, what is missing
    assert (taken.card.origin, taken.card.modality, taken.card.facts) == ("studio", "image", {"recipe": "r"})
    assert not any((tmp_path / "taken" / "media").iterdir())  # nothing is copied
    assert [item.location for item in taken] == [item.location for item in media]
    again = index(taken, tmp_path / "again")  # a set that refers to files is one too
    assert again.digest == media.digest
    assert [item.location for item in again] == [item.location for item in media]


def test_masks_come_along(media: MediaSet, tmp_path: Path) -> None:
    writer = MediaSetWriter(tmp_path / "masked", name="m@1", origin="m@1")
    item = Item(id="a", modality=Modality.IMAGE, kind=Kind.PARTIALLY_SYNTHETIC, visual_fake=True, group="m@1")
    mask = np.zeros((16, 16), np.uint8)
    mask[:4] = 255
    writer.add(
        replace(item, split=Split.TEST), ImageMedia(pixels=np.zeros((16, 16, 3), np.uint8)), lambda: iter([mask])
    )
    (taken,) = index(writer.seal(), tmp_path / "taken")
    assert (taken.kind, taken.visual_fake) == (Kind.PARTIALLY_SYNTHETIC, True)
    assert taken.mask_location is not None
    assert taken.mask_location.is_relative_to(tmp_path / "taken")
    assert taken.mask_location.is_file()


@pytest.mark.parametrize("how", ["changed", "damaged", "gone"])
def test_a_file_that_is_not_what_was_sealed_is_an_error(how: str, media: MediaSet, tmp_path: Path) -> None:
    place = Path(str(media.items[3].location))
    place.unlink()
    if how == "changed":
        write_png(place, np.full((32, 32, 3), 77, np.uint8))
    elif how == "damaged":
        place.write_bytes(b"text")
    with pytest.raises(IntegrityError, match=rf"{place.name}: .*its set was sealed"):
        index(media, tmp_path / "taken")


def test_another_set_than_was_planned_is_an_error(media: MediaSet, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="changed since the run was planned"):
        index(media, tmp_path / "taken", sealed="0" * 64)


def test_pictures_of_another_size_keep_what_is_known_of_them(media: MediaSet, tmp_path: Path) -> None:
    same = index(media, tmp_path / "same", size=32)
    assert same.digest == media.digest
    small = index(media, tmp_path / "small", size=16)
    for item, before in zip(small, media, strict=True):
        assert read_image(Path(str(item.location))).shape == (16, 16, 3)
        assert (item.facts["width"], item.facts["resized_from"]) == (16, "32x32")
        assert (item.split, item.language, item.clusters) == (before.split, before.language, before.clusters)
        assert item.facts["transcript"] == before.facts["transcript"]
        (x, y), (was_x, was_y) = item.facts["points"]["nose"], before.facts["points"]["nose"]
        assert ((x + 0.5) / 16, (y + 0.5) / 16) == ((was_x + 0.5) / 32, (was_y + 0.5) / 32)


def test_a_set_without_splits_is_split_by_identity(tmp_path: Path) -> None:
    media = MediaSet.open(in_splits(tmp_path / "sealed", splits=False))
    assert {item.split for item in media} == {None}
    taken = index(media, tmp_path / "taken", splits=SHARES, seed=0)
    assert {item.split for item in taken} == set(Split)
    assert len({(item.cluster, item.split) for item in taken}) == len({item.cluster for item in taken}) == 6
    assert [item.split for item in taken] == [i.split for i in items_taken(media, Modality.IMAGE, SHARES, 0)]


def test_of_several_media_one_is_taken(tmp_path: Path) -> None:
    writer = MediaSetWriter(tmp_path / "both", name="s", origin="folder", modality=Modality.AUDIO)
    item = Item(id="a", modality=Modality.IMAGE, kind=Kind.REAL, group="g", split=Split.TEST)
    for number in range(3):
        writer.add(replace(item, id=f"a{number}"), ImageMedia(pixels=np.full((8, 8, 3), number, np.uint8)))
    sound = SoundMedia(sound=np.zeros(1600, np.float32))
    writer.add(replace(item, id="b", modality=Modality.AUDIO), sound)
    media = writer.seal()
    assert modality_taken(media) is modality_taken(media, Modality.VIDEO) is Modality.AUDIO  # what its card names
    assert modality_taken(media, Modality.IMAGE) is Modality.IMAGE
    assert Counter(item.modality for item in index(media, tmp_path / "taken")) == {Modality.IMAGE: 3}
    with pytest.raises(InputError, match="without items"):
        modality_taken(MediaSetWriter(tmp_path / "none", name="s", origin="folder").seal())
