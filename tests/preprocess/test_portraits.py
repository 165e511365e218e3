"""Faces found and cut for instruments that look at one place."""

from pathlib import Path

import numpy as np
import pytest

from fauxbench.harness.datasets.studio.recipe import StudioRecipe, render_pictures
from fauxbench.harness.errors import MediaError
from fauxbench.harness.instruments import instrument_card, instrument_fingerprint, load_instrument
from fauxbench.harness.media.content import ImageMedia, VideoMedia
from fauxbench.harness.media.encode import write_media
from fauxbench.harness.media.item import Item, Kind, Modality
from fauxbench.harness.media.stream import MediaStream
from fauxbench.harness.preprocess.portraits import Portraits
from fauxbench.harness.store.store import Store

pytest.importorskip("facenet_pytorch")


@pytest.fixture(scope="module")
def people() -> list[np.ndarray]:
    return [one.pixels for one in render_pictures(StudioRecipe(people=3, per_person=1, size=160, seed=11))]


def elsewhere(portrait: np.ndarray) -> np.ndarray:
    """Put a portrait at the right of a wide grey picture, where no instrument looks."""
    picture = np.full((240, 480, 3), 127, np.uint8)
    picture[60:220, 310:470] = portrait
    return picture


def item_of(folder: Path, name: str, media: ImageMedia | VideoMedia) -> Item:
    folder.mkdir(exist_ok=True)
    path, content, _ = write_media(folder, name, media)
    modality = Modality.IMAGE if isinstance(media, ImageMedia) else Modality.VIDEO
    return Item(id=name, modality=modality, kind=Kind.REAL, group="g", split=None, location=path, content=content)


def test_a_face_that_is_not_in_the_middle_is_known_again(people: list[np.ndarray], tmp_path: Path) -> None:
    face = load_instrument("studio-face", tmp_path)
    wanted = face.extract(people)["identity"]
    items = tuple(item_of(tmp_path / "in", f"{k}", ImageMedia(pixels=elsewhere(one))) for k, one in enumerate(people))
    for cutter, least, most in ((Portraits(Store(tmp_path / "store"), None), 0.7, 1.0), (None, -1.0, 0.7)):
        stream = MediaStream(items=items, modality=Modality.IMAGE, portraits=cutter)
        found = stream.through(face)["identity"]
        alike = (found * wanted).sum(axis=1)
        assert len(stream.read) == 3
        assert ((alike >= least) & (alike <= most)).all(), alike


def test_no_face_is_a_failure_and_never_a_crop_of_the_middle(people: list[np.ndarray], tmp_path: Path) -> None:
    blank = np.full((120, 160, 3), 90, np.uint8)
    items = (
        item_of(tmp_path / "in", "blank", ImageMedia(pixels=blank)),
        item_of(tmp_path / "in", "face", ImageMedia(pixels=people[0])),
    )
    cutter = Portraits(Store(tmp_path / "store"), None)
    stream = MediaStream(items=items, modality=Modality.IMAGE, portraits=cutter)
    told = stream.through(load_instrument("studio-face", tmp_path))["identity"]
    assert (told.shape[0], [item.id for item in stream.read]) == (1, ["face"])
    assert stream.failures["blank"] == "blank: the face is missing in 1 of 1 samples, first at 0.00 s: no face"


def test_a_clip_keeps_its_sound_and_its_times(people: list[np.ndarray], tmp_path: Path) -> None:
    sound = np.sin(np.arange(8_000) / 5).astype(np.float32) / 2
    clip = VideoMedia(frames=lambda: iter([elsewhere(people[0])] * 5), fps=10, sound=sound)
    item = item_of(tmp_path / "in", "clip", clip)
    cutter = Portraits(Store(tmp_path / "store"), 10.0)
    stream = MediaStream(items=(item,), modality=Modality.VIDEO, sound=True, fps=10.0, portraits=cutter)
    made = stream._open(item)
    assert isinstance(made, VideoMedia)
    frames = list(made.frames())
    assert ([frame.shape for frame in frames], made.fps) == ([(160, 160, 3)] * 5, 10.0)
    assert made.sound is not None
    assert abs(len(made.sound) - 8_000) < 1_100
    gone = VideoMedia(
        frames=lambda: iter([elsewhere(people[0])] * 3 + [np.full((240, 480, 3), 127, np.uint8)] * 20), fps=10
    )
    with pytest.raises(MediaError, match=r"the face is missing in \d+ of 23 samples"):
        cutter.clip(item_of(tmp_path / "in", "gone", gone), gone)


def test_how_faces_are_found_is_part_of_an_instruments_identity() -> None:
    prints = {instrument_fingerprint(instrument_card(name)) for name in ("studio-face", "clip-face")}
    prints |= {instrument_fingerprint(instrument_card(name), faces="found") for name in ("studio-face", "clip-face")}
    assert len(prints) == 4
    card = instrument_card("studio-face")
    assert instrument_fingerprint(card, faces="middle") == instrument_fingerprint(card)
