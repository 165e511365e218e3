"""From what a detector handed in to the numbers that are judged: nothing is dropped or repaired without being said.

| found | done |
|---|---|
| an item that nobody asked about | left out, counted as `unknown` |
| the same item twice, with the same score | counted once, `repeated` |
| the same item twice, with different scores | an error of that item, `contradictory`: neither is chosen |
| a score that is NaN, infinite or outside [0, 1] | an error of that item, `invalid` |
| a score of a frame that is | left out, counted as `unusable frames` |
| no score, or status missing or error | `missing` or `error` |

An item without a usable score falls under the missing policy: `worst` gives it the worst score for its class (0 for a
fake, 1 for a real item), `exclude` and `intersect` leave it out; `intersect` means that a comparison keeps what both
have.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..contracts import ScoreRecord
from ..errors import InputError
from .clusters import Floats, Label

Policy = Literal["worst", "intersect", "exclude"]

STRAYS = {
    "unknown": "scores of items that nobody asked about, left out",
    "repeated": "scores given twice, counted once",
    "unusable frames": "scores of frames that are no P(fake), left out",
}
"""What is wrong with a file of scores besides the items that were asked about, in words."""

_TOP = re.compile(r"top-([1-9][0-9]*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """An item that a detector was asked about."""

    item: str
    fake: bool
    clusters: Label


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What can be judged."""

    items: tuple[str, ...]
    """One an entry; at frame level an item stands there once a frame."""
    fake: Floats
    """(N,) P(fake) in [0, 1]."""
    truth: NDArray[np.bool_]
    """(N,) True = fake."""
    clusters: tuple[Label, ...]
    expected: int
    """Items that were asked about."""
    failures: Mapping[str, int]
    """What was wrong -> how often."""
    level: Literal["clip", "frame"]
    rule: str
    """How frames became one score, in words."""
    policy: Policy

    @property
    def coverage(self) -> float:
        """Share of the items asked about that were scored, in [0, 1]."""
        lost = sum(self.failures.get(name, 0) for name in ("contradictory", "invalid", "missing", "error"))
        return 1.0 - lost / self.expected if self.expected else 0.0


def pool(frames: Sequence[float], rule: str) -> float | None:
    """Return one score from those of frames: `mean`, `max`, or `top-K`, the mean of the K highest (all, if fewer).

    Frames that are not finite or lie outside [0, 1] do not count; None if none is left.

    Raises:
        InputError: No such rule.
    """
    top = _TOP.fullmatch(rule)
    if rule not in {"mean", "max"} and not top:
        raise InputError(f"pooling rule '{rule}'; legal: mean, max, top-K with K at least 1, for instance top-3")
    usable = sorted((one for one in frames if _usable(one)), reverse=True)
    if not usable:
        return None
    if rule == "max":
        return usable[0]
    kept = usable[: int(top.group(1))] if top else usable
    return math.fsum(kept) / len(kept)


def settle(given: Iterable[ScoreRecord], asked: Sequence[str]) -> tuple[tuple[ScoreRecord, ...], dict[str, int]]:
    """Return one record for each item that was asked about, in that order, and what else was handed in, counted.

    A record that cannot be used becomes one with status `missing` or `error`; its reason begins with what is wrong:
    `invalid` or `contradictory`. The counts have the names in `STRAYS`.
    """
    strays: Counter[str] = Counter()
    found = _matched(given, set(asked), strays)
    return tuple(_settled(item, found.get(item), strays) for item in asked), dict(strays)


def _settled(item: str, record: ScoreRecord | Literal["contradictory"] | None, strays: Counter[str]) -> ScoreRecord:
    if record is None:
        return ScoreRecord(item=item, status="missing", reason="the detector gave no score")
    if record == "contradictory":
        return ScoreRecord(item=item, status="error", reason="contradictory: two different scores for one item")
    frames = tuple((float(at), float(score)) for at, score in record.frames if _usable(score) and math.isfinite(at))
    strays["unusable frames"] += len(record.frames) - len(frames)
    if not strays["unusable frames"]:
        del strays["unusable frames"]
    if record.status == "ok" and not _usable(record.fake):
        reason = f"invalid: P(fake) must lie in [0, 1], found {record.fake!r}"
        return ScoreRecord(item=item, status="error", reason=reason)
    return replace(record, frames=frames, fake=record.fake if record.status == "ok" else None)


def take(
    given: Iterable[ScoreRecord],
    asked: Sequence[Asked],
    *,
    policy: Policy = "worst",
    rule: str | None = None,
    level: Literal["clip", "frame"] = "clip",
) -> Taken:
    """Match scores with what was asked.

    Args:
        given: What the detector handed in, in any order.
        asked: Every item, in the order of the result.
        policy: What becomes of items without a usable score.
        rule: How the frames of a clip become one score, see `pool`; None takes the detector's own.
        level: `frame` makes every frame an entry, with the truth and clusters of its clip.

    Raises:
        InputError: No such pooling rule.
    """
    failures: Counter[str] = Counter()
    found = _matched(given, {one.item for one in asked}, failures)
    items, fake, truth, clusters = list[str](), list[float](), list[bool](), list[Label]()
    for one in asked:
        scores, wrong = _scores(found.get(one.item), rule, level)
        if wrong:
            failures[wrong] += 1
            scores = [0.0 if one.fake else 1.0] if policy == "worst" else []
        for score in scores:
            items.append(one.item)
            fake.append(score)
            truth.append(one.fake)
            clusters.append(one.clusters)
    return Taken(
        items=tuple(items),
        fake=np.array(fake, dtype=np.float64),
        truth=np.array(truth, dtype=bool),
        clusters=tuple(clusters),
        expected=len(asked),
        failures=dict(failures),
        level=level,
        rule="each frame by itself" if level == "frame" else f"{rule} over frames" if rule else "the detector's own",
        policy=policy,
    )


def intersected(a: Taken, b: Taken) -> tuple[Floats, Floats, NDArray[np.bool_], tuple[Label, ...]]:
    """Return the scores of two detectors, truth and clusters for the items that both have, at clip level.

    Raises:
        ValueError: Frame level, where entries cannot be paired, or sides that disagree about the truth of an item.
    """
    if "frame" in {a.level, b.level}:
        raise ValueError("frames are not paired: compare clips")
    other = {item: row for row, item in enumerate(b.items)}
    rows = [(row, other[item]) for row, item in enumerate(a.items) if item in other]
    left, right = (np.array([pair[side] for pair in rows], dtype=np.intp) for side in (0, 1))
    if (a.truth[left] != b.truth[right]).any():
        raise ValueError("the two sides disagree about which items are fake")
    return a.fake[left], b.fake[right], a.truth[left], tuple(a.clusters[i] for i in left)


def _usable(score: float | None) -> bool:
    return score is not None and math.isfinite(score) and 0.0 <= score <= 1.0


def _matched(
    given: Iterable[ScoreRecord], wanted: set[str], failures: Counter[str]
) -> dict[str, ScoreRecord | Literal["contradictory"]]:
    found: dict[str, ScoreRecord | Literal["contradictory"]] = {}
    for record in given:
        if record.item not in wanted:
            failures["unknown"] += 1
            continue
        before = found.get(record.item)
        if before is None:
            found[record.item] = record
        elif before == record:
            failures["repeated"] += 1
        else:
            found[record.item] = "contradictory"
    return found


def _scores(
    record: ScoreRecord | Literal["contradictory"] | None, rule: str | None, level: str
) -> tuple[list[float], str | None]:
    """Return the entries of one item, or what is wrong with it."""
    if record is None or record == "contradictory":
        return [], record or "missing"
    if record.status != "ok":
        said = (record.reason or "").partition(":")[0]
        return [], said if said in {"invalid", "contradictory"} else record.status
    frames = [score for _, score in record.frames]
    if level == "frame" and frames:
        kept = [score for score in frames if _usable(score)]
        return kept, None if kept else "invalid"
    score = pool(frames, rule) if rule and frames else record.fake
    return ([float(score)], None) if score is not None and _usable(score) else ([], "invalid")
