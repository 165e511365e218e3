"""The border: the one way by which synthetic media leaves the store.

Masters stay in the store. What leaves gets three marks here: a watermark in its content, signed credentials in its
file, and a row in `provenance.jsonl` beside it. Real files are never marked: they are copied byte for byte, and have
a row.
There is no way to leave any of it out.
"""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

import numpy as np

from ..canonical import JSON, canonical, digest_of, digest_of_file
from ..errors import IntegrityError, MediaError
from ..media.content import ImageMedia, Picture, SoundMedia, VideoMedia
from ..media.images import write_png
from ..media.item import Item, Kind
from ..media.masks import digest_of_masks, read_masks, write_masks
from ..media.read import content_of
from ..store.store import storage_errors, write_atomically
from .credentials import read_credentials
from .keys import Keys, own_keys
from .ledger import note
from .marking import (
    Job,
    Marked,
    ingredients_of,
    mark_file,
    mark_media,
    mark_of,
    marked_suffix,
)
from .watermark import Mark

PROVENANCE = "provenance.jsonl"
_IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"
SOURCE_TYPES = {
    Kind.FULLY_SYNTHETIC: _IPTC + "trainedAlgorithmicMedia",
    Kind.PARTIALLY_SYNTHETIC: _IPTC + "compositeWithTrainedAlgorithmicMedia",
    Kind.AUGMENTED_REAL: _IPTC + "algorithmicallyEnhanced",
}
RENDERED_SOURCE = _IPTC + "algorithmicMedia"
"""A render of a person who never lived."""
WHITE = 255
"""Of a mask: changed."""
NOBODY: Mapping[str, Item] = MappingProxyType({})


def source_type(item: Item) -> str | None:
    """Return the IPTC digital source type of an Item; None for a real one, which is never marked."""
    if item.kind is Kind.REAL:
        return RENDERED_SOURCE if item.facts.get("rendered") else None
    return SOURCE_TYPES[item.kind]


def suffix_of(item: Item) -> str:
    """Return the suffix with which an Item's file leaves: its own, or that of a form that can be marked."""
    suffix = Path(item.path).suffix
    return suffix if source_type(item) is None else marked_suffix(item.modality, suffix)


def release(
    items: Sequence[Item],
    folder: Path,
    names: Sequence[str],
    origin: str,
    parents: Mapping[str, Item] = NOBODY,
) -> list[dict[str, JSON]]:
    """Bring Items out of the store into `folder` under `names`, marked, and write their provenance.

    Args:
        items: With their location known.
        folder: Where they go; it is made if need be.
        names: Relative path of each, with the suffix that `suffix_of` gives.
        origin: What made them: a fingerprint or a run.
        parents: Items that they were made from, by id, as far as they are known.

    Returns:
        What `provenance.jsonl` says of each; `content` is the digest of what left.

    Raises:
        IntegrityError: A file is not what it was when its set was made.
        InputError: There are no keys to mark with; the message says what to do.
        MediaError: A file cannot be marked.
        StorageError: The disk is full or read-only.
    """
    marker = Marker(origin=origin, parents=parents)
    rows = []
    with storage_errors(folder):
        for item, name in zip(items, names, strict=True):
            if item.location is None:
                raise ValueError(f"{item.id}: its set is not open")
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            marks = marker.bring(item, item.location, path)
            rows.append(_row(item, marks, path, folder, origin, parents))
        marker.note()
        append_rows(folder / PROVENANCE, rows)
    return rows


def release_picture(pixels: Picture, path: Path, shown: Sequence[Item], origin: str) -> None:
    """Write a picture made of several Items (a sample grid), marked if they are synthetic, and its provenance."""
    marker = Marker(origin=origin)
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".part-{path.name}")
        part.unlink(missing_ok=True)
        first = next((item for item in shown if source_type(item) is not None), shown[0])
        kind = source_type(first)
        marks = marker.draw(pixels, shown, part, path.name) if kind else None
        if marks is None:
            write_png(part, pixels)
        row: dict[str, JSON] = {
            "file": path.name,
            "sha256": digest_of_file(part),
            "items": [item.id for item in shown],
            "synthetic": kind is not None,
            "kind": str(first.kind),
            "digital_source_type": kind,
            "generator": first.group,
            "made_by": origin,
            "marks": marks.record() if marks else None,
        }
        marker.note()
        append_rows(path.parent / PROVENANCE, [row])
        part.replace(path)  # last: what is there has its row


class Marker:
    """Marks the files of one release."""

    def __init__(self, origin: str, parents: Mapping[str, Item] = NOBODY) -> None:
        self.origin = origin
        self.parents = parents
        self._made: dict[tuple[str, str], tuple[Mark, str, str]] = {}

    @cached_property
    def keys(self) -> Keys:
        """The user's keys; real files need none."""
        return own_keys()

    def bring(self, item: Item, source: Path, target: Path) -> Marked | None:
        """Write what leaves of an Item, and return its marks; None for a real one, which is copied.

        Raises:
            IntegrityError: The file was changed since, or is gone.
        """
        try:
            content, _ = content_of(source, item.modality)
        except MediaError as error:
            raise IntegrityError(f"{item.id}: {error}") from error
        if content != item.content:
            raise IntegrityError(f"{source}: changed since it was read into '{item.group}'; run the suite again")
        kind = source_type(item)
        if kind is None:
            shutil.copyfile(source, target)
            return None
        before = self._marks_of(source)
        if before is not None:  # of a set that left before: a second watermark would spoil the first
            shutil.copyfile(source, target)
            return Marked(content=content, watermark=before.get("watermark"), xmp=bool(before.get("xmp")))
        target.unlink(missing_ok=True)
        return mark_file(source, item.modality, target, self._job(item, kind, target.suffix), self.keys)

    def write(
        self, item: Item, media: ImageMedia | VideoMedia | SoundMedia, folder: Path, name: str
    ) -> dict[str, JSON]:
        """Write synthetic media that was never in the store, and return its row; `item` says what it is."""
        kind = source_type(item)
        if kind is None:
            raise ValueError(f"{item.id}: real media has a file of its own")
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        marks = mark_media(media, target, self._job(item, kind, target.suffix), self.keys)
        return _row(item, marks, target, folder, self.origin, self.parents)

    def finish(self, folder: Path, rows: Sequence[dict[str, JSON]]) -> None:
        """Write the rows of what was written one by one."""
        self.note()
        append_rows(folder / PROVENANCE, rows)

    def draw(self, pixels: Picture, shown: Sequence[Item], target: Path, title: str) -> Marked:
        """Write a picture that shows several Items; the first synthetic one says what it is."""
        first = next((item for item in shown if source_type(item) is not None), shown[0])
        kind = source_type(first)
        mark = self._mark(digest_of([item.id for item in shown]), first)
        facts = self._facts(first, mark) | {"item": title, "items": len(shown)}
        job = Job(mark=mark, source_type=str(kind), title=title, kind=Kind.FULLY_SYNTHETIC, facts=facts)
        return mark_media(ImageMedia(pixels=pixels), target, job, self.keys)

    def note(self) -> None:
        """Remember who made what was marked."""
        if self._made:
            note(self.keys.folder, self._made.values())

    def _marks_of(self, source: Path) -> Mapping[str, JSON] | None:
        """Return what our own signature in a file says of its marks; None if there is none."""
        found = read_credentials(source, [self.keys.authority])
        return found.facts if found.state == "trusted" else None

    def _job(self, item: Item, kind: str, suffix: str) -> Job:
        mark = self._mark(item.id, item)
        facts = self._facts(item, mark) | {"item": item.id, "seed": item.seed, "master": item.content}
        return Job(
            mark=mark,
            source_type=kind,
            title=item.id,
            kind=item.kind,
            facts=facts,
            ingredients=ingredients_of(item, self.parents),
        )

    def _mark(self, name: str, item: Item) -> Mark:
        mark = mark_of(name, item.group, item.kind, self.origin)
        self._made[mark.run, mark.generator] = (mark, self.origin, item.group)
        return mark

    def _facts(self, item: Item, mark: Mark) -> dict[str, JSON]:
        return {"run": mark.run, "made_by": self.origin, "generator": item.group, "kind": str(item.kind)}


def _row(
    item: Item, marks: Marked | None, file: Path, folder: Path, origin: str, parents: Mapping[str, Item]
) -> dict[str, JSON]:
    """Return what `provenance.jsonl` says of a file."""
    return {
        "file": file.relative_to(folder).as_posix(),
        "sha256": digest_of_file(file),
        "item": item.id,
        "content": marks.content if marks else item.content,
        "master": item.content,
        "synthetic": source_type(item) is not None,
        "kind": str(item.kind),
        "digital_source_type": source_type(item),
        "generator": item.group,
        "sources": list(item.sources),
        "parents": {source: parents[source].content for source in item.sources if source in parents},
        "seed": item.seed,
        "made_by": origin,
        "marks": marks.record() if marks else None,
    }


def parents_told(folder: Path) -> dict[str, str]:
    """Return what the provenance of a set that left says of the Items that its files were made from: id -> content."""
    told: dict[str, str] = {}
    for line in _lines(folder / PROVENANCE):
        told |= {name: content for name, content in (json.loads(line).get("parents") or {}).items() if content}
    return told


def release_masks(item: Item, folder: Path) -> dict[str, JSON] | None:
    """Bring the masks of an Item into `folder`, black and white: where it was changed, and never how.

    A mask may be grey, and grey enough to be a picture; one that is not leaves as it is.

    Returns:
        What the Item's facts are to say under `mask`, if that changes.

    Raises:
        IntegrityError: They are not the masks that were made with the Item.
        StorageError: The disk is full or read-only.
    """
    assert item.mask_location is not None
    told = item.facts.get("mask")
    if not isinstance(told, Mapping) or told.get("content") != digest_of_masks(item):
        raise IntegrityError(f"{item.mask_location}: not the masks that were made with {item.id}")
    name = Path(item.mask_path)
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if not any(((mask != 0) & (mask != WHITE)).any() for mask in read_masks(item)):
            shutil.copyfile(item.mask_location, folder / name.name)
            return None
        cut = lambda: (np.where(mask > WHITE // 2, WHITE, 0).astype(np.uint8) for mask in read_masks(item))  # noqa: E731
        return write_masks(folder, name.stem, cut, item.facts)[1]


def append_rows(path: Path, rows: Sequence[dict[str, JSON]]) -> None:
    """Add rows, replacing earlier ones of the same files."""
    names = {row["file"] for row in rows}
    kept = [line for line in _lines(path) if json.loads(line)["file"] not in names]
    write_atomically(path, "".join([*kept, *(canonical(row) + "\n" for row in rows)]))


def _lines(path: Path) -> Iterator[str]:
    if path.is_file():
        with path.open(encoding="utf-8") as file:
            yield from file
