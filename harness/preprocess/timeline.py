"""When the frames of a clip are shown: from its packets, which are read and not decoded, and never from its header."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..canonical import JSON
from ..errors import MediaError

if TYPE_CHECKING:
    import av

LIE = 0.1
"""Share of its true length by which a header may be wrong before that is a finding."""
ROUNDING = 1e-4
"""Seconds: times in files are rounded."""


class Broken(NamedTuple):
    """A packet that cannot be decoded."""

    stamp: int | None
    reason: str


class FrameFinding(NamedTuple):
    """Something about a clip that is not as it should be, and was dealt with."""

    kind: str
    """header, broken, repeated, guessed."""
    message: str
    samples: int = 0
    """How many samples it touches; 0 where it is about the file."""

    def record(self) -> dict[str, JSON]:
        """Return the finding as a JSON object."""
        return {"kind": self.kind, "message": self.message, "samples": self.samples}


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Times of every frame of a clip in the order in which they are shown."""

    times: tuple[float, ...]
    """Seconds after the first frame."""
    stamps: tuple[int, ...]
    """Presentation time stamps; empty where the file has none, and frames are known by their number alone."""
    keys: tuple[int, ...]
    """Stamps of the frames that decoding can begin at, sorted."""
    seconds: float
    """From the first frame's beginning to the last one's end."""
    findings: tuple[FrameFinding, ...]

    def shown_at(self, second: float) -> int:
        """Return the number of the frame that is shown at a time."""
        return max(0, bisect_right(self.times, second + ROUNDING) - 1)

    def key_before(self, stamp: int) -> int | None:
        """Return the stamp at which decoding must begin to reach another."""
        place = bisect_right(self.keys, stamp)
        return self.keys[place - 1] if place else None

    def whole_from(self, stamp: int) -> int:
        """Return the stamp from which frames are whole again after a packet that cannot be decoded."""
        place = bisect_right(self.keys, stamp)
        return self.keys[place] if place < len(self.keys) else self.stamps[-1] + 1


def read_timeline(path: Path) -> Timeline:
    """Read when the frames of a clip are shown. Packets are read through, nothing is decoded where they have times.

    Raises:
        MediaError: It cannot be opened, or has no video stream, or no frames.
    """
    with opened(path) as container:
        stream = video_of(path, container)
        said = _said(container, stream)
        rate = float(stream.average_rate or 25)
        base = float(stream.time_base or 0)
        stamps, keys, spans, bare = [], [], {}, 0
        for packet in _packets(container, stream):
            if packet.pts is None:
                bare += 1
                continue
            stamps.append(int(packet.pts))
            spans[int(packet.pts)] = packet.duration or 0
            if packet.is_keyframe:
                keys.append(int(packet.pts))
    if bare or len(set(stamps)) < len(stamps):
        return _guessed(path, rate, said)
    if not stamps:
        raise MediaError(f"{path}: no frames")
    stamps.sort()
    times = tuple((stamp - stamps[0]) * base for stamp in stamps)
    last = spans[stamps[-1]] * base or (times[-1] - times[-2] if len(times) > 1 else 1 / rate)
    seconds = times[-1] + last
    findings = _lies(said, seconds)
    return Timeline(times=times, stamps=tuple(stamps), keys=tuple(sorted(keys)), seconds=seconds, findings=findings)


def _said(container: "av.container.InputContainer", stream: "av.VideoStream") -> float | None:
    """Return the seconds that a header claims for the picture; that of a whole file also holds for its sound."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return container.duration / 1e6 if container.duration and len(container.streams) == 1 else None


def _lies(said: float | None, seconds: float) -> tuple[FrameFinding, ...]:
    if said is None or abs(said - seconds) <= LIE * seconds + 0.1:
        return ()
    return (FrameFinding("header", f"the header says {said:.2f} s, there are {seconds:.2f} s; the latter are used"),)


def _guessed(path: Path, rate: float, said: float | None) -> Timeline:
    """Return the timeline of a file without times: frames are counted by decoding, at the rate that it names."""
    with opened(path) as container:
        count = sum(1 for _ in decoded(container, video_of(path, container), []))
    if not count:
        raise MediaError(f"{path}: no frames")
    missing = FrameFinding("guessed", f"the file has no times; {rate:g} frames a second are taken from its header")
    return Timeline(
        times=tuple(k / rate for k in range(count)),
        stamps=(),
        keys=(),
        seconds=count / rate,
        findings=(missing, *_lies(said, count / rate)),
    )


def opened(path: Path) -> "av.container.InputContainer":
    """Open a media file.

    Raises:
        MediaError: It is not there, or no media file.
    """
    import av

    try:
        return av.open(str(path), metadata_errors="replace")
    except (av.FFmpegError, OSError, UnicodeDecodeError) as error:
        raise MediaError(f"{path}: cannot be opened: {error}") from error


def video_of(path: Path, container: "av.container.InputContainer") -> "av.VideoStream":
    """Return the first video stream that moves; a cover picture of a sound is none.

    Raises:
        MediaError: There is none.
    """
    from av.stream import Disposition

    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            stream.thread_type = "AUTO"
            return stream
    raise MediaError(f"{path}: no video stream")


def _packets(
    container: "av.container.InputContainer", stream: "av.VideoStream"
) -> "Iterator[av.Packet[av.VideoStream]]":
    """Yield packets until the file ends, as it should or not."""
    import av

    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except (StopIteration, av.FFmpegError, OSError):
            return
        if packet.size and not packet.is_discard:
            yield packet


def decoded(
    container: "av.container.InputContainer", stream: "av.VideoStream", broken: list[Broken]
) -> "Iterator[av.VideoFrame]":
    """Yield the frames that can be decoded, in the order in which they are shown; note why others cannot."""
    import av

    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except (StopIteration, av.FFmpegError, OSError) as error:
            if not isinstance(error, StopIteration):
                broken.append(Broken(None, str(error)))
            return
        try:
            frames = stream.decode(packet)
        except (av.FFmpegError, OSError) as error:
            broken.append(Broken(packet.pts, str(error)))
            continue
        yield from frames
