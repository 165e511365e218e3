"""What a clip shows of its own mouth: what poses change, whose sound it is, and what must not be looked at."""

import numpy as np
import pytest
import torch

from fauxbench.generators._lips_cut import COLUMNS, ROWS, poses
from fauxbench.generators._lips_known import Known, Mouth, goes_with
from fauxbench.generators._lips_networks import CODE, NUMBERS, Talker


@pytest.fixture
def talker() -> Talker:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Talker(width=4, ears=4, finder=False).eval()


def known_of(mouths: np.ndarray, codes: torch.Tensor, held: np.ndarray) -> Known:
    count = len(mouths)
    return Known(range(count), mouths, codes, torch.zeros(1, NUMBERS), held, mouths.reshape(count, -1).astype(float))


def test_a_mouth_is_painted_as_it_looks_in_the_pose_of_its_frame(talker):
    """Pixels that follow codes and poses by straight lines: each frame keeps its own pose."""
    rng = np.random.default_rng(2)
    codes, held = torch.from_numpy(rng.normal(size=(400, CODE))).float(), rng.normal(size=(400, 2))
    held[:, 0] += codes[:, 0].numpy()
    by_code, by_pose = (rng.normal(size=(k, ROWS * COLUMNS * 3)) for k in (CODE, 2))
    pixels = (100 + codes.numpy() @ by_code + held @ by_pose).reshape(-1, ROWS, COLUMNS, 3).astype(np.float32)
    painted = Mouth(talker, known_of(pixels, codes, held)).painted(codes[5], 9)
    wanted = 100 + codes[5].numpy() @ by_code + held[9] @ by_pose
    assert np.corrcoef(painted.ravel() - 100, wanted - 100)[0, 1] > 0.99


def test_a_sound_goes_with_the_mouth_that_says_it_and_with_no_other():
    rng = np.random.default_rng(3)
    codes, held = rng.normal(size=(60, CODE)), rng.normal(size=(60, 2))
    mouths = codes @ rng.normal(size=(CODE, 12)) + rng.normal(size=(60, 12)) + 5 * held @ rng.normal(size=(2, 12))
    known = known_of(mouths.astype(np.float32), torch.zeros(60, CODE), held)
    told = torch.from_numpy(codes).float()
    assert goes_with(known, told)
    assert not goes_with(known, told.roll(20, 0))
    assert not goes_with(known, torch.zeros(60, CODE))
    others = [torch.from_numpy(rng.normal(size=(60, CODE))).float() for _ in range(100)]
    assert sum(goes_with(known, other) for other in others) <= 12
    few = known_of(mouths[:18].astype(np.float32), torch.zeros(18, CODE), held[:18])
    assert not goes_with(few, told[:18])


def test_a_pose_is_what_a_head_does():
    turns = np.repeat(np.eye(3)[None] * np.array([2.0, 2.0, 1.0])[:, None], 50, 0)
    assert np.abs(poses(turns)).max() < 1e-9
    assert np.isfinite(poses(turns[:1])).all()
    nods = np.sin(np.arange(50) / 4)
    turns[:, 1, 2] += 3 * nods
    held = poses(turns)
    assert held[:, 0].std() == pytest.approx(1.0)
    assert abs(np.corrcoef(held[:, 0], nods)[0, 1]) == pytest.approx(1.0)
    assert np.abs(held[:, 1:]).max() < 1e-9


def test_a_frames_own_mouth_says_nothing_of_what_is_painted_in_it(talker):
    rng = np.random.default_rng(0)
    mouths = rng.uniform(0, 255, (6, ROWS, COLUMNS, 3)).astype(np.float32)
    other = mouths.copy()
    other[2] = 255 - other[2]
    codes = torch.from_numpy(rng.normal(size=(6, CODE))).float()
    held = rng.normal(size=(6, 2))
    painters = [Mouth(talker, known_of(rows, codes, held)) for rows in (mouths, other)]
    code = codes[2] + 0.1
    assert np.array_equal(*(mouth.painted(code, 2) for mouth in painters))
    assert not np.array_equal(*(mouth.painted(code, 3) for mouth in painters))
