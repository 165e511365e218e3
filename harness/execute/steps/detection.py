"""Steps around detectors: train, detect and evaluate."""

import json
from collections.abc import Iterator, Mapping

import numpy as np

from ...canonical import JSON, canonical, digest_of
from ...cards import DetectorCard
from ...connect.weights import digest_of_weights
from ...contracts import Detector, ScoreRecord
from ...errors import InputError
from ...media.item import Item, Split
from ...registry import load_class
from ...stats.blocks import blocks_by_id
from ...stats.classification import Judged, false_alarms, judge
from ..step import Outcome, Step
from .measures import measurement_record


def build_detector(step: Step) -> Detector:
    """Import the detector's class and build it."""
    card = DetectorCard.model_validate(step.key["card"])
    found = load_class(str(step.task["spec"]), Detector)
    built = found(card, dict(step.key["parameters"]))
    if not isinstance(built, Detector):
        raise InputError(f"{step.task['spec']} is not a fauxbench.Detector")
    return built


def is_fake(item: Item, target: str) -> bool:
    """Return the truth that a detector with this target is scored against."""
    return {"visual": item.visual_fake, "audio": item.audio_fake, "any": item.visual_fake or item.audio_fake}[target]


def train(step: Step) -> Outcome:
    """Train a detector on the train split; checkpoint and threshold are chosen on the validation split."""
    detector = build_detector(step)
    if detector.card.fits:
        sets = [step.set(role) for role in sorted(step.inputs)]
        chosen = {
            split: [item for media in sets for item in media.select(split)] for split in (Split.TRAIN, Split.VALIDATION)
        }
        for split, items in chosen.items():
            truths = {is_fake(item, detector.card.target) for item in items}
            if len(truths) < 2:
                have = "no items" if not truths else f"only {'fake' if truths.pop() else 'real'} items"
                raise InputError(f"detector '{detector.card.name}': the {split} split has {have}; it needs both")
        detector.fit(chosen[Split.TRAIN], chosen[Split.VALIDATION], step.context(int(step.key["seed"])))
    weights = step.out / "weights"
    weights.mkdir()
    detector.save(weights)
    threshold = float(detector.threshold)
    (step.out / "threshold.json").write_text(
        json.dumps({"threshold": threshold, "chosen_on": str(Split.VALIDATION)}), encoding="utf-8"
    )
    return Outcome(output=digest_of([digest_of_weights(weights), threshold]), facts={"threshold": threshold})


def detect(step: Step) -> Outcome:
    """Score the test items of a set with a trained detector."""
    detector = build_detector(step)
    detector.load(step.inputs["detector"] / "weights")
    items = step.set("set").select(Split.TEST)
    records: dict[str, ScoreRecord] = {}
    for record in detector.score(items, step.context(int(step.key["seed"]))):
        records[record.item] = record
        step.progress(len(records) / max(len(items), 1), f"{len(records)} of {len(items)} items")
    rows = [_checked(item, records.get(item.id)) for item in items]
    lines = [canonical(row) for row in rows]
    (step.out / "scores.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    errors = sum(row["status"] != "ok" for row in rows)
    return Outcome(output=digest_of(lines), facts={"items": len(rows), "errors": errors})


def _checked(item: Item, record: ScoreRecord | None) -> dict[str, JSON]:
    """Return a score row; a score that is no probability is an error of the detector, not a number."""
    if record is None:
        record = ScoreRecord(item=item.id, status="missing", reason="the detector gave no score")
    elif record.status == "ok" and not (record.fake is not None and 0 <= record.fake <= 1):
        record = ScoreRecord(item=item.id, status="error", reason=f"P(fake) must lie in [0, 1], found {record.fake!r}")
    truth = {"visual_fake": item.visual_fake, "audio_fake": item.audio_fake}
    return {**record.record(), **truth, "cluster": item.cluster, "kind": str(item.kind)}


def evaluate(step: Step) -> Outcome:
    """Compare a detector's scores with the truth: on real and synthetic test items together, or false alarms alone."""
    threshold = json.loads((step.inputs["detector"] / "threshold.json").read_text(encoding="utf-8"))["threshold"]
    target, missing = str(step.key["target"]), str(step.key["missing"])
    judged, expected, failures = _judged(step, target, missing, float(threshold))
    generator = np.random.default_rng(int(step.key["seed"]))
    if step.key["form"] == "false_alarms":
        found = {"false_alarm_rate": false_alarms(judged)}
    else:
        found = judge(judged, generator)
    records = {name: measurement_record(one, failures) for name, one in found.items()}
    (step.out / "measurement.json").write_text(json.dumps(records, allow_nan=False), encoding="utf-8")
    facts: dict[str, JSON] = {"measurements": records, "expected": expected}
    return Outcome(output=digest_of(facts), facts=facts)


def _judged(step: Step, target: str, missing: str, threshold: float) -> tuple[Judged, int, dict[str, int]]:
    failures: dict[str, int] = {}
    fake: list[float] = []
    rows: list[dict[str, JSON]] = []
    blocks: list[int] = []
    for row, block in _scores(step):
        if row["status"] != "ok":
            failures[row["status"]] = failures.get(row["status"], 0) + 1
            if missing != "worst":
                continue
        worst = 0.0 if _truth(row, target) else 1.0
        fake.append(float(row["fake"]) if row["status"] == "ok" else worst)
        rows.append(row)
        blocks.append(block)
    judged = Judged(
        fake=np.array(fake, dtype=np.float64),
        truth=np.array([_truth(row, target) for row in rows], dtype=bool),
        clusters=tuple(str(row["cluster"]) for row in rows),
        blocks=tuple(blocks),
        threshold=threshold,
    )
    return judged, len(rows), failures


def _truth(row: Mapping[str, JSON], target: str) -> bool:
    visual, audio = bool(row["visual_fake"]), bool(row["audio_fake"])
    return {"visual": visual, "audio": audio, "any": visual or audio}[target]


def _scores(step: Step) -> Iterator[tuple[dict[str, JSON], int]]:
    """Yield every score row with the block of its item, real items first."""
    real = step.set("real_set").labels(Split.TEST)
    synthetic = step.set("synthetic_set").labels(Split.TEST) if "synthetic_set" in step.inputs else {}
    mine, theirs = blocks_by_id(synthetic or real, real)
    for role, block in (("real", theirs), ("synthetic", mine)):
        if role in step.inputs:
            lines = (step.inputs[role] / "scores.jsonl").read_text(encoding="utf-8").splitlines()
            yield from ((row, block[row["item"]]) for row in map(json.loads, filter(None, lines)))
