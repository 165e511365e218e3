"""Long clips stream: four times the length takes no more memory."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.slow

PROGRAM = """
import re, sys
from pathlib import Path
from tests.preprocess.test_faces import Squares
from fauxbench.harness.preprocess.frames import FrameProtocol
from fauxbench.harness.preprocess.prepare import prepare
from fauxbench.harness.preprocess.protocol import FaceProtocol
protocol = FaceProtocol(frames=FrameProtocol(count=None, fps=5.0), size=64)
made = prepare(Path(sys.argv[1]), protocol, Squares(), Path(sys.argv[2]))
# not ru_maxrss: it begins with what the process that started this one held
peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]
print(made.asked, len(made.faces), peak)
"""


def test_memory_is_flat_in_length(write: Callable[..., Path], tmp_path: Path) -> None:
    def large(number: int) -> np.ndarray:
        pixels = np.full((480, 640, 3), 60, np.uint8)
        left = 20 + abs(number % 600 - 300)
        pixels[100:300, left : left + 200] = [240, 10, 10]
        return pixels

    peaks = {}
    for seconds in (10, 40):
        path = write(range(0, 100 * seconds, 4), name=f"{seconds}.mp4", frames=large)
        argv = [sys.executable, "-c", PROGRAM, str(path), str(tmp_path / str(seconds))]
        done = subprocess.run(argv, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
        asked, faces, peaks[seconds] = map(int, done.stdout.split())
        assert asked == faces == 5 * seconds
    assert peaks[40] < peaks[10] * 1.15
    assert peaks[40] < 1_400_000, "KiB"  # torch alone is most of it
