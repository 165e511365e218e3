"""Manifests: what the files in a folder of finished outputs are."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from ..canonical import JSON
from ..errors import InputError
from ..media.item import Split


class Output(NamedTuple):
    """A finished output, as a manifest or its name describes it."""

    file: str
    id: str
    split: Split | None
    seed: int | None
    target: str | None
    language: str | None


MANIFEST_COLUMNS = ("file", "id", "split", "seed", "target", "language")


def read_manifest(path: Path) -> list[Output]:
    """Read a manifest, CSV with a header or JSONL, with a column `file` and any of id, split, seed, target, language.

    Raises:
        InputError: Unreadable, an unknown column, a missing file name, an id given twice, or a value outside its list;
            with the line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"manifest {path}: cannot be read: {error}") from error
    rows = _jsonl_rows(path, text) if path.suffix.lower() == ".jsonl" else _csv_rows(path, text)
    outputs: dict[str, Output] = {}
    for line, row in rows:
        try:
            output = _output(row)
        except ValueError as error:
            raise _wrong(path, line, error) from error
        if output.id in outputs:
            raise _wrong(path, line, f"id '{output.id}' is given twice; without a column id, the file is the id")
        outputs[output.id] = output
    if not outputs:
        raise InputError(f"manifest {path}: empty; expected the columns {', '.join(MANIFEST_COLUMNS)}")
    return list(outputs.values())


def _wrong(path: Path, line: int, finding: object) -> InputError:
    return InputError(f"manifest {path}, line {line}: {finding}")


def _jsonl_rows(path: Path, text: str) -> Iterator[tuple[int, Mapping[str, JSON]]]:
    for line, one in enumerate(text.split("\n"), 1):
        if one.strip():
            try:
                row = json.loads(one)
            except ValueError as error:
                raise _wrong(path, line, f"not JSON: {error}") from error
            if not isinstance(row, dict):
                raise _wrong(path, line, f"expected an object with the key file, found {row!r:.60}")
            yield line, row


def _csv_rows(path: Path, text: str) -> Iterator[tuple[int, Mapping[str, JSON]]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(reader, [])
        for fields in reader:
            if len(fields) > len(header) or len(set(header)) < len(header):
                raise _wrong(path, reader.line_num, f"{len(fields)} fields under the columns {', '.join(header)}")
            if fields:
                yield reader.line_num, dict(zip(header, fields, strict=False))
    except csv.Error as error:
        raise _wrong(path, reader.line_num, f"not CSV: {error}") from error


def _output(row: Mapping[str, JSON]) -> Output:
    """Check one row; ValueError says what is wrong with it."""
    unknown = sorted(set(row) - set(MANIFEST_COLUMNS))
    if unknown:
        raise ValueError(f"unknown column {unknown}; legal: {', '.join(MANIFEST_COLUMNS)}")
    values = {name: row.get(name) for name in MANIFEST_COLUMNS}
    for name, value in values.items():
        if not (value is None or isinstance(value, str) or (name == "seed" and type(value) is int)):
            raise ValueError(f"{name}: expected {'an integer' if name == 'seed' else 'a text'}, found {value!r:.60}")
    file = values["file"] or ""
    if not file or Path(file).is_absolute() or ".." in Path(file).parts or "\0" in file:
        raise ValueError(f"file must be a path inside the folder, found {file!r}")
    split, seed = values["split"] or None, values["seed"]
    if split is not None and split not in list(Split):
        raise ValueError(f"split: found {split!r}, legal: {', '.join(Split)}")
    try:
        seed = None if seed in {None, ""} else int(seed)
    except ValueError as error:
        raise ValueError(f"seed: expected an integer, found {seed!r}") from error
    return Output(
        file=file,
        id=values["id"] or file,
        split=Split(split) if split else None,
        seed=seed,
        target=values["target"] or None,
        language=values["language"] or None,
    )
