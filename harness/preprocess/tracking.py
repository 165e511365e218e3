"""Following people through a clip: who is who from sample to sample, and whose face is meant."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..errors import MediaError
from .faces import Array, Face
from .protocol import Choice

REACH = 1.0
"""How far a face may move from where it is expected, in its own sides, and still be the same; grows with the gap."""
GROWTH = 2.0
"""Times by which its side may change."""


@dataclass(slots=True, kw_only=True)
class Track:
    """One person through a clip."""

    number: int
    """From 0, in the order in which people come into sight."""
    faces: dict[int, Face] = field(default_factory=dict)
    """Sample -> face."""
    times: dict[int, float] = field(default_factory=dict)
    """Sample -> seconds."""

    @property
    def last(self) -> int:
        """The last sample in which the person was seen."""
        return next(reversed(self.faces))

    def expected(self, second: float) -> Array:
        """Return centre and side (3,) that are expected at a time, at the speed of the last two sights."""
        places = list(self.faces)[-2:]
        now = _place(self.faces[places[-1]])
        if len(places) < 2:
            return now
        before = _place(self.faces[places[0]])
        span = self.times[places[-1]] - self.times[places[0]]
        ahead = second - self.times[places[-1]]
        speed = (now - before) * min(ahead / span, 2.0) if span > 0 else np.zeros(3)
        return np.asarray(now + speed * [1, 1, 0])


def _place(face: Face) -> Array:
    return np.array([*face.centre, np.sqrt(max(face.area, 1.0))])


def follow(seen: Mapping[int, Sequence[Face]], times: Mapping[int, float], bridge: float) -> list[Track]:
    """Return the people in a clip.

    Faces of neighbouring samples are matched one to one so that the sum of distances is least (Kuhn 1955), each
    distance taken from where a person is expected and in sides of the face. Who was out of sight for longer than
    `bridge` is somebody new.

    Args:
        seen: Sample -> its faces.
        times: Sample -> seconds, of every sample.
        bridge: Seconds; one missing sample is always bridged.
    """
    from scipy.optimize import linear_sum_assignment

    tracks: list[Track] = []
    order = sorted(times)
    for step, sample in enumerate(order):
        faces, now = list(seen.get(sample, ())), times[sample]
        near = set(order[max(0, step - 2) : step])
        alive = [one for one in tracks if one.last in near or now - one.times[one.last] <= bridge]
        taken: set[int] = set()
        if alive and faces:
            costs = np.array([[_apart(one, face, now) for face in faces] for one in alive])
            for row, column in zip(*linear_sum_assignment(np.minimum(costs, 1e6)), strict=True):
                if np.isfinite(costs[row, column]):
                    _see(alive[row], sample, now, faces[column])
                    taken.add(int(column))
        for column, face in enumerate(faces):
            if column not in taken:
                tracks.append(Track(number=len(tracks)))
                _see(tracks[-1], sample, now, face)
    return tracks


def _see(track: Track, sample: int, second: float, face: Face) -> None:
    track.faces[sample], track.times[sample] = face, second


def _apart(track: Track, face: Face, second: float) -> float:
    """Return how far a face is from where a person is expected, in sides; infinite if it cannot be that person."""
    at, here = track.expected(second), _place(face)
    still = _place(track.faces[track.last])
    side = max(min(at[2], here[2]), 1.0)
    away = min(np.hypot(*(here - at)[:2]), 1.5 * np.hypot(*(here - still)[:2])) / side
    ratio = max(here[2], at[2]) / max(min(here[2], at[2]), 1.0)
    reach = REACH * (1 + min(second - track.times[track.last], 2.0))
    return float(away + abs(np.log(ratio))) if away <= reach and ratio <= GROWTH else np.inf


def between(track: Track, sample: int, second: float, bridge: float) -> Face | None:
    """Return a face put between its neighbours in time, or None if they are further apart than `bridge` seconds.

    The two samples beside a single missing one are always near enough.
    """
    before = max((one for one in track.faces if one < sample), default=None)
    after = min((one for one in track.faces if one > sample), default=None)
    if before is None or after is None:
        return None
    span = track.times[after] - track.times[before]
    if span > bridge and after - before > 2:
        return None
    share = (second - track.times[before]) / span if span > 0 else 0.5
    a, b = track.faces[before], track.faces[after]
    box = (1 - share) * np.array(a.box) + share * np.array(b.box)
    count = min(len(a.points), len(b.points))
    points = (1 - share) * np.array(a.points[:count]) + share * np.array(b.points[:count])
    return Face(
        box=(float(box[0]), float(box[1]), float(box[2]), float(box[3])),
        probability=0.0,
        points=tuple((float(x), float(y)) for x, y in points),
    )


def choose(
    tracks: Sequence[Track],
    choice: Choice,
    shape: tuple[int, int],
    masks: Mapping[int, NDArray[np.bool_]] | None = None,
) -> tuple[Track, ...]:
    """Return the people that are meant.

    Args:
        tracks: Of a clip.
        choice: `largest`: by the area summed over the clip. `central`: among those seen in at least half as many
            samples as the one seen most, the least mean distance from the middle. `mask`: who holds the largest share
            of the masks; nobody if no mask touches a face. `all`.
        shape: Height and width of the frames.
        masks: Sample -> (H, W) where a frame was altered, for `mask`.

    Raises:
        MediaError: `mask` without any mask.
    """
    if choice == "all" or not tracks:
        return tuple(tracks)
    if choice == "largest":
        return (max(tracks, key=lambda one: sum(face.area for face in one.faces.values())),)
    if choice == "central":
        most = max(len(one.faces) for one in tracks)
        return (min((one for one in tracks if 2 * len(one.faces) >= most), key=lambda one: _off_centre(one, shape)),)
    if not masks:
        raise MediaError("the face under the mask is asked for, and there is no mask")
    shares = {one.number: _under(one, masks) for one in tracks}
    best = max(tracks, key=lambda one: shares[one.number])
    return (best,) if shares[best.number] > 0 else ()


def _off_centre(track: Track, shape: tuple[int, int]) -> float:
    middle = np.array([shape[1] / 2, shape[0] / 2])
    return float(np.mean([np.hypot(*(np.array(face.centre) - middle)) for face in track.faces.values()]))


def _under(track: Track, masks: Mapping[int, NDArray[np.bool_]]) -> float:
    """Return the sum over samples of the share of the mask that lies in the person's box."""
    total = 0.0
    for sample, face in track.faces.items():
        mask = masks.get(sample)
        if mask is not None and mask.any():
            left, top, right, bottom = (max(0, round(side)) for side in face.box)
            total += float(mask[top:bottom, left:right].sum() / mask.sum())
    return total
