"""What planning is about: systems, rows to be, and the draft they are written into."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from ..canonical import JSON, digest_of, digest_of_file
from ..cards import DetectorCard, GeneratorCard
from ..errors import SuiteError
from ..media.item import Modality, Split
from ..media.mediaset import Terms
from ..plan import Plan, Unit
from ..sources import HARNESS, reached
from ..stats.score import Direction
from ..store.schema import Section
from ..suite import Suite

REAL = "real"
"""Unit id of the real set, and the name of the control."""
LEAST = 2.0
"""Seconds that a training takes, however few its steps."""
RENDERED = Terms(people="rendered", permits=("evaluate", "train", "edit", "manipulate", "publish"), grant="rendered")


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
    pairs: bool
    """Whether its items were made from Items of the real set, and can be compared with them one by one."""
    own_code: str = ""
    """Digest of what its version speaks for: its own sources, or the program's; nothing for finished outputs."""
    trains: bool = True
    """Whether it has a train split, so that detectors can learn from it."""

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


Source = tuple[int, str, str]
"""(training seed, unit id, name of the measurement in the unit's facts)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """The scores at one N, against the same real items, that a position is made of."""

    name: str
    """Of the measurement in the facts of the units."""
    n: int
    control: str
    """Unit of held-out real items."""
    degraded: str
    """Unit of the same ones, degraded."""
    systems: tuple[str, ...]
    """Units of the system, one a training seed."""
    degradation: str
    """In words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowPlan:
    """One row of the results, before it has a value."""

    section: Section
    system: str
    role: Literal["system", "control", "group"]
    kind: str
    metric: str
    direction: Direction
    sources: tuple[Source, ...] = ()
    set_unit: str = REAL
    """The set whose items are counted and whose requests are part of the protocol."""
    protocol: Mapping[str, JSON] = field(default_factory=lambda: MappingProxyType({}))
    detector_unit: str | None = None
    """Detection: the unit that trained the detector; its output is part of the protocol."""
    thresholds_unit: str | None = None
    """Detection: the unit that chose the thresholds; the one in the slice is part of the protocol."""
    optional: bool = False
    """Left out of the results where its unit made no such measurement: frame level, where there are no frames."""
    slice: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    n: int | None = None
    """Items expected, where that is not the whole test split."""
    reason: str | None = None
    """Why it will have no value, if that is known beforehand."""
    compared: Compared | None = None
    """Realism of a system, where the metric has controls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SuitePlan:
    """Units, and the rows they feed."""

    suite: Suite
    plan: Plan
    systems: tuple[System, ...]
    rows: tuple[RowPlan, ...]
    detect_units: Mapping[str, str]
    """Name of a score file -> unit that makes it."""
    taught: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    """Training set of detectors, as tables name it -> its systems."""
    renamed: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """As `Draft.renamed`."""


@dataclass(slots=True, kw_only=True)
class Draft:
    """A plan in the making."""

    suite: Suite
    base: Path
    """What the suite's paths are relative to."""
    weights: Path
    """Folder of instruments' weights."""
    terms: Terms
    real_names: Sequence[str] = ()
    """Ids of the real Items, where they are known from a listing."""
    systems: tuple[System, ...] = ()
    units: dict[str, Unit] = field(default_factory=dict)
    rows: list[RowPlan] = field(default_factory=list)
    modality: Modality = Modality.IMAGE
    """Of the real set: what metrics are measured on."""
    split_sizes: Mapping[Split, int] = field(default_factory=dict)
    """Items of each split of the real set."""
    counts: Mapping[Split, int] = field(default_factory=dict)
    """Items to ask of each system."""
    detect_units: dict[str, str] = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=dict)
    """`name@version` of systems whose code changed under it -> what they are called instead."""

    def add(self, unit: Unit) -> str:
        """Add a unit, once, and return its id."""
        self.units.setdefault(unit.id, unit)
        return unit.id

    def existing(self, path: Path | None, key: str) -> Path:
        """Return a folder that the suite names.

        Raises:
            SuiteError: It is not there.
        """
        found = (self.base / (path or "")).resolve()
        if not found.is_dir():
            what = "a file" if found.exists() else "nothing there"
            raise SuiteError(f"{key}: expected a folder at {found}, found {what} (paths are relative to {self.base})")
        return found

    @property
    def output_size(self) -> int | None:
        """Side of the square pictures asked for; None leaves it to the system."""
        data = self.suite.data
        return (data.size or 64) if data.dataset == "studio" else data.size


def training_cost(card: GeneratorCard | DetectorCard, parameters: Mapping[str, JSON]) -> float:
    """Return about how many seconds a training takes: what the card says of its defaults, in proportion to `steps`.

    Where the default is a single step, the card's cost is that of a solution in closed form, and stays.
    """
    steps = card.parameters.get("steps")
    if steps is None or int(steps.default) <= 1:
        return card.cost
    return max(min(card.cost, LEAST), card.cost * int(parameters["steps"]) / int(steps.default))


def code_of(*places: str) -> str:
    """Return the code identity of parts of the harness: files, or folders without their sub-folders."""
    files: list[Path] = []
    for place in places:
        path = HARNESS / place
        files += sorted(path.glob("*.py")) + sorted(path.glob("*.toml")) if path.is_dir() else [path]
    return _digest(files)


def code_reached(*places: str) -> str:
    """Return the code identity of modules of the harness and of every module that they import, but for plumbing."""
    return _digest(reached(HARNESS / place for place in places))


def _digest(files: Iterable[Path]) -> str:
    return digest_of([[file.relative_to(HARNESS).as_posix(), digest_of_file(file)] for file in files])
