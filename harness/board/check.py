"""Every number of a leaderboard, made again from what its entries hold.

| what | how |
|---|---|
| rows of detection and false alarms, thresholds | made again from the item scores |
| ranks and the group of the best | made again from the replicates |
| comparability keys | made again from the protocols |
| values over several seeds | made again from the values of the seeds |
| realism, robustness and shortcut values | their media are not here: compared with the digest of the results |
| files | compared with their digests |

Digests find what was changed by accident or by hand. Who changes an entry and all digests in it is found only by
running the suite again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..canonical import digest_of_file
from ..errors import FauxbenchError, InputError
from ..score_table import SECTIONS, read_scores
from ..scores import TOLERANCE, rows_not_of_scores
from ..stats.groups import mark_best
from ..store.schema import Row, comparability_key, read_replicates
from .entry import REPLICATES, SCORES, TABLE, Entry, digest_of_results, entries_of, id_of, read_entry
from .ranking import UNRANKED, ranking_page


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that is not what it should be."""

    place: str
    what: str

    def __str__(self) -> str:
        return f"{self.place}: {self.what}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What a check found."""

    entries: int
    recomputed: int
    """Rows made again from item scores."""
    compared: int
    """Rows that do not come from item scores: compared with the digest of the results."""
    findings: tuple[Finding, ...]


def suites_in(folder: Path) -> list[Path]:
    """Return the leaderboards in a folder: itself, if it is that of a suite, or those in it.

    Raises:
        InputError: No such folder.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; a leaderboard is made by fauxbench board publish RUN")
    if _is_suite(folder):
        return [folder]
    return sorted(path for path in folder.iterdir() if path.is_dir() and _is_suite(path))


def _is_suite(folder: Path) -> bool:
    """Whether a folder holds entries, or what entries left."""
    return bool(entries_of(folder)) or any(folder.glob(f"*/{REPLICATES}"))


def check(folder: Path) -> Checked:
    """Check every entry of the leaderboards in a folder.

    Args:
        folder: All leaderboards, or that of one suite.

    Raises:
        InputError: No such folder.
    """
    findings: list[Finding] = []
    entries: list[tuple[Path, Entry]] = []
    for suite in suites_in(folder):
        mine = []
        for path in entries_of(suite):
            try:
                mine.append((path, read_entry(path)))
            except InputError as error:
                findings.append(Finding(place=str(path), what=str(error).removeprefix(f"{path}: ")))
        for path, entry in mine:
            findings += _of_entry(path, entry)
        findings += _of_table(suite, [entry for _, entry in mine])
        findings += _strays(suite)
        entries += mine
    rows = [row for _, entry in entries for row in entry.results.rows]
    recomputed = sum(row.section in SECTIONS for row in rows)
    return Checked(
        entries=len(entries),
        recomputed=recomputed,
        compared=len(rows) - recomputed,
        findings=(*findings, *_one_name_one_system(entries)),
    )


def _of_entry(path: Path, entry: Entry) -> list[Finding]:
    found = [*_of_document(path, entry), *_files(path, entry)]
    if not any(what.startswith("missing") for _, what in found):
        found += _numbers(path, entry)
    return [Finding(place=f"{path}, {place}" if place else str(path), what=what) for place, what in found]


def _of_document(path: Path, entry: Entry) -> Iterator[tuple[str, str]]:
    if entry.id != path.stem or id_of(entry) != entry.id:
        yield "", f"its content has the id {id_of(entry)}, it says {entry.id}: something in it was changed"
    if digest_of_results(entry.results) != entry.results_digest:
        yield "results", "they are not those that were published: their digest differs"
    for system in entry.results.systems:
        if system.name not in entry.sets:
            yield system.name, "its set was never scored by detectors"
    for row in entry.results.rows:
        for what in _of_row(row):
            yield row.id, what


def _of_row(row: Row) -> Iterator[str]:
    key = comparability_key(row.protocol)
    if key != row.comparability:
        yield f"comparability is stored as {row.comparability[:19]}, its protocol gives {key[:19]}"
    values = [seed.value for seed in row.seeds if seed.value is not None]
    if row.value is not None and row.seeds and not _same(row.value, float(np.mean(values)) if values else None):
        yield f"value is stored as {row.value!r}, its seeds give {float(np.mean(values)) if values else None!r}"


def _same(a: float, b: float | None) -> bool:
    return b is not None and bool(np.isclose(a, b, rtol=TOLERANCE, atol=1e-12))


def _files(path: Path, entry: Entry) -> Iterator[tuple[str, str]]:
    folder = path.with_suffix("")
    needed = {REPLICATES} | ({SCORES} if any(row.section in SECTIONS for row in entry.results.rows) else set())
    for name in sorted(needed - set(entry.files)):
        yield name, "missing in the entry's list of files"
    for name, digest in entry.files.items():
        if not (folder / name).is_file():
            yield name, f"missing: {folder / name} is not there"
        elif digest_of_file(folder / name) != digest:
            yield name, "its bytes are not those that were published: their digest differs"


def _numbers(path: Path, entry: Entry) -> Iterator[tuple[str, str]]:
    """Yield what the item scores and the replicates do not give."""
    folder, results = path.with_suffix(""), entry.results
    seed = int(entry.suite.get("seed") or 0)
    try:
        scores = read_scores(folder) if SCORES in entry.files else ()
        for one in rows_not_of_scores(results, scores, seed):
            yield one.place, f"stored {one.stored}, recomputed {one.recomputed}"
        unranked = {system.name for system in results.systems if UNRANKED in system.flags}
        again = mark_best(results.rows, read_replicates(folder), unranked=unranked, seed=seed)
    except (FauxbenchError, ValueError, LookupError, TypeError) as error:
        yield "files", f"cannot be made again: {error!s:.200}"
        return
    for stored, made in zip(results.rows, again, strict=True):
        if (stored.rank, stored.best) != (made.rank, made.best):
            yield stored.id, f"rank is stored as {stored.rank}, best {stored.best}; recomputed {made.rank}, {made.best}"


def _of_table(suite: Path, entries: list[Entry]) -> Iterator[Finding]:
    try:
        text = ranking_page(entries, {entry.id: read_replicates(suite / entry.id) for entry in entries})
    except (FauxbenchError, ValueError, LookupError) as error:
        yield Finding(place=str(suite / TABLE), what=f"the ranking cannot be made: {error!s:.200}")
        return
    stored = (suite / TABLE).read_text(encoding="utf-8") if (suite / TABLE).is_file() else None
    if stored != text:
        what = "missing" if stored is None else "another text than its entries give"
        yield Finding(place=str(suite / TABLE), what=f"{what}; fauxbench board show {suite.name} --write makes it anew")


def _strays(suite: Path) -> Iterator[Finding]:
    known = {path.stem for path in entries_of(suite)}
    for folder in sorted(path for path in suite.iterdir() if path.is_dir() and not path.name.startswith(".")):
        if folder.name not in known and ((folder / SCORES).is_file() or (folder / REPLICATES).is_file()):
            yield Finding(place=str(folder), what=f"missing: its entry {folder.name}.json is not there")


def _one_name_one_system(entries: list[tuple[Path, Entry]]) -> Iterator[Finding]:
    """Yield systems that have one name and version, and differ in card, parameters or code."""
    first: dict[str, tuple[Path, str]] = {}
    for path, entry in entries:
        for system in entry.results.systems:
            where, digest = first.setdefault(system.name, (path, system.digest))
            if digest != system.digest:
                yield Finding(place=f"{path}, {system.name}", what=f"is another system than in {where}, same version")
