"""Item scores of a run as one Parquet file, and every detection number recomputed from it.

RUN/scores.parquet has one line for each item that a trained detector was asked about:

| column | |
|---|---|
| item, kind, visual_fake, audio_fake, clusters | what the item is; clusters is a list of one or two labels |
| score, status, reason | P(fake), null unless status is ok; ok, missing or error; why not |
| frames | list of (seconds, score) |
| detector, train, system | who scored it, what that was trained on, which set the item belongs to |
| checkpoint, checkpoint_origin | digest of the weights; the split that chose them |
| threshold, threshold_origin | P(fake) from which the detector calls an item fake; the split that chose it |
"""

import importlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from .canonical import JSON
from .errors import InputError
from .report import SUFFIXES, render, tables
from .report.html import page
from .stats.classification import Judged, false_alarms, judge
from .stats.clusters import Label
from .stats.score import Measurement
from .store.schema import Results, Row, read_results

NAME = "scores.parquet"
REAL = "real"
"""The set of real items."""
TOLERANCE = 1e-9
"""Numbers differ when they are further apart than this share: libraries may add in another order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """What one trained detector said of one set."""

    detector: str
    train: str
    """What it was trained on, as the tables name it."""
    system: str
    """The set: a system under test, or `real`."""
    checkpoint: str | None
    checkpoint_origin: str
    threshold: float
    threshold_origin: str
    lines: tuple[Mapping[str, JSON], ...]
    """In the order in which the items were scored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A number that is not what the scores give."""

    place: str
    """Row or file."""
    stored: str
    recomputed: str

    def __str__(self) -> str:
        return f"{self.place}: stored {self.stored}, recomputed {self.recomputed}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescored:
    """What recomputing found."""

    rows: int
    """Rows of detection and false alarms."""
    scores: int
    """Item scores that they rest on."""
    source: str
    """The file or folder that was read."""
    findings: tuple[Finding, ...]


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


_NEEDED = ("item", "kind", "visual_fake", "audio_fake", "cluster", "fake", "status", "reason", "frames")
_HEAD = ("detector", "train", "system", "checkpoint", "checkpoint_origin", "threshold", "threshold_origin")


def _schema(pyarrow: ModuleType) -> Any:  # noqa: ANN401 - pyarrow has no types
    text, number, flag = pyarrow.string(), pyarrow.float64(), pyarrow.bool_()
    frame = pyarrow.struct([("seconds", number), ("score", number)])
    types = {"score": number, "threshold": number, "visual_fake": flag, "audio_fake": flag}
    types |= {"clusters": pyarrow.list_(text), "frames": pyarrow.list_(frame)}
    names = ("item", "kind", "visual_fake", "audio_fake", "clusters", "score", "status", "reason", "frames", *_HEAD)
    return pyarrow.schema([(name, types.get(name, text)) for name in names])


def _record(scores: Scores, line: Mapping[str, JSON]) -> dict[str, Any]:
    cluster = line["cluster"]
    return {
        **{name: line[name] for name in ("item", "kind", "visual_fake", "audio_fake", "status", "reason")},
        "clusters": [cluster] if isinstance(cluster, str) else list(cluster),
        "score": line["fake"],
        "frames": [{"seconds": seconds, "score": score} for seconds, score in line["frames"]],
        **{name: getattr(scores, name) for name in _HEAD},
    }


def _line(record: Mapping[str, Any]) -> dict[str, JSON]:
    clusters = record["clusters"]
    return {
        **{name: record[name] for name in ("item", "kind", "visual_fake", "audio_fake", "status", "reason")},
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
    trained = {record["unit"]: record for record in _json_lines(run / "records.jsonl") if record["kind"] == "train"}
    for detector, train, system in _scored(read_results(run)):
        place = run / "scores" / f"{detector} on {train} - {system}.jsonl"
        record = trained.get(f"train {detector} on {train}")
        if not place.exists() or record is None or record["status"] != "ok":
            continue
        yield Scores(
            detector=detector,
            train=train,
            system=system,
            checkpoint=record["output"],
            checkpoint_origin="validation",
            threshold=float(record["facts"]["threshold"]),
            threshold_origin="validation",
            lines=tuple(_checked(line, place) for line in _json_lines(place)),
        )


def _checked(line: dict[str, Any], place: Path) -> dict[str, Any]:
    lost = [name for name in _NEEDED if name not in line]
    if lost:
        raise InputError(f"{place}: item {line.get('item', 'without a name')!r} has no {', '.join(lost)}")
    return line


def _scored(results: Results) -> dict[tuple[str, str, str], None]:
    found: dict[tuple[str, str, str], None] = {}
    for row in results.rows:
        if row.section != "realism":
            found |= dict.fromkeys((*_trained(row), system) for system in (REAL, row.system))
    return found


def _trained(row: Row) -> tuple[str, str]:
    return row.slice.get("detector", ""), row.slice.get("train", "")


def _json_lines(place: Path) -> list[dict[str, Any]]:
    try:
        return [json.loads(line) for line in place.read_text(encoding="utf-8").splitlines() if line]
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read {place}: {error}; not a finished run folder") from error


def rescore(run: Path) -> Rescored:
    """Recompute every detection number of a run from its item scores, and compare it with what is stored.

    Compared are value, interval and n of every row of detection and of false alarms in `results.json`, and the text of
    their tables. Scores are read from `scores.parquet`, or where a run has none from the files in `scores/`.

    Raises:
        InputError: Not a finished run folder, or a file of scores that cannot be read.
    """
    results = read_results(run)
    parquet = (run / NAME).exists()
    scores = read_scores(run) if parquet else tuple(_from_lines(run))
    found = {(one.detector, one.train, one.system): one for one in scores}
    seed = int(json.loads((run / "suite.json").read_text(encoding="utf-8")).get("seed", 0))
    rows = [row for row in results.rows if row.section != "realism"]
    judged: dict[tuple[str, str, str, str], dict[str, Measurement]] = {}
    findings: list[Finding] = []
    for row in rows:
        key = (row.section, *_trained(row), row.system)
        if key not in judged:
            judged[key] = _judge(row, found, seed)
        findings += _compared(row, judged[key].get(row.metric))
    return Rescored(
        rows=len(rows),
        scores=sum(len(one.lines) for one in scores),
        source=str(run / (NAME if parquet else "scores")),
        findings=(*findings, *_tables(run, results)),
    )


def _judge(row: Row, found: Mapping[tuple[str, str, str], Scores], seed: int) -> dict[str, Measurement]:
    names = (REAL, row.system) if row.section == "detection" else (row.system,)
    parts = [found.get((*_trained(row), name)) for name in names]
    if None in parts:
        return {}
    given = [part for part in parts if part is not None]
    judged = _judged([line for part in given for line in part.lines], row.protocol, given[0].threshold)
    if row.section == "detection":
        return judge(judged, np.random.default_rng(seed))
    return {"false_alarm_rate": false_alarms(judged)}


def _judged(lines: Sequence[Mapping[str, JSON]], protocol: Mapping[str, JSON], threshold: float) -> Judged:
    target, worst = str(protocol.get("target")), protocol.get("missing") == "worst"
    kept = [line for line in lines if worst or line["status"] == "ok"]
    truth = np.array([_is_fake(line, target) for line in kept], dtype=bool)
    fake = [_score(line, bool(is_fake)) for line, is_fake in zip(kept, truth, strict=True)]
    return Judged(
        fake=np.array(fake, dtype=np.float64),
        truth=truth,
        clusters=tuple(_label(line["cluster"]) for line in kept),
        blocks=(0,) * len(kept),
        threshold=threshold,
    )


def _score(line: Mapping[str, JSON], is_fake: bool) -> float:
    """Return P(fake); an unscored item has the worst for its class, and `ok` without a number is no number."""
    if line["status"] != "ok":
        return float(not is_fake)
    return math.nan if line["fake"] is None else float(line["fake"])


def _label(cluster: JSON) -> Label:
    return cluster if isinstance(cluster, str) else tuple(str(one) for one in cluster)


def _is_fake(line: Mapping[str, JSON], target: str) -> bool:
    visual, audio = bool(line["visual_fake"]), bool(line["audio_fake"])
    try:
        return {"visual": visual, "audio": audio, "any": visual or audio}[target]
    except KeyError:
        raise InputError(f"target '{target}' in results.json; legal: visual, audio, any") from None


def _compared(row: Row, again: Measurement | None) -> Iterator[Finding]:
    if again is None:
        if row.value is not None:
            yield Finding(place=row.id, stored=f"{row.value!r}", recomputed="nothing: the scores are not there")
        return
    stored = {"value": row.value, "n": float(row.n)}
    recomputed = {"value": again.value, "n": float(again.n)}
    for end in ("low", "high"):
        stored[end] = getattr(row.interval, end) if row.interval else None
        recomputed[end] = getattr(again.interval, end) if again.interval and row.value is not None else None
    for name, number in stored.items():
        if not _same(number, recomputed[name]):
            yield Finding(place=f"{row.id} {name}", stored=repr(number), recomputed=repr(recomputed[name]))


def _same(a: float | None, b: float | None) -> bool:
    if a is None or b is None:
        return a is b
    return bool(np.isclose(a, b, rtol=TOLERANCE, atol=1e-12))


def _tables(run: Path, results: Results) -> Iterator[Finding]:
    """Yield the tables of detection whose text is not what the rows give."""
    for name, table in tables(results).items():
        if name not in {"detection", "false_alarms"} and not name.startswith("matrix-"):
            continue
        for form, suffix in SUFFIXES.items():
            place = run / "tables" / f"{name}{suffix}"
            text = page([table], table.title) if form == "html" else render(table, form)
            stored = place.read_text(encoding="utf-8") if place.exists() else None
            if stored != text:
                yield Finding(
                    place=f"tables/{place.name}",
                    stored="another text" if stored is not None else "nothing",
                    recomputed="the text of the rows in results.json",
                )
