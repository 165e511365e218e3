"""Whether an altered face is whose it should be, and shows what was asked for; checks by a judge and by the truth."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..stats.score import Measurement
from .base import Evidence, Features, Link, Metric
from .sets import fault
from .video import clip_mean

EXPRESSION = (
    *("brow_inner_up", "brow_outer_up", "brow_lower", "lid_raise", "cheek_raise", "lid_tight", "nose_wrinkle"),
    *("upper_lip_raise", "smile", "dimple", "frown", "chin_raise", "lip_press", "jaw_open", "jaw_side", "lip_width"),
    *("lip_round", "lip_part", "blink_left", "blink_right", "gaze_x", "gaze_y"),
)
"""Action units that an expression is read by."""
SHOWN = 0.25
"""Deviations by which an edit must differ from what was there, to count as asked for."""
SEEN = 0.1
"""Share of an edit that an instrument must see in the perfect result, to say anything about others."""

Array = NDArray[Any]


def equal_error_threshold(genuine: Array, impostor: Array) -> float:
    """Return the score at or above which as many impostors are accepted as genuine ones refused, or nearly so."""
    scores = np.unique(np.concatenate([genuine, impostor]))
    refused = np.searchsorted(np.sort(genuine), scores, side="left") / len(genuine)
    accepted = 1.0 - np.searchsorted(np.sort(impostor), scores, side="left") / len(impostor)
    return float(scores[int(np.argmin(np.abs(refused - accepted)))])


class IdentityMatch(Metric):
    """`identity_match`: share of items that show whom they should: the source of a swap, else the person altered.

    An item is compared with the mean of that person's other pictures. It is accepted at the threshold of equal error on
    people of the validation split, each of whose pictures is compared with the mean of the others in the same way.
    """

    def measure(self, evidence: Evidence) -> Measurement:
        """Return the share; each item is 1 or 0."""
        found, real = evidence.synthetic, evidence.real
        reason = fault(found, "synthetic", "identity", 1) or fault(real, "real", "identity", 2)
        if reason or found is None or real is None:
            return _nothing(reason)
        threshold = _threshold(evidence.unseen) or _threshold(evidence.fit)
        if threshold is None:
            return _nothing("no threshold: it needs two people with two pictures in the validation or the train split")
        pictures = People(real)
        accepted: dict[str, float] = {}
        for row, link in _linked(found, evidence.links):
            like = pictures.likeness(found.arrays["identity"][row], link.person or link.cluster, {link.source})
            if like is not None:
                accepted[link.id] = float(like >= threshold)
        remark = f"accepted from a cosine of {threshold:.3f}, of equal error among people of another split"
        return _mean(self, found, accepted, evidence, "no other picture of the person", (remark,))


class People:
    """Real pictures by person, as directions."""

    def __init__(self, real: Features) -> None:
        self.unit = _directions(real.arrays["identity"])
        self.rows: dict[str, list[int]] = {}
        self.ids = real.ids
        for row, person in enumerate(real.clusters):
            self.rows.setdefault(person, []).append(row)

    def likeness(self, vector: Array, person: str, without: set[str]) -> float | None:
        """Return the cosine between a picture and the mean of a person's others; None where there is none."""
        rows = [row for row in self.rows.get(person, ()) if self.ids[row] not in without]
        if not rows:
            return None
        return float(_directions(vector[None])[0] @ _directions(self.unit[rows].mean(0)[None])[0])


def _threshold(real: Features | None) -> float | None:
    if real is None or "identity" not in real.arrays or not len(real):
        return None
    pictures = People(real)
    genuine: list[float] = []
    impostor: list[float] = []
    for row, (name, own) in enumerate(zip(real.ids, real.clusters, strict=True)):
        for person in pictures.rows:
            like = pictures.likeness(pictures.unit[row], person, {name})
            if like is not None:
                (genuine if person == own else impostor).append(like)
    return equal_error_threshold(np.array(genuine), np.array(impostor)) if genuine and impostor else None


class ExpressionError(Metric):
    """`expression_error`: error of action units read off the items, over that of the perfect results; 1 is perfect."""

    def measure(self, evidence: Evidence) -> Measurement:
        """Return the ratio of the mean errors, each in deviations of the action unit."""
        found, truth = evidence.synthetic, evidence.truth
        reason = fault(found, "synthetic", "factors", 1) or fault(truth, "perfect", "factors", 1)
        if reason or found is None or truth is None:
            return _nothing(reason)
        read = [name for name in EXPRESSION if name in found.columns]
        if not read:
            return _nothing("the instrument reads no action units")
        perfect = {name: row for row, name in enumerate(truth.ids)}
        linked = [(row, link) for row, link in _linked(found, evidence.links) if link.id in perfect and link.after]
        if not linked:
            return _nothing("no perfect result: the factors of what was asked for are not known")
        wanted = np.array([[link.after[name] for name in read] for _, link in linked])
        spread = np.maximum(wanted.std(axis=0), 0.05)
        places = [found.columns.index(name) for name in read]
        mine = found.arrays["factors"][[row for row, _ in linked]][:, places].astype(np.float64)
        best = truth.arrays["factors"][[perfect[link.id] for _, link in linked]][:, places].astype(np.float64)
        errors, floor = (np.abs((told - wanted) / spread).mean(axis=1) for told in (mine, best))
        ratio = errors / max(float(floor.mean()), 1e-6)
        values = {link.id: float(value) for (_, link), value in zip(linked, ratio, strict=True)}
        return _mean(self, found, values, evidence, "no perfect result")


class AttributeHit(Metric):
    """`attribute_hit`: share of items that are nearer to the perfect edit than to what was there, along what was asked.

    All three are read by one instrument; edits that ask for what is there already, and those that the instrument does
    not see in the perfect result, do not count.
    """

    def measure(self, evidence: Evidence) -> Measurement:
        """Return the share; each item is 1 or 0."""
        found, real, truth = evidence.synthetic, evidence.real, evidence.truth
        sides = (("synthetic", found), ("real", real), ("perfect", truth))
        reason = next((why for side, one in sides if (why := fault(one, side, "factors", 1))), None)
        if reason or found is None or real is None or truth is None:
            return _nothing(reason)
        before = {name: row for row, name in enumerate(real.ids)}
        after = {name: row for row, name in enumerate(truth.ids)}
        spread = np.maximum(real.arrays["factors"].astype(np.float64).std(axis=0), 1e-6)
        hits: dict[str, float] = {}
        for row, link in _linked(found, evidence.links):
            if link.source not in before or link.id not in after or not link.before:
                continue
            told = (found.arrays["factors"][row], truth.arrays["factors"][after[link.id]])
            was = real.arrays["factors"][before[link.source]]
            asked = np.array([link.after.get(n, 0.0) - link.before.get(n, 0.0) for n in found.columns]) / spread
            moved, best = (float((one.astype(np.float64) - was) / spread @ asked) for one in told)
            power = float(asked @ asked)
            if power >= SHOWN**2 and best >= SEEN * power:
                hits[link.id] = float(moved >= 0.5 * best)
        return _mean(self, found, hits, evidence, "shown already, or not seen")


class TruthGain(Metric):
    """`truth_gain`: how much of the way from the target to the perfect result was gone, by the pixels' errors.

    1 - d(item, perfect) / d(target, perfect), d the root of the mean square: 1 is the perfect result, 0 is as far as
    the untouched target, and below 0 farther. No network has a part in it.
    """

    def measure(self, evidence: Evidence) -> Measurement:
        """Return the mean gain."""
        values: dict[str, float] = {}
        clusters: list[str] = []
        pairs = 0
        for pair in evidence.pairs:
            pairs += 1
            if pair.truth is None or pair.truth.shape != pair.synthetic.shape:
                continue
            whole = _distance(pair.real, pair.truth)
            if whole >= 1.0:  # of 255: less is nothing to go
                values[pair.id] = max(-10.0, 1.0 - _distance(pair.synthetic, pair.truth) / whole)
                clusters.append(pair.cluster)
        shown = Features(ids=tuple(values), clusters=tuple(clusters), arrays={})
        links = tuple(Link(name, cluster, "") for name, cluster in zip(shown.ids, clusters, strict=True))
        word = "no perfect result, or nothing to change"
        return _mean(self, shown, values, Evidence(links=links, seed=evidence.seed), word, missing=pairs - len(values))


def _distance(a: Array, b: Array) -> float:
    return float(np.sqrt(np.mean((a.astype(np.float64) - b) ** 2)))


def _directions(vectors: Array) -> Array:
    vectors = vectors.astype(np.float64)
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12))


def _linked(found: Features, links: tuple[Link, ...]) -> list[tuple[int, Link]]:
    rows = {name: row for row, name in enumerate(found.ids)}
    return [(rows[link.id], link) for link in links if link.id in rows]


def _nothing(reason: str | None) -> Measurement:
    return Measurement(value=None, n=0, reason=reason or "nothing to measure")


def _mean(
    metric: Metric,
    found: Features,
    values: Mapping[str, float],
    evidence: Evidence,
    word: str,
    remarks: tuple[str, ...] = (),
    missing: int | None = None,
) -> Measurement:
    """Return the mean over items; those that have no value are counted under `word`."""
    left_out = len(evidence.links) - len(values) if missing is None else missing
    failures = {word: left_out} if left_out else {}
    if not values:
        return Measurement(value=None, n=0, failures=MappingProxyType(failures), reason=f"of every item: {word}")
    clusters = {link.id: link.cluster for link in evidence.links}
    kept = Features(ids=tuple(values), clusters=tuple(clusters[name] for name in values), arrays={})
    return clip_mean(metric, kept, np.array(list(values.values())), evidence, remarks, failures)
