"""Planning the downstream task: what is learnt from real, synthetic, and both; what a detector gains by a system."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

from ..canonical import JSON
from ..errors import RefusedError, SuiteError
from ..media.item import Modality
from ..plan import Unit
from ..stats.score import Direction
from ..suite_utility import UtilitySpec
from .detection import Scored
from .model import REAL, Draft, RowPlan, Source, System, code_of
from .training_sets import ALL_BUT

ALONE = "synthetic alone"
PEOPLE = frozenset({"identity", "speaker"})
"""Labels that only an item itself can know."""
NO_TRAIN = "it has no train split, so that nothing can be learnt from it"


def plan_utility(draft: Draft, detectors: Sequence[Scored]) -> None:
    """Add the downstream task, if the suite names one, and what detectors gain by each system that some do without.

    Raises:
        SuiteError: The real set holds no pictures.
        RefusedError: Its people are real, and its terms do not permit training.
    """
    spec = draft.suite.utility
    if spec is None:
        return
    if draft.modality is not Modality.IMAGE:
        raise SuiteError("utility: its classifier reads pictures, and the real set holds none; leave it out")
    if not draft.terms.allow("train"):
        raise RefusedError("utility: its classifier would learn from real people, and the terms do not permit 'train'")
    _Task(draft, spec).plan()
    _plan_detectors(draft, detectors)


class _Task:
    """The downstream task of a suite."""

    def __init__(self, draft: Draft, spec: UtilitySpec) -> None:
        self.draft = draft
        self.spec = spec
        code = code_of(
            *(f"execute/steps/{name}.py" for name in ("utility", "lessons", "learner")), "stats/utility.py", "media"
        )
        self.key: dict[str, JSON] = {
            **{name: getattr(spec, name) for name in ("label", "above", "seeds", "size", "steps")},
            "base": spec.real,
            "seed": draft.suite.seed,
            "code": code,
        }
        self.mixes: tuple[tuple[float, float], ...] = (*((spec.real, ratio) for ratio in spec.ratios),)
        self.mixes += ((0.0, max(spec.ratios)),)
        """Share of real people, and synthetic pictures for each picture of the base."""
        trained = [system for system in draft.systems if system.trains]
        self.family = max(1, len(trained) * len(self.mixes))
        """Gains in the table, which Holm counts."""

    def plan(self) -> None:
        curve = {share: self._learn(f"real {_percent(share)}", share, 0.0, {}) for share in self.spec.shares}
        for share, unit in curve.items():
            row = self._row(REAL, "real", "balanced_accuracy", f"real {_percent(share)}", "its own")
            self.draft.rows.append(replace(row, role="control", sources=self._sources(unit)))
        for system in self.draft.systems:
            self._system(system, curve)

    def _system(self, system: System, curve: Mapping[float, str]) -> None:
        rule = self._rule(system)
        reason = None if system.trains else NO_TRAIN
        inputs: dict[str, str] = {}
        if reason is None:
            inputs = {"synthetic": system.sets[0], "labels": self._label(system, rule)}
        for share, ratio in self.mixes:
            said = _mix(share, ratio)
            row = self._row(system.name, system.card.kind, "balanced_accuracy", said, rule)
            gains = [
                replace(self._row(system.name, system.card.kind, name, said, rule), reason=reason)
                for name in ("gain", "worth")
            ]
            if reason is not None:
                self.draft.rows += [replace(row, reason=reason), *gains]
                continue
            unit = self._learn(f"{said} of {system.name}", share, ratio, inputs)
            gained = self._gained(f"{said} of {system.name}", curve, unit)
            self.draft.rows.append(replace(row, sources=self._sources(unit)))
            self.draft.rows += [replace(one, sources=((0, gained, one.metric),)) for one in gains]

    def _rule(self, system: System) -> Literal["own", "target", "labeller"]:
        if self.spec.label in PEOPLE:
            return "own"
        return "target" if system.card.kind == "augmented_real" and system.pairs else "labeller"

    def _label(self, system: System, rule: str) -> str:
        unit = Unit(
            id=f"label {system.name}",
            kind="label",
            what=f"{self.spec.size} {self.spec.steps} {rule}",
            key={**self.key, "real": self.spec.real, "rule": rule},
            inputs={"real": REAL, "synthetic": system.sets[0]},
            cost=1 + self._seconds(1) * (rule == "labeller"),
        )
        return self.draft.add(unit)

    def _learn(self, what: str, share: float, ratio: float, inputs: Mapping[str, str]) -> str:
        unit = Unit(
            id=f"learn {self.spec.label} from {what}",
            kind="learn",
            what=f"{self.spec.size} {self.spec.steps} {self.spec.seeds}",
            key={**self.key, "real": share, "ratio": ratio},
            inputs={"real": REAL, **inputs},
            cost=1 + self._seconds(self.spec.seeds),
        )
        return self.draft.add(unit)

    def _seconds(self, trainings: int) -> float:
        """Return about how long trainings take on one core: 6 ms a step at 32 pixels."""
        return 0.006 * trainings * self.spec.steps * (self.spec.size / 32) ** 2

    def _gained(self, what: str, curve: Mapping[float, str], other: str) -> str:
        units = {f"curve-{place:03d}": unit for place, unit in enumerate(curve.values())}
        unit = Unit(
            id=f"gain by {what}",
            kind="gained",
            what="utility",
            key={"family": self.family, "seed": self.key["seed"], "code": self.key["code"]},
            inputs={"base": curve[self.spec.real], "other": other, **units},
            cost=1,
        )
        return self.draft.add(unit)

    def _sources(self, unit: str) -> tuple[Source, ...]:
        return tuple((seed, unit, f"{seed}/accuracy") for seed in range(self.spec.seeds))

    def _row(self, system: str, kind: str, metric: str, said: str, rule: str) -> RowPlan:
        protocol: dict[str, JSON] = {name: value for name, value in self.key.items() if name not in {"code"}}
        protocol |= {"metric": f"utility {metric} 1", "learned": said, "labels": rule, "condition": "none"}
        if metric == "worth":
            protocol["curve"] = list(self.spec.shares)
        return RowPlan(
            section="utility",
            system=system,
            role="system",
            kind=kind,
            metric=metric,
            direction=Direction.HIGHER,
            protocol=protocol,
            slice={"task": self.spec.label, "learned": said},
        )


def _percent(share: float) -> str:
    return f"{100 * share:g} %"


def _mix(share: float, ratio: float) -> str:
    return f"real {_percent(share)} + {ratio:g}x synthetic" if share else ALONE


def _plan_detectors(draft: Draft, detectors: Sequence[Scored]) -> None:
    """Add what each detector gained by the systems that one of its training sets leaves out.

    Both were trained on the same real items; both are asked about real items and the systems that both know.
    """
    whole = {scored.card.name: scored for scored in detectors if scored.trained and scored.train == "all"}
    pairs = [
        (scored, whole[scored.card.name])
        for scored in detectors
        if scored.trained and scored.train.startswith(ALL_BUT) and scored.card.name in whole
    ]
    for without, every in pairs:
        kept = {system.name for system in without.own}
        left = [system for system in every.own if system.name not in kept]
        name = left[0].name if len(left) == 1 else without.train.removeprefix(ALL_BUT)
        inputs = {f"without-{n:03d}": without.scores[one] for n, one in enumerate((REAL, *sorted(kept)))}
        inputs |= {f"with-{n:03d}": every.scores[one] for n, one in enumerate((REAL, *sorted(kept)))}
        unit = Unit(
            id=f"gain of {without.card.name} by {name}",
            kind="taught_detector",
            what="detector",
            key={**without.key, "family": len(pairs), "task": code_of("execute/steps/utility.py", "stats/utility.py")},
            inputs=inputs,
            cost=1,
        )
        draft.add(unit)
        row = RowPlan(
            section="utility",
            system=name,
            role="system" if len(left) == 1 else "group",
            kind=str(left[0].card.kind),
            metric="auc_gain",
            direction=Direction.HIGHER,
            sources=((0, unit.id, "auc_gain"),),
            set_unit=REAL,
            protocol={**without.question.record, "metric": "utility auc_gain 1", "condition": "none"},
            slice={"detector": without.card.name, "train": "all", "without": name},
        )
        draft.rows.append(replace(row, detector_unit=every.trained))
