"""Measure two folders of pictures against each other: the realism part of a suite, without a suite."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .datasets.listing import list_folder
from .errors import InputError
from .execute.display import Display
from .execute.local import LocalExecutor
from .metrics import metric_card
from .planning.planner import plan_suite
from .reduce import reduce_run
from .run import default_store, default_workers
from .store.schema import Results, Row
from .store.store import Store, weights_folder
from .suite import Counts, DataSpec, Splits, Suite, SystemSpec

METRICS = ("fd", "kd", "is", "ssim", "psnr")
INSTRUMENTS = ("spectrum", "inception-2015")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What two folders measure against each other."""

    results: Results

    @property
    def rows(self) -> tuple[Row, ...]:
        """One row a metric, and the control rows: one half of the real pictures against the other."""
        return self.results.rows


def measure(
    real: Path | str,
    synthetic: Path | str,
    *,
    metrics: Sequence[str] = METRICS,
    instruments: Sequence[str] = INSTRUMENTS,
    store: Path | None = None,
    device: str = "cpu",
    workers: int | None = None,
    display: Display | None = None,
) -> Measured:
    """Measure how near a folder of synthetic pictures comes to a folder of real ones.

    Nothing is copied; features and scores are cached by content, so that a second call is quick. Paired metrics (SSIM,
    PSNR) are there if synthetic files have the names of real ones. A metric whose instrument lacks its weights gives a
    row that says so.

    Args:
        real: Folder of real pictures, flat or one sub-folder a person.
        synthetic: Folder of synthetic pictures.
        metrics: Names of metrics, see `fauxbench list metrics`.
        instruments: Names of instruments, see `fauxbench list instruments`.
        store: Default `FAUXBENCH_STORE` or the platform's cache folder.
        device: Of torch.
        workers: Processes at once; default one a processor.
        display: Told of progress; default nobody.

    Raises:
        InputError: A folder without pictures, an unknown metric or instrument.
    """
    for name in metrics:
        if metric_card(name).name == "memorisation":
            raise InputError(
                "memorisation needs the set that the system was trained on: use a suite with `use: folder`"
            )
    real_folder, synthetic_folder = Path(real).resolve(), Path(synthetic).resolve()
    list_folder(real_folder)
    count = len(list_folder(synthetic_folder))
    suite = Suite(
        suite="measure",
        data=DataSpec(dataset="folder", path=real_folder, splits=Splits(train=0, validation=0, test=1)),
        generators=(
            SystemSpec(use="folder", name="synthetic", version="1", kind="fully_synthetic", path=synthetic_folder),
        ),
        n=Counts(test=max(count, 2)),
        metrics=tuple(metrics),
        instruments=tuple(instruments),
    )
    place = store or default_store()
    planned = plan_suite(suite, Path.cwd(), weights_folder(place), device)
    executor = LocalExecutor(Store(place), workers=workers or default_workers(), display=display or Display())
    return Measured(results=reduce_run(planned, executor.run(planned.plan)).results)
