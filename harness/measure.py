"""Measure two sets of pictures, clips or sounds against each other: the realism part of a suite, without a suite."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .datasets.inputs import folder_of, part_read
from .datasets.listing import list_folder
from .errors import InputError
from .execute.display import Display
from .execute.local import LocalExecutor
from .execute.local import Results as Ran
from .measure_statistics import measure_against_statistics, save_statistics
from .media.item import Modality
from .media.mediaset import Terms
from .metrics import metric_card
from .metrics.offers import UNITS, Offer, offer
from .metrics.statistics import is_statistics, read_statistics
from .plan import Plan
from .planning.model import Draft, SuitePlan
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

    @property
    def rows(self) -> tuple[Row, ...]:
        """One row a metric, and the control rows: half of the real pictures against the other, and degraded."""
        return self.results.rows

    @property
    def positions(self) -> tuple[Position, ...]:
        """One for each metric over two sets."""
        return tuple(row.position for row in self.rows if row.position is not None)


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

    What is measured follows from what the folders hold; both must hold the same. Features and scores are cached by
    content, so that a second call is quick. Paired metrics (SSIM, PSNR, LPIPS) are there if synthetic files have the
    names of real ones. A metric whose instrument lacks its weights gives a row that says so. Each metric over two sets
    has two control rows, real against held-out real and the same after a known light degradation, and a position
    between them, at equal N on both sides; each metric over one set has that of the real set beside it.

    Args:
        real: Real pictures, clips or sounds: a folder, flat or one sub-folder a person; a zip file of one; a MediaSet;
            or statistics of pytorch-fid (.npz with mu and sigma), from which only the Fréchet distance can be computed.
        synthetic: Synthetic ones, likewise.
        metrics: Names of metrics, see `fauxbench list metrics`; default those of the modality.
        instruments: Names of instruments, see `fauxbench list instruments`; default those of the modality.
        protocol: Options of the instruments that know them, for instance `{"resize": "pytorch-fid"}`: `resize` is
            `clean` (default), `pytorch-fid` (default against statistics) or `tf1`, `precision` is `fp32` or `bf16`.
        save_stats: File that gets mean and covariance of the real pictures' features, as pytorch-fid reads them.
        store: Default `FAUXBENCH_STORE` or the platform's cache folder.
        device: Of torch.
        workers: Processes at once; default one a processor.
        display: Told of progress; default nobody.

    Raises:
        InputError: No media, two modalities, a metric or instrument that is unknown or for another modality, an unknown
            protocol, or a file that is none of these.
        RefusedError: The terms of a MediaSet do not permit evaluation.
    """
    for name in metrics or ():
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
        asked = offer(Modality.IMAGE, metrics).metrics
        return Measured(results=measure_against_statistics(sides, stored, asked, protocol or {}, run_in(), device))
    folders = tuple(folder_of(side, place / "inputs") for side in sides)
    modality, count = _modality(folders)
    chosen = offer(modality, metrics, instruments)
    protocols = protocols_of(protocol or {}, chosen.instruments)
    suite = _suite(folders, count, chosen)
    planned = _plan(suite, weights_folder(place), device, protocols)
    ran = run_in().run(planned.plan)
    if save_stats is not None:
        save_statistics(Path(save_stats), ran, protocols)
    results = reduce_run(planned, ran).results
    said = (*filter(None, map(part_read, sides)), *results.warnings, *_named(planned, ran))
    return Measured(results=results.model_copy(update={"warnings": said}))


def _named(planned: SuitePlan, ran: Ran) -> list[str]:
    """Return a line for each file that could not be read, the first `NAMED` of them."""
    failed = [f"{record.get('request_id')}: {record['message']}" for record in failures_of(planned.plan, ran)]
    return failed[:NAMED] + ([f"and {len(failed) - NAMED} more"] if len(failed) > NAMED else [])


def _modality(folders: Sequence[Path]) -> tuple[Modality, int]:
    """Return what both folders hold, and how many items the second does.

    Raises:
        InputError: They hold different things, or nothing.
    """
    real, synthetic = (list_folder(folder) for folder in folders)
    if real[0].modality is not synthetic[0].modality:
        found = " and ".join(
            f"{UNITS[one[0].modality]} in {folder}" for one, folder in zip((real, synthetic), folders, strict=True)
        )
        raise InputError(f"two different things cannot be compared: found {found}")
    return real[0].modality, len(synthetic)


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


def _plan(suite: Suite, weights: Path, device: str, protocols: Mapping[str, Mapping[str, str]]) -> SuitePlan:
    """Plan realism and its controls, and nothing else of a suite."""
    draft = Draft(suite=suite, base=Path.cwd(), weights=weights, terms=suite.data.terms or Terms())
    draft.split_sizes = plan_real(draft)
    draft.counts = counts_to_ask(draft)
    draft.systems = plan_systems(draft)
    plan_realism(draft, protocols)
    return SuitePlan(
        suite=suite,
        plan=Plan(units=tuple(draft.units.values()), device=device),
        systems=draft.systems,
        rows=tuple(draft.rows),
        detect_units=draft.detect_units,
    )
