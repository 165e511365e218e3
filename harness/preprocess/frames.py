"""Frames truly evenly over a clip by time, streamed: decoded once in order; long stretches without one are jumped."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..canonical import JSON
from ..errors import InputError, MediaError
from ..media.content import Picture
from ..media.read import upright
from .timeline import Broken, FrameFinding, Timeline, decoded, opened, read_timeline, video_of

if TYPE_CHECKING:
    import av

WORTH = 24
"""Frames that must be passed over for jumping to be quicker than decoding them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameProtocol:
    """Which frames of a clip are taken: so many evenly over it, or so many a second.

    Sample k of n is what is shown at (k + 0.5) / n of the clip's length; with `fps`, at (k + 0.5) / fps seconds.
    """

    count: int | None = 32
    """Of the whole clip; None where `fps` is given."""
    fps: float | None = None
    """Samples a second; None where `count` is given."""

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            InputError: Neither or both are given, or one is out of its range.
        """
        if (self.count is None) == (self.fps is None):
            raise InputError(f"frames: give count or fps, found count {self.count} and fps {self.fps}")
        if self.count is not None and not 1 <= self.count <= 1_000_000:
            raise InputError(f"frames: expected a count of 1 to 1,000,000, found {self.count}")
        if self.fps is not None and not 0 < self.fps <= 1000:
            raise InputError(f"frames: expected more than 0 and at most 1000 frames a second, found {self.fps}")

    def times(self, seconds: float) -> tuple[float, ...]:
        """Return the times in seconds at which a clip of this length is sampled; at least one."""
        if self.count is not None:
            return tuple((k + 0.5) * seconds / self.count for k in range(self.count))
        rate = float(self.fps or 1)
        return tuple((k + 0.5) / rate for k in range(int(seconds * rate + 0.5))) or (seconds / 2,)

    def record(self) -> dict[str, JSON]:
        """Return the protocol as a JSON object."""
        return {"count": self.count, "fps": self.fps}


class Sample(NamedTuple):
    """A frame of a clip."""

    place: int
    """Which sample it is, from 0."""
    time: float
    """Seconds after the first frame at which the clip was sampled."""
    number: int
    """Of the frame in the clip, from 0, as shown; the same twice where a frame is shown for long."""
    picture: Picture
    """(H, W, 3) uint8 RGB, turned as the file says."""


@dataclass(slots=True, kw_only=True)
class FrameSampler:
    """The frames of a clip that a protocol takes; iterate over it as often as is wanted.

    Variable frame rates are followed by the times in the file. A frame that cannot be decoded is in `missing`, and no
    other stands in for it.
    """

    path: Path
    protocol: FrameProtocol
    timeline: Timeline
    at: tuple[float, ...] | None = None
    """Seconds to sample at instead of those of the protocol, in order."""
    missing: dict[int, str] = field(default_factory=dict)
    """Place of a sample that could not be read -> why; whole after a pass."""

    @classmethod
    def of(cls, path: Path, protocol: FrameProtocol | None = None) -> "FrameSampler":
        """Open a clip.

        Raises:
            MediaError: It cannot be opened, or has no video stream, or no frames.
        """
        return cls(path=path, protocol=protocol or FrameProtocol(), timeline=read_timeline(path))

    @property
    def plan(self) -> tuple[tuple[float, int], ...]:
        """Time and frame number of each sample."""
        asked = self.protocol.times(self.timeline.seconds) if self.at is None else self.at
        return tuple((at, self.timeline.shown_at(at)) for at in asked)

    @property
    def findings(self) -> tuple[FrameFinding, ...]:
        """What is not as it should be; whole after a pass."""
        found = list(self.timeline.findings)
        twice = len(self.plan) - len({index for _, index in self.plan})
        if twice:
            found.append(FrameFinding("repeated", "samples of a frame that an earlier sample has too", twice))
        if self.missing:
            reason = next(iter(self.missing.values()))
            found.append(FrameFinding("broken", f"samples that cannot be decoded: {reason}", len(self.missing)))
        return tuple(found)

    def __iter__(self) -> Iterator[Sample]:
        """Yield the samples in order, but for those that become `missing`.

        Raises:
            MediaError: No sample at all can be decoded.
        """
        self.missing.clear()
        plan = self.plan
        pictures = self._pictures(sorted({index for _, index in plan}))
        held: tuple[int, Picture | str] = next(pictures)
        seen = 0
        for place, (at, index) in enumerate(plan):
            while held[0] < index:
                held = next(pictures)
            if isinstance(held[1], str):
                self.missing[place] = held[1]
                continue
            seen += 1
            yield Sample(place, at, index, held[1])
        if not seen:
            raise MediaError(f"{self.path}: none of {len(plan)} frames can be decoded: {self.missing[0]}")

    def _pictures(self, wanted: Sequence[int]) -> Iterator[tuple[int, Picture | str]]:
        """Yield (frame number, picture or why there is none) for each wanted frame."""
        with opened(self.path) as container:
            stream = video_of(self.path, container)
            if not self.timeline.stamps:
                yield from _by_number(decoded(container, stream, []), wanted)
                return
            for start, run in self._runs(wanted):
                yield from self._run(container, stream, start, run)

    def _runs(self, wanted: Sequence[int]) -> Iterator[tuple[int | None, list[int]]]:
        """Yield stretches of frames to decode in one go, each with the stamp to jump to (None: from where it is)."""
        stamps, run, start, before = self.timeline.stamps, list[int](), None, -1
        for index in wanted:
            key = self.timeline.key_before(stamps[index])
            if key is not None and bisect_left(stamps, key) - before > WORTH:
                if run:
                    yield start, run
                run, start = [], key
            run.append(index)
            before = index
        yield start, run

    def _run(
        self, container: "av.container.InputContainer", stream: "av.VideoStream", start: int | None, run: list[int]
    ) -> Iterator[tuple[int, Picture | str]]:
        broken: list[Broken] = []
        if start is not None:
            container.seek(start, stream=stream)
        frames = decoded(container, stream, broken)
        first = next(frames, None)
        if start is not None and (first is None or first.pts is None or first.pts > self.timeline.stamps[run[0]]):
            container.seek(self.timeline.stamps[0], stream=stream)  # jumping does not work in this file
            frames = decoded(container, stream, broken)
            first = next(frames, None)
        yield from self._matched(first, frames, run, broken)

    def _matched(
        self, first: "av.VideoFrame | None", frames: "Iterator[av.VideoFrame]", run: list[int], broken: list[Broken]
    ) -> Iterator[tuple[int, Picture | str]]:
        frame = first
        for index in run:
            stamp = self.timeline.stamps[index]
            while frame is not None and (frame.pts is None or frame.pts < stamp):
                frame = next(frames, None)
            if frame is None:
                yield index, broken[-1].reason if broken else "the file ends before it"
            elif frame.pts != stamp or frame.is_corrupt or self._leans_on(broken, stamp):
                yield index, broken[-1].reason if broken else "damaged"
            else:
                yield index, upright(frame)

    def _leans_on(self, broken: Sequence[Broken], stamp: int) -> bool:
        """Whether a frame may be made from packets that are broken: decoders fill gaps in without a word."""
        return any(one.stamp is not None and stamp < self.timeline.whole_from(one.stamp) for one in broken)


def _by_number(frames: "Iterator[av.VideoFrame]", wanted: Sequence[int]) -> Iterator[tuple[int, Picture | str]]:
    waiting = list(reversed(wanted))
    for number, frame in enumerate(frames):
        if waiting and number == waiting[-1]:
            yield waiting.pop(), upright(frame)
    while waiting:
        yield waiting.pop(), "the file ends before it"
