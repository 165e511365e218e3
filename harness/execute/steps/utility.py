"""Steps of the downstream task: label synthetic pictures, learn, and say what it was good for.

Synthetic pictures are labelled by the rule of their system. `own`: by themselves, where the label says who somebody is.
`target`: of augmented real items, by what they were made from, because light, background and resolution alone differ.
`labeller`: by a classifier that has learnt from the same real pictures that they are put beside: nobody else knows
what they show, and so what is gained is what the pictures add to labels that are there already.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...canonical import JSON, digest_of
from ...errors import InputError
from ...media.item import Item, Split
from ...stats.auc import area_difference
from ...stats.blocks import FEWEST
from ...stats.compare import Difference
from ...stats.lines import of_split, scores_of, taken
from ...stats.score import Interval, Measurement
from ...stats.utility import Told, Worth, accuracy, gain, worth
from ..step import Outcome, Step
from .detection import clusters_of, question_of, read_lines
from .learner import Lessons, teach, tell
from .lessons import PEOPLE, Course, course, lessons, reader
from .measures import measurement_record

LABELLER = 1_000
"""Training seed of the labeller, which no classifier has."""


def label(step: Step) -> Outcome:
    """Say what each synthetic picture of the train split shows, in the order of the set; None where nobody knows."""
    real, made = step.set("real"), step.set("synthetic").select(Split.TRAIN)
    key = step.key
    plan = _course(step)
    rule, said = str(key["rule"]), dict[str, str | None]()
    if rule == "labeller":
        size = int(key["size"])
        known, _ = lessons(plan.share(float(key["real"])), plan.classes, size)
        network = teach(known, len(plan.classes), int(key["steps"]), (int(key["seed"]), LABELLER))
        unknown = [(item, plan.classes[0]) for item in made]
        shown, items = lessons(unknown, plan.classes, size)
        answers = tell(network, shown.pictures)
        said = {item.id: plan.classes[one] for item, one in zip(items, answers.tolist(), strict=True)}
    else:
        tested = {item.id for item, _ in plan.test}
        read, sources = reader(real, str(key["label"]), key["above"]), {item.id: item for item in real}
        for item in made:
            if tested & set(item.sources):
                continue  # it shows a picture that is tested
            source = sources.get(item.sources[0]) if item.sources else None
            found = _person(item, str(key["label"])) if rule == "own" else read(source) if source else None
            said[item.id] = found if found in plan.classes else None
    labels = {item.id: said.get(item.id) for item in made}
    if not any(labels.values()):
        raise InputError(f"nobody knows the {key['label']} of its pictures: none carries it")
    (step.out / "labels.json").write_text(json.dumps(labels), encoding="utf-8")
    return Outcome(output=digest_of(labels), facts={"labelled": sum(one is not None for one in labels.values())})


def _person(item: Item, name: str) -> str | None:
    """Return who can be seen: of a swap, the person who was put in."""
    return item.clusters.get("source_identity") or item.clusters.get(name) if name in PEOPLE else None


def _course(step: Step) -> Course:
    key = step.key
    return course(step.set("real"), str(key["label"]), key["above"], int(key["seed"]))


def learn(step: Step) -> Outcome:
    """Train the classifier, several times, and write which test items each one told right."""
    key, plan = step.key, _course(step)
    size, steps = int(key["size"]), int(key["steps"])
    parts: list[Lessons] = []
    counts = {"real": 0, "synthetic": 0}
    share, base = float(key["real"]), len(plan.share(float(key["base"])))
    if share:
        found, items = lessons(plan.share(share), plan.classes, size)
        parts, counts["real"] = [found], len(items)
    if "labels" in step.inputs:
        wanted = max(1, round(float(key["ratio"]) * base))
        found, items = lessons(_labelled(step)[:wanted], plan.classes, size)
        parts, counts["synthetic"] = [*parts, found], len(items)
        counts["asked"] = wanted
    taught = parts[0] if len(parts) == 1 else parts[0] + parts[1]
    if len(np.unique(taught.classes)) < 2:
        raise InputError("all that it would learn from is of one class")
    tests, tested = lessons(plan.test, plan.classes, size)
    right = []
    for seed in range(int(key["seeds"])):
        network = teach(taught, len(plan.classes), steps, (int(key["seed"]), seed))
        right.append((tell(network, tests.pictures) == tests.classes).astype(int).tolist())
        step.progress((seed + 1) / int(key["seeds"]), f"training {seed + 1} of {key['seeds']}")
    labels = [clusters_of(item) for item in tested]
    record: dict[str, JSON] = {
        "right": right,
        "classes": tests.classes.tolist(),
        "clusters": [one if isinstance(one, str) else list(one) for one in labels],
        "counts": counts,
        "names": list(plan.classes),
        "held_out": plan.held_out,
    }
    (step.out / "told.json").write_text(json.dumps(record), encoding="utf-8")
    told = _told(record)
    measured = {f"{seed}/accuracy": _accuracy(told, seed, record) for seed in range(len(right))}
    return Outcome(output=digest_of(record), facts={"measurements": measured, "counts": counts})


def _labelled(step: Step) -> list[tuple[Item, str]]:
    labels = json.loads((step.inputs["labels"] / "labels.json").read_text(encoding="utf-8"))
    made = step.set("synthetic").select(Split.TRAIN)
    return [(item, str(labels[item.id])) for item in made if labels.get(item.id) is not None]


def _accuracy(told: Told, seed: int, record: Mapping[str, Any]) -> dict[str, JSON]:
    found = measurement_record(accuracy(told, seed), {})
    counts, flags = record["counts"], []
    if counts["synthetic"] < counts.get("asked", 0):
        flags.append(f"only {counts['synthetic']} of {counts['asked']} synthetic pictures there with a label")
    if record["held_out"]:
        flags.append("tested on held-out pictures of the train split, which holds the people that it tells apart")
    return {**found, "flags": flags}


def _told(record: Mapping[str, Any]) -> Told:
    return Told(
        right=np.array(record["right"], dtype=bool),
        classes=np.array(record["classes"], dtype=np.intp),
        labels=tuple(one if isinstance(one, str) else tuple(one) for one in record["clusters"]),
        real=int(record["counts"]["real"]),
        synthetic=int(record["counts"]["synthetic"]),
    )


def _read(folder: Path) -> Told:
    return _told(json.loads((folder / "told.json").read_text(encoding="utf-8")))


def gained(step: Step) -> Outcome:
    """Say what was gained over the real pictures alone, and how many of them it was worth."""
    base, other = _read(step.inputs["base"]), _read(step.inputs["other"])
    curve = [_read(step.inputs[role]) for role in sorted(step.inputs) if role.startswith("curve-")]
    n = other.right.shape[1]
    try:
        found = _of_difference(gain(base, other), int(step.key["family"]), n, other.real)
    except ValueError as error:
        found = measurement_record(Measurement(value=None, n=n, reason=f"cannot be tested: {error}"), {})
    read = worth(curve, other, np.random.default_rng(int(step.key["seed"])))
    records = {"gain": found, "worth": measurement_record(_of_worth(read, n, other.real), {})}
    return _measured(step, records)


def _of_difference(found: Difference, family: int, n: int, n_real: int) -> dict[str, JSON]:
    """Return a difference with what would be found with 80 % power in a table of `family` rows."""
    method = f"paired jackknife-{found.blocks}"
    if found.about == "recipe":
        method = f"{found.seeds[1]} trainings and {method}"
    ends = found.interval
    interval = Interval(low=ends[0], high=ends[1], method=method, cluster="cluster") if ends else None
    flags = tuple(filter(None, (found.remark,)))
    made = Measurement(value=found.value, interval=interval, n=n, n_real=n_real, flags=flags)
    return {**measurement_record(made, {}), "p": found.p, "detectable": found.detectable(0.05 / family)}


def _of_worth(found: Worth, n: int, n_real: int) -> Measurement:
    interval = None
    if found.low is not None and found.high is not None:
        interval = Interval(low=found.low, high=found.high, method="bootstrap over trainings and", cluster="cluster")
    return Measurement(value=found.value, interval=interval, n=n, n_real=n_real, flags=found.flags, reason=found.reason)


def taught_detector(step: Step) -> Outcome:
    """Say what a detector gained by also learning from some systems: AUC on all others, with them less without them."""
    question = question_of(step.key)
    roles = sorted(role.removeprefix("with-") for role in step.inputs if role.startswith("with-"))
    scores, truth, labels = [], list[bool](), list[Any]()
    for side in ("without", "with"):
        lines = [line for role in roles for line in of_split(read_lines(step.inputs[f"{side}-{role}"]), "test")]
        found = taken(lines, question)
        scores.append(scores_of(found, len(lines)))
        known = dict(zip(map(int, found.items), zip(found.truth.tolist(), found.clusters, strict=True), strict=True))
        if side == "without":
            truth = [known.get(place, (False, ""))[0] for place in range(len(lines))]
            labels = [known.get(place, (False, str(place)))[1] for place in range(len(lines))]
    both = np.isfinite(scores[0]) & np.isfinite(scores[1])
    fake, kept = np.array(truth)[both], [one for one, used in zip(labels, both, strict=True) if used]
    n, n_real = int(fake.sum()), int((~fake).sum())
    try:
        found_area = area_difference(scores[0][both], scores[1][both], fake, kept)
    except ValueError as error:
        record = measurement_record(Measurement(value=None, n=n, n_real=n_real, reason=str(error)), {})
        return _measured(step, {"auc_gain": record})
    record = _of_difference(found_area, int(step.key["family"]), n, n_real)
    if record["interval"]:
        record["interval"] |= {"method": "clustered delong, paired"}
    if min(len(set(map(str, np.array(kept, dtype=object)[fake == one]))) for one in (True, False)) < FEWEST:
        record |= {"interval": None, "flags": [f"no interval: fewer than {FEWEST} clusters in a class"]}
    return _measured(step, {"auc_gain": record})


def _measured(step: Step, records: Mapping[str, JSON]) -> Outcome:
    (step.out / "measurement.json").write_text(json.dumps(records, allow_nan=False), encoding="utf-8")
    facts: dict[str, JSON] = {"measurements": dict(records)}
    return Outcome(output=digest_of(facts), facts=facts)
