"""The border: the one way by which synthetic media leaves the store.

Masters stay in the store. What leaves is copied here and gets a row in `provenance.jsonl` beside it, so that a file
can always be told for what it is. Watermark and signed credentials are added at this same place.
"""

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..canonical import JSON, canonical, digest_of_file
from ..errors import IntegrityError, MediaError
from ..media.content import Picture
from ..media.images import write_png
from ..media.item import Item, Kind
from ..media.read import content_of
from ..store.store import storage_errors, write_atomically

PROVENANCE = "provenance.jsonl"
_IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"
SOURCE_TYPES = {
    Kind.FULLY_SYNTHETIC: _IPTC + "trainedAlgorithmicMedia",
    Kind.PARTIALLY_SYNTHETIC: _IPTC + "compositeWithTrainedAlgorithmicMedia",
    Kind.AUGMENTED_REAL: _IPTC + "algorithmicallyEnhanced",
}
RENDERED_SOURCE = _IPTC + "algorithmicMedia"
"""A render of a person who never lived."""


def source_type(item: Item) -> str | None:
    """Return the IPTC digital source type of an Item; None for a real one, which is never marked."""
    if item.kind is Kind.REAL:
        return RENDERED_SOURCE if item.facts.get("rendered") else None
    return SOURCE_TYPES[item.kind]


def provenance_row(item: Item, file: Path, folder: Path, origin: str) -> dict[str, JSON]:
    """Return what `provenance.jsonl` says of a file."""
    return {
        "file": file.relative_to(folder).as_posix(),
        "sha256": digest_of_file(file),
        "item": item.id,
        "content": item.content,
        "synthetic": source_type(item) is not None,
        "kind": str(item.kind),
        "digital_source_type": source_type(item),
        "generator": item.group,
        "sources": list(item.sources),
        "seed": item.seed,
        "made_by": origin,
    }


def release(items: Sequence[Item], folder: Path, names: Sequence[str], origin: str) -> None:
    """Copy Items out of the store into `folder` under `names`, and write their provenance.

    Args:
        items: With their location known.
        folder: Where they go; it is made if need be.
        names: Relative path of each, with suffix.
        origin: What made them: a fingerprint or a run.

    Raises:
        IntegrityError: A file is not what it was when its set was made.
        StorageError: The disk is full or read-only.
    """
    rows = []
    with storage_errors(folder):
        for item, name in zip(items, names, strict=True):
            if item.location is None:
                raise ValueError(f"{item.id}: its set is not open")
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            _copy(item, item.location, path)
            rows.append(provenance_row(item, path, folder, origin))
        _append(folder / PROVENANCE, rows)


def release_picture(pixels: Picture, path: Path, shown: Sequence[Item], origin: str) -> None:
    """Write a picture made of several Items (a sample grid), and its provenance."""
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.part")
        write_png(part, pixels)
        row: dict[str, JSON] = {
            "file": path.name,
            "sha256": digest_of_file(part),
            "items": [item.id for item in shown],
            "synthetic": True,
            "kind": str(shown[0].kind),
            "digital_source_type": source_type(shown[0]),
            "generator": shown[0].group,
            "made_by": origin,
        }
        _append(path.parent / PROVENANCE, [row])
        part.replace(path)  # last: what is there has its row


def _copy(item: Item, source: Path, path: Path) -> None:
    """Copy a file whose content is still what its Item says.

    Raises:
        IntegrityError: It was changed since, or is gone.
    """
    try:
        content, _ = content_of(source, item.modality)
    except MediaError as error:
        raise IntegrityError(f"{item.id}: {error}") from error
    if content != item.content:
        raise IntegrityError(f"{source}: changed since it was read into '{item.group}'; run the suite again")
    shutil.copyfile(source, path)


def _append(path: Path, rows: Sequence[dict[str, JSON]]) -> None:
    """Add rows, replacing earlier ones of the same files."""
    names = {row["file"] for row in rows}
    kept = [line for line in _lines(path) if json.loads(line)["file"] not in names]
    write_atomically(path, "".join([*kept, *(canonical(row) + "\n" for row in rows)]))


def _lines(path: Path) -> Iterator[str]:
    if path.is_file():
        with path.open(encoding="utf-8") as file:
            yield from file
