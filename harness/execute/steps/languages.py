"""Steps about languages: what is measured, said language by language, and tonal languages against the others."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ...canonical import JSON, digest_of
from ...datasets.studio.speech.tones import toned
from ...errors import InputError, MediaError
from ...media.content import SoundMedia
from ...media.item import Item, Split
from ...media.read import DIGEST_RATE, read_sound
from ...metrics import load_metric
from ...metrics.base import Evidence, Features
from ...metrics.sets import cluster_name
from ...metrics.tone_accuracy import SPOILT, tone_accuracies
from ...metrics.tone_classes import Syllable, matched, syllables_of
from ...stats.blocks import FEWEST
from ...stats.intervals import cluster_bootstrap
from ...stats.languages import Tones, rows_of
from ...stats.languages import contrast_languages as contrast
from ...stats.lines import detection, of_split
from ...stats.score import Interval, Measurement
from ...stats.thresholds import Threshold
from ..step import Outcome, Step
from .detection import question_of, read_lines
from .measures import measurement_record, read_features

CONTRAST = "difference in differences"
NONE_HERE = "no item in this language"
IN_STEP = 0.02
"""Seconds by which a sound may be longer or shorter than what it was made of; a frame of F0 is 0.01."""


def by_language(step: Step) -> Outcome:
    """Say for each language what a metric gives: the mean of its items, or the metric over them alone."""
    spoken = _languages(step.set("set").select(Split.TEST))
    found: dict[str, Measurement] = {}
    items: Mapping[str, float] = {}
    if step.key["form"] != "set":
        items = json.loads((step.inputs["measured"] / "measurement.json").read_text(encoding="utf-8"))["items"]
    for code in step.key["languages"]:
        mine = spoken.get(code, ())
        found[code] = _of_set(step, mine, code) if step.key["form"] == "set" else _mean(step, mine, items)
    return _measured(step, found)


def _mean(step: Step, mine: Sequence[Item], items: Mapping[str, float]) -> Measurement:
    return _mean_of({i.id: items[i.id] for i in mine if i.id in items}, mine, int(step.key["seed"]))


def _mean_of(values: Mapping[str, float], asked: Sequence[Item], seed: int) -> Measurement:
    """Return a mean over items, with a bootstrap over people, and how many gave no value."""
    lost = len(asked) - len(values)
    flags = (f"{lost} of {len(asked)} items gave no value",) if lost else ()
    if not values:
        return Measurement(value=None, n=0, reason=flags[0] if flags else NONE_HERE)
    clusters = [item.cluster for item in asked if item.id in values]
    array = np.fromiter((values[item.id] for item in asked if item.id in values), np.float64, len(values))
    ends = cluster_bootstrap(array, clusters, np.random.default_rng(seed), cluster=cluster_name(clusters))
    flags = flags if ends else (*flags, f"no interval: fewer than {FEWEST} clusters")
    return Measurement(value=float(array.mean()), interval=ends, n=len(values), flags=flags)


def _of_set(step: Step, mine: Sequence[Item], code: str) -> Measurement:
    """Return a metric over the items of one language, against the real ones of the same."""
    if not mine:
        return Measurement(value=None, n=0, reason=NONE_HERE)
    real = _languages(step.set("real_set").select(Split.TEST)).get(code, ())
    evidence = Evidence(
        synthetic=_chosen(step.inputs["synthetic"], mine),
        real=_chosen(step.inputs["real"], real),
        seed=int(step.key["seed"]),
    )
    return replace(load_metric(str(step.key["metric"])).measure(evidence), replicates=())


def _chosen(folder: Path, items: Sequence[Item]) -> Features:
    found, _ = read_features(folder, Split.TEST)
    names = {item.id for item in items}
    return found.take(np.array([row for row, name in enumerate(found.ids) if name in names], dtype=np.intp))


def languages_detected(step: Step) -> Outcome:
    """Say for each language how well a detector tells its fakes from its real items, at the threshold for all."""
    stored = json.loads((step.inputs["thresholds"] / "thresholds.json").read_text(encoding="utf-8"))
    thresholds = {"validation": Threshold(**stored["validation"])}
    sides = (("real", "real_set"), ("synthetic", "set"))
    lines = {role: of_split(read_lines(step.inputs[role]), "test") for role, _ in sides}
    spoken = {role: {i.id: i.language for i in step.set(where)} for role, where in sides}
    found: dict[str, Measurement] = {}
    for code in step.key["languages"]:
        mine = {role: [line for line in lines[role] if spoken[role].get(str(line["item"])) == code] for role in lines}
        if not all(mine.values()):
            found |= {f"{code}/{name}": Measurement(value=None, n=0, reason=NONE_HERE) for name in ("auc", "accuracy")}
            continue
        both = [line for part in mine.values() for line in part]
        asked = question_of(step.key), thresholds, int(step.key["seed"])
        made = detection(both, *asked, only=("auc", "accuracy"))
        found |= {
            f"{code}/{name}": replace(made[f"clip/validation/{name}"], replicates=()) for name in ("auc", "accuracy")
        }
    return _measured(step, found)


def synthesiser_tones(step: Step) -> Outcome:
    """Say for each tonal language how well a classifier tells the tones of the real set, and of spoilt copies."""
    spoken = _languages(step.set("real_set").select(Split.TEST))
    generator = np.random.default_rng([int(step.key["seed"]), 2])
    found: dict[str, Measurement] = {}
    for code in step.key["languages"]:
        mine = [item for item in spoken.get(code, ()) if syllables_of(item.facts, code)]
        told = {item.id: _accuracies(item, code, generator) for item in mine}
        for name in ("", "_flattened", "_shuffled"):
            values = {item: values[name] for item, values in told.items() if values}
            found[f"{code}/tone_accuracy{name}"] = _mean_of(values, mine, int(step.key["seed"]))
    return _measured(step, found)


def tones_of_text(step: Step) -> Outcome:
    """Say for each tonal language how well the tones of texts are told in what a system made of them.

    The truth is what eSpeak NG says of the text in the voice that the system began with: its tones, at its times.
    """
    spoken = _languages(step.set("set").select(Split.TEST))
    generator = np.random.default_rng([int(step.key["seed"]), 2])
    found: dict[str, Measurement] = {}
    for code in step.key["languages"]:
        mine = spoken.get(code, [])
        told = {item.id: _accuracies(item, code, generator, of_text=True) for item in mine}
        values = {item: values[""] for item, values in told.items() if values}
        one = _mean_of(values, mine, int(step.key["seed"]))
        gains = [values[""] - max(values["_flattened"], values["_shuffled"]) for values in told.values() if values]
        gain = cluster_bootstrap(gains, [i.cluster for i in mine if i.id in values], generator) if gains else None
        spoilt = gain is not None and gain.low <= 0
        found[f"{code}/tone_accuracy_of_text"] = replace(one, flags=(*one.flags, SPOILT)) if spoilt else one
    return _measured(step, found)


def _accuracies(item: Item, code: str, generator: np.random.Generator, *, of_text: bool = False) -> Mapping[str, float]:
    """Return what the classifier gets right in a sound as it is, flattened and shuffled; nothing where it cannot."""
    if item.location is None:
        return {}
    try:
        sound = SoundMedia(sound=read_sound(item.location), sample_rate=DIGEST_RATE)
        seconds = len(sound.sound) / DIGEST_RATE
        syllables = _syllables_of_text(item, code, seconds) if of_text else syllables_of(item.facts, code)
        return tone_accuracies(sound, syllables, code, generator)
    except (InputError, MediaError):
        return {}


def _syllables_of_text(item: Item, code: str, seconds: float) -> Sequence[Syllable]:
    """Return the syllables of a text as eSpeak NG says it in the voice that an item began with.

    Raises:
        InputError: The item names no text and no voice of eSpeak NG's, or is not as long as what that voice says.
    """
    text, voice = item.facts.get("text"), item.facts.get("begun_as", item.facts.get("voice"))
    if item.facts.get("synthesiser") != "eSpeak NG" or not isinstance(text, str) or not isinstance(voice, int):
        raise InputError(f"{item.id}: no text, or no voice of eSpeak NG's that began with it")
    said = toned(text, code, voice)
    if abs(said.seconds - seconds) > IN_STEP:
        raise InputError(f"{item.id}: {seconds:.2f} s, and eSpeak NG says it in {said.seconds:.2f} s")
    return matched(said.heard, said.tones)


def contrast_languages(step: Step) -> Outcome:
    """Compare the effect of a system, less that of its control, between tonal languages and the others."""
    tonal = {str(code): bool(is_tonal) for code, is_tonal in dict(step.key["languages"]).items()}
    place = str(step.key["place"])
    rows = rows_of(
        system=_values(step, "system", place),
        control=_values(step, "control", place),
        tonal=tonal,
        tones=_tones(step, tonal),
    )
    made = contrast(rows, str(step.key["metric"]), str(step.key["synthesiser"]))
    found: dict[str, Measurement] = {}
    for row in made.rows:
        reason = "no value of the system or of its control"
        value = row.effect if np.isfinite(row.effect) else None
        flags = (f"left out: {row.dropped}",) if row.dropped else ()
        found[f"effect {row.language}"] = Measurement(
            value=value, n=1, flags=flags, reason=reason if value is None else None
        )
    ends = None
    if made.low is not None and made.high is not None:
        ends = Interval(low=made.low, high=made.high, method="exact permutation", cluster="language")
    found[CONTRAST] = Measurement(
        value=made.value,
        interval=ends,
        n=made.tonal + made.others,
        flags=(made.sentence,) if made.value is not None else (),
        reason=made.sentence if made.value is None else None,
    )
    return _measured(step, found, {CONTRAST: made.p})


def _values(step: Step, role: str, place: str) -> dict[str, float]:
    """Return what a unit said of each language, where it said something."""
    if role not in step.inputs:
        return {}
    found = json.loads((step.inputs[role] / "measurement.json").read_text(encoding="utf-8"))
    read = {code: found.get(f"{code}{place}", {}).get("value") for code in step.key["languages"]}
    return {code: float(value) for code, value in read.items() if value is not None}


def _tones(step: Step, tonal: Mapping[str, bool]) -> dict[str, Tones]:
    """Return the control of tones of each language where all three of its numbers are known."""
    kept, flat, shuffled = (_values(step, f"tones-{role}", "") for role in ("system", "flattened", "shuffled"))
    return {
        code: Tones(kept[code], flat[code], shuffled[code])
        for code in tonal
        if code in kept and code in flat and code in shuffled
    }


def _languages(items: Sequence[Item]) -> dict[str, list[Item]]:
    found: dict[str, list[Item]] = {}
    for item in items:
        found.setdefault(item.language or "", []).append(item)
    return found


def _measured(step: Step, found: Mapping[str, Measurement], p: Mapping[str, float | None] | None = None) -> Outcome:
    records: dict[str, JSON] = {name: {**measurement_record(one, {}), "items": {}} for name, one in found.items()}
    for name, value in (p or {}).items():
        records[name]["p"] = value
    (step.out / "measurement.json").write_text(json.dumps(records, allow_nan=False), encoding="utf-8")
    facts: dict[str, JSON] = {"measurements": records}
    return Outcome(output=digest_of(facts), facts=facts)
