"""Item scores of a run as one Parquet file.

RUN/scores.parquet has one line for each item that a trained detector was asked about:

| column | |
|---|---|
| item, kind, split, visual_fake, audio_fake, clusters | what the item is; clusters is a list of one or two labels |
| score, status, reason | P(fake), null unless status is ok; ok, missing or error; why not |
| frames | list of (seconds, score) |
| detector, train, system | who scored it, what that was trained on, which set the item belongs to |
| checkpoint, checkpoint_origin | digest of the weights; the split that chose them |
| threshold, threshold_origin | P(fake) from which an item is called fake; the validation sets that chose it |
| threshold_pooled, threshold_pooled_origin | likewise, chosen on the validation sets of every system |
| role | of the set in that choice: real, own, other, or nothing |
"""

import importlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from .canonical import JSON
from .contracts import ScoreRecord
from .errors import InputError
from .stats.lines import PRIMARY, Line, Question
from .stats.score_file import write_score_file
from .store.schema import Results, Row, read_results

NAME = "scores.parquet"
REAL = "real"
"""The set of real items."""
SECTIONS = ("detection", "false_alarms")
"""Of rows that are made from item scores alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """What one trained detector said of one set."""

    detector: str
    train: str
    """What it was trained on, as the tables name it."""
    system: str
    """The set: a system under test, or `real`."""
    checkpoint: str | None
    checkpoint_origin: str | None
    threshold: float | None
    threshold_origin: str
    threshold_pooled: float | None
    threshold_pooled_origin: str
    role: str
    """Of the set in the choice of the thresholds: real, own, other, or nothing."""
    lines: tuple[Line, ...]
    """In the order in which the items were scored."""


def write_scores(run: Path) -> Path | None:
    """Write `scores.parquet` of a run folder from its files of scores; None where no detector scored anything.

    Raises:
        InputError: pyarrow is missing, or the run folder is not whole.
    """
    found = tuple(_from_lines(run))
    if not found:
        return None
    pyarrow, parquet = _library("pyarrow"), _library("pyarrow.parquet")
    columns: dict[str, list[Any]] = {name: [] for name in _schema(pyarrow).names}
    for scores in found:
        for line in scores.lines:
            for name, value in _record(scores, line).items():
                columns[name].append(value)
    place = run / NAME
    partial = place.with_suffix(".partial")
    parquet.write_table(pyarrow.table(columns, schema=_schema(pyarrow)), partial, compression="zstd")
    partial.replace(place)
    return place


def read_scores(run: Path) -> tuple[Scores, ...]:
    """Read `scores.parquet` of a run folder.

    Raises:
        InputError: No such file, not Parquet, or without the columns above; or pyarrow is missing.
    """
    pyarrow, parquet = _library("pyarrow"), _library("pyarrow.parquet")
    place = run / NAME
    try:
        table = parquet.read_table(place)
    except OSError as error:
        raise InputError(f"cannot read {place}: {error}") from error
    except pyarrow.ArrowInvalid as error:
        raise InputError(f"{place} is no Parquet file: {error}") from error
    lost = [name for name in _schema(pyarrow).names if name not in table.column_names]
    if lost:
        raise InputError(f"{place} has no column {', '.join(lost)}; it has: {', '.join(table.column_names)}")
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for line in table.to_pylist():
        groups.setdefault(tuple(line[name] for name in _HEAD), []).append(line)
    return tuple(
        Scores(**dict(zip(_HEAD, head, strict=True)), lines=tuple(map(_line, lines))) for head, lines in groups.items()
    )


_OF_ITEM = ("item", "kind", "split", "visual_fake", "audio_fake", "status", "reason")
_NEEDED = (*_OF_ITEM, "cluster", "fake", "frames")
_HEAD = (
    *("detector", "train", "system", "checkpoint", "checkpoint_origin", "threshold", "threshold_origin"),
    *("threshold_pooled", "threshold_pooled_origin", "role"),
)


def _schema(pyarrow: ModuleType) -> Any:  # noqa: ANN401 - pyarrow has no types
    text, number, flag = pyarrow.string(), pyarrow.float64(), pyarrow.bool_()
    frame = pyarrow.struct([("seconds", number), ("score", number)])
    types = {"score": number, "visual_fake": flag, "audio_fake": flag}
    types |= {"threshold": number, "threshold_pooled": number}
    types |= {"clusters": pyarrow.list_(text), "frames": pyarrow.list_(frame)}
    names = (*_OF_ITEM[:5], "clusters", "score", *_OF_ITEM[5:], "frames", *_HEAD)
    return pyarrow.schema([(name, types.get(name, text)) for name in names])


def _record(scores: Scores, line: Mapping[str, JSON]) -> dict[str, Any]:
    cluster = line["cluster"]
    return {
        **{name: line[name] for name in _OF_ITEM},
        "clusters": [cluster] if isinstance(cluster, str) else list(cluster),
        "score": line["fake"],
        "frames": [{"seconds": seconds, "score": score} for seconds, score in line["frames"]],
        **{name: getattr(scores, name) for name in _HEAD},
    }


def _line(record: Mapping[str, Any]) -> dict[str, JSON]:
    clusters = record["clusters"]
    return {
        **{name: record[name] for name in _OF_ITEM},
        "cluster": clusters[0] if len(clusters) == 1 else clusters,
        "fake": record["score"],
        "frames": [[frame["seconds"], frame["score"]] for frame in record["frames"]],
    }


def _library(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise InputError("files of scores are Parquet, which needs pyarrow: pip install pyarrow") from error


def _from_lines(run: Path) -> Iterator[Scores]:
    """Yield the scores of a run folder from its files of JSON lines, in the order of the results."""
    records = {record["unit"]: record for record in _json_lines(run / "records.jsonl") if record["status"] == "ok"}
    for detector, train, system in _scored(read_results(run)):
        place = run / "scores" / f"{detector} on {train} - {system}.jsonl"
        made = records.get(f"threshold {detector} on {train}")
        if not place.exists() or made is None:
            continue
        facts, learnt = made["facts"], records.get(f"train {detector} on {train}")
        own, pooled = (facts["thresholds"][name] for name in (PRIMARY, "pooled"))
        role = "own" if system in facts["own"] else "other" if system in facts["others"] else ""
        yield Scores(
            detector=detector,
            train=train,
            system=system,
            checkpoint=learnt["output"] if learnt else None,
            checkpoint_origin="validation" if learnt else None,
            threshold=own["value"],
            threshold_origin=own["origin"],
            threshold_pooled=pooled["value"],
            threshold_pooled_origin=pooled["origin"],
            role=REAL if system == REAL else role,
            lines=tuple(_checked(line, place) for line in _json_lines(place)),
        )


def _checked(line: dict[str, Any], place: Path) -> dict[str, Any]:
    lost = [name for name in _NEEDED if name not in line]
    if lost:
        raise InputError(f"{place}: item {line.get('item', 'without a name')!r} has no {', '.join(lost)}")
    return line


def _scored(results: Results) -> dict[tuple[str, str, str], None]:
    """Return who scored what: every set that rows of detection or false alarms are about, the real one first."""
    found: dict[tuple[str, str, str], None] = {}
    for row in results.rows:
        if row.section in SECTIONS and row.role != "group":
            found |= dict.fromkeys((*trained(row), system) for system in (REAL, row.system))
    return found


def trained(row: Row) -> tuple[str, str]:
    """Return detector and training set of a row."""
    return row.slice.get("detector", ""), row.slice.get("train", "")


def _json_lines(place: Path) -> list[dict[str, Any]]:
    try:
        return [json.loads(line) for line in place.read_text(encoding="utf-8").splitlines() if line]
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read {place}: {error}; not a finished run folder") from error


def question_of(row: Row) -> Question:
    """Return how the scores behind a row were read.

    Raises:
        InputError: No such policy.
    """
    pooling = row.protocol.get("pooling")
    missing = row.protocol.get("missing")
    if missing not in {"worst", "exclude", "intersect"}:
        raise InputError(f"missing '{missing}' in results.json; legal: worst, exclude, intersect")
    own = pooling in {None, Question(target="any").record["pooling"]}
    return Question(target=str(row.protocol.get("target")), missing=missing, pooling=None if own else str(pooling))


def stored_scores(run: Path) -> tuple[Scores, ...]:
    """Return the scores of a run: from `scores.parquet`, or where it has none from the files in `scores/`.

    Raises:
        InputError: Not a finished run folder, or a file of scores that cannot be read.
    """
    return read_scores(run) if (run / NAME).exists() else tuple(_from_lines(run))


def export_scores(run: Path, out: Path) -> tuple[Path, ...]:
    """Write the scores of a run as CSV, one file for each trained detector, in the form that a suite reads.

    Raises:
        InputError: `out` is there already, or the run has no scores.
    """
    scores = stored_scores(run)
    if not scores:
        raise InputError(f"{run}: no detector scored anything in this run")
    if out.exists():
        raise InputError(f"{out} is there already; give a folder that is not")
    out.mkdir(parents=True)
    places = []
    for detector, train in dict.fromkeys((one.detector, one.train) for one in scores):
        own = [one for one in scores if (one.detector, one.train) == (detector, train)]
        place = out / f"{detector} on {train}.csv".replace("/", "_")
        write_score_file(place, ((one.system, _as_record(line)) for one in own for line in one.lines))
        places.append(place)
    return tuple(places)


def _as_record(line: Line) -> ScoreRecord:
    frames = tuple((float(at), float(score)) for at, score in line["frames"])
    return ScoreRecord(
        item=str(line["item"]), status=line["status"], fake=line["fake"], frames=frames, reason=line["reason"]
    )
