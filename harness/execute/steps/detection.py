"""Steps around detectors: train, detect (or take scores made elsewhere), choose thresholds, evaluate."""

import datetime
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from ...canonical import JSON, canonical, digest_of
from ...cards import DetectorCard
from ...connect.weights import digest_of_weights
from ...contracts import Detector, ScoreRecord
from ...errors import InputError, RefusedError
from ...media.item import Item, Split
from ...media.mediaset import MediaSet
from ...registry import load_class
from ...safeguards.consent import read_consents
from ...safeguards.gate import why_not_learn, why_not_taught
from ...stats.blocks import blocks_by_id
from ...stats.clusters import Label
from ...stats.intake import STRAYS, settle
from ...stats.lines import Line, Question, alarms, chosen, detection, of_groups, of_split
from ...stats.score import Measurement
from ...stats.score_file import read_score_file
from ...stats.thresholds import Threshold
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
        _refuse(step, detector.card.name, sets)
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


def _refuse(step: Step, name: str, sets: Sequence[MediaSet]) -> None:
    """Raise RefusedError if terms or consents of the real people in the sets speak against learning from them."""
    day = datetime.datetime.now(tz=datetime.UTC).date()
    consents = read_consents(Path(str(step.task["consents"]))) if "consents" in step.task else ()
    for media in sets:
        if media.card.terms.people != "real":
            continue
        learnt = [item for item in media if item.split in {Split.TRAIN, Split.VALIDATION}]
        reason = why_not_learn(name, media.card.terms) or why_not_taught(learnt, name, consents, day, sets[0].card.name)
        if reason:
            raise RefusedError(reason)


def detect(step: Step) -> Outcome:
    """Score the test items of a set with a trained detector, and the validation items, which thresholds rest on."""
    detector = build_detector(step)
    detector.load(step.inputs["detector"] / "weights")
    items = _to_score(step.set("set"))
    records: list[ScoreRecord] = []
    for record in detector.score(items, step.context(int(step.key["seed"]))):
        records.append(record)
        step.progress(len(records) / max(len(items), 1), f"{len(records)} of {len(items)} items")
    return _write_lines(step, items, records)


def import_scores(step: Step) -> Outcome:
    """Take the scores of a set's items from a file that was made elsewhere."""
    items = _to_score(step.set("set"))
    names = dict(step.key["names"])
    others = {str(names[role]): {i.id for i in _to_score(step.set(role))} for role in step.inputs if role != "set"}
    given = read_score_file(Path(str(step.task["path"])))
    return _write_lines(step, items, given.of_system(str(names["set"]), {item.id for item in items}, others))


def _to_score(media: MediaSet) -> tuple[Item, ...]:
    return (*media.select(Split.TEST), *media.select(Split.VALIDATION))


def _write_lines(step: Step, items: Sequence[Item], records: Iterable[ScoreRecord]) -> Outcome:
    """Write one line for each item, whatever was handed in, and count what was handed in besides."""
    settled, strays = settle(records, [item.id for item in items])
    rows = [_line(item, record) for item, record in zip(items, settled, strict=True)]
    lines = [canonical(row) for row in rows]
    (step.out / "scores.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    (step.out / "strays.json").write_text(json.dumps(strays), encoding="utf-8")
    errors = sum(row["status"] != "ok" for row in rows)
    return Outcome(output=digest_of([lines, strays]), facts={"items": len(rows), "errors": errors, "strays": strays})


def clusters_of(item: Item) -> Label:
    """Return what resampling keeps whole: two people where one gave the face and another the body."""
    source = item.clusters.get("source_identity")
    return item.cluster if source in {None, item.cluster} else (item.cluster, str(source))


def _line(item: Item, record: ScoreRecord) -> dict[str, JSON]:
    labels = clusters_of(item)
    return {
        **record.record(),
        "visual_fake": item.visual_fake,
        "audio_fake": item.audio_fake,
        "cluster": labels if isinstance(labels, str) else list(labels),
        "kind": str(item.kind),
        "split": str(item.split),
    }


def threshold(step: Step) -> Outcome:
    """Choose the thresholds of a detector from its scores of validation items."""
    names = dict(step.key["names"])
    sets = {role: read_lines(folder) for role, folder in sorted(step.inputs.items())}
    own = {str(names[role]): lines for role, lines in sets.items() if role.startswith("own")}
    others = {str(names[role]): lines for role, lines in sets.items() if role.startswith("other")}
    found = chosen(sets["real"], own, others, question_of(step.key))
    records = {name: asdict(one) for name, one in found.items()}
    (step.out / "thresholds.json").write_text(json.dumps(records, allow_nan=False), encoding="utf-8")
    facts: dict[str, JSON] = {"thresholds": records, "own": list(own), "others": list(others)}
    return Outcome(output=digest_of(facts), facts=facts)


def question_of(key: Mapping[str, JSON]) -> Question:
    """Return how a unit reads scores."""
    return Question(target=str(key["target"]), missing=key["missing"], pooling=key["pooling"])


def read_lines(folder: Path) -> list[Line]:
    """Read what `detect` wrote."""
    text = (folder / "scores.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines() if line]


def evaluate(step: Step) -> Outcome:
    """Compare a detector's scores with the truth: on real and synthetic test items together, or false alarms alone."""
    stored = json.loads((step.inputs["thresholds"] / "thresholds.json").read_text(encoding="utf-8"))
    thresholds = {name: Threshold(**record) for name, record in stored.items()}
    lines, blocks = _test_lines(step)
    question = question_of(step.key)
    if step.key["form"] == "false_alarms":
        found = alarms(lines, question, thresholds, blocks)
    elif step.key["form"] == "groups":
        found = of_groups(lines, question, thresholds, int(step.key["seed"]), dict(step.key["groups"]))
    else:
        found = detection(lines, question, thresholds, int(step.key["seed"]), blocks)
    flags = _stray_flags(step)
    records = {name: _record(one, flags) for name, one in found.items()}
    (step.out / "measurement.json").write_text(json.dumps(records, allow_nan=False), encoding="utf-8")
    facts: dict[str, JSON] = {"measurements": records, "expected": len(lines)}
    return Outcome(output=digest_of(facts), facts=facts)


def _record(found: Measurement, flags: Sequence[str]) -> dict[str, JSON]:
    record = measurement_record(found, {})
    return {**record, "flags": [*record["flags"], *flags]}


def _stray_flags(step: Step) -> list[str]:
    counts: dict[str, int] = {}
    for role, folder in step.inputs.items():
        if role.startswith(("real", "synthetic")) and (folder / "strays.json").is_file():
            for name, count in json.loads((folder / "strays.json").read_text(encoding="utf-8")).items():
                counts[name] = counts.get(name, 0) + int(count)
    flags = [f"{count} {STRAYS[name]}" for name, count in sorted(counts.items())]
    gone = [str(name) for role, name in dict(step.key.get("names", {})).items() if role not in step.inputs]
    return [*flags, f"without {', '.join(gone)}, which failed"] if gone else flags


def _test_lines(step: Step) -> tuple[list[Line], list[int] | None]:
    """Return the test lines, real ones first, with the block of each where there is one synthetic set at most."""
    roles = [role for role in sorted(step.inputs) if role == "real" or role.startswith("synthetic-")]
    lines = {role: of_split(read_lines(step.inputs[role]), "test") for role in roles}
    if "real_set" not in step.inputs:
        return [line for part in lines.values() for line in part], None
    real = step.set("real_set").labels(Split.TEST)
    synthetic = step.set("synthetic_set").labels(Split.TEST) if "synthetic_set" in step.inputs else {}
    mine, theirs = blocks_by_id(synthetic or real, real)
    homes = [(theirs if role == "real" else mine)[str(line["item"])] for role, part in lines.items() for line in part]
    return [line for part in lines.values() for line in part], homes
