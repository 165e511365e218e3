"""What a detector elsewhere says of an item, checked."""

from collections.abc import Mapping
from typing import Any

from ..canonical import JSON
from ..contracts import ScoreRecord

MOST_FRAMES = 1_000_000


def probability(value: JSON, name: str) -> float:
    """Return P(fake) in [0, 1].

    Raises:
        ValueError: It is something else; the message says what.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError(f"{name}: expected a number in [0, 1], 1 = fake; found {value!r:.60}")
    return float(value)


def record_of(item: str, said: Mapping[str, JSON]) -> ScoreRecord:
    """Return the ScoreRecord of `{"fake", "frames"}`, `{"missing": reason}` or `{"failure": {"message"}}`.

    What is none of these is an error of the detector on that item.
    """
    if said.get("missing") is not None:
        return ScoreRecord(item=item, status="missing", reason=str(said["missing"])[:1000])
    if said.get("failure") is not None:
        told = said["failure"]
        reason = told.get("message") if isinstance(told, dict) else told
        return ScoreRecord(item=item, status="error", reason=str(reason or "no reason given")[:1000])
    try:
        return ScoreRecord(item=item, fake=probability(said.get("fake"), "fake"), frames=_frames(said.get("frames")))
    except ValueError as error:
        return ScoreRecord(item=item, status="error", reason=str(error))


def _frames(value: Any) -> tuple[tuple[float, float], ...]:  # noqa: ANN401 - from outside
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > MOST_FRAMES:
        raise ValueError(f"frames: expected a list of [seconds, P(fake)], found {value!r:.60}")
    found = []
    for pair in value:
        if not isinstance(pair, list) or len(pair) != 2 or isinstance(pair[0], bool):
            raise ValueError(f"frames: expected [seconds, P(fake)], found {pair!r:.60}")
        if not isinstance(pair[0], int | float) or not 0 <= pair[0] < float("inf"):
            raise ValueError(f"frames: expected seconds, found {pair[0]!r:.60}")
        found.append((float(pair[0]), probability(pair[1], "frames")))
    return tuple(found)
