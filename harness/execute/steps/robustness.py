"""Steps that compare what was measured under a condition with the clean set: shift and retain."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from ...canonical import JSON, digest_of
from ...media.mediaset import MediaSet
from ...stats.blocks import FEWEST
from ...stats.intervals import jackknife_interval
from ...stats.retention import Answers, retained
from ...stats.score import Measurement
from ..step import Outcome, Step
from .measures import measurement_record

_PRIMARY = "validation"
"""The threshold of decisions under conditions: chosen on clean validation items."""


def shift(step: Step) -> Outcome:
    """Compare a metric under a condition with the same metric on the clean set."""
    clean, cell = (_record(step.inputs[role]) for role in ("clean", "cell"))
    empty = why_empty(step.set("set"))
    if cell["value"] is None and empty:
        cell = {**cell, "reason": empty}
    records = {"value": cell, "change": _difference(clean, cell)}
    return _outcome(step, records)


def _record(folder: Path) -> dict[str, JSON]:
    record: dict[str, JSON] = json.loads((folder / "measurement.json").read_text(encoding="utf-8"))
    return record


def _difference(clean: Mapping[str, JSON], cell: Mapping[str, JSON]) -> dict[str, JSON]:
    """Return cell - clean; where both left out the same blocks, with the jackknife's interval of the difference."""
    n = int(cell["n"])
    if clean["value"] is None or cell["value"] is None:
        reason = str(cell["reason"] or f"clean: {clean['reason']}")
        return measurement_record(Measurement(value=None, n=n, reason=reason), {})
    value = float(cell["value"]) - float(clean["value"])
    pairs = list(zip(cell["replicates"], clean["replicates"], strict=False))
    interval, flags = None, []
    if len(cell["replicates"]) == len(clean["replicates"]) >= FEWEST:
        replicates = [float(mine) - float(theirs) for mine, theirs in pairs]
        interval = jackknife_interval(value, replicates, about="at-n", cluster=_cluster(cell))
    if interval is None:
        flags = ["no interval: the two do not share blocks of people"]
    found = Measurement(value=value, interval=interval, n=n, n_real=int(cell["n_real"]), flags=tuple(flags))
    return measurement_record(found, dict(cell["failures"]))


def _cluster(record: Mapping[str, JSON]) -> str:
    return str(dict(record["interval"] or {}).get("cluster", "item"))


def retain(step: Step) -> Outcome:
    """Compare a detector's scores under one condition, at one severity or several, with those of the clean items."""
    cells = [str(place) for place in range(int(step.key["cells"]))]
    read = {role: _answers(step, role) for role in ("clean", *cells)}
    generator = np.random.default_rng(int(step.key["seed"]))
    found = retained(read["clean"], {cell: read[cell] for cell in cells}, _threshold(step), generator)
    records = {}
    for name, one in found.items():
        record = measurement_record(one, {})
        cell = name.partition("/")[0]
        empty = why_empty(step.set(f"{cell}-set")) if cell in cells and one.value is None else None
        records[name] = {**record, "reason": empty or record["reason"]}
    return _outcome(step, records)


def why_empty(media: MediaSet) -> str | None:
    """Return why a set under a condition has no item at all, or None."""
    if len(media) or not media.missed:
        return None
    failures = [missed.failure for missed in media.missed]
    first = next((one for one in failures if one.kind == "empty"), failures[0])
    return f"empty: {first.message.removeprefix(f'{first.request_id}: ')}"


def _threshold(step: Step) -> float:
    if "thresholds" in step.inputs:
        chosen = json.loads((step.inputs["thresholds"] / "thresholds.json").read_text(encoding="utf-8"))
        return float(chosen[_PRIMARY]["value"])
    stored = json.loads((step.inputs["detector"] / "threshold.json").read_text(encoding="utf-8"))
    return float(stored["threshold"])


def _answers(step: Step, cell: str) -> Answers:
    """Return what the detector said of the test items of a cell, real ones first."""
    own = "anew " if step.key["anew"] and cell != "clean" else ""  # requests are numbered alike, whatever they are for
    rows = [
        (f"{own}{side} {line['item']}", line) for side in ("real", "fake") for line in _lines(step, f"{cell}-{side}")
    ]
    worst = step.key["missing"] == "worst"
    kept = [(name, line) for name, line in rows if worst or line["status"] == "ok"]
    truth = [_is_fake(line, str(step.key["target"])) for _, line in kept]
    scores = [
        float(line["fake"]) if line["status"] == "ok" else float(not fake)
        for (_, line), fake in zip(kept, truth, strict=True)
    ]
    return Answers(
        ids=tuple(name for name, _ in kept),
        fake=np.array(scores, dtype=np.float64),
        truth=np.array(truth, dtype=bool),
        clusters=tuple(
            line["cluster"] if isinstance(line["cluster"], str) else tuple(line["cluster"]) for _, line in kept
        ),
    )


def _lines(step: Step, role: str) -> Iterator[Mapping[str, JSON]]:
    for line in (step.inputs[role] / "scores.jsonl").read_text(encoding="utf-8").splitlines():
        record = json.loads(line) if line else None
        if record and record.get("split", "test") == "test":
            yield record


def _is_fake(line: Mapping[str, JSON], target: str) -> bool:
    visual, audio = bool(line["visual_fake"]), bool(line["audio_fake"])
    return {"visual": visual, "audio": audio, "any": visual or audio}[target]


def _outcome(step: Step, records: Mapping[str, JSON]) -> Outcome:
    (step.out / "measurement.json").write_text(json.dumps(records, allow_nan=False), encoding="utf-8")
    return Outcome(output=digest_of(records), facts={"measurements": dict(records)})
