"""Planning detection: training, scoring, judging."""

from collections.abc import Iterable, Mapping

from ..canonical import JSON, digest_of
from ..cards import DetectorCard, did_you_mean
from ..errors import InputError, SuiteError
from ..media.item import Modality, Split
from ..metrics.offers import UNITS
from ..plan import Unit
from ..registry import DETECTORS, Part
from ..stats.score import Direction
from ..suite import DetectorSpec
from .model import REAL, Draft, RowPlan, System, code_of

DETECTION_METRICS = ("accuracy", "precision", "recall", "f1", "auc")


def plan_detection(draft: Draft) -> None:
    """Add every detector: trained on each train set, scoring every test set, judged."""
    for place, spec in enumerate(draft.suite.detectors):
        try:
            part = DETECTORS.find(spec.use, draft.base)
            parameters = part.card.fill(spec.parameters)
        except InputError as error:
            raise SuiteError(f"detectors.{place}: {error}") from error
        if part.card.modality != draft.modality:
            reads, holds = UNITS[Modality(part.card.modality)], UNITS[draft.modality]
            raise SuiteError(f"detectors.{place}: '{spec.use}' reads {reads}, and the sets hold {holds}; leave it out")
        if [s.use for s in draft.suite.detectors].count(spec.use) > 1:
            raise SuiteError(f"detectors.{place}: '{spec.use}' is given twice")
        for label, systems in _train_sets(draft):
            _detector(draft, spec, part, parameters, label, systems)


def _train_sets(draft: Draft) -> list[tuple[str, list[System]]]:
    fakes = {system.name: system for system in draft.systems if system.is_fake}
    wanted = list(draft.suite.train_on)
    if not wanted:
        wanted = [name for name, s in fakes.items() if s.trains]
        wanted += ["all"] if len(wanted) > 1 else []
    chosen = []
    for place, entry in enumerate(wanted):
        names = [entry] if isinstance(entry, str) else list(entry)
        if names == ["all"]:
            names = [name for name, s in fakes.items() if s.trains]
        for name in names:
            if name not in fakes:
                hint = did_you_mean(name, fakes)
                raise SuiteError(f"train_on.{place}: no fake system '{name}'{hint}; there are: {', '.join(fakes)}")
        label = entry if isinstance(entry, str) else "+".join(names)
        chosen.append((label, [fakes[name] for name in names]))
    return chosen


def _detector(
    draft: Draft,
    spec: DetectorSpec,
    part: Part[DetectorCard],
    parameters: Mapping[str, JSON],
    label: str,
    systems: Iterable[System],
) -> None:
    """Add the training of a detector on `systems`, its scores of every test set, and the rows."""
    key: dict[str, JSON] = {
        "card": part.card.model_dump(mode="json"),
        "parameters": dict(parameters),
        "code": digest_of([part.code, code_of("execute/steps/detection.py", "media")]),
        "seed": spec.seed,
    }
    task: dict[str, JSON] = {"spec": part.spec}
    name = part.card.name
    inputs = {"0-real": REAL} | {f"{i}-{s.name}": s.sets[0] for i, s in enumerate(systems, 1)}
    what = f"{name} {digest_of(dict(parameters))[:8]} on {len(inputs) - 1}"
    trained = draft.add(
        Unit(
            id=f"train {name} on {label}",
            kind="train",
            what=what,
            key=key,
            inputs=inputs,
            task=task,
            time_limit=spec.time_limit,
            cost=part.card.cost,
        )
    )
    scores = {}
    for system_name, made in ((REAL, REAL), *((s.name, s.sets[0]) for s in draft.systems)):
        unit = Unit(
            id=f"detect {system_name} by {name} on {label}",
            kind="detect",
            what=f"{name} {draft.counts[Split.TEST]}",
            key=key,
            inputs={"detector": trained, "set": made},
            task=task,
            time_limit=spec.time_limit,
            cost=2,
        )
        scores[system_name] = draft.add(unit)
        draft.detect_units[f"{name} on {label} - {system_name}"] = unit.id
    _judged(draft, part.card, label, trained, scores)


def _judged(draft: Draft, card: DetectorCard, label: str, trained: str, scores: Mapping[str, str]) -> None:
    key: dict[str, JSON] = {
        "target": card.target,
        "missing": draft.suite.missing,
        "seed": draft.suite.seed,
        "code": code_of("stats", "execute/steps/detection.py"),
    }
    protocol: dict[str, JSON] = {"target": card.target, "missing": draft.suite.missing, "condition": "none"}
    part = {"detector": card.name, "train": label, "threshold": "validation"}
    kinds = {REAL: "real"} | {system.name: system.card.kind for system in draft.systems}
    for name, unit_id in scores.items():
        fake = kinds[name] in {"fully_synthetic", "partially_synthetic"}
        inputs = {"detector": trained, "real_set": REAL}
        inputs |= {"real": unit_id} if name == REAL else {"synthetic": unit_id, "synthetic_set": _set_of(draft, name)}
        if fake:
            inputs["real"] = scores[REAL]
        form = "detection" if fake else "false_alarms"
        unit = Unit(
            id=f"evaluate {name} by {card.name} on {label}",
            kind="evaluate",
            what=form,
            key={**key, "form": form},
            inputs=inputs,
            cost=3,
        )
        draft.add(unit)
        for metric in DETECTION_METRICS if fake else ("false_alarm_rate",):
            draft.rows.append(
                RowPlan(
                    section="detection" if fake else "false_alarms",
                    system=name,
                    role="control" if name == REAL else "system",
                    kind=kinds[name],
                    metric=metric,
                    direction=Direction.NONE,
                    sources=((0, unit.id, metric),),
                    set_unit=_set_of(draft, name),
                    protocol={**protocol, "metric": f"{metric} 1"},
                    detector_unit=trained,
                    slice=part,
                )
            )


def _set_of(draft: Draft, name: str) -> str:
    return next((s.sets[0] for s in draft.systems if s.name == name), REAL)
