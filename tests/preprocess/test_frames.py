import struct
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from fauxbench.harness.errors import InputError, MediaError
from fauxbench.harness.preprocess import frames as module
from fauxbench.harness.preprocess.frames import FrameProtocol, FrameSampler, Sample

from .conftest import number_of

Write = Callable[..., Path]
EVEN = [4 * k for k in range(100)]


def samples(path: Path, **protocol: object) -> tuple[list[Sample], FrameSampler]:
    sampler = FrameSampler.of(path, FrameProtocol(**protocol))  # type: ignore[arg-type]
    return list(sampler), sampler


def test_samples_lie_evenly_over_the_whole_clip_and_not_at_its_beginning(write: Write) -> None:
    told, sampler = samples(write(EVEN), count=5)
    assert [round(one.time, 6) for one in told] == [0.4, 1.2, 2.0, 2.8, 3.6]
    assert [one.number for one in told] == [10, 30, 50, 70, 90]
    assert [number_of(one.picture) for one in told] == [10, 30, 50, 70, 90]
    assert sampler.findings == ()
    assert [one.number for one in sampler] == [10, 30, 50, 70, 90], "a second pass gives the same"


def test_frames_a_second(write: Write) -> None:
    told, _ = samples(write(EVEN), count=None, fps=2.0)
    assert [round(one.time, 6) for one in told] == [0.25 + 0.5 * k for k in range(8)]
    assert [number_of(one.picture) for one in told] == [one.number for one in told]
    assert len(samples(write(EVEN[:3]), count=None, fps=1.0)[0]) == 1, "a clip gives at least one"


def test_a_variable_frame_rate_is_sampled_by_time(write: Write) -> None:
    """50 frames in the first half second, then one every half second: by number, all would come from the start."""
    stamps = [*range(50), *range(50, 450, 50)]
    told, sampler = samples(write(stamps), count=9)
    assert [number_of(one.picture) for one in told] == [25, 50, 51, 52, 53, 54, 55, 56, 57]
    assert sampler.timeline.seconds == pytest.approx(4.5, abs=0.02)


def test_a_frame_that_is_shown_for_long_is_given_again_and_counted(write: Write) -> None:
    told, sampler = samples(write([0, 4, 8, 12]), count=8)
    assert [one.number for one in told] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert [(f.kind, f.samples) for f in sampler.findings] == [("repeated", 4)]


@pytest.mark.parametrize("gop", [10, 250])
@pytest.mark.parametrize("worth", [0, 24, 10_000])
def test_jumping_and_decoding_through_give_the_same_frames(
    write: Write, gop: int, worth: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WORTH", worth)
    told, sampler = samples(write(range(0, 800, 4), gop=gop), count=7)
    assert [number_of(one.picture) for one in told] == [one.number for one in told] == [14, 42, 71, 100, 128, 157, 185]
    assert not sampler.missing


def test_long_stretches_are_not_decoded(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(range(0, 1000, 4), gop=10)
    count = 0
    real = module.decoded

    def counting(*given: object) -> object:
        nonlocal count
        for frame in real(*given):  # type: ignore[arg-type]
            count += 1
            yield frame

    monkeypatch.setattr(module, "decoded", counting)
    told, _ = samples(path, count=3)
    assert [number_of(one.picture) for one in told] == [41, 125, 208]
    assert count < 60


def turned(path: Path, matrix: tuple[int, ...]) -> Path:
    """Write a display matrix into the track header of an MP4."""
    data = bytearray(path.read_bytes())
    place = data.index(b"tkhd") + 4 + 40
    data[place : place + 36] = struct.pack(">9i", *matrix)
    path.write_bytes(data)
    return path


ONE = 1 << 16
TURNS = {
    90: (0, ONE, 0, -ONE, 0, 0, 0, 0, 1 << 30),
    180: (-ONE, 0, 0, 0, -ONE, 0, 0, 0, 1 << 30),
    270: (0, -ONE, 0, ONE, 0, 0, 0, 0, 1 << 30),
}


@pytest.mark.parametrize("degrees", TURNS)
def test_frames_are_turned_as_players_turn_them(write: Write, degrees: int) -> None:
    path = turned(write(EVEN[:3]), TURNS[degrees])
    told, _ = samples(path, count=1)
    capture = cv2.VideoCapture(str(path))
    capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)
    capture.read()
    seen = cv2.cvtColor(capture.read()[1], cv2.COLOR_BGR2RGB)
    assert told[0].picture.shape == seen.shape == ((80, 48, 3) if degrees != 180 else (48, 80, 3))
    assert np.abs(told[0].picture.astype(int) - seen).mean() < 4


def test_a_tail_that_is_cut_off_shortens_the_clip_and_is_found(write: Write) -> None:
    path = write(EVEN, gop=20, options={"movflags": "+faststart"})
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"mdat") + (len(data) - data.index(b"mdat")) // 2])
    told, sampler = samples(path, count=8)
    assert "header" in {f.kind for f in sampler.findings}
    assert 1.0 < sampler.timeline.seconds < 3.0
    assert len(told) + len(sampler.missing) == 8
    assert len(told) >= 7
    assert [number_of(one.picture) for one in told] == [one.number for one in told]


def test_frames_that_cannot_be_decoded_are_missing_and_nothing_stands_in_for_them(write: Write) -> None:
    path = write(EVEN, gop=10)
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        packets = [(p.pos, p.size, float(p.pts * p.time_base)) for p in container.demux(video=0) if p.size]
    hit = [(pos, size) for pos, size, at in packets if 2.0 <= at < 2.4]
    for pos, size in hit:
        data[pos : pos + size] = bytes([0xFF]) * size
    path.write_bytes(data)
    told, sampler = samples(path, count=20)
    assert {10, 11} <= set(sampler.missing) < set(range(8, 14))
    assert sum(f.samples for f in sampler.findings if f.kind == "broken") == len(sampler.missing)
    assert [number_of(one.picture) for one in told] == [one.number for one in told]


def test_a_header_that_lies_about_the_length_is_not_believed(write: Write) -> None:
    path = write(EVEN, name="clip.mkv")
    data = bytearray(path.read_bytes())
    place = data.index(b"\x44\x89\x88") + 3
    assert struct.unpack(">d", data[place : place + 8])[0] == pytest.approx(4000, abs=100)
    data[place : place + 8] = struct.pack(">d", 40_000.0)
    path.write_bytes(data)
    told, sampler = samples(path, count=5)
    assert [number_of(one.picture) for one in told] == [10, 30, 50, 70, 90]
    assert [f.kind for f in sampler.findings] == ["header"]
    assert "the header says 40.0" in sampler.findings[0].message


def test_what_is_no_clip_is_said_to_be_none(write: Write, tmp_path: Path) -> None:
    sound = tmp_path / "sound.wav"
    with av.open(str(sound), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=16_000)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 1600), np.int16), layout="mono")
        silence.sample_rate = 16_000
        container.mux(stream.encode(silence))
    (tmp_path / "text.mp4").write_text("no clip")
    for name, reason in (("sound.wav", "no video stream"), ("text.mp4", "cannot be opened"), ("none.mp4", "cannot be")):
        with pytest.raises(MediaError, match=reason):
            FrameSampler.of(tmp_path / name)
    path = write(EVEN, options={"movflags": "+faststart"})
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"mdat") + 4])
    with pytest.raises(MediaError, match="no frames"):
        FrameSampler.of(path)


def test_a_clip_without_times_is_counted_by_decoding(write: Write) -> None:
    path = write(EVEN[:30], name="raw.h264")
    told, sampler = samples(path, count=3)
    assert [number_of(one.picture) for one in told] == [5, 15, 25]
    assert "guessed" in {f.kind for f in sampler.findings}


@pytest.mark.parametrize(
    "given", [{"count": None}, {"count": 3, "fps": 1.0}, {"count": 0}, {"count": None, "fps": 0.0}]
)
def test_a_protocol_says_one_thing(given: dict[str, object]) -> None:
    with pytest.raises(InputError, match="frames"):
        FrameProtocol(**given)  # type: ignore[arg-type]
