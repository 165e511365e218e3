"""Measure two sets of pictures, clips or sounds against each other: the realism part of a suite, without a suite."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from .datasets.inputs import folder_of, part_read
from .datasets.listing import list_folder, list_media
from .errors import InputError
from .execute.display import Display
from .execute.local import LocalExecutor
from .execute.local import Results as Ran
from .measure_findings import UNPAIRED, Shared, shared_items, strays, why_nothing
from .measure_statistics import measure_against_statistics, save_statistics
from .media.item import Modality
from .media.mediaset import MediaSet, Terms
from .metrics import metric_card, metric_named
from .metrics.offers import UNITS, Offer, asked_of, check_names, choices
from .metrics.statistics import is_statistics, read_statistics
from .plan import Plan
from .planning.model import REAL, Draft, SuitePlan
from .planning.reading import protocols_of
from .planning.realism import plan_realism
from .planning.sets import counts_to_ask, plan_real
from .planning.systems import plan_systems
from .reduce import reduce_run
from .run import default_store, default_workers, failures_of
from .store.schema import Position, Results, Row
from .store.store import Store, weights_folder
from .suite import Counts, DataSpec, Splits, Suite, SystemSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What two sets measure against each other."""

    results: Results
    shared: Shared | None = None
    """Synthetic files that lie on the real side too."""

    @property
    def why_nothing(self) -> str | None:
        """Why nothing that was asked for has a value, and what to do; None if something has one."""
        return why_nothing(self.results)

    @property
    def rows(self) -> tuple[Row, ...]:
        """One row a metric, and the control rows: half of the real pictures against the other, and degraded."""
        return self.results.rows

    @property
    def positions(self) -> tuple[Position, ...]:
        """One for each metric over two sets."""
        return tuple(row.position for row in self.rows if row.position is not None)

    def saying(self, *warnings: Iterable[str]) -> "Measured":
        """Return the same with these warnings in place of its own."""
        return replace(self, results=self.results.model_copy(update={"warnings": tuple(chain(*warnings))}))


NAMED = 20
"""Files that could not be read that a result names."""


def measure(  # noqa: PLR0913 - all but two by name
    real: Path | str,
    synthetic: Path | str,
    *,
    metrics: Sequence[str] | None = None,
    instruments: Sequence[str] | None = None,
    protocol: Mapping[str, str] | None = None,
    save_stats: Path | str | None = None,
    store: Path | str | None = None,
    device: str = "cpu",
    workers: int | None = None,
    display: Display | None = None,
) -> Measured:
    """Measure how near synthetic pictures, clips or sounds come to real ones.

    What is measured follows from what the folders hold. Features and scores are cached by content. Paired metrics
    (SSIM, PSNR, LPIPS) compare files of one path below their folders, whatever the suffix; without pairs there is no
    row. A metric whose instrument lacks its weights gives a row that says so. Each metric over two sets has two control
    rows, real against held-out real and the same after a known light degradation, and a position between them, at equal
    N on both sides; each metric over one set has that of the real set beside it.

    Args:
        real: Real pictures, clips or sounds: a folder, flat or one sub-folder a person; a zip file of one; a MediaSet;
            or statistics of pytorch-fid (.npz with mu and sigma), from which only the Fréchet distance can be computed.
        synthetic: Synthetic ones, likewise.
        metrics: Names, see `fauxbench list metrics`: `fd` is read through all instruments, `fid` and `fd[spectrum]`
            through one. Default those of the modality.
        instruments: Names of instruments, see `fauxbench list instruments`; default those of the modality.
        protocol: Options of the instruments that know them: `resize` is `clean` (default), `pytorch-fid` (default
            against statistics) or `tf1`, `precision` is `fp32` or `bf16`.
        save_stats: File that gets mean and covariance of the real pictures' features, as pytorch-fid reads them.
        store: Default `FAUXBENCH_STORE` or the platform's cache folder.
        device: Of torch.
        workers: Processes at once; default one a processor.
        display: Told of progress; default nobody.

    Raises:
        InputError: No media, two modalities, an unknown or unfit metric, instrument or protocol, or another file.
        RefusedError: The terms of a MediaSet do not permit evaluation.
    """
    check_names(metrics, instruments)
    place = Path(store) if store else default_store()

    def run_in() -> LocalExecutor:  # made late: what is wrong with the input leaves no store behind
        return LocalExecutor(Store(place), workers=workers or default_workers(), display=display or Display())

    sides = tuple(Path(side).resolve() for side in (real, synthetic))
    if any(map(is_statistics, sides)):
        return _against_statistics(sides, metrics, protocol or {}, save_stats, run_in, device)
    folders = tuple(folder_of(side, place / "inputs") for side in sides)
    modality, count = _modality(folders, sides)
    asked = asked_of(modality, metrics, instruments)
    protocols = protocols_of(protocol or {}, asked.offer.instruments)
    planned = _plan(_suite(folders, count, asked.offer), weights_folder(place), device, protocols, asked.shown)
    ran = run_in().run(planned.plan)
    if save_stats is not None:
        save_statistics(Path(save_stats), ran, protocols)
    found = _found(planned, ran, metrics or ())
    hints = () if instruments else _hints(found.rows, modality, metrics or ())
    beside = chain(strays(folders[0], sides[0], real=True), strays(folders[1], sides[1], real=False))
    return found.saying(filter(None, map(part_read, sides)), beside, found.results.warnings, hints)


def _against_statistics(
    sides: Sequence[Path],
    metrics: Sequence[str] | None,
    protocol: Mapping[str, str],
    save_stats: Path | str | None,
    run_in: Callable[[], LocalExecutor],
    device: str,
) -> Measured:
    if save_stats is not None:
        raise InputError("statistics cannot be saved of statistics: give pictures on both sides")
    stored = {side: read_statistics(side) for side in sides if is_statistics(side)}
    chosen = asked_of(Modality.IMAGE, metrics).offer.metrics
    return Measured(results=measure_against_statistics(sides, stored, chosen, protocol, run_in(), device))


def _found(planned: SuitePlan, ran: Ran, metrics: Sequence[str]) -> Measured:
    """Return what was measured, and what is to be said of the files."""
    results = reduce_run(planned, ran).results
    sides = (REAL, planned.systems[0].sets[0])
    sets = [MediaSet.open(ran.finished[unit].folder / "set") for unit in sides if unit in ran.finished]
    shared = shared_items(*sets) if len(sets) == len(sides) else None
    twice = [str(shared)] if shared else []
    found = Measured(results=results, shared=shared)
    return found.saying(results.warnings, _named(planned, ran), _unpaired(planned, metrics), twice)


def _hints(rows: Sequence[Row], modality: Modality, metrics: Sequence[str]) -> Iterator[str]:
    """Yield, for each metric named without an instrument that lacks weights, through what else it can be had."""
    without = [row for row in rows if row.role == "system" and (row.reason or "").startswith("not computed: weights")]
    lacking = {str(row.protocol["metric"]).partition(" ")[0] for row in without}
    named = dict.fromkeys(word.lower() for word in metrics)
    yield from filter(None, (choices(name, modality) for name in named if name in lacking))


def _unpaired(planned: SuitePlan, metrics: Sequence[str]) -> Iterator[str]:
    """Yield which metrics were named and compare files of one name, of which there are none."""
    cards = (metric_card(metric_named(word)[0]) for word in metrics)
    names = [card.name for card in cards if card.form == "paired"]
    if names and not any(system.pairs for system in planned.systems):
        yield f"{', '.join(dict.fromkeys(names))}: {UNPAIRED}"


def _named(planned: SuitePlan, ran: Ran) -> list[str]:
    """Return a line for each file that could not be read, the first `NAMED` of them."""
    failed = [f"{record.get('request_id')}: {record['message']}" for record in failures_of(planned.plan, ran)]
    return failed[:NAMED] + ([f"and {len(failed) - NAMED} more"] if len(failed) > NAMED else [])


def _modality(folders: Sequence[Path], sides: Sequence[Path]) -> tuple[Modality, int]:
    """Return what both folders hold, and how many files the second does; `sides` is what the user calls them.

    Raises:
        InputError: They hold different things, or nothing.
    """
    real, synthetic = (list_folder(folder) for folder in folders)
    if real[0].modality is not synthetic[0].modality:
        found = " and ".join(
            f"{UNITS[one[0].modality]} in {side}" for one, side in zip((real, synthetic), sides, strict=True)
        )
        raise InputError(f"two different things cannot be compared: found {found}")
    return real[0].modality, len(list_media(folders[1]))


def _suite(folders: Sequence[Path], count: int, chosen: Offer) -> Suite:
    system = SystemSpec(use="folder", name="synthetic", version="1", kind="fully_synthetic", path=folders[1])
    return Suite(
        suite="measure",
        data=DataSpec(dataset="folder", path=folders[0], splits=Splits(train=0, validation=0, test=1)),
        generators=(system,),
        n=Counts(test=max(count, 2)),
        metrics=chosen.metrics,
        instruments=chosen.instruments,
    )


def _plan(
    suite: Suite,
    weights: Path,
    device: str,
    protocols: Mapping[str, Mapping[str, str]],
    shown: frozenset[str] | None,
) -> SuitePlan:
    """Plan realism and its controls, and nothing else of a suite; of that, only the rows `shown`."""
    draft = Draft(suite=suite, base=Path.cwd(), weights=weights, terms=suite.data.terms or Terms())
    draft.split_sizes = plan_real(draft)
    draft.counts = counts_to_ask(draft)
    draft.systems = plan_systems(draft)
    plan_realism(draft, protocols)
    if shown is not None:
        _keep(draft, shown)
    return SuitePlan(
        suite=suite,
        plan=Plan(units=tuple(draft.units.values()), device=device),
        systems=draft.systems,
        rows=tuple(draft.rows),
        detect_units=draft.detect_units,
    )


def _keep(draft: Draft, shown: frozenset[str]) -> None:
    """Leave out the rows of other metrics, and the units that only they need."""
    draft.rows = [row for row in draft.rows if row.metric in shown]
    needed = {REAL, *(unit for system in draft.systems for unit in system.sets)}
    for row in draft.rows:
        needed |= {unit for _, unit, _ in row.sources}
        if row.compared is not None:
            needed |= {row.compared.control, row.compared.degraded, *row.compared.systems}
    for unit in reversed(draft.units.values()):  # what a unit reads was added before it
        if unit.id in needed:
            needed |= set(unit.inputs.values())
    draft.units = {name: unit for name, unit in draft.units.items() if name in needed}
