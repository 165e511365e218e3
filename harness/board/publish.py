"""From a run folder to an entry on a leaderboard, or every reason why not."""

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ..canonical import JSON, digest_of_file
from ..errors import FauxbenchError, InputError, RefusedError
from ..export import real_of_run
from ..media.mediaset import MediaSet
from ..parallel_detection import with_detectability
from ..run import default_store
from ..safeguards.consent import USED
from ..safeguards.detectability import detectability_of
from ..safeguards.publishing import why_not_hand_on
from ..score_table import NAME, SECTIONS
from ..scores import rescore
from ..store.schema import Results, read_replicates, read_results
from ..store.store import Store, new_folder, storage_errors, write_atomically
from .entry import REPLICATES, SCORES, TABLE, Entry, SetRecord, digest_of_results, entries_of, id_of, read_entry
from .ranking import ranking_page

MADE_HERE = frozenset({"generate", "collect"})
"""Units of sets that fauxbench was asked to make or take in; `index` only reads fakes that others published."""


def publish(run: Path, to: Path, store: Path | None = None) -> Path:
    """Put a run on its suite's leaderboard, `to/<suite>/`, and write the table of the ranking anew.

    Every set is scored by the built-in detectors first (parallel detection), from the masters in the store. The same
    run again changes nothing.

    Args:
        run: A finished run folder.
        to: The folder of leaderboards.
        store: Where the run's sets are; default `FAUXBENCH_STORE` or the platform's cache folder.

    Returns:
        The entry's file.

    Raises:
        InputError: No finished run folder.
        RefusedError: It may not be published; the message gives every reason.
        StorageError: The disk is full or read-only.
    """
    status = _json(run / "run.json")
    if status.get("status") != "complete":
        raise RefusedError(f"{run}: its status is '{status.get('status')}', and only complete runs are published")
    results = read_results(run)
    reasons = [*_unfit(run, results), *changed_code(results, to)]
    if reasons:
        raise RefusedError(f"{run}: {'; '.join(reasons)}")
    opened = Store(store or default_store())
    with opened.in_use():
        sets, reasons = _sets(run, results, opened)
    if reasons:
        raise RefusedError(f"{run}: {'; '.join(reasons)}")
    return _written(run, to / results.suite.name, _entry(run, results, sets, status))


def _unfit(run: Path, results: Results) -> Iterator[str]:
    """Yield what is wrong with a run, whatever else is on the leaderboard."""
    failed = [system.name for system in results.systems if system.status == "failed"]
    if failed:
        yield f"systems that made nothing: {', '.join(failed)}"
    if not any(row.value is not None for row in results.rows):
        yield "no row has a value"
    if any(row.section in SECTIONS for row in results.rows) and not (run / NAME).is_file():
        yield f"its item scores are missing; fauxbench rescore {run} --write makes {NAME}"
    # Words in tables change with versions of fauxbench, and an entry does not hold them.
    findings = [one for one in rescore(run).findings if not one.place.startswith("tables/")]
    if findings:
        yield f"{len(findings)} numbers are not what its scores give, the first: {findings[0]}; see fauxbench rescore"


def changed_code(results: Results, board: Path) -> list[str]:
    """Return which systems are another system than an entry of the same name and version on any leaderboard here.

    A run that saw changed code says `name@version+digest` itself; such a name is never published.
    """
    found = [f"{s.name}: its code changed and its version did not; raise it" for s in results.systems if "+" in s.name]
    mine = {system.name: system.digest for system in results.systems}
    for path in sorted(board.glob("*/*.json")) if board.is_dir() else ():
        for system in read_entry(path).results.systems:
            if mine.get(system.name, system.digest) != system.digest:
                found.append(
                    f"{system.name} is another system here (digest {mine[system.name][:12]}) than in {path} "
                    f"({system.digest[:12]}): card, parameters or code changed; raise its version and run again"
                )
    return found


def _sets(run: Path, results: Results, store: Store) -> tuple[dict[str, SetRecord], list[str]]:
    """Return what the card of each system's set says, with its detectability, and why a set may not be published."""
    real = real_of_run(run, store.root)
    found: dict[str, SetRecord] = {}
    reasons: list[str] = []
    for system in results.systems:
        made = _set_of(run, system.name, store)
        if made is None or real is None:
            reasons.append(
                f"{system.name}: its set or the real one is not in the store {store.root}, so its consents cannot be "
                "looked up and it cannot be scored by detectors; run the suite again, or give --store"
            )
            continue
        media, kind = made
        # Of fakes that others published only numbers are shown: whether their files may be handed on is not asked.
        why_not = why_not_hand_on(media) if kind in MADE_HERE or media.card.facts.get(USED) else []
        if why_not:
            reasons.append(f"{system.name}: {', '.join(why_not)}")
            continue
        try:
            said = detectability_of(with_detectability(media, real, real.digest).card)
        except FauxbenchError as error:
            reasons.append(f"{system.name}: {error}")
            continue
        if said is None:
            reasons.append(f"{system.name}: its set could not be scored by detectors: no item, or no real one")
            continue
        found[system.name] = SetRecord(
            digest=media.digest,
            items=media.card.items,
            expected=media.card.expected,
            modality=media.card.modality,
            people=media.card.terms.people,
            detectability=said,
        )
    return found, reasons


def _set_of(run: Path, system: str, store: Store) -> tuple[MediaSet, str] | None:
    """Return the first set of a system and the kind of unit that made it."""
    for record in _records(run):
        words = str(record["unit"]).split()
        if record["kind"] in MADE_HERE | {"index"} and words[1:2] == [system] and record["status"] == "ok":
            kept = store.find(str(record["kind"]), str(record["fingerprint"]))
            return (MediaSet.open(kept.folder / "set"), str(record["kind"])) if kept else None
    return None


def _entry(run: Path, results: Results, sets: Mapping[str, SetRecord], status: Mapping[str, Any]) -> Entry:
    files = {REPLICATES: digest_of_file(run / REPLICATES)}
    if (run / NAME).is_file():
        files[SCORES] = digest_of_file(run / NAME)
    read_replicates(run)  # a damaged file is said before it is copied
    trained = {
        str(record["unit"]).removeprefix("train "): str(record["fingerprint"])
        for record in _records(run)
        if record["kind"] == "train" and record["status"] == "ok"
    }
    try:
        entry = Entry(
            id="",
            results=results,
            results_digest=digest_of_results(results),
            suite=_json(run / "suite.json"),
            cards={path.stem: _json(path) for path in sorted((run / "cards").glob("*.json"))},
            sets=dict(sets),
            detectors=trained,
            environment=dict(status["environment"]),
            files=files,
        )
    except (ValidationError, LookupError, TypeError) as error:
        raise InputError(f"{run}: not a whole run folder: {error!s:.200}") from error
    return entry.model_copy(update={"id": id_of(entry)})


def _written(run: Path, folder: Path, entry: Entry) -> Path:
    place = folder / f"{entry.id}.json"
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if not place.exists():
            shutil.rmtree(folder / entry.id, ignore_errors=True)  # of a command that was ended
            with new_folder(folder / entry.id) as part:
                for name in entry.files:
                    shutil.copyfile(run / name, part / name)
            write_atomically(place, entry.model_dump_json(indent=1) + "\n")
        write_table(folder)
    return place


def write_table(folder: Path) -> Path:
    """Write the table of the ranking over all entries of a suite's leaderboard."""
    entries = [read_entry(path) for path in entries_of(folder)]
    replicates = {entry.id: read_replicates(folder / entry.id) for entry in entries}
    write_atomically(folder / TABLE, ranking_page(entries, replicates))
    return folder / TABLE


def _records(run: Path) -> list[dict[str, JSON]]:
    try:
        lines = (run / "records.jsonl").read_text(encoding="utf-8").split("\n")
        return [json.loads(line) for line in lines if line]
    except (OSError, ValueError) as error:
        raise InputError(f"{run}/records.jsonl: not a record of a run: {error}") from error


def _json(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{path}: {error}; not a finished run folder") from error
