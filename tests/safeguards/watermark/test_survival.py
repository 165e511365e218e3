import numpy as np
import pytest
from tests.safeguards.watermark.examples import KEY, smooth

from fauxbench.harness.safeguards.watermark.survival import CLIP_CHANGES, PICTURE_CHANGES, markdown, pan, survival


def test_a_table_counts_what_is_found_and_read():
    names = ("none", "JPEG 50", "noise, deviation 5")
    changes = {name: PICTURE_CHANGES[name] for name in names} | {
        "gone": lambda clip, _number: [np.full_like(frame, 90) for frame in clip]
    }
    rows = survival([[smooth(96, seed)] for seed in range(4)], KEY, changes)
    assert [row.condition for row in rows] == [*names, "gone"]
    assert (rows[0].detected, rows[0].read, rows[0].bit_accuracy, rows[0].misread) == (1.0, 1.0, 1.0, 0)
    assert (rows[3].detected, rows[3].read) == (0.0, 0.0)
    assert 0.3 < rows[3].bit_accuracy < 0.7
    assert rows[0].interval is not None
    assert rows[0].interval.low < 1.0
    assert 38 < rows[0].least_psnr <= rows[0].psnr < 41
    assert markdown(rows).count("\n") == 5
    assert "| none | 4 | 100.0 % |" in markdown(rows)


def test_clips_go_through_a_codec():
    clips = [pan(smooth(136, seed), 128, frames=4) for seed in range(2)]
    (row, _) = survival(clips, KEY, CLIP_CHANGES)
    assert row.condition == "H.264 CRF 23"
    assert row.detected == 1.0


def test_survival_of_nothing():
    with pytest.raises(ValueError, match="at least one clip"):
        survival([], KEY, PICTURE_CHANGES)
