"""The documents of a run folder: `run.json`, `results.json` and `replicates.json`.

HISTORY of `schema_version` in results.json (raise it with any change of meaning, and write a migration):
    1   2026-11-22  first form
"""

from pathlib import Path
from typing import Literal, TypeVar

from pydantic import Field, ValidationError, model_validator

from ..canonical import JSON, digest_of
from ..cards import Document
from ..errors import InputError

SCHEMA_VERSION = 1


class IntervalRecord(Document):
    """See `fauxbench.harness.stats.score.Interval`."""

    low: float
    high: float
    level: float
    method: str
    cluster: str
    about: str


class SeedValue(Document):
    """The value of one training seed."""

    seed: int
    value: float | None


class Position(Document):
    """Where a system lies between real items and slightly degraded ones, all at one N against the same real items."""

    metric: str
    """As shown."""
    n: int
    """Items on each side."""
    system: float | None
    """Mean over training seeds."""
    control: float | None
    """Real items."""
    degraded: float | None
    """The same ones, degraded."""
    degradation: str
    """How, in words."""
    value: float | None = None
    """0 is as good as real, 1 as far off as the degradation, more is worse; below 0 is chance."""
    interval: IntervalRecord | None = None
    """Of the value."""
    reason: str | None = None
    """Why there is no value."""


Section = Literal[
    "realism",
    "detection",
    "false_alarms",
    "shortcuts",
    "robustness",
    "utility",
    "safety",
    "seeds",
    "languages",
]
"""What a row is about."""


class Row(Document):
    """One number of a run, and everything needed to read it."""

    id: str
    """Unique in the run; the key of replicates.json."""
    section: Section
    system: str
    """`name@version`; a control: `real` (real against held-out real), `real-degraded` (the same, degraded); or a group
    of systems: a kind, or what is fake in their items."""
    role: Literal["system", "control", "group"]
    kind: str
    """fully_synthetic, partially_synthetic, augmented_real, real."""
    metric: str
    """Name as printed, for instance `fid`, `fd[spectrum]`, `ssim`, `f1`."""
    slice: dict[str, str] = {}
    """Detection: detector, train (the systems it was trained on), threshold (0.5, validation or pooled), and level
    `frame` where frames are judged apart."""
    value: float | None
    """Mean over training seeds; null with a reason, never NaN."""
    interval: IntervalRecord | None = None
    n: int
    n_real: int | None = None
    """Real items beside the `n` fakes: the balance of the classes. Utility: real pictures that were learnt from."""
    expected: int
    failures: dict[str, int] = {}
    direction: Literal["lower", "higher", "none"]
    protocol: dict[str, JSON]
    """Metric and version, instrument fingerprint, reference set, request list and N, condition: what must be equal for
    two rows to be compared. The system under test is never in it."""
    comparability: str
    """`sha256:` digest of `protocol`."""
    reason: str | None = None
    flags: tuple[str, ...] = ()
    """Remarks that tables print as footnotes."""
    seeds: tuple[SeedValue, ...] = ()
    """Training seeds; one for a system without training."""
    position: Position | None = None
    """Realism of a system, for metrics over two sets: where it lies between the two controls."""
    rank: tuple[int, int] | None = None
    """Best and worst rank that the row may have among those it competes with; all intervals hold together."""
    p: float | None = None
    """Not adjusted. Shortcuts: one-sided, of an area of 0.6 at most. Utility: two-sided, of no gain."""
    detectable: float | None = None
    """Utility: the smallest true gain that would be found with 80 % power, for the number of gains in the run."""
    best: bool | None = None
    """Not distinguishable from the best comparable row; null where rows are not ranked (control, coverage below 95 %,
    direction none, memorisation failed)."""

    @property
    def coverage(self) -> float:
        """Share of the expected items that entered, in [0, 1]."""
        return self.n / self.expected if self.expected else 0.0

    @model_validator(mode="after")
    def _has_value_or_reason(self) -> "Row":
        if (self.value is None) == (self.reason is None):
            raise ValueError(f"row {self.id}: exactly one of value and reason must be given")
        return self


def comparability_key(protocol: dict[str, JSON]) -> str:
    """Return the key that rows must share to stand in one column."""
    return f"sha256:{digest_of(protocol)}"


class SystemRecord(Document):
    """A system under test, as it ran."""

    name: str
    """`name@version`."""
    generator: str
    """The card's name, or the path of the class."""
    technique: str
    kind: str
    modality: str
    parameters: dict[str, JSON]
    digest: str
    """sha256 over card, parameters and code: differs when the same `name@version` is another system."""
    status: Literal["ok", "partial", "failed"]
    failures: dict[str, int] = {}
    reason: str | None = None
    trained_on: str | None = None
    flags: tuple[str, ...] = ()
    """For instance `fails memorisation`: such a system is not ranked."""


class SuiteRecord(Document):
    """The suite that ran."""

    name: str
    version: str
    digest: str
    title: str = ""


class Results(Document):
    """`results.json`: holds no time, place or machine, so that the same suite gives the same bytes."""

    schema_version: Literal[1] = 1
    suite: SuiteRecord
    reference: dict[str, JSON]
    """The real data: name, digest, splits with their number of items and identities, terms."""
    numeric_class: str
    systems: tuple[SystemRecord, ...]
    rows: tuple[Row, ...]
    taught: dict[str, tuple[str, ...]] = {}
    """Training set of detectors, as slices name it -> the systems that they learnt from."""
    warnings: tuple[str, ...] = ()


class Replicates(Document):
    """`replicates.json`: what a comparison of two rows needs, without the media.

    Two rows with the same comparability key were cut into the same blocks, so that replicate j of both left out the
    same real items and the same requests.
    """

    schema_version: Literal[1] = 1
    rows: dict[str, tuple[tuple[float, ...], ...]] = Field(default={})
    """Row id -> per training seed, the value with block j left out."""


def read_results(run: Path) -> Results:
    """Read `results.json` of a run folder.

    Raises:
        InputError: No such file, or not a results document of a version that this fauxbench reads.
    """
    return _read(run / "results.json", Results)


def read_replicates(run: Path) -> Replicates:
    """Read `replicates.json` of a run folder; errors as `read_results`."""
    return _read(run / "replicates.json", Replicates)


D = TypeVar("D", bound=Document)


def _read(path: Path, document: type[D]) -> D:
    try:
        return document.model_validate_json(path.read_bytes())
    except OSError as error:
        raise InputError(f"no {path.name} in {path.parent}: not a finished run folder ({error.strerror})") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "document"
        raise InputError(f"{path}: {place}: {first['msg']} ({error.error_count()} findings)") from error
