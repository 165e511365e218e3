"""Lines of a file of scores, and every number that is made from them: in a run, and again in `rescore`.

A line says of one item: `item`, `kind`, `split`, `visual_fake`, `audio_fake`, `cluster` (one label, or a list of one or
two), `status`, `fake`, `frames` ([seconds, P(fake)] each) and `reason`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..canonical import JSON
from ..contracts import ScoreRecord
from ..errors import InputError
from .classification import DECIDED, METRICS, Judged, false_alarms, judge
from .clusters import Floats, Label
from .intake import Asked, Policy, Taken, take
from .score import Measurement
from .thresholds import FIXED, Threshold, Validation, joined, three_thresholds

Line = Mapping[str, JSON]

PRIMARY = "validation"
"""The threshold of the tables that show one."""
THRESHOLDS = ("0.5", PRIMARY, "pooled")
"""Side by side, see `thresholds.py`."""
LEVELS = ("clip", "frame")
GROUPED = ("accuracy", "precision", "recall", "f1", "auc")
"""Measures of groups of systems."""
ALARMS = "false_alarm_rate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """How scores are read."""

    target: str
    """The truth that the detector is scored against: visual, audio or any."""
    missing: Policy = "worst"
    """What becomes of items without a usable score."""
    pooling: str | None = None
    """How frames become one score; None takes the detector's own."""

    @property
    def record(self) -> dict[str, JSON]:
        """What rows must share to be compared."""
        return {"target": self.target, "missing": self.missing, "pooling": self.pooling or "the detector's own"}


def is_fake(line: Line, target: str) -> bool:
    """Return the truth of a line.

    Raises:
        InputError: No such target.
    """
    visual, audio = bool(line["visual_fake"]), bool(line["audio_fake"])
    try:
        return {"visual": visual, "audio": audio, "any": visual or audio}[target]
    except KeyError:
        raise InputError(f"target '{target}'; legal: visual, audio, any") from None


def label_of(cluster: JSON) -> Label:
    """Return the clusters of a line: a label, or a tuple of one or two."""
    return cluster if isinstance(cluster, str) else tuple(str(one) for one in cluster)


def of_split(lines: Sequence[Line], split: str) -> list[Line]:
    """Return the lines of one split; a line that names none is of the test split."""
    return [line for line in lines if line.get("split", "test") == split]


def taken(lines: Sequence[Line], question: Question, level: str = "clip") -> Taken:
    """Return the lines as entries to judge; an entry's item is the number of its line, since sets may share ids."""
    records = [
        ScoreRecord(
            item=str(number),
            status=line["status"],
            fake=line["fake"],
            frames=tuple((float(at), float(score)) for at, score in line["frames"]),
            reason=line["reason"],
        )
        for number, line in enumerate(lines)
    ]
    asked = [
        Asked(item=str(number), fake=is_fake(line, question.target), clusters=label_of(line["cluster"]))
        for number, line in enumerate(lines)
    ]
    return take(
        records, asked, policy=question.missing, rule=question.pooling, level="frame" if level == "frame" else "clip"
    )


def judged(found: Taken, threshold: float, blocks: Sequence[int] | None = None) -> Judged:
    """Return entries as what `judge` reads; `blocks` has one number a line."""
    home = blocks or [0] * (1 + max(map(int, found.items), default=0))
    return Judged(
        fake=found.fake,
        truth=found.truth,
        clusters=found.clusters,
        blocks=tuple(home[int(item)] for item in found.items),
        threshold=threshold,
    )


def validation_of(name: str, lines: Sequence[Line], question: Question) -> Validation:
    """Return the validation items among the lines; those without a usable score do not take part in the choice."""
    found = taken(of_split(lines, "validation"), replace(question, missing="exclude"))
    return Validation(name=name, scores=found.fake, truth=found.truth)


def chosen(
    real: Sequence[Line], own: Mapping[str, Sequence[Line]], others: Mapping[str, Sequence[Line]], question: Question
) -> dict[str, Threshold]:
    """Return the three thresholds of a detector, by name.

    Args:
        real: Lines of the real set, which stands beside every set of fakes.
        own: Name -> lines of the sets that it was trained on.
        others: Name -> lines of the others; those without validation items have no part in the pooled choice.
        question: How scores are read.
    """
    shared = len(validation_of("real", real, question).scores)
    mine, rest = (
        [validation_of(name, [*real, *lines], question) for name, lines in sets.items()] for sets in (own, others)
    )
    found = three_thresholds(joined(mine, shared), [one for one in rest if one.usable])
    return {one.name: one for one in found}


def detection(
    lines: Sequence[Line],
    question: Question,
    thresholds: Mapping[str, Threshold],
    seed: int,
    blocks: Sequence[int] | None = None,
    only: Sequence[str] = METRICS,
) -> dict[str, Measurement]:
    """Return every measure of a test set of real items and fakes, by `level/threshold/measure`.

    Measures that do not depend on a threshold stand under `validation`. Frame level is there where a line has frames.
    """
    measures: dict[str, Measurement] = {}
    for level in LEVELS:
        if level == "frame" and not any(line["frames"] for line in lines):
            continue
        found = taken(lines, question, level)
        for name in THRESHOLDS:
            if name not in thresholds:
                continue
            used = thresholds[name]
            at = FIXED if used.value is None else used.value
            wanted = [metric for metric in only if name == PRIMARY or metric in DECIDED]
            made = judge(judged(found, at, blocks), np.random.default_rng(seed), wanted)
            if used.value is None:
                made |= {metric: _without(made[metric], used) for metric in DECIDED if metric in wanted}
            measures |= {f"{level}/{name}/{metric}": _counted(one, found) for metric, one in made.items()}
    return measures


def of_groups(
    lines: Sequence[Line],
    question: Question,
    thresholds: Mapping[str, Threshold],
    seed: int,
    groups: Mapping[str, str],
) -> dict[str, Measurement]:
    """Return the measures of groups of fakes, each against all real items, by `group clip/threshold/measure`.

    Args:
        lines: Of the real set and of every set of fakes.
        question: How scores are read.
        thresholds: Only the one in `PRIMARY` is used.
        seed: Of the bootstrap.
        groups: Name -> kind, or nothing for any; for the name see `signal_of`.
    """
    real = [line for line in lines if line["kind"] == "real"]
    primary = {name: one for name, one in thresholds.items() if name == PRIMARY}
    measures: dict[str, Measurement] = {}
    for group, kind in groups.items():
        signal = signal_of(group)
        fakes = [
            line
            for line in lines
            if is_fake(line, question.target) and kind in {"", line["kind"]} and signal in {"", _signal(line)}
        ]
        if fakes:
            found = detection([*real, *fakes], question, primary, seed, only=GROUPED)
            clips = {place: one for place, one in found.items() if place.startswith("clip/")}
            measures |= {f"{group} {place}": one for place, one in clips.items()}
    return measures


def signal_of(group: str) -> str:
    """Return what is fake in the items of a group, by its name: `visual and audio fake`; nothing for any."""
    return group.removesuffix(" fake") if group.endswith(" fake") else ""


def _signal(line: Line) -> str:
    return " and ".join(name for name in ("visual", "audio") if line[f"{name}_fake"])


def alarms(
    lines: Sequence[Line],
    question: Question,
    thresholds: Mapping[str, Threshold],
    blocks: Sequence[int] | None = None,
) -> dict[str, Measurement]:
    """Return the share of items taken for fake, of a set in which none is, by `clip/threshold/false_alarm_rate`."""
    found, measures = taken(lines, question), {}
    for name, used in thresholds.items():
        rate = false_alarms(judged(found, FIXED if used.value is None else used.value, blocks))
        if used.value is None:
            rate = _without(rate, used)
        measures[f"clip/{name}/{ALARMS}"] = _counted(rate, found)
    return measures


def _without(made: Measurement, missing: Threshold) -> Measurement:
    reason = made.reason or f"no threshold: {missing.reason}"
    return replace(made, value=None, interval=None, replicates=(), flags=(), reason=reason)


def _counted(made: Measurement, found: Taken) -> Measurement:
    """Add what was wrong with the lines; at frame level no item is counted twice."""
    return replace(made, failures={**made.failures, **found.failures})


def scores_of(found: Taken, count: int) -> Floats:
    """Return the scores of clip-level entries by line, (count,), NaN where a line has none."""
    scores = np.full(count, np.nan)
    scores[[int(item) for item in found.items]] = found.fake
    return scores
