"""Hugging Face data sets with media inside their tables: written out once, as a data set whose tables name files."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

from ..canonical import JSON
from ..errors import InputError
from ..media.read import modality_of
from ..store.store import new_folder
from .layouts.card import dataset_card
from .layouts.huggingface import LABELS, batches_of, find_tables, media_column, read_stated
from .layouts.reading import Options, Reading
from .layouts.tree import scan

if TYPE_CHECKING:
    import pyarrow as pa

_KINDS = (
    (b"\x89PNG", ".png"),
    (b"\xff\xd8\xff", ".jpg"),
    (b"GIF8", ".gif"),
    (b"BM", ".bmp"),
    (b"fLaC", ".flac"),
    (b"OggS", ".ogg"),
    (b"ID3", ".mp3"),
    (b"\x1aE\xdf\xa3", ".webm"),
)


class Unpacked(NamedTuple):
    """What was written."""

    folder: Path
    files: int
    tables: int


def unpack(source: Path, folder: Path, labels: Mapping[str, JSON] | None = None) -> Unpacked:
    """Write the media inside a Hugging Face data set into files, byte for byte, and tables that name them.

    Rows whose media are files already stay as they are and must be below `source`: those are read where they lie.

    Args:
        source: What `save_to_disk` wrote, or Parquet files.
        folder: New; it is a data set of the layout `huggingface`.
        labels: What `fauxbench-labels.json` is to say; default: that of `source`.

    Raises:
        InputError: Nothing of the kind at `source`, nothing inside its tables, a damaged table, or no labels.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    reading = Reading(tree=scan(source), card=dataset_card("huggingface"), options=Options())
    tables = list(find_tables(reading))
    if not tables:
        raise InputError(f"{source}: no Arrow or Parquet tables in it")
    files = 0
    with new_folder(folder) as part:
        if labels is not None:
            (part / LABELS).write_text(json.dumps(dict(labels), ensure_ascii=False) + "\n", encoding="utf-8")
        elif (source / LABELS).is_file():
            (part / LABELS).write_bytes((source / LABELS).read_bytes())
        stated = read_stated(part, {})
        for number, (path, split) in enumerate(tables):
            try:
                done = list(_written(source / path, part, f"{split or 'all'}/{number:03d}", stated.media))
            except (OSError, ValueError) as error:
                raise InputError(f"{source / path}: cannot be unpacked: {error}") from error
            files += sum(count for _, count in done)
            (part / "data" / (split or "all")).mkdir(parents=True, exist_ok=True)
            table = pa.Table.from_batches([batch for batch, _ in done])
            pq.write_table(table, part / "data" / (split or "all") / f"{number:03d}.parquet")
        if not files:
            raise InputError(f"{source}: nothing is inside its tables; read it where it lies")
    return Unpacked(folder, files, len(tables))


def _written(path: Path, part: Path, below: str, stated: str | None) -> "Iterator[tuple[pa.RecordBatch, int]]":
    """Yield the batches of a table with paths in place of bytes, and how many files were written for each."""
    import pyarrow as pa

    number = 0
    for batch in batches_of(path):
        name = media_column(batch.schema, stated)
        places: list[dict[str, Any]] = []
        count = 0
        for value in batch.column(name).to_pylist():
            data, known = (value.get("bytes"), value.get("path")) if isinstance(value, dict) else (value, None)
            if isinstance(data, bytes):
                place = f"media/{below}-{number:07d}{_suffix(data, known)}"
                (part / place).parent.mkdir(parents=True, exist_ok=True)
                (part / place).write_bytes(data)
                known, count = place, count + 1
            places.append({"bytes": None, "path": known})
            number += 1
        kind = pa.struct({"bytes": pa.binary(), "path": pa.string()})
        at = batch.schema.get_field_index(name)
        schema = batch.schema.set(at, pa.field(name, kind))
        columns = [pa.array(places, kind) if k == at else column for k, column in enumerate(batch.columns)]
        yield pa.RecordBatch.from_arrays(columns, schema=schema), count


def _suffix(data: bytes, known: str | None) -> str:
    """Return the suffix of what the bytes are; the name from somebody else's disk counts where they do not say."""
    if data[:4] == b"RIFF":
        return ".webp" if data[8:12] == b"WEBP" else ".avi" if data[8:12] == b"AVI " else ".wav"
    if data[4:8] == b"ftyp":
        return ".mp4"
    found = next((suffix for mark, suffix in _KINDS if data.startswith(mark)), None)
    named = PurePosixPath((known or "").replace("\\", "/")).suffix.lower()
    return found or (named if named and modality_of(Path(f"x{named}")) is not None else ".bin")
