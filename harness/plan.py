"""The plan: which units a suite needs, what they depend on, and which the store already holds."""

import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from types import MappingProxyType

from .canonical import JSON
from .store.store import Finished, Store, fingerprint

THREADS = 1
"""Threads inside one unit: a constant of the protocol, because sums depend on how they are split."""


def numeric_class(device: str) -> str:
    """Return what bit equality is promised within: device type, dtype, torch minor version, machine."""
    torch = ".".join(version("torch").split("+")[0].split(".")[:2])
    return f"{device.partition(':')[0]} float32 torch-{torch} {platform.machine()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One step of the plan."""

    id: str
    """Unique in the plan and readable: `fit dcgan@1 seed 0`."""
    kind: str
    """index, render, gather, collect, alter, fit, generate, extract, measure, train, detect, evaluate."""
    what: str
    """What it works on, for durations: the same work has the same word in every plan."""
    key: Mapping[str, JSON]
    """Everything that changes the result, but for the inputs."""
    inputs: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Role -> id of the unit whose output it reads."""
    soft: frozenset[str] = frozenset()
    """Roles whose unit may fail: this one then runs without them."""
    task: Mapping[str, JSON] = field(default_factory=lambda: MappingProxyType({}))
    """What the worker needs besides and what does not change the result: paths, labels for messages."""
    time_limit: float = 3600.0
    """Seconds."""
    cost: float = 1.0
    """Estimated seconds before anything is known of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Units in an order in which each comes after its inputs."""

    units: tuple[Unit, ...]
    device: str = "cpu"

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for unit in self.units:
            unknown = set(unit.inputs.values()) - seen
            if unknown or unit.id in seen:
                raise ValueError(f"unit '{unit.id}' is given twice or comes before {sorted(unknown)}")
            seen.add(unit.id)

    def unit(self, unit_id: str) -> Unit:
        """Return a unit by its id."""
        return next(unit for unit in self.units if unit.id == unit_id)

    def fingerprint(self, unit: Unit, outputs: Mapping[str, str]) -> str:
        """Return a unit's fingerprint, given the output digests of its inputs by unit id."""
        key = {**unit.key, "numeric_class": numeric_class(self.device), "threads": THREADS}
        inputs = {
            role: outputs[source] for role, source in unit.inputs.items() if role not in unit.soft or source in outputs
        }
        return fingerprint(unit.kind, key, inputs)

    def cached(self, store: Store) -> dict[str, Finished]:
        """Return the units that the store holds, by id; a unit behind one that is missing counts as missing."""
        found: dict[str, Finished] = {}
        for unit in self.units:
            if all(source in found for source in unit.inputs.values()):
                outputs = {source: found[source].output for source in unit.inputs.values()}
                finished = store.find(unit.kind, self.fingerprint(unit, outputs))
                if finished is not None:
                    found[unit.id] = finished
        return found


def firm_inputs(unit: Unit) -> set[str]:
    """Return the ids of the units that a unit cannot do without."""
    return {source for role, source in unit.inputs.items() if role not in unit.soft}


def dependents(units: Iterable[Unit], failed: str) -> set[str]:
    """Return the ids of all units that cannot run because `failed` did not."""
    lost = {failed}
    for unit in units:
        if lost & firm_inputs(unit):
            lost.add(unit.id)
    return lost - {failed}
