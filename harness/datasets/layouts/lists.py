"""Reading lists and metadata as they really are: BOMs, tabs or commas, backslashes, no last newline."""

import csv
import json
import re
from collections.abc import Iterator, Sequence

from ...canonical import JSON
from .reading import Reading


def read_text(reading: Reading, path: str) -> str | None:
    """Return a file's text without a BOM, or None with a finding."""
    reading.ignore(path)
    try:
        return (reading.tree.root / path).read_text(encoding="utf-8-sig")
    except OSError as error:
        reading.finding("unreadable", path, str(error.strerror))
    except UnicodeDecodeError as error:
        reading.finding("malformed", path, f"not UTF-8: {error.reason} at byte {error.start}")
    return None


def read_lines(reading: Reading, path: str) -> Iterator[tuple[int, str]]:
    """Yield the lines of a file that hold something, numbered from 1."""
    for number, line in enumerate((read_text(reading, path) or "").splitlines(), 1):
        if line.strip():
            yield number, line.strip()


def read_json(reading: Reading, path: str) -> JSON:
    """Return what a JSON file holds, or None with a finding; a key that is given twice is a finding too."""
    text = read_text(reading, path)
    if text is None:
        return None

    def pairs(found: list[tuple[str, JSON]]) -> dict[str, JSON]:
        table = dict(found)
        if len(table) < len(found):
            keys = [key for key, _ in found]
            twice = next(key for key in keys if keys.count(key) > 1)
            reading.finding("duplicate", path, f"'{twice}' is named twice")
        return table

    try:
        return json.loads(text, object_pairs_hook=pairs)
    except (ValueError, RecursionError) as error:
        reading.finding("malformed", path, f"not JSON: {error}")
        return None


def read_object(reading: Reading, path: str) -> dict[str, JSON]:
    """Return the object in a JSON file; empty with a finding if there is none."""
    found = read_json(reading, path)
    if isinstance(found, dict):
        return found
    if found is not None:
        reading.finding("malformed", path, f"expected a JSON object, found {type(found).__name__}")
    return {}


def read_table(reading: Reading, path: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield the rows of a table, the header first, with line numbers; cells are stripped.

    Whether tabs or commas part the cells is read from the first line.
    """
    text = read_text(reading, path) or ""
    first = text.partition("\n")[0]
    reader = csv.reader(text.splitlines(), delimiter="\t" if "\t" in first else ",")
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                yield reader.line_num, tuple(cell.strip() for cell in row)
    except csv.Error as error:
        reading.finding("malformed", path, f"line {reader.line_num}: {error}")


def clean(path: str) -> str | None:
    """Return a path of a list with forward slashes, without `./`; None if it leaves the data set."""
    path = path.replace("\\", "/").removeprefix("./")
    if path.startswith("/") or re.match(r"[A-Za-z]:", path) or ".." in path.split("/") or not path.strip("/"):
        return None
    return path


def inside(reading: Reading, where: str, path: str) -> str | None:
    """Return `clean(path)`; None with a finding about the list `where` if it leaves the data set."""
    found = clean(path)
    if found is None:
        reading.finding("outside", where, f"names '{path}', which leaves the data set; it is not read")
    return found


def truth_of(value: object, fake: Sequence[object], real: Sequence[object]) -> bool | None:
    """Return whether a label says fake; None if it says neither. `1` and `"1"` are the same."""
    word = str(value).strip().lower()
    if word in {str(one).lower() for one in fake}:
        return True
    return False if word in {str(one).lower() for one in real} else None
