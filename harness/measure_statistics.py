"""Measuring against statistics of pytorch-fid (mu, sigma), and saving such statistics."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from .canonical import JSON, digest_of, digest_of_file
from .datasets.inputs import folder_of
from .errors import InputError
from .execute.local import LocalExecutor
from .execute.local import Results as Ran
from .execute.steps.measures import measurement_record, read_features
from .instruments import check_options, instrument_card
from .media.item import Split
from .media.mediaset import Terms
from .metrics import metric_card
from .metrics.statistics import (
    Statistics,
    measure_statistics,
    measure_to_statistics,
    write_statistics,
)
from .plan import Plan, numeric_class
from .planning.model import REAL, Draft
from .planning.reading import Reading, extracted, missing_weights, protocol_of
from .planning.sets import plan_real
from .stats.score import Measurement
from .store.schema import IntervalRecord, Results, Row, SeedValue, SuiteRecord, comparability_key
from .store.store import weights_folder
from .suite import DataSpec, Splits, Suite, SystemSpec, suite_digest

METRIC = "fd"
"""All that statistics hold enough for."""
ONLY = "only the Fréchet distance can be computed from statistics (mu, sigma)"
INSTRUMENT, OPTIONS = "inception-2015", {"resize": "pytorch-fid"}
"""Of statistics that do not say: those of pytorch-fid."""


def measure_against_statistics(
    sides: Sequence[Path],
    stored: Mapping[Path, Statistics],
    metrics: Sequence[str],
    protocol: Mapping[str, str],
    executor: LocalExecutor,
    device: str,
) -> Results:
    """Return one row a metric for two sides of which one, or both, are statistics.

    The instrument is the one that the file names, or else Inception under pytorch-fid's resize. There are no controls:
    statistics cannot be cut into halves.

    Args:
        sides: Real and synthetic: a file of statistics, or what `folder_of` takes.
        stored: The statistics of those sides that are files of them.
        metrics: Names.
        protocol: Options of the instrument, in place of those that the file names.
        executor: With the store.
        device: Of torch.

    Raises:
        InputError: An unknown protocol, or no pictures.
    """
    first = next(iter(stored.values()))
    name = first.instrument or INSTRUMENT
    options = {**(first.options if first.options is not None else OPTIONS), **protocol}
    check_options(name, options)
    reading = Reading(name, options)
    suite = _suite(sides[0])
    facts: dict[str, JSON] = {}
    pictures = [side for side in sides if side not in stored]
    if pictures:
        folder = folder_of(pictures[0], executor.store.root / "inputs")
        suite = _suite(folder)
        found, facts = _measured(suite, reading, first, executor, device)
    else:
        found = measure_statistics(stored[sides[0]], stored[sides[1]])
    files: dict[str, JSON] = {"statistics": [digest_of_file(side) for side in sides if side in stored]}
    rows = [
        _row(metric, reading, found if metric == METRIC else Measurement(value=None, n=0, reason=ONLY), files)
        for metric in dict.fromkeys(metrics)
    ]
    return Results(
        suite=SuiteRecord(name="measure", version="1", digest=suite_digest(suite)),
        reference={**files, **facts},
        numeric_class=numeric_class(device),
        systems=(),
        rows=tuple(rows),
        warnings=() if METRIC in metrics else (f"{ONLY}: give --metrics {METRIC}",),
    )


def _suite(folder: Path) -> Suite:
    data = DataSpec(dataset="folder", path=folder, splits=Splits(train=0, validation=0, test=1))
    system = SystemSpec(use="folder", name="synthetic", version="1", kind="fully_synthetic", path=folder)
    return Suite(suite="measure", data=data, generators=(system,))


def _measured(
    suite: Suite, reading: Reading, statistics: Statistics, executor: LocalExecutor, device: str
) -> tuple[Measurement, dict[str, JSON]]:
    """Read the pictures of the one folder, and measure them against the statistics."""
    weights = weights_folder(executor.store.root)
    draft = Draft(suite=suite, base=Path.cwd(), weights=weights, terms=Terms())
    draft.split_sizes = plan_real(draft)
    reason = missing_weights(draft, reading)
    if reason:
        return Measurement(value=None, n=0, reason=reason), {}
    unit = extracted(draft, reading, REAL, (Split.TEST,))
    ran = executor.run(Plan(units=tuple(draft.units.values()), device=device))
    if unit not in ran.finished:
        why = ran.failed.get(unit)
        return Measurement(value=None, n=0, reason=f"failed: {why.message if why else 'not run'}"), {}
    features, unread = read_features(ran.finished[unit].folder, Split.TEST)
    found = measure_to_statistics(features, statistics)
    return found, {"pictures": ran.finished[REAL].output, "unreadable": unread}


def _row(metric: str, reading: Reading, found: Measurement, files: Mapping[str, JSON]) -> Row:
    card = metric_card(metric)
    record = measurement_record(found, {})
    protocol = {**protocol_of(card, reading), **files, "n": found.n}
    shown = card.shown_as(None if card.purpose == "pixels" else reading.name)
    return Row(
        id=f"realism-synthetic@1-{shown}-{digest_of([shown])[:12]}",
        section="realism",
        system="synthetic@1",
        role="system",
        kind="fully_synthetic",
        metric=shown,
        value=found.value,
        interval=IntervalRecord(**record["interval"]) if record["interval"] else None,
        n=found.n,
        expected=found.n,
        direction=card.direction,
        protocol=protocol,
        comparability=comparability_key(protocol),
        reason=found.reason,
        flags=found.flags,
        seeds=(SeedValue(seed=0, value=found.value),),
    )


def save_statistics(path: Path, ran: Ran, protocols: Mapping[str, Mapping[str, str]]) -> str:
    """Write mean and covariance of the real pictures' features; of Inception where it ran, or of another instrument.

    Returns:
        The name of the instrument.

    Raises:
        InputError: No instrument for distributions read the pictures, or the file cannot be written.
    """
    units = {unit.removeprefix("extract ").removesuffix(f" of {REAL}"): unit for unit in ran.finished}
    units = {name: unit for name, unit in units.items() if unit == f"extract {name} of {REAL}"}
    names = [name for name in units if "distribution" in instrument_card(name).purpose]
    if not names:
        raise InputError(f"{path}: no statistics to save: no instrument read the real pictures, see fauxbench doctor")
    name = INSTRUMENT if INSTRUMENT in names else names[0]
    features, _ = read_features(ran.finished[units[name]].folder, Split.TEST)
    write_statistics(path, features.arrays["features"], name, protocols.get(name, {}))
    return name
