"""Hugging Face `datasets` on disk: what `save_to_disk` writes (Arrow), and Parquet files as the Hub hands them out.

ROOT/[dataset_dict.json, SPLIT/][data/]: SPLIT/data-*.arrow with state.json and dataset_info.json, or SPLIT-*.parquet,
or SPLIT/*.parquet. ROOT/fauxbench-labels.json is the user's: which column is the label, which of its values are fake,
and which are real. Media are files that the tables name; bytes inside the tables are written out before, by
`fauxbench data unpack`.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ...canonical import JSON
from ...errors import InputError
from ...media.item import Fakes, Item, Kind, Modality, Split
from .lists import clean, read_json, truth_of
from .reading import TRUE, Cut, Reading, modality_of_name

if TYPE_CHECKING:
    import pyarrow as pa

LABELS = "fauxbench-labels.json"
SPLITS: Mapping[str, Split] = {
    "train": Split.TRAIN,
    **dict.fromkeys(("validation", "valid", "val", "dev"), Split.VALIDATION),
    "test": Split.TEST,
}
MEDIA_TYPES = ("Image", "Audio", "Video")


class Stated(NamedTuple):
    """What the user says of a data set."""

    label: str
    fake: tuple[str, ...]
    """Values of the label; for a ClassLabel its names or numbers."""
    real: tuple[str, ...]
    media: str | None = None
    """The column with the pictures, clips or sounds; default: the one whose feature says so."""
    person: str | None = None
    """The column that says who it is."""
    kind: Kind = Kind.FULLY_SYNTHETIC
    """Of the fakes."""


class Row(NamedTuple):
    """One row of a table."""

    table: str
    number: int
    split: str
    label: str | None
    person: str | None
    path: str | None
    embedded: bool


def read(reading: Reading) -> None:
    """Read every table, by what the user says of its labels."""
    tables = list(find_tables(reading))
    if not tables:
        return
    stated = read_stated(reading.tree.root, _columns(reading, tables[0][0]))
    reading.ignore(LABELS)
    values: Counter[tuple[str, str]] = Counter()
    named: dict[str, bool] = {}
    for path, split in tables:
        reading.ignore(path)
        try:
            for row in rows_of(reading.tree.root / path, path, split, stated):
                _take(reading, row, stated, values, named)
        except (OSError, ValueError, KeyError) as error:  # pyarrow's errors are among these
            reading.finding("malformed", path, f"not a table that can be read: {str(error)[:200]}")
    for (value, read_as), count in sorted(values.items()):
        reading.notes.append(f"label '{value}': {count} rows read as {read_as}")


def find_tables(reading: Reading) -> Iterator[tuple[str, str]]:
    """Yield the tables and the name of the split of each; shards that state.json names and are not there are found."""
    tree = reading.tree
    for path in tree.files:
        folder, _, name = path.rpartition("/")
        if name == "state.json":
            state = read_json(reading, path)
            state = state if isinstance(state, dict) else {}
            for shard in state.get("_data_files") or ():
                place = clean(f"{folder}/{shard.get('filename')}".lstrip("/"))
                if place and place not in tree.files:
                    reading.finding("missing", place, f"named in {path}")
        elif name.endswith((".arrow", ".parquet")) and not name.startswith("cache-"):
            yield path, _split_of(folder, name)
        elif name in {"dataset_info.json", "dataset_dict.json"}:
            reading.ignore(path)


def _split_of(folder: str, name: str) -> str:
    """Return the split: `SPLIT-00000-of-00001.parquet` or `SPLIT.parquet`, or else the name of the folder."""
    stem = re.sub(r"(-\d{5}-of-\d{5}.*)?\.(arrow|parquet)$", "", name)
    return stem.lower() if stem.lower() in SPLITS else folder.rpartition("/")[2].lower()


def read_stated(root: Path, columns: Mapping[str, JSON]) -> Stated:
    """Return what `fauxbench-labels.json` says.

    Raises:
        InputError: It is not there, or does not say which values are fake; the message shows what to write.
    """
    path = root / LABELS
    example = '{"label": "COLUMN", "fake": ["VALUE"], "real": ["VALUE"]}'
    if not path.is_file():
        raise InputError(
            f"{path}: nothing says which rows are fake; write into it: {example}. Columns: {', '.join(columns)}"
        )
    try:
        told = json.loads(path.read_text(encoding="utf-8-sig"))
        lists = {name: tuple(str(value) for value in told[name]) for name in ("fake", "real")}
        stated = Stated(**{**told, **lists, "kind": Kind(told.get("kind", Kind.FULLY_SYNTHETIC))})
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(f"{path}: expected {example}, and media, person, kind if wanted ({error})") from error
    twice = set(stated.fake) & set(stated.real)
    if twice or stated.kind is Kind.REAL:
        raise InputError(f"{path}: {', '.join(sorted(twice)) or 'kind real'}: cannot be both fake and real")
    return stated


def _columns(reading: Reading, path: str) -> Mapping[str, JSON]:
    try:
        schema = schema_of(reading.tree.root / path)
    except (OSError, ValueError):
        return {}
    return dict.fromkeys(schema.names)


def schema_of(path: Path) -> "pa.Schema":
    """Return the schema of a table."""
    import pyarrow.parquet as pq

    return pq.read_schema(path) if path.suffix == ".parquet" else next(batches_of(path)).schema


def batches_of(path: Path) -> "Iterator[pa.RecordBatch]":
    """Yield a table in batches; Arrow as a stream (which `save_to_disk` writes) or as a file.

    Raises:
        ValueError: Damaged (pyarrow.ArrowInvalid), or without rows.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if path.suffix == ".parquet":
        yield from pq.ParquetFile(path).iter_batches(batch_size=256)
        return
    with pa.memory_map(str(path)) as source:
        try:
            yield from pa.ipc.open_stream(source)
        except pa.ArrowInvalid:
            source.seek(0)
            held = pa.ipc.open_file(source)
            for number in range(held.num_record_batches):
                yield held.get_batch(number)


def rows_of(path: Path, table: str, split: str, stated: Stated) -> Iterator[Row]:
    """Yield the rows of a table, with the names of their labels; no bytes are copied.

    Raises:
        ValueError: Damaged.
        InputError: A column that the user named is not there.
    """
    number = 0
    for batch in batches_of(path):
        features = features_of(batch.schema)
        media = media_column(batch.schema, stated.media)
        for name in (stated.label, stated.person, media):
            if name is not None and name not in batch.schema.names:
                raise InputError(
                    f"{path}: no column '{name}'; it has {', '.join(batch.schema.names)}: correct {LABELS}"
                )
        names = dict(enumerate(features.get(stated.label, {}).get("names") or ()))
        labels = [names.get(value, value) for value in batch.column(stated.label).to_pylist()]
        people = batch.column(stated.person).to_pylist() if stated.person else [None] * len(labels)
        for label, person, (place, embedded) in zip(labels, people, _media(batch.column(media)), strict=True):
            told = None if label is None else str(label)
            yield Row(table, number, split, told, None if person is None else str(person), place, embedded)
            number += 1


def _media(column: "pa.Array") -> Iterator[tuple[str | None, bool]]:
    """Yield the path of each row, and whether its bytes are in the table."""
    import pyarrow as pa

    if pa.types.is_struct(column.type):
        names = {column.type.field(k).name for k in range(column.type.num_fields)}
        paths = column.field("path").to_pylist() if "path" in names else [None] * len(column)
        inside = column.field("bytes").is_valid().to_pylist() if "bytes" in names else [False] * len(column)
        yield from zip(paths, inside, strict=True)
    elif pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
        yield from ((None, bool(valid)) for valid in column.is_valid().to_pylist())
    else:
        yield from ((None if value is None else str(value), False) for value in column.to_pylist())


def features_of(schema: "pa.Schema") -> dict[str, Any]:
    """Return the features that `datasets` wrote beside a schema; empty if it did not."""
    try:
        told = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        return dict(told.get("info", {}).get("features", {}))
    except (ValueError, AttributeError, TypeError):
        return {}


def media_column(schema: "pa.Schema", stated: str | None) -> str:
    """Return the column with the media.

    Raises:
        ValueError: Nothing says which it is.
    """
    import pyarrow as pa

    if stated is not None:
        return stated
    features = features_of(schema)
    found = [name for name in schema.names if features.get(name, {}).get("_type") in MEDIA_TYPES]
    found = found or [f.name for f in schema if pa.types.is_struct(f.type) and f.type.get_field_index("path") >= 0]
    if len(found) != 1:
        raise ValueError(f"{len(found)} columns hold media; name one in {LABELS}: media. {', '.join(schema.names)}")
    return str(found[0])


def _take(reading: Reading, row: Row, stated: Stated, values: Counter[tuple[str, str]], named: dict[str, bool]) -> None:
    where = f"{row.table}#{row.number}"
    fake = truth_of(row.label, stated.fake, stated.real)
    if fake is None:
        reading.finding("malformed", where, f"label {row.label!r}: {LABELS} says neither fake nor real of it")
        return
    if row.embedded or row.path is None:
        message = "its bytes are inside the table: fauxbench data unpack writes them out" if row.embedded else "no file"
        item = _item(reading, where, row, stated, fake=fake)
        reading.finding("missing", where, message, replace(item, modality=Modality(reading.card.modality)))
        return
    place = clean(row.path)
    if place is None:
        reading.finding("outside", where, f"names '{row.path}', which leaves the data set; it is not read")
        return
    beside = f"{row.table.rpartition('/')[0]}/{place}".lstrip("/")
    path = reading.tree.find(place) or reading.tree.find(beside) or place
    if path in named:
        kind = "polarity" if named[path] != fake else "duplicate"
        reading.finding(kind, path, f"named twice, by {where} too")
        if kind == "polarity":
            reading.items.pop(path, None)
        return
    named[path] = fake
    values[str(row.label), "fake" if fake else "real"] += 1
    item = _item(reading, path, row, stated, fake=fake)
    if path in reading.tree.files:
        reading.take(item)
    else:
        reading.lost(item, f"named in {where}")


def _item(reading: Reading, path: str, row: Row, stated: Stated, *, fake: bool) -> Item:
    sound = modality_of_name(path) is Modality.AUDIO
    item = reading.make(
        path,
        Cut(SPLITS.get(row.split)),
        group=re.sub(r"[^a-z0-9._-]+", "-", f"label-{row.label}".lower()),
        fakes=Fakes(visual=not sound, audio=sound) if fake else TRUE,
        clusters={"identity": row.person} if row.person else {},
    )
    return replace(item, kind=stated.kind) if fake else item
