from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fauxbench.harness.media.content import ImageMedia
from fauxbench.harness.media.item import Item, Kind, Modality
from fauxbench.harness.media.mediaset import MediaSet, MediaSetWriter
from fauxbench.harness.samples import COLUMNS, TILE, grid


def made(folder: Path, count: int, size: tuple[int, int] = (32, 32)) -> MediaSet:
    writer = MediaSetWriter(folder, name="s", origin="x@1")
    for number in range(count):
        item = Item(id=str(number), modality=Modality.IMAGE, kind=Kind.FULLY_SYNTHETIC, group="x@1")
        writer.add(item, ImageMedia(pixels=np.full((*size, 3), 10 + number, np.uint8)))
    return writer.seal()


@pytest.mark.parametrize("size", [(32, 32), (64, 64), (20, 50), (200, 100), (1, 1)])
def test_tiles_stand_in_order_and_the_rest_is_white(size: tuple[int, int], tmp_path: Path) -> None:
    picture = grid(made(tmp_path, COLUMNS + 2, size).items)
    assert picture.shape == (2 * TILE, COLUMNS * TILE, 3)
    middles = picture[TILE // 2 :: TILE, TILE // 2 :: TILE, 0]
    assert middles.ravel().tolist() == [*range(10, 10 + COLUMNS + 2), *[255] * (COLUMNS - 2)]


def test_small_pictures_are_enlarged_pixel_by_pixel(tmp_path: Path) -> None:
    writer = MediaSetWriter(tmp_path, name="s", origin="x@1")
    pixels = np.random.default_rng(0).integers(0, 255, (32, 32, 3), dtype=np.uint8)
    item = Item(id="a", modality=Modality.IMAGE, kind=Kind.FULLY_SYNTHETIC, group="x@1")
    writer.add(item, ImageMedia(pixels=pixels))
    picture = grid(writer.seal().items)
    np.testing.assert_array_equal(picture[:TILE:2, :TILE:2], pixels)
    np.testing.assert_array_equal(picture[1:TILE:2, 1:TILE:2], pixels)


def test_what_cannot_be_read_is_grey(tmp_path: Path) -> None:
    media = made(tmp_path, 2)
    assert media.items[0].location is not None
    media.items[0].location.unlink()
    picture = grid([media.items[0], replace(media.items[1], location=None)])
    assert (picture[:TILE, : 2 * TILE] == 128).all()
