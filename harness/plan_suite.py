"""From a suite to a plan: which units it needs, and which row of the results each of them feeds."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from .canonical import JSON, digest_of, digest_of_file
from .cards import DetectorCard, GeneratorCard, MetricCard, did_you_mean
from .datasets.folder import read_manifest
from .datasets.listing import list_folder, list_media, listing_digest
from .datasets.splits import split_identities
from .errors import InputError, RefusedError, SuiteError
from .instruments import instrument_card, instrument_fingerprint, weights_path
from .media.item import Split
from .media.mediaset import Terms
from .metrics import metric_card
from .plan import Plan, Unit
from .registry import DETECTORS, GENERATORS, HARNESS, Part
from .safeguards.gate import consents_digest, consents_file, why_not_edit, why_not_fit
from .stats.score import Direction
from .suite import DataSpec, DetectorSpec, Suite, SystemSpec

REAL = "real"
"""Unit id of the real set, and the name of the control."""
RENDERED = Terms(people="rendered", permits=("evaluate", "train", "edit", "manipulate", "publish"), grant="rendered")
DETECTION_METRICS = ("accuracy", "precision", "recall", "f1", "auc")


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """A system under test as the plan knows it."""

    name: str
    """`name@version`."""
    card: GeneratorCard
    parameters: Mapping[str, JSON]
    code: str
    origin: str
    seeds: tuple[int, ...]
    sets: tuple[str, ...]
    """Unit ids of its sets, one a training seed."""

    @property
    def digest(self) -> str:
        """Identity of the system itself, whatever it is called."""
        card = self.card.model_dump(mode="json")
        del card["name"], card["version"]
        return digest_of({"card": card, "parameters": dict(self.parameters), "code": self.code})

    @property
    def is_fake(self) -> bool:
        """Whether its items are fakes, which augmented real ones are not."""
        return self.card.kind != "augmented_real"


@dataclass(frozen=True, slots=True, kw_only=True)
class RowPlan:
    """One row of the results, before it has a value."""

    section: Literal["realism", "detection", "false_alarms"]
    system: str
    role: Literal["system", "control"]
    kind: str
    metric: str
    direction: Direction
    sources: tuple[tuple[int, str, str], ...] = ()
    """(training seed, unit id, name of the measurement in the unit's facts)."""
    set_unit: str = REAL
    """The set whose items are counted and whose requests are part of the protocol."""
    protocol: Mapping[str, JSON] = field(default_factory=lambda: MappingProxyType({}))
    detector_unit: str | None = None
    """Detection: the unit that trained the detector; its output is part of the protocol."""
    slice: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    n: int | None = None
    """Items expected, where that is not the whole test split."""
    reason: str | None = None
    """Why it will have no value, if that is known beforehand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SuitePlan:
    """Units, and the rows they feed."""

    suite: Suite
    plan: Plan
    systems: tuple[System, ...]
    rows: tuple[RowPlan, ...]
    detect_units: Mapping[str, str]
    """Name of a score file -> unit that makes it."""


class Planner:
    """Builds the plan of one suite."""

    def __init__(self, suite: Suite, base: Path, weights: Path, device: str = "cpu") -> None:
        self.suite = suite
        self.base = base
        self.weights = weights
        self.device = device
        self.units: dict[str, Unit] = {}
        self.rows: list[RowPlan] = []
        self.detect_units: dict[str, str] = {}

    def build(self) -> SuitePlan:
        """Return the plan.

        Raises:
            InputError: Something that the suite names does not exist, or terms do not allow it.
        """
        self.terms = RENDERED if self.suite.data.dataset == "studio" else self.suite.data.terms or Terms()
        self.split_sizes = self._real()
        self.counts = self._counts()
        self.systems = self._systems()
        self._realism()
        self._detection()
        return SuitePlan(
            suite=self.suite,
            plan=Plan(units=tuple(self.units.values()), device=self.device),
            systems=self.systems,
            rows=tuple(self.rows),
            detect_units=self.detect_units,
        )

    def _add(self, unit: Unit) -> str:
        self.units.setdefault(unit.id, unit)
        return unit.id

    # -- sets -------------------------------------------------------------------------------------------------------

    def _real(self) -> Mapping[Split, int]:
        """Add the unit that makes the real set; return how many items each split will have."""
        data = self.suite.data
        shares = data.splits.model_dump()
        if data.dataset == "studio":
            key: dict[str, JSON] = {"people": data.people, "per_person": data.per_person, "size": data.size or 64}
            key |= {"seed": data.seed, "splits": shares, "code": code_of("datasets/studio", "datasets", "media")}
            identities = {f"studio-{person:05d}": data.per_person for person in range(data.people)}
            items = data.people * data.per_person
            self._add(Unit(id=REAL, kind="render", what=f"studio {items} {data.size}", key=key, cost=0.01 * items))
            return _sizes(identities, shares, data.seed)
        return self._indexed(data, shares)

    def _indexed(self, data: DataSpec, shares: Mapping[str, float]) -> Mapping[Split, int]:
        folder = self._existing(data.path, "data.path")
        listed = list_folder(folder, data.identities)
        identities: dict[str, int] = {}
        for one in listed:
            identities[one.identity or one.path] = identities.get(one.identity or one.path, 0) + 1
        key: dict[str, JSON] = {
            "listing": listing_digest(folder, [one.path for one in listed]),
            "identities": data.identities,
            "size": data.size,
            "seed": data.seed,
            "splits": dict(shares),
            "terms": self.terms.model_dump(mode="json"),
            "code": code_of("datasets", "media"),
        }
        task: dict[str, JSON] = {"path": str(folder), "name": folder.name}
        self._add(
            Unit(id=REAL, kind="index", what=f"folder {len(listed)}", key=key, task=task, cost=0.005 * len(listed))
        )
        return _sizes(identities, shares, data.seed)

    def _existing(self, path: Path | None, key: str) -> Path:
        found = (self.base / (path or "")).resolve()
        if not found.is_dir():
            what = "a file" if found.exists() else "nothing there"
            raise SuiteError(f"{key}: expected a folder at {found}, found {what} (paths are relative to {self.base})")
        return found

    def _counts(self) -> Mapping[Split, int]:
        """Return how many items to ask of each system, per split."""
        asked = self.suite.n
        train, validation, test = (self.split_sizes.get(split, 0) for split in Split)
        if not self.suite.detectors:
            train = validation = 0  # only detectors learn from synthetic items
        return {
            Split.TRAIN: train if asked.train is None else asked.train,
            Split.VALIDATION: validation if asked.validation is None else asked.validation,
            Split.TEST: test if asked.test is None else asked.test,
        }

    # -- systems ----------------------------------------------------------------------------------------------------

    def _systems(self) -> tuple[System, ...]:
        systems: list[System] = []
        for place, spec in enumerate(self.suite.generators):
            try:
                system = self._folder_system(spec) if spec.use == "folder" else self._python_system(spec)
            except (SuiteError, RefusedError):
                raise
            except InputError as error:
                raise SuiteError(f"generators.{place}: {error}") from error
            if system.name in {s.name for s in systems}:
                raise SuiteError(
                    f"generators.{place}: '{system.name}' is given twice; give each system its own name or version"
                )
            if system.name == REAL:
                raise SuiteError(f"generators.{place}: the name '{REAL}' is kept for the control")
            systems.append(system)
        return tuple(systems)

    def _python_system(self, spec: SystemSpec) -> System:
        part = GENERATORS.find(spec.use, self.base)
        card = part.card
        parameters = card.fill(spec.parameters)
        for reason in (why_not_fit(card, self.terms), why_not_edit(card, self.terms)):
            if reason:
                raise RefusedError(reason)
        unknown = [use for use in card.uses if use != "target"]
        if unknown:
            raise SuiteError(f"'{card.name}' needs {', '.join(unknown)}, which suites cannot give it yet")
        name = f"{spec.name or card.name}@{spec.version or card.version}"
        seeds = spec.seeds if card.fits else (spec.seeds[0],)
        sets = tuple(self._generated(name, part, parameters, seed, spec) for seed in seeds)
        return System(
            name=name, card=card, parameters=parameters, code=part.code, origin=spec.use, seeds=seeds, sets=sets
        )

    def _generated(
        self, name: str, part: Part[GeneratorCard], parameters: Mapping[str, JSON], seed: int, spec: SystemSpec
    ) -> str:
        """Add fit and generate of one training seed; systems that differ in name alone share the fit."""
        code = digest_of([part.code, code_of("execute/steps/systems.py", "connect", "media")])
        key: dict[str, JSON] = {
            "card": part.card.model_dump(mode="json"),
            "parameters": dict(parameters),
            "code": code,
            "seed": seed,
            "size": self._output_size(),
        }
        task: dict[str, JSON] = {"spec": part.spec, "consents": str(consents_file())}
        what = f"{part.card.name} {digest_of(dict(parameters))[:8]}"
        inputs = {"real": REAL}
        if part.card.fits:
            inputs["weights"] = self._add(
                Unit(
                    id=f"fit {name} seed {seed}",
                    kind="fit",
                    what=what,
                    key=key,
                    inputs={"real": REAL},
                    task=task,
                    time_limit=spec.time_limit,
                    cost=part.card.cost,
                )
            )
        consents = consents_digest(consents_file()) if self.terms.people == "real" and part.card.uses else "none"
        asked: dict[str, JSON] = {
            "counts": {str(split): n for split, n in self.counts.items()},
            "request_seed": self.suite.seed,
            "system": name,
            "consents": consents,
        }
        total = sum(self.counts.values())
        return self._add(
            Unit(
                id=f"generate {name} seed {seed}",
                kind="generate",
                what=f"{what} {total}",
                key={**key, **asked},
                inputs=inputs,
                task=task,
                time_limit=spec.time_limit,
                cost=2 + 0.005 * total,
            )
        )

    def _output_size(self) -> int | None:
        data = self.suite.data
        return (data.size or 64) if data.dataset == "studio" else data.size

    def _folder_system(self, spec: SystemSpec) -> System:
        folder = self._existing(spec.path, f"generators: '{spec.name}': path")
        rows = None
        if spec.manifest is not None:
            rows = [list(row) for row in read_manifest((self.base / spec.manifest).resolve())]
        files = (
            [str(row[0]) for row in rows] if rows else [p.relative_to(folder).as_posix() for p in list_media(folder)]
        )
        present = [name for name in files if (folder / name).is_file()]
        name = f"{spec.name}@{spec.version}"
        key: dict[str, JSON] = {
            "system": name,
            "kind": spec.kind,
            "listing": listing_digest(folder, present),
            "manifest_rows": rows,
            "splits": spec.splits.model_dump() if spec.splits else None,
            "seed": self.suite.seed,
            "counts": {str(split): n for split, n in self.counts.items()},
            "terms": Terms(people=self.terms.people, permits=self.terms.permits).model_dump(mode="json"),
            "code": code_of("datasets", "media"),
        }
        card = GeneratorCard(
            name=str(spec.name),
            version=str(spec.version),
            title=f"outputs in {folder.name}",
            technique="unknown",
            kind=spec.kind or "fully_synthetic",
            modality="image",
        )
        unit = Unit(
            id=f"collect {name}",
            kind="collect",
            what=f"folder {len(files)}",
            key=key,
            inputs={"real": REAL},
            task={"path": str(folder)},
            time_limit=spec.time_limit,
            cost=0.005 * len(files),
        )
        return System(
            name=name,
            card=card,
            parameters={},
            code=str(key["listing"]),
            origin="folder",
            seeds=(0,),
            sets=(self._add(unit),),
        )

    # -- realism ----------------------------------------------------------------------------------------------------

    def _realism(self) -> None:
        names = [*self.suite.metrics, *(["memorisation"] if "memorisation" not in self.suite.metrics else [])]
        instruments = [instrument_card(name) for name in dict.fromkeys((*self.suite.instruments, "thumbnail"))]
        for name in names:
            card = metric_card(name)
            if card.purpose == "pixels":
                for system in self.systems:
                    if self._pairs(system):
                        self._measured(card, None, system)
                continue
            for instrument in instruments:
                if card.purpose in instrument.purpose:
                    self._control(card, instrument.name)
                    for system in self.systems:
                        if card.name != "memorisation" or system.card.kind == "fully_synthetic":
                            self._measured(card, instrument.name, system)

    @staticmethod
    def _pairs(system: System) -> bool:
        return "target" in system.card.uses or (system.origin == "folder" and system.card.kind != "fully_synthetic")

    def _missing_weights(self, instrument: str) -> str | None:
        card = instrument_card(instrument)
        path = weights_path(card, self.weights)
        if path is None or path.is_file():
            return None
        return f"not computed: weights of {instrument} missing, see fauxbench doctor"

    def _extracted(self, instrument: str, source: str, splits: Sequence[Split]) -> str:
        key: dict[str, JSON] = {
            "instrument": instrument,
            "fingerprint": instrument_fingerprint(instrument_card(instrument)),
            "splits": [str(split) for split in splits],
            "code": code_of("execute/steps/measures.py", "media"),
        }
        size = sum(self.split_sizes.values()) if source == REAL else self.counts[Split.TEST]
        each = 0.15 if instrument_card(instrument).weights else 0.002
        unit_id = f"extract {instrument} of {source.removeprefix('generate ').removeprefix('collect ')}"
        what = f"{instrument} {size}"
        return self._add(
            Unit(id=unit_id, kind="extract", what=what, key=key, inputs={"set": source}, cost=1 + each * size)
        )

    def _measure_key(self, card: MetricCard, role: str) -> dict[str, JSON]:
        code = code_of("metrics", "stats", "execute/steps/measures.py")
        return {"metric": card.name, "version": card.version, "role": role, "seed": self.suite.seed, "code": code}

    def _protocol(self, card: MetricCard, instrument: str | None) -> dict[str, JSON]:
        return {
            "metric": f"{card.name} {card.version}",
            "instrument": instrument and f"{instrument} {instrument_fingerprint(instrument_card(instrument))}",
            "condition": "none",
        }

    def _control(self, card: MetricCard, instrument: str) -> None:
        """Add the same metric for real against held-out real."""
        if card.form != "set" or card.name == "memorisation":
            return
        n = self.counts[Split.TEST]
        others = self.split_sizes.get(Split.TRAIN, 0) + self.split_sizes.get(Split.VALIDATION, 0)
        role = "control" if others else "halves"
        n = min(n, others) if others else self.split_sizes[Split.TEST] // 2
        shown = card.shown_as(instrument)
        reason = self._missing_weights(instrument)
        sources: tuple[tuple[int, str, str], ...] = ()
        if reason is None:
            inputs = {"real": self._extracted(instrument, REAL, tuple(Split))}
            key = {**self._measure_key(card, role), "n": n}
            unit = Unit(id=f"measure {shown} of {REAL}", kind="measure", what=shown, key=key, inputs=inputs, cost=2)
            sources = ((0, self._add(unit), card.name),)
        protocol = {**self._protocol(card, instrument), **({"control": "halves"} if role == "halves" else {})}
        self.rows.append(
            RowPlan(
                section="realism",
                system=REAL,
                role="control",
                kind="real",
                metric=shown,
                direction=Direction(card.direction),
                sources=sources,
                protocol=protocol,
                n=n,
                reason=reason,
            )
        )

    def _measured(self, card: MetricCard, instrument: str | None, system: System) -> None:
        shown = card.shown_as(instrument)
        reason = self._missing_weights(instrument) if instrument else None
        sources: list[tuple[int, str, str]] = []
        for seed, made in zip(system.seeds, system.sets, strict=True):
            if reason:
                break
            inputs = {"synthetic_set": made, "real_set": REAL}
            if instrument:
                inputs = {
                    "synthetic": self._extracted(instrument, made, (Split.TEST,)),
                    "real": self._extracted(instrument, REAL, tuple(Split)),
                }
            unit = Unit(
                id=f"measure {shown} of {system.name} seed {seed}",
                kind="measure",
                what=shown,
                key=self._measure_key(card, "system"),
                inputs=inputs,
                cost=2,
            )
            sources.append((seed, self._add(unit), card.name))
        self.rows.append(
            RowPlan(
                section="realism",
                system=system.name,
                role="system",
                kind=system.card.kind,
                metric=shown,
                direction=Direction(card.direction),
                sources=tuple(sources),
                set_unit=system.sets[0],
                protocol=self._protocol(card, instrument),
                reason=reason,
            )
        )

    # -- detection --------------------------------------------------------------------------------------------------

    def _detection(self) -> None:
        for place, spec in enumerate(self.suite.detectors):
            try:
                part = DETECTORS.find(spec.use, self.base)
                parameters = part.card.fill(spec.parameters)
            except InputError as error:
                raise SuiteError(f"detectors.{place}: {error}") from error
            if [s.use for s in self.suite.detectors].count(spec.use) > 1:
                raise SuiteError(f"detectors.{place}: '{spec.use}' is given twice")
            for label, systems in self._train_sets():
                self._detector(spec, part, parameters, label, systems)

    def _train_sets(self) -> list[tuple[str, list[System]]]:
        fakes = {system.name: system for system in self.systems if system.is_fake}
        wanted = list(self.suite.train_on)
        if not wanted:
            wanted = [name for name, s in fakes.items() if s.origin != "folder" or self._has_train(s)]
            wanted += ["all"] if len(wanted) > 1 else []
        chosen = []
        for place, entry in enumerate(wanted):
            names = [entry] if isinstance(entry, str) else list(entry)
            if names == ["all"]:
                names = [name for name, s in fakes.items() if s.origin != "folder" or self._has_train(s)]
            for name in names:
                if name not in fakes:
                    hint = did_you_mean(name, fakes)
                    raise SuiteError(f"train_on.{place}: no fake system '{name}'{hint}; there are: {', '.join(fakes)}")
            label = entry if isinstance(entry, str) else "+".join(names)
            chosen.append((label, [fakes[name] for name in names]))
        return chosen

    def _has_train(self, system: System) -> bool:
        key = self.units[system.sets[0]].key
        return bool(key.get("splits")) or any(row[2] == "train" for row in key.get("manifest_rows") or [])

    def _detector(
        self,
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
        trained = self._add(
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
        for system_name, made in ((REAL, REAL), *((s.name, s.sets[0]) for s in self.systems)):
            unit = Unit(
                id=f"detect {system_name} by {name} on {label}",
                kind="detect",
                what=f"{name} {self.counts[Split.TEST]}",
                key=key,
                inputs={"detector": trained, "set": made},
                task=task,
                time_limit=spec.time_limit,
                cost=2,
            )
            scores[system_name] = self._add(unit)
            self.detect_units[f"{name} on {label} - {system_name}"] = unit.id
        self._judged(part.card, label, trained, scores)

    def _judged(self, card: DetectorCard, label: str, trained: str, scores: Mapping[str, str]) -> None:
        key: dict[str, JSON] = {
            "target": card.target,
            "missing": self.suite.missing,
            "seed": self.suite.seed,
            "code": code_of("stats", "execute/steps/detection.py"),
        }
        protocol: dict[str, JSON] = {"target": card.target, "missing": self.suite.missing, "condition": "none"}
        part = {"detector": card.name, "train": label, "threshold": "validation"}
        kinds = {REAL: "real"} | {system.name: system.card.kind for system in self.systems}
        for name, unit_id in scores.items():
            fake = kinds[name] in {"fully_synthetic", "partially_synthetic"}
            inputs = {"detector": trained, "synthetic" if name != REAL else "real": unit_id}
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
            self._add(unit)
            for metric in DETECTION_METRICS if fake else ("false_alarm_rate",):
                self.rows.append(
                    RowPlan(
                        section="detection" if fake else "false_alarms",
                        system=name,
                        role="control" if name == REAL else "system",
                        kind=kinds[name],
                        metric=metric,
                        direction=Direction.NONE,
                        sources=((0, unit.id, metric),),
                        set_unit=self._set_of(name),
                        protocol={**protocol, "metric": f"{metric} 1"},
                        detector_unit=trained,
                        slice=part,
                    )
                )

    def _set_of(self, name: str) -> str:
        return next((s.sets[0] for s in self.systems if s.name == name), REAL)


def _sizes(identities: Mapping[str, int], shares: Mapping[str, float], seed: int) -> Mapping[Split, int]:
    sizes: dict[Split, int] = {}
    for identity, split in split_identities(identities, shares, seed).items():
        sizes[split] = sizes.get(split, 0) + identities[identity]
    return sizes


def code_of(*places: str) -> str:
    """Return the code identity of parts of the harness: files, or folders without their sub-folders."""
    files: list[Path] = []
    for place in places:
        path = HARNESS / place
        files += sorted(path.glob("*.py")) + sorted(path.glob("*.toml")) if path.is_dir() else [path]
    return digest_of([[file.relative_to(HARNESS).as_posix(), digest_of_file(file)] for file in files])
