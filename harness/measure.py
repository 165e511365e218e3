"""Measure two sets of pictures against each other: the realism part of a suite, without a suite."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .canonical import JSON
from .cards import did_you_mean
from .datasets.inputs import folder_of
from .datasets.listing import list_folder
from .errors import InputError
from .execute.display import Display
from .execute.local import LocalExecutor
from .execute.local import Results as Ran
from .instruments import OPTIONS, check_options
from .measure_statistics import measure_against_statistics, save_statistics
from .media.mediaset import Terms
from .metrics import metric_card
from .metrics.statistics import is_statistics, read_statistics
from .plan import Plan
from .planning.controls import Compared, plan_controls
from .planning.model import Draft, SuitePlan
from .planning.realism import plan_realism
from .planning.sets import counts_to_ask, plan_real
from .planning.systems import plan_systems
from .reduce import reduce_run
from .run import default_store, default_workers
from .store.schema import Results, Row
from .store.store import Store, weights_folder
from .suite import Counts, DataSpec, Splits, Suite, SystemSpec

METRICS = ("fd", "kd", "is", "ssim", "psnr")
INSTRUMENTS = ("spectrum", "inception-2015")


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where a system lies between real pictures and slightly degraded ones, all at one N against the same half."""

    metric: str
    """As shown."""
    n: int
    """Items on each side."""
    system: float | None
    control: float | None
    """Real pictures."""
    degraded: float | None
    """The same ones, degraded."""
    value: float | None = None
    """0 is as good as real, 1 as far off as the degradation, more is worse; below 0 is chance."""
    reason: str | None = None
    """Why there is no value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What two sets measure against each other."""

    results: Results
    positions: tuple[Position, ...] = ()
    """One for each metric over two sets."""

    @property
    def rows(self) -> tuple[Row, ...]:
        """One row a metric, and the control rows: half of the real pictures against the other, and degraded."""
        return self.results.rows


def measure(  # noqa: PLR0913 - all but two by name
    real: Path | str,
    synthetic: Path | str,
    *,
    metrics: Sequence[str] = METRICS,
    instruments: Sequence[str] = INSTRUMENTS,
    protocol: Mapping[str, str] | None = None,
    save_stats: Path | str | None = None,
    store: Path | str | None = None,
    device: str = "cpu",
    workers: int | None = None,
    display: Display | None = None,
) -> Measured:
    """Measure how near synthetic pictures come to real ones.

    Features and scores are cached by content, so that a second call is quick. Paired metrics (SSIM, PSNR, LPIPS) are
    there if synthetic files have the names of real ones. A metric whose instrument lacks its weights gives a row that
    says so. Each metric over two sets has two control rows, real against held-out real and the same after a known light
    degradation, and a position between them, at equal N on both sides.

    Args:
        real: Real pictures: a folder, flat or one sub-folder a person; a zip file of one; a MediaSet; or statistics of
            pytorch-fid (.npz with mu and sigma), from which only the Fréchet distance can be computed.
        synthetic: Synthetic pictures, likewise.
        metrics: Names of metrics, see `fauxbench list metrics`.
        instruments: Names of instruments, see `fauxbench list instruments`.
        protocol: Options of the instruments that know them, for instance `{"resize": "pytorch-fid"}`: `resize` is
            `clean` (default), `pytorch-fid` (default against statistics) or `tf1`, `precision` is `fp32` or `bf16`.
        save_stats: File that gets mean and covariance of the real pictures' features, as pytorch-fid reads them.
        store: Default `FAUXBENCH_STORE` or the platform's cache folder.
        device: Of torch.
        workers: Processes at once; default one a processor.
        display: Told of progress; default nobody.

    Raises:
        InputError: No pictures, an unknown metric, instrument or protocol, or a file that is none of these.
        RefusedError: The terms of a MediaSet do not permit evaluation.
    """
    for name in metrics:
        if metric_card(name).name == "memorisation":
            raise InputError(
                "memorisation needs the set that the system was trained on: use a suite with `use: folder`"
            )
    place = Path(store) if store else default_store()

    def run_in() -> LocalExecutor:  # made late: what is wrong with the input leaves no store behind
        return LocalExecutor(Store(place), workers=workers or default_workers(), display=display or Display())

    sides = tuple(Path(side).resolve() for side in (real, synthetic))
    if any(map(is_statistics, sides)):
        if save_stats is not None:
            raise InputError("statistics cannot be saved of statistics: give pictures on both sides")
        stored = {side: read_statistics(side) for side in sides if is_statistics(side)}
        return Measured(results=measure_against_statistics(sides, stored, metrics, protocol or {}, run_in(), device))
    protocols = protocols_of(protocol or {}, instruments)
    folders = tuple(folder_of(side, place / "inputs") for side in sides)
    list_folder(folders[0])
    suite = _suite(folders, len(list_folder(folders[1])), metrics, instruments)
    planned, compared = _plan(suite, weights_folder(place), device, protocols)
    ran = run_in().run(planned.plan)
    if save_stats is not None:
        save_statistics(Path(save_stats), ran, protocols)
    return Measured(results=reduce_run(planned, ran).results, positions=tuple(_position(one, ran) for one in compared))


def protocols_of(protocol: Mapping[str, str], instruments: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return the options of each instrument that knows some of them.

    Raises:
        InputError: An option that none of the instruments knows, or a value that is not legal.
    """
    known = {option for name in instruments for option in OPTIONS.get(name, {})}
    for option in protocol:
        if option not in known:
            hint = did_you_mean(option, known)
            legal = ", ".join(sorted(known)) or "none"
            raise InputError(f"protocol: no option '{option}'{hint}; {', '.join(instruments)} have: {legal}")
    chosen = {
        name: {option: value for option, value in protocol.items() if option in OPTIONS.get(name, {})}
        for name in instruments
    }
    for name, options in chosen.items():
        check_options(name, options)
    return {name: options for name, options in chosen.items() if options}


def _suite(folders: Sequence[Path], count: int, metrics: Sequence[str], instruments: Sequence[str]) -> Suite:
    system = SystemSpec(use="folder", name="synthetic", version="1", kind="fully_synthetic", path=folders[1])
    return Suite(
        suite="measure",
        data=DataSpec(dataset="folder", path=folders[0], splits=Splits(train=0, validation=0, test=1)),
        generators=(system,),
        n=Counts(test=max(count, 2)),
        metrics=tuple(metrics),
        instruments=tuple(instruments),
    )


def _plan(
    suite: Suite, weights: Path, device: str, protocols: Mapping[str, Mapping[str, str]]
) -> tuple[SuitePlan, tuple[Compared, ...]]:
    """Plan realism and its controls, and nothing else of a suite."""
    draft = Draft(suite=suite, base=Path.cwd(), weights=weights, terms=suite.data.terms or Terms())
    draft.split_sizes = plan_real(draft)
    draft.counts = counts_to_ask(draft)
    draft.systems = plan_systems(draft)
    plan_realism(draft, protocols)
    compared = plan_controls(draft, suite.metrics, suite.instruments, protocols)
    planned = SuitePlan(
        suite=suite,
        plan=Plan(units=tuple(draft.units.values()), device=device),
        systems=draft.systems,
        rows=tuple(draft.rows),
        detect_units=draft.detect_units,
    )
    return planned, compared


def _position(compared: Compared, ran: Ran) -> Position:
    system, control, degraded = (
        _record(ran, unit, compared.name) for unit in (compared.system, compared.control, compared.degraded)
    )
    position = Position(
        metric=compared.metric,
        n=compared.n,
        system=system.get("value"),
        control=control.get("value"),
        degraded=degraded.get("value"),
    )
    if position.system is None or position.control is None or position.degraded is None:
        reasons = [str(record.get("reason") or "not computed") for record in (system, control, degraded)]
        missing = zip(reasons, (position.system, position.control, position.degraded), strict=True)
        return replace(position, reason="; ".join(dict.fromkeys(why for why, value in missing if value is None)))
    span = position.degraded - position.control
    if span * (1 if metric_card(compared.name).direction == "lower" else -1) <= 0:
        return replace(position, reason=f"the degradation is not seen at n {compared.n}")
    return replace(position, value=(position.system - position.control) / span)


def _record(ran: Ran, unit: str, name: str) -> dict[str, JSON]:
    finished = ran.finished.get(unit)
    return dict(finished.facts)["measurements"][name] if finished else {}
