"""Files of scores made elsewhere: CSV (`.csv`, `.tsv`) or Parquet, one line an item, or one line a frame.

| column | |
|---|---|
| item | id of the Item, as `export --as csv` and score files of a run give it |
| score | P(fake) in [0, 1], 1 = fake; `fake` is taken as well |
| system | the set: `real`, or `name@version`; needed where two sets share ids |
| seconds | the line is about one frame or window of the item, at this time |
| status, reason | ok (default), missing or error; why |
| frames | Parquet: a list of (seconds, score), instead of lines of their own |

A clip that has scores of frames alone gets their mean. What is wrong with single lines is said of their items, see
`intake.py`; only a file that is not such a table at all is an error.
"""

import csv
import importlib
import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..contracts import ScoreRecord
from ..errors import InputError

REAL = "real"
SUFFIXES = (".csv", ".tsv", ".parquet")
COLUMNS = ("item", "system", "score", "status", "reason", "seconds")
"""Of the CSV that is written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreFile:
    """What a file says."""

    records: tuple[tuple[str, ScoreRecord], ...]
    """(system, or nothing where the file does not say, what was said of the item)."""

    def of_system(
        self, system: str, items: Collection[str], others: Mapping[str, Collection[str]]
    ) -> Iterator[ScoreRecord]:
        """Yield what belongs to one set.

        Lines that belong to no set at all are given with the real one, where they are counted as unknown. An id that
        stands in two sets and comes without a system is an error of both items.

        Args:
            system: Name of the set.
            items: Ids in it.
            others: Ids in each other set.
        """
        for named, record in self.records:
            if named:
                if named == system:
                    yield record
                elif system == REAL and named not in others:
                    yield ScoreRecord(item=f"{named}/{record.item}")
            elif record.item in items:
                twice = [name for name, ids in others.items() if record.item in ids]
                yield _ambiguous(record.item, (system, *twice)) if twice else record
            elif system == REAL and not any(record.item in ids for ids in others.values()):
                yield record


def _ambiguous(item: str, sets: Iterable[str]) -> ScoreRecord:
    reason = f"ambiguous: the id stands in {', '.join(sorted(sets))}; give the file a column 'system'"
    return ScoreRecord(item=item, status="error", reason=reason)


def read_score_file(path: Path) -> ScoreFile:
    """Read a file of scores.

    Raises:
        InputError: No such file, not a table, no column for item or score, or scores of several detectors.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"{path}: expected a file of scores, {', '.join(SUFFIXES)}")
    rows = _parquet_rows(path) if path.suffix.lower() == ".parquet" else _csv_rows(path)
    detectors = {(row.get("detector"), row.get("train")) for row in rows}
    if len(detectors) > 1:
        names = sorted(" on ".join(str(part) for part in pair if part) for pair in detectors)
        raise InputError(f"{path}: scores of {len(names)} detectors ({', '.join(names)[:200]}); keep one")
    return ScoreFile(records=tuple(_records(rows)))


def write_score_file(path: Path, records: Iterable[tuple[str, ScoreRecord]]) -> None:
    """Write scores as CSV: a line an item, and below it one for each frame."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for system, one in records:
            score = "" if one.fake is None else repr(one.fake)
            writer.writerow([one.item, system, score, one.status, one.reason or "", ""])
            for seconds, frame in one.frames:
                writer.writerow([one.item, system, repr(frame), "ok", "", repr(seconds)])


def _csv_rows(path: Path) -> list[dict[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    separator = "\t" if path.suffix.lower() == ".tsv" else ","
    try:
        lines = list(csv.reader(text.splitlines(), delimiter=separator))
    except csv.Error as error:
        raise InputError(f"{path}: not a table: {error}") from error
    head = [name.strip().lower() for name in lines[0]] if lines else []
    _check_head(path, head)
    return [dict(zip(head, line, strict=False)) for line in lines[1:] if any(cell.strip() for cell in line)]


def _parquet_rows(path: Path) -> list[dict[str, Any]]:
    try:
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise InputError("Parquet needs pyarrow: pip install pyarrow") from error
    try:
        table = parquet.read_table(path)
    except (OSError, ValueError) as error:  # pyarrow's own errors are ValueErrors
        raise InputError(f"{path}: cannot be read: {error}") from error
    _check_head(path, table.column_names)
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def _check_head(path: Path, head: Collection[str]) -> None:
    if "item" not in head or not {"score", "fake"} & set(head):
        found = ", ".join(head) or "nothing"
        raise InputError(f"{path}: expected the columns item and score in the first line, found {found[:200]}")


def _records(rows: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, ScoreRecord]]:
    frames: dict[tuple[str, str], list[tuple[float, float]]] = {}
    whole: list[tuple[tuple[str, str], ScoreRecord]] = []
    for row in rows:
        key = str(row.get("system") or "").strip(), str(row["item"] or "").strip()
        if (seconds := _number(row.get("seconds"))) is not None:
            score = _number(row.get("score", row.get("fake")))
            frames.setdefault(key, []).append((seconds, math.nan if score is None else score))
        else:
            whole.append((key, _record(key[1], row)))
    for key, record in whole:
        own = frames.get(key, [])
        yield key[0], _with_frames(record, own) if own else record
    known = {key for key, _ in whole}
    for key, own in frames.items():
        if key not in known:
            yield key[0], _with_frames(ScoreRecord(item=key[1], fake=_mean(own)), own)


def _with_frames(record: ScoreRecord, frames: list[tuple[float, float]]) -> ScoreRecord:
    return ScoreRecord(
        item=record.item, status=record.status, fake=record.fake, frames=tuple(sorted(frames)), reason=record.reason
    )


def _mean(frames: Iterable[tuple[float, float]]) -> float:
    usable = [score for _, score in frames if 0.0 <= score <= 1.0]
    return math.fsum(usable) / len(usable) if usable else math.nan


def _record(item: str, row: Mapping[str, Any]) -> ScoreRecord:
    given, reason = row.get("score", row.get("fake")), row.get("reason") or None
    status = str(row.get("status") or "").strip().lower() or "ok"
    if status not in {"ok", "missing", "error"}:
        return ScoreRecord(item=item, status="error", reason=f"invalid: status {status!r:.40}")
    if status == "ok" and (given is None or (isinstance(given, str) and not given.strip())):
        return ScoreRecord(item=item, status="missing", reason=reason or "no score in the file")
    score = _number(given)
    if status == "ok" and score is None:
        return ScoreRecord(item=item, status="error", reason=f"invalid: {given!r:.40} is no number")
    kept: Literal["ok", "missing", "error"] = "ok" if status == "ok" else "missing" if status == "missing" else "error"
    frames = tuple((float(one["seconds"]), float(one["score"])) for one in row.get("frames") or ())
    return ScoreRecord(
        item=item,
        status=kept,
        fake=score if kept == "ok" else None,
        frames=frames,
        reason=str(reason) if reason else None,
    )


def _number(given: object) -> float | None:
    if given is None or isinstance(given, bool):
        return None
    try:
        return float(str(given).strip())
    except ValueError:
        return None
