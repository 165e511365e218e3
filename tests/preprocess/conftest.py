"""Small clips written frame by frame, with whatever is wrong with them."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

Writer = Callable[..., Path]


def numbered(number: int, height: int = 48, width: int = 80) -> np.ndarray:
    """Return a frame that says its number in eight grey fields, bit by bit; the top is brighter than the bottom."""
    pixels = np.full((height, width, 3), 30, np.uint8)
    for bit in range(8):
        pixels[: height // 2, 10 * bit : 10 * bit + 10] = 220 if number >> bit & 1 else 90
    return pixels


def number_of(pixels: np.ndarray) -> int:
    height = pixels.shape[0]
    return sum(int(pixels[: height // 2, 10 * bit + 3 : 10 * bit + 7].mean() > 155) << bit for bit in range(8))


@pytest.fixture
def write(tmp_path: Path) -> Writer:
    """Return a function that writes a clip whose frames are shown at given multiples of 1/100 s."""

    def make(
        stamps: Sequence[int],
        name: str = "clip.mp4",
        *,
        codec: str = "libx264",
        gop: int = 250,
        options: dict[str, str] | None = None,
        frames: Callable[[int], np.ndarray] = numbered,
    ) -> Path:
        path = tmp_path / name
        with av.open(str(path), "w", options=options or {}) as container:
            stream = container.add_stream(codec, rate=25)
            height, width = frames(0).shape[:2]
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            stream.time_base = stream.codec_context.time_base = Fraction(1, 100)
            stream.codec_context.gop_size = gop
            for number, stamp in enumerate(stamps):
                frame = av.VideoFrame.from_ndarray(frames(number), format="rgb24")
                frame.pts, frame.time_base = stamp, Fraction(1, 100)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return path

    return make
