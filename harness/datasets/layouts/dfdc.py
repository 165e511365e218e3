"""The Deepfake Detection Challenge: train parts, validation, test, and Kaggle's samples.

ROOT/[train/]dfdc_train_part_0/{metadata.json,*.mp4} ...; ROOT/{validation,test}/{labels.csv or metadata.json,*.mp4};
ROOT/train_sample_videos/. A part or split keeps a fake and its original together.
"""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ...canonical import JSON
from ...media.item import Item, Split
from .lists import inside, read_object, read_table, truth_of
from .reading import TRUE, VISUAL, Cut, Reading

GROUP = "dfdc-fake"
VALIDATION_PARTS = range(35, 40)
TEST_PARTS = range(40, 50)
"""Held out where a copy has no official validation or test folder, as others do."""
_PART = re.compile(r"dfdc_train_part_(\d+)")
_FOLDERS: Mapping[str, Split] = {
    "validation": Split.VALIDATION,
    "validation_videos": Split.VALIDATION,
    "test": Split.TEST,
    "train_sample_videos": Split.TRAIN,
}


class _Row(NamedTuple):
    """What a list says of one clip."""

    name: str
    fake: bool
    original: str | None


def read(reading: Reading) -> None:
    """Read every folder that holds a metadata.json or a labels.csv."""
    lists: dict[str, list[str]] = {}
    for path in reading.tree.files:
        folder, _, name = path.rpartition("/")
        if name.lower() in {"metadata.json", "labels.csv"}:
            lists.setdefault(folder, []).append(path)
        elif "/test_videos/" in f"/{folder.lower()}/":
            reading.ignore(path)  # Kaggle's unlabelled test clips
    _unlisted(reading, lists)
    where: dict[str, str] = {}
    rows: dict[str, tuple[_Row, Cut]] = {}
    for folder, paths in lists.items():
        cut = _cut(folder, lists)
        prefix = f"{folder}/" if folder else ""
        for row in _agreed(reading, prefix, paths):
            there = reading.tree.find(prefix + row.name) or reading.tree.find(f"{prefix}videos/{row.name}")
            rows[there or prefix + row.name] = row, cut
            where[row.name] = there or prefix + row.name
    for path, (row, cut) in rows.items():
        item = _item(reading, path, row, cut, where)
        if path in reading.tree.files:
            reading.take(item)
        else:
            reading.lost(item, "named in the metadata of its folder")


def _cut(folder: str, lists: Mapping[str, object]) -> Cut:
    names = folder.lower().split("/")
    have = {name for other in lists for name in other.lower().split("/")}
    for name in reversed(names):
        part = _PART.fullmatch(name)
        if part:
            if int(part[1]) in TEST_PARTS and "test" not in have:
                return Cut(Split.TEST, "fauxbench")
            if int(part[1]) in VALIDATION_PARTS and "validation" not in have:
                return Cut(Split.VALIDATION, "fauxbench")
            return Cut(Split.TRAIN)
        if name in _FOLDERS:
            return Cut(_FOLDERS[name])
    return Cut(Split.TRAIN)


def _item(reading: Reading, path: str, row: _Row, cut: Cut, where: Mapping[str, str]) -> Item:
    original = where.get(row.original) if row.original else None
    return reading.make(
        path,
        cut,
        group=GROUP,
        fakes=VISUAL if row.fake else TRUE,
        clusters={"clip": row.original or row.name},
        sources=(original,) if original else (),
        facts={"audio_truth": "unknown"} if row.fake else {},
    )


def _unlisted(reading: Reading, lists: Mapping[str, object]) -> None:
    """Note the folders of the layout whose list is not there."""
    for folder in reading.tree.folders:
        name = folder.rpartition("/")[2].lower()
        holds_parts = any(other.startswith(f"{folder}/") for other in lists)
        if (_PART.fullmatch(name) or name in _FOLDERS) and folder not in lists and not holds_parts:
            wanted = "metadata.json" if _PART.fullmatch(name) or "train" in name else "labels.csv"
            reading.finding("missing", f"{folder}/{wanted}", "without it nobody knows which clips are fake")


def _agreed(reading: Reading, prefix: str, paths: list[str]) -> Iterator[_Row]:
    """Yield the rows of a folder's lists; where two lists disagree, neither is believed."""
    found: dict[str, _Row] = {}
    for path in paths:
        rows = _csv_rows(reading, path) if path.lower().endswith(".csv") else _json_rows(reading, path)
        for row in rows:
            name = inside(reading, path, row.name)
            before = found.get(row.name)
            if before is not None and before.fake != row.fake:
                reading.finding("polarity", prefix + row.name, f"{paths[0]} and {path} disagree")
                del found[row.name]
            elif name is not None and (before is None or row.original):
                found[row.name] = row._replace(name=name)
    yield from found.values()


def _json_rows(reading: Reading, path: str) -> Iterator[_Row]:
    for name, entry in read_object(reading, path).items():
        if not isinstance(entry, dict):
            reading.finding("malformed", path, f"'{name}': expected an object, found {entry!r:.60}")
            continue
        fake = _truth(entry)
        original = entry.get("original") or None
        if fake is None:
            reading.finding(
                "malformed", path, f"'{name}': neither label FAKE or REAL nor is_fake 1 or 0: {entry!r:.80}"
            )
        elif "label" in entry and fake != (original is not None):
            says = "FAKE, but no original is named" if fake else f"REAL, but its original is {original}"
            folder = path.rpartition("/")[0]
            reading.finding("polarity", f"{folder}/{name}".lstrip("/"), f"{path} says {says}")
        else:
            yield _Row(name, fake, str(original) if original else None)


def _truth(entry: Mapping[str, JSON]) -> bool | None:
    if "label" in entry:
        return truth_of(entry["label"], ("fake", 1), ("real", 0))
    return truth_of(entry.get("is_fake"), (1, "true"), (0, "false"))


def _csv_rows(reading: Reading, path: str) -> Iterator[_Row]:
    for number, row in read_table(reading, path):
        if number == 1 and row[0].lower() in {"filename", "file"}:
            continue
        fake = truth_of(row[1], (1, "fake"), (0, "real")) if len(row) > 1 else None
        if fake is None:
            reading.finding("malformed", path, f"line {number}: expected `FILE.mp4,1`, found {','.join(row)!r:.60}")
        else:
            yield _Row(row[0], fake, None)
