import itertools

import numpy as np
import pytest
from tests.safeguards.watermark.examples import KEY, mark_of, psnr, smooth

from fauxbench.harness.conditions.encoding import compress
from fauxbench.harness.conditions.resolution import change_resolution
from fauxbench.harness.media.images import resize
from fauxbench.harness.safeguards.watermark import find_in_frames, find_in_picture, mark_frames, mark_picture
from fauxbench.harness.safeguards.watermark.picture import canonical, cosines

MARK = mark_of(1)


@pytest.mark.parametrize("size", [32, 33, 48, 64, 191, 192, 256])
def test_a_mark_is_invisible_and_read_at_any_size(size):
    picture = smooth(size, size)
    marked = mark_picture(picture, MARK, KEY)
    assert marked.shape == picture.shape
    assert marked.dtype == np.uint8
    assert psnr(picture, marked) > (42.0 if size >= 192 else 38.0 if size >= 64 else 35.0)
    found = find_in_picture(marked, KEY)
    assert found is not None
    assert found.mark == MARK
    assert found.false_positive_rate < 1e-6


@pytest.mark.parametrize(("height", "width"), [(64, 111), (200, 33), (256, 144)])
def test_pictures_that_are_not_square(height, width):
    marked = mark_picture(smooth(height, 3, width), MARK, KEY)
    found = find_in_picture(marked, KEY)
    assert found is not None
    assert found.mark == MARK


def test_marking_repeats_and_leaves_its_argument():
    picture = smooth(64, 4)
    before = picture.copy()
    np.testing.assert_array_equal(mark_picture(picture, MARK, KEY), mark_picture(picture, MARK, KEY))
    np.testing.assert_array_equal(picture, before)


def test_each_mark_is_read_as_itself_and_with_its_key_alone():
    picture = smooth(64, 5)
    for item in range(20):
        marked = mark_picture(picture, mark_of(item), KEY)
        found = find_in_picture(marked, KEY)
        assert found is not None
        assert found.mark == mark_of(item)
    assert find_in_picture(marked, bytes(32)) is None
    assert find_in_picture(picture, KEY) is None


def test_grey_stays_grey():
    picture = np.repeat(smooth(64, 6)[..., :1], 3, axis=-1)
    marked = mark_picture(picture, MARK, KEY)
    assert (marked == marked[..., :1]).all()


@pytest.mark.parametrize("level", [0, 1, 128, 254, 255])
def test_flat_pictures_are_marked_within_their_range(level):
    flat = np.full((128, 128, 3), level, np.uint8)
    assert find_in_picture(flat, KEY) is None
    marked = mark_picture(flat, MARK, KEY)
    assert psnr(flat, marked) > 38.0
    found = find_in_picture(marked, KEY)
    assert found is not None
    assert found.mark == MARK


@pytest.mark.parametrize(
    "change",
    [
        lambda p: compress(p, quality=50),
        lambda p: change_resolution(p, factor=2.0),
        lambda p: resize(p, 100, 140),
        lambda p: resize(p, 300, 300),
        lambda p: p[:, ::-1],
        lambda p: np.clip(np.rint(0.7 * p + 30.0), 0, 255).astype(np.uint8),
        lambda p: np.clip(p + 4.0 * np.random.default_rng(0).standard_normal(p.shape), 0, 255).astype(np.uint8),
    ],
    ids=["jpeg50", "half", "smaller", "larger", "mirrored", "contrast", "noise"],
)
def test_what_a_picture_of_256_survives(change):
    found = find_in_picture(np.ascontiguousarray(change(mark_picture(smooth(256, 7), MARK, KEY))), KEY)
    assert found is not None
    assert found.mark == MARK


@pytest.mark.parametrize("back", [False, True])
def test_a_cropped_picture_is_found(back):
    cropped = mark_picture(smooth(128, 8), MARK, KEY)[7:122, 3:118]
    found = find_in_picture(resize(cropped, 128, 128) if back else cropped, KEY)
    assert found is not None
    assert found.mark in (MARK, None)
    assert found.false_positive_rate < 1e-6


def test_frames_are_streamed_and_read_together():
    frames = [smooth(64, 9)] * 6
    pulled = []

    def source():
        for number, frame in enumerate(frames):
            pulled.append(number)
            yield frame

    marked = mark_frames(source(), MARK, KEY)
    first = next(marked)
    assert pulled == [0]
    np.testing.assert_array_equal(first, mark_picture(frames[0], MARK, KEY))
    rng = np.random.default_rng(10)
    noisy = [
        np.clip(frame + 14.0 * rng.standard_normal(frame.shape), 0, 255).astype(np.uint8)
        for frame in itertools.chain([first], marked)
    ]
    assert find_in_picture(noisy[0], KEY) is None
    found = find_in_frames(iter(noisy), KEY)
    assert found is not None
    assert found.mark == MARK


def test_an_unmarked_still_clip_is_no_surer_than_its_frame():
    assert find_in_frames([smooth(64, 11)] * 40, KEY) is None


def test_empty_clips():
    assert list(mark_frames([], MARK, KEY)) == []
    assert find_in_frames([], KEY) is None


def test_too_small_to_mark():
    with pytest.raises(ValueError, match="40x31"):
        mark_picture(smooth(31, 0, 40), MARK, KEY)
    assert find_in_picture(smooth(31, 0, 40), KEY) is None
    with pytest.raises(ValueError, match="32 secret bytes"):
        find_in_picture(smooth(64, 0), b"short")


def test_the_canonical_picture_is_the_same_at_every_size():
    basis = cosines(64, 64)
    np.testing.assert_allclose(basis @ basis.T, np.eye(64), atol=1e-12)
    small, large = smooth(80, 12), smooth(200, 12, 160)
    np.testing.assert_allclose(canonical(small), canonical(large), atol=0.02)


def test_the_added_pattern_does_not_repeat_over_the_items_of_a_class():
    pictures = [smooth(64, 100 + item) for item in range(60)]
    added = [mark_picture(p, mark_of(i), KEY).astype(np.float64) - p for i, p in enumerate(pictures)]
    mean = np.mean(added, axis=0)[..., 0]
    # were a pattern constant, its energy would stay; independent ones average to a sixtieth
    assert np.mean(mean**2) < 1.6 * np.mean(np.square(added)) / 60
