"""Planning detection: training, scoring, thresholds, judging."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from ..canonical import JSON, digest_of, digest_of_file
from ..cards import DetectorCard
from ..errors import InputError, RefusedError, SuiteError
from ..media.item import Modality, Split
from ..metrics.offers import UNITS
from ..plan import Unit
from ..registry import DETECTORS
from ..safeguards.consent import consents_file, training_digest
from ..safeguards.gate import why_not_learn
from ..stats.classification import DECIDED, METRICS
from ..stats.lines import ALARMS, GROUPED, LEVELS, PRIMARY, THRESHOLDS, Question
from ..stats.score import Direction
from ..stats.score_file import SUFFIXES
from ..suite import DetectorSpec
from .model import REAL, Draft, RowPlan, System, code_of, training_cost
from .training_sets import TrainingSet, training_sets

SEED = ".seed"
"""Between the name of a detector and the seed of one of its trainings."""
RETRAINED = ("auc", "accuracy")
"""Measures whose spread over trainings has a table."""
ELSEWHERE = "elsewhere"
"""What detectors were trained on whose scores were made elsewhere, unless the suite says more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A detector that has scored every set."""

    card: DetectorCard
    train: str
    """What it was trained on, as tables name it."""
    trained: str | None
    """Unit of its training; None where it ran elsewhere."""
    own: tuple[System, ...]
    """Systems whose validation items are its own."""
    scores: Mapping[str, str]
    """Set -> unit that scored it."""
    question: Question
    spec: DetectorSpec
    recipe: Mapping[str, JSON] = field(default_factory=lambda: MappingProxyType({}))
    """How it was trained, whatever the seed."""

    @property
    def name(self) -> str:
        """As tables and files name it."""
        return f"{self.card.name} on {self.train}"

    @property
    def key(self) -> dict[str, JSON]:
        """Of every unit that reads its scores."""
        asked = {"target": self.question.target, "missing": self.question.missing, "pooling": self.question.pooling}
        return {**asked, "code": code_of("stats", "execute/steps/detection.py")}


def plan_detection(draft: Draft) -> tuple[Scored, ...]:
    """Add every detector: trained on each train set, scoring every test set, judged."""
    found = []
    for scored in _all_scored(draft):
        for set_name, unit in scored.scores.items():
            draft.detect_units[f"{scored.name} - {set_name}"] = unit
        thresholds = _thresholds(draft, scored)
        for name in scored.scores:
            _judged(draft, scored, thresholds, name)
        _groups(draft, scored, thresholds)
        found.append(scored)
    _retrained(draft, found)
    return tuple(found)


def _retrained(draft: Draft, detectors: Sequence[Scored]) -> None:
    """Add a row over all trainings of a detector that was trained several times, for each set of fakes."""
    trainings: dict[tuple[str, str], list[Scored]] = {}
    for scored in detectors:
        if scored.spec.seeds:
            trainings.setdefault((scored.card.name.rpartition(SEED)[0], scored.train), []).append(scored)
    for (name, train), several in trainings.items():
        for system in (system for system in draft.systems if system.is_fake):
            for metric in RETRAINED:
                place = f"clip/{PRIMARY}/{metric}"
                sources = tuple((one.spec.seed, f"evaluate {system.name} by {one.name}", place) for one in several)
                row = RowPlan(
                    section="seeds",
                    system=system.name,
                    role="system",
                    kind=system.card.kind,
                    metric=metric,
                    direction=Direction.NONE,
                    sources=sources,
                    set_unit=system.sets[0],
                    protocol={**several[0].question.record, "condition": "none", "metric": f"{metric} 2"}
                    | {"recipe": digest_of([dict(several[0].recipe), train])},
                    slice={"detector": name, "train": train},
                )
                draft.rows.append(row)


def _all_scored(draft: Draft) -> list[Scored]:
    names: list[str] = []
    found = []
    for place, spec in enumerate(draft.suite.detectors):
        try:
            made = _imported(draft, spec) if spec.scores else _all_trained(draft, spec, place)
        except (SuiteError, RefusedError):
            raise
        except InputError as error:
            raise SuiteError(f"detectors.{place}: {error}") from error
        mine = list(dict.fromkeys(one.card.name for one in made))
        again = [name for name in mine if name in names]
        if again:
            raise SuiteError(f"detectors.{place}: '{again[0]}' is given twice")
        names += mine
        found += made
    return found


def _all_trained(draft: Draft, spec: DetectorSpec, place: int) -> list[Scored]:
    """Return a detector on each training set, once for each training seed."""
    if spec.train_on:
        trained_on = training_sets(draft, spec.train_on, f"detectors.{place}.train_on")
    else:
        trained_on = training_sets(draft, draft.suite.train_on)
    if not spec.seeds:
        return _trained(draft, spec, place, trained_on)
    found = [
        one for seed in spec.seeds for one in _trained(draft, spec.model_copy(update={"seed": seed}), place, trained_on)
    ]
    return found


def _trained(draft: Draft, spec: DetectorSpec, place: int, trained_on: Sequence[TrainingSet]) -> list[Scored]:
    part = DETECTORS.find(spec.use, draft.base)
    parameters = part.card.fill(spec.parameters)
    read = (part.card.modality, *part.card.also)
    if draft.modality not in read:
        reads, holds = " and ".join(UNITS[Modality(one)] for one in read), UNITS[draft.modality]
        raise SuiteError(f"detectors.{place}: '{spec.use}' reads {reads}, and the sets hold {holds}; leave it out")
    key: dict[str, JSON] = {
        "card": part.card.model_dump(mode="json"),
        "parameters": dict(parameters),
        "code": digest_of([part.code, code_of("execute/steps/detection.py", "media")]),
        "seed": spec.seed,
    }
    if draft.terms.people == "real" and part.card.fits:
        reason = why_not_learn(part.card.name, draft.terms)
        if reason:
            raise RefusedError(reason)
        allowed = training_digest(consents_file(), datetime.datetime.now(tz=datetime.UTC).date())
        key |= {} if allowed == "none" else {"training": allowed}
    task: dict[str, JSON] = {"spec": part.spec, "consents": str(consents_file())}
    work = Unit(id="", kind="", what="", key=key, task=task, time_limit=spec.time_limit)
    recipe = {name: value for name, value in key.items() if name != "seed"}
    card = part.card.model_copy(update={"name": f"{part.card.name}{SEED}{spec.seed}"}) if spec.seeds else part.card
    return [replace(_on(draft, spec, card, work, one), recipe=recipe) for one in trained_on]


def _on(draft: Draft, spec: DetectorSpec, card: DetectorCard, work: Unit, learnt: TrainingSet) -> Scored:
    """Add the training of a detector and its scores of every set."""
    name, label = card.name, learnt.label
    inputs = {"0-real": REAL} | {f"{i}-{s.name}": s.sets[0] for i, s in enumerate(learnt.systems, 1)}
    trained = draft.add(
        Unit(
            id=f"train {name} on {label}",
            kind="train",
            what=f"{name} {digest_of(dict(work.key['parameters']))[:8]} on {len(inputs) - 1}",
            key=work.key,
            inputs=inputs,
            soft=frozenset(inputs) - {"0-real"} if len(inputs) > 2 else frozenset(),
            task=work.task,
            time_limit=work.time_limit,
            cost=training_cost(card, work.key["parameters"]),
        )
    )
    scores = {
        set_name: draft.add(
            Unit(
                id=f"detect {set_name} by {name} on {label}",
                kind="detect",
                what=f"{name} {draft.counts[Split.TEST]}",
                key=work.key,
                inputs={"detector": trained, "set": made},
                task=work.task,
                time_limit=work.time_limit,
                cost=2,
            )
        )
        for set_name, made in sets_of(draft).items()
    }
    question = Question(target=card.target, missing=draft.suite.missing, pooling=spec.pooling)
    return Scored(
        card=card, train=label, trained=trained, own=learnt.systems, scores=scores, question=question, spec=spec
    )


def _imported(draft: Draft, spec: DetectorSpec) -> list[Scored]:
    """Add a detector of which there are only scores."""
    path = (draft.base / (spec.scores or "")).resolve()
    if not path.is_file() or path.suffix.lower() not in SUFFIXES:
        what = f"{path} is no file" if not path.is_file() else f"{path.name} is not one of {', '.join(SUFFIXES)}"
        raise InputError(f"scores: {what} (paths are relative to {draft.base})")
    target = spec.target or ("audio" if draft.modality is Modality.AUDIO else "visual")
    card = DetectorCard(
        name=str(spec.name),
        version="1",
        title=f"scores in {path.name}",
        modality=draft.modality.value,
        target=target,
        fits=False,
    )
    sets = sets_of(draft)
    key: dict[str, JSON] = {
        "file": digest_of_file(path),
        "code": code_of("stats/score_file.py", "stats/intake.py", "execute/steps/detection.py"),
    }
    label = spec.trained_on or ELSEWHERE
    scores = {}
    for set_name, made in sets.items():
        others = {f"other-{i}": name for i, name in enumerate(sets) if name != set_name}
        scores[set_name] = draft.add(
            Unit(
                id=f"import {set_name} by {card.name} on {label}",
                kind="import_scores",
                what=f"scores {draft.counts[Split.TEST]}",
                key={**key, "names": {"set": set_name, **others}},
                inputs={"set": made} | {role: sets[name] for role, name in others.items()},
                task={"path": str(path)},
                cost=0.5,
            )
        )
    own = tuple(system for system in draft.systems if system.is_fake)
    question = Question(target=target, missing=draft.suite.missing, pooling=spec.pooling)
    return [Scored(card=card, train=label, trained=None, own=own, scores=scores, question=question, spec=spec)]


def sets_of(draft: Draft) -> dict[str, str]:
    """Return the unit of each set that detectors score, by name: the real one, then the systems."""
    return {REAL: REAL} | {system.name: system.sets[0] for system in draft.systems}


def _thresholds(draft: Draft, scored: Scored) -> str:
    """Add the choice of the thresholds of one detector, and return its unit."""
    own = {system.name for system in scored.own}
    names, inputs = {}, {"real": scored.scores[REAL]}
    for place, system in enumerate(s for s in draft.systems if s.is_fake):
        role = f"{'own' if system.name in own else 'other'}-{place:03d}"
        names[role], inputs[role] = system.name, scored.scores[system.name]
    return draft.add(
        Unit(
            id=f"threshold {scored.name}",
            kind="threshold",
            what="thresholds",
            key={**scored.key, "names": names},
            inputs=inputs,
            soft=frozenset(role for role in names if role.startswith("other") or not scored.trained),
            cost=0.5,
        )
    )


def _judged(draft: Draft, scored: Scored, thresholds: str, name: str) -> None:
    """Add the judgement of one set, and its rows."""
    kind = _kinds(draft)[name]
    fake = kind in {"fully_synthetic", "partially_synthetic"}
    inputs = {"thresholds": thresholds, "real_set": REAL}
    if name == REAL:
        inputs["real"] = scored.scores[REAL]
    else:
        inputs |= {"synthetic-0": scored.scores[name], "synthetic_set": sets_of(draft)[name]}
    if fake:
        inputs["real"] = scored.scores[REAL]
    unit = Unit(
        id=f"evaluate {name} by {scored.name}",
        kind="evaluate",
        what="detection" if fake else "false_alarms",
        key={**scored.key, "seed": draft.suite.seed, "form": "detection" if fake else "false_alarms"},
        inputs=inputs,
        cost=1,
    )
    draft.add(unit)
    for level in LEVELS if fake else LEVELS[:1]:
        for threshold in THRESHOLDS:
            decided = METRICS if threshold == PRIMARY else DECIDED
            for metric in decided if fake else (ALARMS,):
                place = f"{level}/{threshold}/{metric}"
                row = row_of(draft, scored, thresholds, (name, kind), (unit.id, place))
                draft.rows.append(row)


def row_of(draft: Draft, scored: Scored, thresholds: str, system: tuple[str, str], source: tuple[str, str]) -> RowPlan:
    """Return a row of one measurement, `level/threshold/measure`, of a system or of a group (name, kind)."""
    (name, kind), (unit, place) = system, source
    level, threshold, metric = place.rpartition(" ")[2].split("/")
    part = {"detector": scored.card.name, "train": scored.train, "threshold": threshold}
    detector: dict[str, JSON] = {} if scored.trained else {"detector": f"{scored.card.name}, scores made elsewhere"}
    known = name in sets_of(draft)
    return RowPlan(
        section="false_alarms" if metric == ALARMS else "detection",
        system=name,
        role="control" if name == REAL else "system" if known else "group",
        kind=kind,
        metric=metric,
        direction=Direction.NONE,
        sources=((0, unit, place),),
        set_unit=sets_of(draft).get(name, REAL),
        protocol={**scored.question.record, **detector, "condition": "none", "metric": f"{metric} 2"},
        detector_unit=scored.trained,
        thresholds_unit=thresholds,
        slice=part if level == "clip" else {**part, "level": level},
        optional=level != "clip" or name.endswith(" fake"),
    )


def _groups(draft: Draft, scored: Scored, thresholds: str) -> None:
    """Add the judgement of all systems of a kind together, and of all items in which the same signal is fake."""
    fakes = [system for system in draft.systems if system.is_fake]
    groups = group_names(draft)
    if not groups:
        return
    names = {f"synthetic-{i:03d}": system.name for i, system in enumerate(fakes)}
    unit = Unit(
        id=f"evaluate groups by {scored.name}",
        kind="evaluate",
        what="groups",
        key={**scored.key, "seed": draft.suite.seed, "form": "groups", "groups": groups, "names": names},
        inputs={"thresholds": thresholds, "real": scored.scores[REAL]}
        | {role: scored.scores[name] for role, name in names.items()},
        soft=frozenset(names),
        cost=2,
    )
    draft.add(unit)
    for group, kind in groups.items():
        for metric in GROUPED:
            source = unit.id, f"{group} clip/{PRIMARY}/{metric}"
            draft.rows.append(row_of(draft, scored, thresholds, (group, kind), source))


def group_names(draft: Draft) -> dict[str, str]:
    """Return the groups that may hold items: name -> kind, or nothing for any; see `lines.signal_of`."""
    kinds = list(dict.fromkeys(system.card.kind for system in draft.systems if system.is_fake))
    groups = {f"all {kind.replace('_', ' ')}": str(kind) for kind in kinds}
    if draft.modality is Modality.VIDEO:
        groups |= dict.fromkeys(("visual fake", "audio fake", "visual and audio fake"), "")
    return {**groups, "all fakes": ""} if len(groups) > 1 else groups


def _kinds(draft: Draft) -> dict[str, str]:
    return {REAL: "real"} | {system.name: system.card.kind for system in draft.systems}
