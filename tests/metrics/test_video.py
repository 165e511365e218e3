import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fauxbench
from fauxbench.harness.errors import InputError
from fauxbench.harness.metrics import load_metric
from fauxbench.harness.metrics.base import Evidence, Features

LUMA = np.array([0.299, 0.587, 0.114])


def picture(rng, size=(40, 48)):
    coarse = rng.uniform(40, 200, (size[0] // 4, size[1] // 4, 3))
    return np.kron(coarse, np.ones((4, 4, 1)))


def moving_clip(rng, frames=8, step=1):
    wide = picture(rng, (40, 48 + 4 * frames * step))
    return np.uint8([wide[:, k * step : k * step + 48] for k in range(frames)])


# frame_uniformity


def test_a_frozen_clip_is_uniform_without_motion_and_marked(rng):
    found = fauxbench.frame_uniformity(np.uint8([picture(rng)] * 5))
    assert found == (pytest.approx(1, abs=1e-12), 0.0, True, 5)
    assert not fauxbench.frame_uniformity(moving_clip(rng)).frozen


def test_uniformity_is_the_mean_of_ssim_and_motion_that_of_differences(rng):
    clip = moving_clip(rng)
    luma = clip @ LUMA
    found = fauxbench.frame_uniformity(clip)
    pairs = list(itertools.pairwise(luma))
    assert found.uniformity == pytest.approx(np.mean([fauxbench.ssim(a, b) for a, b in pairs]), abs=1e-9)
    assert found.motion == pytest.approx(np.mean([np.abs(a - b).mean() for a, b in pairs]), abs=1e-9)
    assert found.frames == 8


def test_faster_motion_is_less_uniform_and_more_motion(rng):
    slow, fast = (fauxbench.frame_uniformity(moving_clip(np.random.default_rng(1), step=step)) for step in (1, 3))
    assert slow.uniformity > fast.uniformity
    assert slow.motion < fast.motion


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_a_clip_backwards_is_the_same(seed):
    clip = moving_clip(np.random.default_rng(seed), frames=4)
    there, back = fauxbench.frame_uniformity(clip), fauxbench.frame_uniformity(clip[::-1])
    assert there.uniformity == pytest.approx(back.uniformity, abs=1e-9)
    assert there.motion == pytest.approx(back.motion, abs=1e-9)
    assert fauxbench.flicker(clip) == pytest.approx(fauxbench.flicker(clip[::-1]), abs=1e-9)
    assert -1 <= there.uniformity <= 1


def test_frames_are_streamed(rng):
    clip = moving_clip(rng)
    assert fauxbench.frame_uniformity(iter(clip)) == fauxbench.frame_uniformity(clip)
    assert fauxbench.frame_uniformity(list(clip)) == fauxbench.frame_uniformity(clip)
    import torch

    assert fauxbench.flicker(torch.from_numpy(clip)) == fauxbench.flicker(clip)


# flicker


def test_flicker_is_the_amplitude_of_alternating_brightness(rng):
    still = picture(rng)
    for amplitude in (0.0, 0.5, 3.0, 20.0):
        clip = np.array([still + amplitude * (-1) ** t for t in range(9)])
        assert fauxbench.flicker(clip) == pytest.approx(amplitude, abs=1e-9)


def test_fades_and_still_pictures_do_not_flicker(rng):
    still = picture(rng)
    assert fauxbench.flicker(np.array([still + 2.0 * t for t in range(12)])) == pytest.approx(0, abs=1e-9)
    assert fauxbench.flicker(np.array([still] * 4)) == 0


def test_flicker_of_a_part_counts_as_its_share(rng):
    clip = np.array([picture(np.random.default_rng(0), (64, 64))] * 6)
    clip[::2, :16, :] += 8
    assert fauxbench.flicker(clip) == pytest.approx(4 * 16 / 64, abs=1e-9)


def test_flicker_rises_with_what_is_injected(rng):
    clip = moving_clip(rng, frames=12).astype(float)
    signs = rng.choice([-1, 1], 12)[:, None, None, None]
    found = [fauxbench.flicker(np.clip(clip + level * signs, 0, 255)) for level in (0, 2, 4, 8, 16)]
    assert all(a < b for a, b in itertools.pairwise(found))


# identity_drift


def test_drift_of_a_face_that_turns_by_one_angle_a_frame():
    angle = 0.05 * np.arange(10)
    rows = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    expected = 1 - np.mean([(np.cos(0.05) + np.cos(a)) / 2 for a in angle[1:]])
    assert fauxbench.identity_drift(rows) == pytest.approx(expected, abs=1e-12)
    assert fauxbench.identity_drift(rows * np.arange(1, 11)[:, None]) == pytest.approx(expected, abs=1e-12)


def test_drift_has_its_ends():
    assert fauxbench.identity_drift(np.ones((5, 8))) == pytest.approx(0, abs=1e-12)
    assert fauxbench.identity_drift([[1.0, 0.0], [-1.0, 0.0]]) == pytest.approx(2)
    for rows, words in ((np.ones((1, 4)), "at least 2 rows"), (np.zeros((3, 4)), "no direction"), ([1, 2], "shape")):
        with pytest.raises(InputError, match=words):
            fauxbench.identity_drift(rows)


# Wrong input


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        (np.zeros((1, 20, 20, 3)), "found 1, at least"),
        (np.zeros((4, 8, 20, 3)), "at least 11 x 11"),
        (np.full((4, 20, 20), np.nan), "scale of 0 to 255"),
        (np.full((4, 20, 20), -1.0), "scale of 0 to 255"),
        (np.random.default_rng(0).random((4, 20, 20, 3)), "multiply by 255"),
        (np.zeros((4, 3, 20, 20)), "expected"),
        (
            [np.zeros((20, 20, 3)), np.zeros((20, 24, 3)), np.zeros((20, 24, 3))],
            "frame 1 is 24 x 20, the first 20 x 20",
        ),
        ([], "found 0"),
    ],
)
def test_frames_that_cannot_be_measured(frames, words):
    for function in (fauxbench.frame_uniformity, fauxbench.flicker):
        with pytest.raises(InputError, match=words):
            function(frames)


# The metrics


def table(**columns):
    count = len(next(iter(columns.values())))
    ids = tuple(f"c{k}" for k in range(count))
    arrays = {name: np.array(values, np.float32)[:, None] for name, values in columns.items()}
    return Features(ids=ids, clusters=ids, arrays=arrays)


def test_frozen_clips_are_marked_and_never_win():
    found = table(uniformity=[0.9] * 9 + [1.0], motion=[2.0] * 9 + [0.001], flicker=[0.2] * 9 + [0.0])
    uniformity, motion, flicker = (
        load_metric(name).measure(Evidence(synthetic=found)) for name in ("frame_uniformity", "motion", "flicker")
    )
    for told in (uniformity, motion):
        assert "frozen: 1 of 10 clips" in told.flags
        assert told.n == 10
    assert flicker.value == pytest.approx(0.2)
    assert (flicker.n, dict(flicker.failures)) == (9, {"frozen": 1})
    assert "c9" not in flicker.items
    assert flicker.interval.low <= flicker.value <= flicker.interval.high
    still = table(uniformity=[1.0] * 3, motion=[0.0] * 3, flicker=[0.0] * 3)
    told = load_metric("flicker").measure(Evidence(synthetic=still))
    assert (told.value, told.reason) == (None, "all 3 clips are frozen")
    assert load_metric("frame_uniformity").card.direction == load_metric("motion").card.direction == "none"


def test_drift_is_a_mean_over_clips():
    assert load_metric("identity_drift").measure(Evidence(synthetic=table(drift=[0.1, 0.3]))).value == pytest.approx(
        0.2
    )
