"""Run a suite: plan it, let the executor do what is missing, reduce, write the run folder."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from .canonical import JSON, canonical
from .costs import cost_table
from .errors import FauxbenchError, StorageError, SuiteError
from .execute.display import Display
from .execute.local import LocalExecutor
from .execute.local import Results as Ran
from .media.mediaset import MediaSet
from .plan import Plan
from .planning.model import SuitePlan
from .planning.planner import plan_suite
from .reduce import Reduced, reduce_run
from .registry import DETECTORS
from .report import SUFFIXES, render, tables
from .report.curves import write_figures
from .report.html import page
from .run_folder import RunFolder
from .samples import write_samples
from .score_table import write_scores
from .shortcut_files import shortcut_files
from .store.memory import Memory
from .store.schema import Results
from .store.store import MEMORY, Store, storage_errors, weights_folder
from .suite import Suite, find_suite, read_suite

SET_KINDS = frozenset({"index", "render", "gather", "generate", "collect", "condition"})
"""Kinds of units that make a MediaSet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """A finished run."""

    folder: Path
    results: Results


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a run would do."""

    plan: Plan
    cached: frozenset[str]
    seconds: Mapping[str, float]
    """Expected seconds of each unit that is not cached."""


def default_store() -> Path:
    """Return the store folder: `FAUXBENCH_STORE`, or the platform's cache folder."""
    from platformdirs import user_cache_path

    given = os.environ.get("FAUXBENCH_STORE")
    return Path(given) if given else user_cache_path("fauxbench") / "store"


def default_workers() -> int:
    """Return how many workers run at once: one a processor, each with one thread."""
    return max(1, os.cpu_count() or 1)


def load(
    suite: Suite | str | Path, size: str | None = None, *, refit: bool = False, data: Path | None = None
) -> tuple[Suite, Path]:
    """Return a suite, in one of its sizes where a file has several, and the folder that its paths are relative to.

    With `refit`, no generator uses weights that come with it; `data` stands for the suite's own `data.path`.

    Raises:
        SuiteError: No such suite or size, or it is wrong.
    """
    if isinstance(suite, Suite):
        loaded, base = suite, Path.cwd()
    else:
        path = find_suite(str(suite))
        loaded, base = read_suite(path, size), path.resolve().parent
    if data is not None:
        if loaded.data.dataset == "studio":
            raise SuiteError("its data is rendered and lies nowhere: leave --data out")
        there = loaded.data.model_copy(update={"path": data.absolute()})
        loaded = loaded.model_copy(update={"data": there})
    if refit:
        anew = tuple(spec.model_copy(update={"refit": True}) for spec in loaded.generators)
        loaded = loaded.model_copy(update={"generators": anew})
    return loaded, base


def plan(
    suite: Suite | str | Path,
    store: Path,
    device: str = "cpu",
    size: str | None = None,
    *,
    refit: bool = False,
    data: Path | None = None,
) -> SuitePlan:
    """Return the plan of a suite; nothing is run and nothing is written."""
    loaded, base = load(suite, size, refit=refit, data=data)
    try:
        planned = plan_suite(loaded, base, weights_folder(store), device)
        renamed = _renamed(planned, store / MEMORY)
        return plan_suite(loaded, base, weights_folder(store), device, renamed=renamed) if renamed else planned
    except FauxbenchError as error:
        if isinstance(suite, Suite):
            raise
        raise type(error)(f"{find_suite(str(suite))}: {error}") from error


def _renamed(planned: SuitePlan, memory: Path) -> dict[str, str]:
    """Return what systems are called whose code is not that under which their `name@version` was first run here."""
    if not memory.is_file():
        return {}
    seen, found = Memory(memory), {}
    for system in planned.systems:
        if system.own_code and seen.known_code(system.name) not in {None, system.own_code}:
            found[system.name] = f"{system.name}+{system.own_code[:8]}"
    return found


def preview(
    suite: Suite | str | Path,
    *,
    store: Path | None = None,
    device: str = "cpu",
    size: str | None = None,
    refit: bool = False,
    data: Path | None = None,
) -> Preview:
    """Return what `run` would do: units to do, units cached, estimated seconds. Nothing is written."""
    place = store or default_store()
    planned = plan(suite, place, device, size, refit=refit, data=data)
    if not place.exists():
        seconds = {unit.id: unit.cost for unit in planned.plan.units}
        return Preview(plan=planned.plan, cached=frozenset(), seconds=seconds)
    opened = Store(place)
    cached = frozenset(planned.plan.cached(opened))
    executor = LocalExecutor(opened, workers=1, display=Display())
    todo = {unit.id: executor.estimate(unit) for unit in planned.plan.units if unit.id not in cached}
    return Preview(plan=planned.plan, cached=cached, seconds=todo)


def run(  # noqa: PLR0913 - every argument is a choice of the user's
    suite: Suite | str | Path,
    *,
    runs: Path | str = Path("runs"),
    store: Path | str | None = None,
    device: str = "cpu",
    workers: int | None = None,
    display: Display | None = None,
    retry: bool = False,
    size: str | None = None,
    refit: bool = False,
    data: Path | None = None,
) -> RunResult:
    """Run a suite and return its results.

    What the store already holds is not done again, so the same call after an interruption goes on where it stopped.

    Args:
        suite: A Suite, the path of a suite file, or the name of one that comes with fauxbench.
        runs: Folder in which the run folder is made.
        store: The store; default `FAUXBENCH_STORE` or the platform's cache folder.
        device: Of torch: `cpu`, `cuda`, `cuda:1`.
        workers: Processes at once; default: one a processor. The numbers do not depend on it.
        display: Told of progress; default: nobody.
        retry: Do units again in which items failed.
        size: One of the `sizes` of the suite's file.
        data: Where its data lies, in place of the suite's `data.path`.
        refit: Train every generator anew, even where weights come with it.

    Raises:
        InputError: The suite is wrong, or terms do not allow it; nothing was run.
        StorageError: The disk is full; the same call resumes.
    """
    place = Path(store) if store else default_store()
    planned = plan(suite, place, device, size, refit=refit, data=data)
    opened = Store(place)
    given = {new: old for old, new in planned.renamed.items()}
    for system in planned.systems:
        if system.own_code:
            Memory(opened.memory_file).first_code(given.get(system.name, system.name), system.own_code)
    folder = RunFolder.open(Path(runs), planned.suite)
    try:
        folder.begin(planned.suite, planned.plan)
        executor = LocalExecutor(
            opened, workers=workers or default_workers(), display=display or Display(), retry=retry
        )
        ran = executor.run(planned.plan)
        reduced = reduce_run(planned, ran)
        _write(folder, planned, ran, reduced)
        folder.end("complete")
    except KeyboardInterrupt:
        folder.end("interrupted", "interrupted by the user; the same command resumes")
        raise
    except FauxbenchError as error:
        if not isinstance(error, StorageError):
            folder.end("failed", str(error))
        raise
    finally:
        folder.close()
    return RunResult(folder=folder.path, results=reduced.results)


def _write(folder: RunFolder, planned: SuitePlan, ran: Ran, reduced: Reduced) -> None:
    folder.write("records.jsonl", "".join(canonical(record) + "\n" for record in _records(planned.plan, ran)))
    folder.write("failures.jsonl", "".join(canonical(record) + "\n" for record in failures_of(planned.plan, ran)))
    for name, unit_id in planned.detect_units.items():
        if unit_id in ran.finished:
            scores = (ran.finished[unit_id].folder / "scores.jsonl").read_text(encoding="utf-8")
            folder.write(f"scores/{name}.jsonl", scores)
    for name, text in shortcut_files(planned.plan, ran):
        folder.write(name, text)
    for system in planned.systems:
        card = {**system.card.model_dump(mode="json"), "as": system.name, "digest": system.digest}
        folder.write(f"cards/{system.name}.json", json.dumps(card, indent=1) + "\n")
    for spec in planned.suite.detectors:
        if spec.use and ".py:" not in spec.use and not spec.use.endswith((".yaml", ".yml")):
            card = DETECTORS.find(spec.use, Path.cwd()).card.model_dump(mode="json")
            folder.write(f"cards/{card['name']}.json", json.dumps(card, indent=1) + "\n")
    with storage_errors(folder.path):
        write_samples(folder.path / "samples", planned, ran)
    costs = cost_table(planned, ran)
    for name, table in {**tables(reduced.results), **({costs.name: costs} if costs else {})}.items():
        for format_name, suffix in SUFFIXES.items():
            text = page([table], table.title) if format_name == "html" else render(table, format_name)
            folder.write(f"tables/{name}{suffix}", text)
    with storage_errors(folder.path):
        write_figures(folder.path / "figures", reduced.results)
    folder.write("replicates.json", canonical(reduced.replicates.model_dump(mode="json")) + "\n")
    folder.write("results.json", reduced.results.model_dump_json(indent=1) + "\n")
    with storage_errors(folder.path):
        write_scores(folder.path)


def failures_of(plan: Plan, ran: Ran) -> Iterator[dict[str, JSON]]:
    """Yield what was asked for and did not come, with the reason: items, and whole units."""
    for unit in plan.units:
        if unit.id in ran.failed:
            yield {"unit": unit.id, **ran.failed[unit.id].record()}
        elif unit.kind in SET_KINDS and ran.finished[unit.id].facts.get("failures"):
            for missed in MediaSet.open(ran.finished[unit.id].folder / "set").missed:
                yield {"unit": unit.id, **missed.failure.record()}


def _records(plan: Plan, ran: Ran) -> list[dict[str, JSON]]:
    records: list[dict[str, JSON]] = []
    for unit in plan.units:
        record: dict[str, JSON] = {"unit": unit.id, "kind": unit.kind, "device": plan.device}
        if unit.id in ran.finished:
            done = ran.finished[unit.id]
            facts = {k: v for k, v in done.facts.items() if k != "measurements"}
            record |= {"status": "ok", "cached": unit.id in ran.cached, "fingerprint": done.fingerprint}
            record |= {"output": done.output, "seconds": done.seconds, "facts": facts}
        else:
            failure = ran.failed[unit.id]
            record |= {"status": "failed", "failure": failure.record()}
        records.append(record)
    return records
