import numpy as np
import pytest

from fauxbench.harness.training import real_clips
from fauxbench.harness.training.real_clips import MOVES, SIDE, Clip, framed, moved, report

USUAL = np.array([[0.42, 0.44], [0.59, 0.44], [0.505, 0.57], [0.435, 0.65], [0.57, 0.65]])


@pytest.mark.parametrize("frames", [-10, -1, 0, 3, 10])
def test_a_moved_sound_comes_so_many_frames_later(frames):
    sound = np.zeros(32_000, np.float32)
    sound[16_000] = 1
    late = moved(sound, frames)
    assert len(late) == len(sound)
    assert np.flatnonzero(late).tolist() == [16_000 + 640 * frames]


def test_points_of_a_face_come_to_where_the_studio_has_them(monkeypatch):
    angle, scale = np.deg2rad(12.0), 400.0
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = USUAL @ turn.T + (150.0, 20.0)
    frame = np.zeros((600, 700, 3), np.uint8)
    for x, y in points:
        frame[int(y) - 3 : int(y) + 4, int(x) - 3 : int(x) + 4] = 255
    monkeypatch.setattr(real_clips, "face_points", lambda frames: points)
    done = framed([frame], USUAL)[0]
    assert done.shape == (SIDE, SIDE, 3)
    for x, y in USUAL * SIDE:
        near = done[int(y) - 6 : int(y) + 7, int(x) - 6 : int(x) + 7, 0].astype(float)
        rows, columns = np.mgrid[int(y) - 6 : int(y) + 7, int(x) - 6 : int(x) + 7] + 0.5
        assert (near * rows).sum() / near.sum() == pytest.approx(y, abs=0.7)
        assert (near * columns).sum() / near.sum() == pytest.approx(x, abs=0.7)


class Ear:
    """Hears where the click is, one frame early, as long as it comes after the first half second."""

    def extract(self, clips):
        at = int(np.flatnonzero(clips[0].sound)[0])
        told = (at - 16_000) / 640 - 1 if at > 12_000 else 0.0
        return {"offset": np.array([[told]]), "distance": np.array([[0.5]]), "confidence": np.array([[0.25]])}


class Mouth:
    """Correlates where the click is at its own place, and finds that two frames late."""

    def extract(self, clips):
        moved = (int(np.flatnonzero(clips[0].sound)[0]) - 16_000) / 640
        return {"together": np.array([[0.5 - 0.06 * abs(moved)]]), "lag": np.array([[moved + 2]])}


def test_the_report_counts_what_is_found():
    sound = np.zeros(32_000, np.float32)
    sound[16_000] = 1
    text = report(Ear(), Mouth(), [Clip("a", [], sound), Clip("b", [], np.roll(sound, 640))])
    heard = sum(16_000 + 640 * k > 12_000 for k in MOVES)
    assert f"| a | -1 | 0 of 21 | {heard} of 21 | 0.500 | 0.250 | +2 | 0 of 21 | 0 of 21 | 0.50 | 0.11 (0.32) |" in text
    assert "| a | b | +0 | 0.500 | 0.250 | 0.44 | +3 |" in text
    lines = [line.count("|") for line in text.splitlines() if line]
    assert lines == [12] * 4 + [8] * 6  # every line of a table has its columns
