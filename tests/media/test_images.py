import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from fauxbench.harness.errors import MediaError
from fauxbench.harness.media.images import (
    MAX_PIXELS,
    check_picture,
    crop_square,
    read_image,
    resize,
    write_png,
)

RNG = np.random.default_rng(5)
COLOUR = RNG.integers(0, 256, (6, 8, 3), dtype=np.uint8)
GREY = COLOUR[:, :, 0]


def three(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.repeat(grey[:, :, None], 3, axis=2)


@pytest.mark.parametrize("suffix", ["png", "bmp", "ppm", "tif", "webp"])
def test_lossless_files_give_their_pixels(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(COLOUR).save(path, **({"lossless": True} if suffix == "webp" else {}))
    pixels = read_image(path)
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels, COLOUR)


def test_jpeg_is_near_what_was_written(tmp_path: Path) -> None:
    y, x = np.mgrid[0:32, 0:32]
    smooth = np.stack([x * 4, y * 4, (x + y) * 2], axis=2).astype(np.uint8)
    Image.fromarray(smooth).save(tmp_path / "a.jpg", quality=95)
    assert np.abs(read_image(tmp_path / "a.jpg").astype(int) - smooth).mean() < 3


def test_grey_becomes_three_equal_channels(tmp_path: Path) -> None:
    Image.fromarray(GREY).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), three(GREY))


def test_sixteen_bit_grey_is_rounded(tmp_path: Path) -> None:
    deep = np.array([[0, 128, 129, 257, 32767, 32896, 65406, 65535]], dtype=np.uint16)
    cv2.imwrite(str(tmp_path / "a.png"), deep)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png")[0, :, 0], np.rint(deep[0] / 257))
    assert read_image(tmp_path / "a.png").shape == (1, 8, 3)


def test_sixteen_bit_grey_tiff_is_rounded(tmp_path: Path) -> None:
    deep = np.array([[0, 129, 65535]], dtype=np.uint16)
    Image.fromarray(deep).save(tmp_path / "a.tif")
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif")[0, :, 1], [0, 1, 255])


def test_sixteen_bit_colour_keeps_the_upper_eight_bits(tmp_path: Path) -> None:
    deep = RNG.integers(0, 65536, (5, 4, 3), dtype=np.uint16)
    cv2.imwrite(str(tmp_path / "a.png"), deep[:, :, ::-1])
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), deep >> 8)


def test_float_tiff_is_scaled_from_one_and_nan_is_an_error(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0.0, 0.5, 1.0, 2.0]], dtype=np.float32)).save(tmp_path / "a.tif")
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif")[0, :, 0], [0, 128, 255, 255])
    Image.fromarray(np.array([[0.0, np.nan]], dtype=np.float32)).save(tmp_path / "b.tif")
    with pytest.raises(MediaError, match=r"b\.tif.*NaN"):
        read_image(tmp_path / "b.tif")


def test_cmyk_is_converted(tmp_path: Path) -> None:
    inks = np.zeros((16, 16, 4), dtype=np.uint8)
    inks[:8, :, 0] = 255  # cyan above, white below
    Image.fromarray(inks, mode="CMYK").save(tmp_path / "a.jpg", quality=100, subsampling=0)
    pixels = read_image(tmp_path / "a.jpg").astype(int)
    assert np.abs(pixels[:6] - [0, 255, 255]).max() <= 4
    assert np.abs(pixels[10:] - 255).max() <= 4


def test_transparency_is_laid_over_white(tmp_path: Path) -> None:
    alpha = np.array([[0, 128, 255]], dtype=np.uint8)
    black = np.zeros((1, 3, 4), dtype=np.uint8)
    black[:, :, 3] = alpha
    Image.fromarray(black).save(tmp_path / "rgba.png")
    Image.fromarray(black[:, :, 2:], mode="LA").save(tmp_path / "la.png")
    for name in ("rgba.png", "la.png"):
        found = read_image(tmp_path / name)
        assert found.shape == (1, 3, 3)
        assert np.abs(found[0, :, 0].astype(int) - [255, 127, 0]).max() <= 1, name


def test_a_palette_with_alpha_is_laid_over_white(tmp_path: Path) -> None:
    picture = Image.new("P", (3, 1))
    picture.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    picture.putdata([0, 1, 2])
    picture.save(tmp_path / "a.png", transparency=bytes([0, 255, 255]))
    np.testing.assert_array_equal(read_image(tmp_path / "a.png")[0], [[255, 255, 255], [40, 50, 60], [70, 80, 90]])
    picture.save(tmp_path / "plain.png")
    np.testing.assert_array_equal(read_image(tmp_path / "plain.png")[0], [[10, 20, 30], [40, 50, 60], [70, 80, 90]])


def test_grey_with_one_transparent_level(tmp_path: Path) -> None:
    Image.fromarray(np.array([[7, 9]], dtype=np.uint8)).save(tmp_path / "a.png", transparency=7)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png")[0, :, 0], [255, 9])


def test_one_bit_is_black_and_white(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 255], [255, 0]], dtype=np.uint8)).convert("1").save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_image(tmp_path / "a.png")[:, :, 2], [[0, 255], [255, 0]])


@pytest.mark.parametrize(
    ("orientation", "turned"),
    [
        (1, COLOUR),
        (2, COLOUR[:, ::-1]),
        (3, COLOUR[::-1, ::-1]),
        (4, COLOUR[::-1]),
        (5, COLOUR.transpose(1, 0, 2)),
        (6, np.rot90(COLOUR, -1)),
        (7, COLOUR.transpose(1, 0, 2)[::-1, ::-1]),
        (8, np.rot90(COLOUR)),
    ],
)
def test_exif_rotation_is_applied(orientation: int, turned: NDArray[np.uint8], tmp_path: Path) -> None:
    picture = Image.fromarray(COLOUR)
    exif = picture.getexif()
    exif[0x0112] = orientation
    picture.save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), turned)


def test_of_an_animation_the_first_frame_is_read(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(read_image(tmp_path / "a.gif"), np.full((4, 4, 3), [255, 0, 0]))


def png_of_size(width: int, height: int) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")


def _jpeg(path: Path) -> bytes:
    Image.fromarray(RNG.integers(0, 255, (64, 64, 3), dtype=np.uint8)).save(path)
    return path.read_bytes()


BROKEN: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "empty": ("a.png", lambda p: p.write_bytes(b""), "empty file, 0 bytes"),
    "text": ("a.png", lambda p: p.write_text("hello"), "not a picture, 5 bytes"),
    "truncated jpeg": ("a.jpg", lambda p: p.write_bytes(_jpeg(p)[:1500]), "truncated"),
    "half a header": ("a.png", lambda p: p.write_bytes(png_of_size(4, 4)[:20]), "a.png"),
    "a bomb": ("a.png", lambda p: p.write_bytes(png_of_size(100_000, 100_000)), "a.png"),
    "a little too large": ("a.png", lambda p: p.write_bytes(png_of_size(1 << 14, (1 << 13) + 1)), str(MAX_PIXELS)),
    "pixels that are not there": ("a.png", lambda p: p.write_bytes(png_of_size(500, 500)), "a.png"),
    "a folder": ("a.png", lambda p: p.mkdir(), "a.png"),
    "a link to nothing": ("a.png", lambda p: p.symlink_to("gone"), "no such file"),
    "missing": ("a.png", lambda p: None, "no such file"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_cannot_be_read_is_one_error_with_the_path(case: str, tmp_path: Path) -> None:
    name, make, words = BROKEN[case]
    make(tmp_path / name)
    with pytest.raises(MediaError) as caught:
        read_image(tmp_path / name)
    assert words in str(caught.value)
    assert str(tmp_path / name) in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission(tmp_path: Path) -> None:
    Image.fromarray(COLOUR).save(tmp_path / "a.png")
    (tmp_path / "a.png").chmod(0)
    with pytest.raises(MediaError, match="Permission denied"):
        read_image(tmp_path / "a.png")


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "gif", "webp", "tif", "ppm"])
def test_damaged_files_raise_nothing_but_media_errors(suffix: str, tmp_path: Path) -> None:
    whole = tmp_path / f"whole.{suffix}"
    Image.fromarray(RNG.integers(0, 255, (20, 24, 3), dtype=np.uint8)).save(whole)
    data = whole.read_bytes()
    rng = np.random.default_rng(0)
    for turn in range(60):
        hurt = bytearray(data[: rng.integers(1, len(data))] if turn % 3 == 0 else data)
        for place in rng.integers(0, min(len(hurt), 100), 4):
            hurt[place] = rng.integers(0, 256)
        path = tmp_path / f"hurt.{suffix}"
        path.write_bytes(hurt)
        try:
            pixels = read_image(path)
        except MediaError:
            continue
        assert pixels.ndim == 3
        assert pixels.dtype == np.uint8


def test_png_loses_nothing(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", COLOUR)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), COLOUR)


@given(st.integers(1, 40), st.integers(1, 40))
def test_the_largest_centred_square(height: int, width: int) -> None:
    y, x = np.mgrid[0:height, 0:width]
    pixels = np.stack([y, x, y], axis=2).astype(np.uint8)
    square = crop_square(pixels)
    side = min(height, width)
    assert square.shape == (side, side, 3)
    before, after = square[0, 0, 1], width - 1 - square[0, -1, 1]
    assert abs(int(before) - int(after)) <= 1


def test_resizing_keeps_flat_pictures_flat_and_same_sizes_untouched() -> None:
    assert resize(COLOUR, 8, 6) is COLOUR
    flat = np.full((30, 20, 3), 77, dtype=np.uint8)
    assert resize(flat, 7, 11).shape == (11, 7, 3)
    assert (resize(flat, 7, 11) == 77).all()


@pytest.mark.parametrize(
    ("pixels", "words"),
    [
        (None, "NoneType"),
        ([[1]], "list"),
        (np.full((4, 4, 3), np.nan), "NaN"),
        (np.full((4, 4, 3), 0.5), "uint8"),
        (np.zeros((4, 4), np.uint8), "(4, 4)"),
        (np.zeros((3, 4, 4), np.uint8), "(3, 4, 4)"),
        (np.zeros((4, 4, 4), np.uint8), "(4, 4, 4)"),
        (np.zeros((0, 4, 3), np.uint8), "(0, 4, 3)"),
        (np.zeros((4, 4, 3), np.int64), "int64"),
    ],
)
def test_what_is_wrong_with_a_picture_is_said(pixels: object, words: str) -> None:
    assert words in str(check_picture(pixels))


def test_a_good_picture_has_nothing_wrong() -> None:
    assert check_picture(COLOUR) is None
