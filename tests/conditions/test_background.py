import cv2
import numpy as np
import pytest

from fauxbench.harness.conditions import background
from fauxbench.harness.conditions.background import BACKDROPS, FOREGROUNDS, estimate_foreground, replace_background


def portrait(height=64, width=56):
    """A warm disc, lightly textured, before a cool ground."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:height, 0:width]
    inside = ((y - 0.53 * height) / (0.38 * height)) ** 2 + ((x - 0.5 * width) / (0.3 * width)) ** 2 <= 1
    pixels = np.where(inside[:, :, None], (200, 150, 120), (40, 70, 110)) + rng.normal(0, 3, (height, width, 3))
    return np.clip(pixels, 0, 255).astype(np.uint8), inside


def test_grabcut_finds_what_differs_in_colour():
    pixels, inside = portrait()
    found = estimate_foreground(pixels, feather=0.0) > 0.5
    assert (found & inside).sum() / (found | inside).sum() > 0.95


def test_a_large_picture_is_cut_at_a_smaller_size():
    pixels, inside = portrait(400, 300)
    found = estimate_foreground(pixels) > 0.5
    assert (found & inside).sum() / (found | inside).sum() > 0.93


@pytest.mark.parametrize("share", [0.0, 0.2, 1.0])
def test_where_grabcut_finds_next_to_nothing_or_everything_the_ellipse_stands(share, monkeypatch):
    pixels, _ = portrait()
    found = np.arange(pixels[:, :, 0].size).reshape(pixels.shape[:2]) < share * pixels[:, :, 0].size
    monkeypatch.setattr(background, "_grabcut", lambda _: found)
    assert np.array_equal(estimate_foreground(pixels), estimate_foreground(pixels, method="ellipse"))


@pytest.mark.parametrize("backdrop", BACKDROPS)
@pytest.mark.parametrize("foreground", FOREGROUNDS)
def test_the_middle_stays_and_the_rim_changes(backdrop, foreground):
    pixels, _ = portrait()
    pixels[::2, ::2] //= 2  # so that blurring shows
    changed = replace_background(pixels, backdrop=backdrop, seed=4, foreground=foreground)
    assert changed.shape == pixels.shape
    assert np.array_equal(changed[28:38, 22:32], pixels[28:38, 22:32])
    assert np.abs(changed[:3].astype(int) - pixels[:3]).mean() > 5


def test_amount_zero_changes_nothing():
    pixels, _ = portrait()
    assert np.array_equal(replace_background(pixels, amount=0.0), pixels)


def test_it_repeats_whatever_opencv_drew_before():
    pixels, _ = portrait()
    first = replace_background(pixels, backdrop="texture", seed=1)
    cv2.setRNGSeed(12345)
    cv2.randu(np.zeros((5, 5), np.uint8), 0, 255)
    assert np.array_equal(replace_background(pixels, backdrop="texture", seed=1), first)
    assert not np.array_equal(replace_background(pixels, backdrop="texture", seed=2), first)


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (8, 8), (4, 100)])
def test_tiny_and_long_pictures(shape):
    pixels = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    for backdrop in BACKDROPS:
        assert replace_background(pixels, backdrop=backdrop).shape == pixels.shape


@pytest.mark.parametrize("wrong", [{"backdrop": "sea"}, {"foreground": "net"}, {"amount": 2.0}, {"feather": -0.1}])
def test_values_out_of_range(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        replace_background(portrait()[0], **wrong)
