"""The MediaSet: a folder with sealed records of media.

SET/
  card.json       name, origin, kind, modality, terms, digest, counts, roots: written last
  items.jsonl     one Item a line
  failures.jsonl  what was asked for and did not come
  media/          the files, if the set owns them; referenced files lie under the roots named in card.json
  masks/          what was changed in them, where their maker said so
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import model_validator

from ..canonical import JSON, canonical, digest_of
from ..cards import Document
from ..errors import Failure, IntegrityError, MediaError
from .content import Frames
from .encode import write_media
from .item import Item, Modality, Split
from .masks import write_masks
from .read import content_of, modality_of

OWNED = "."
"""The root of files that lie in the set's own folder."""
LONGEST_STEM = 160
"""Bytes of a file name that an item id may give."""


class Terms(Document):
    """What may be done with a set, and who says so."""

    people: Literal["real", "rendered", "none"] = "real"
    """Whether real people can be seen or heard."""
    permits: tuple[Literal["evaluate", "train", "edit", "manipulate", "publish", "leave_machine"], ...] = ("evaluate",)
    grant: str = ""
    """Who granted it: licence, agreement, form and date."""

    @model_validator(mode="after")
    def _granted(self) -> "Terms":
        more = [purpose for purpose in self.permits if purpose != "evaluate"]
        if self.people == "real" and more and not self.grant.strip():
            raise ValueError(f"permits {', '.join(more)}, but 'grant' does not say who allowed it")
        return self

    def allow(self, purpose: str) -> bool:
        """Whether `purpose` is permitted; everything is with rendered people or none."""
        return self.people != "real" or purpose in self.permits


class SetCard(Document):
    """What is known of a set as a whole."""

    schema_version: Literal[1] = 1
    name: str
    origin: str
    """What made it: `folder`, `studio`, `dcgan@1`."""
    digest: str
    """sha256 over the digests of the Items, in order, and the failures."""
    items: int
    expected: int
    """Items asked for; larger than `items` when something failed."""
    modality: str
    terms: Terms = Terms()
    roots: dict[str, str] = {}
    """Folder of each root that items refer to. Never part of the digest."""
    facts: dict[str, JSON] = {}


class Missed(NamedTuple):
    """What was asked for and did not come, and the split it belongs to."""

    failure: Failure
    split: Split | None
    cluster: str
    """The cluster that its Item would have had."""


def digest_of_set(items: Iterable[Item], missed: Iterable[Missed]) -> str:
    """Return the digest of a set: over content and facts, not over containers, places or messages."""
    return digest_of([[item.digest for item in items], [[m.failure.request_id, m.failure.kind] for m in missed]])


class MediaSet:
    """A sealed set, open for reading. It never changes."""

    def __init__(self, folder: Path, card: SetCard, items: tuple[Item, ...], missed: tuple[Missed, ...]) -> None:
        self.folder = folder
        self.card = card
        self.items = items
        self.missed = missed

    @classmethod
    def open(cls, folder: Path) -> "MediaSet":
        """Open a sealed set and check its records against its digest.

        Raises:
            IntegrityError: The folder holds no sealed set, or its records were changed after sealing.
        """
        try:
            card = SetCard.model_validate_json((folder / "card.json").read_bytes())
            records = [dict(json.loads(line)) for line in _lines(folder / "items.jsonl")]
            missed = tuple(_missed(json.loads(line)) for line in _lines(folder / "failures.jsonl"))
            items = tuple(_item(folder, card, record) for record in records)
        except FileNotFoundError as error:
            raise IntegrityError(f"{folder} is not a sealed MediaSet: no {Path(str(error.filename)).name}") from error
        except (IntegrityError, OSError, LookupError, TypeError, ValueError) as error:
            raise IntegrityError(f"{folder}: records cannot be read: {type(error).__name__}: {error}") from error
        found = digest_of_set(items, missed)
        if found != card.digest:
            raise IntegrityError(f"{folder}: records have digest {found[:12]}, sealed as {card.digest[:12]}")
        return cls(folder, card, items, missed)

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Item]:
        return iter(self.items)

    @property
    def digest(self) -> str:
        """The digest that the set was sealed with."""
        return self.card.digest

    def asked(self) -> dict[Split, int]:
        """Return how many items each split was to have: those that came, and those that failed."""
        splits = [item.split for item in self.items] + [missed.split for missed in self.missed]
        return {split: splits.count(split) for split in Split if split in splits}

    def labels(self, split: Split) -> dict[str, str]:
        """Return the cluster of every Item that was asked for, whether or not it came, by id, sorted by id.

        Blocks are dealt over this list, so that they are the same for two systems that were asked for the same.
        """
        found = {item.id: item.cluster for item in self.items if item.split is split}
        found |= {m.failure.request_id: m.cluster for m in self.missed if m.split is split}
        return dict(sorted(found.items()))

    def select(self, split: Split | None) -> tuple[Item, ...]:
        """Return the Items of one split, in order; None returns all."""
        return self.items if split is None else tuple(item for item in self.items if item.split == split)


def _missed(record: dict[str, JSON]) -> Missed:
    split, cluster = record.pop("split", None), record.pop("cluster", None)
    return Missed(Failure(**record), Split(split) if split else None, str(cluster or record["request_id"]))


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8") as file:
        yield from file


def _item(folder: Path, card: SetCard, record: Mapping[str, JSON]) -> Item:
    mask = str(record.get("mask_path") or "")
    return Item.from_record(record, _location(folder, card, record), folder / mask if mask else None)


def _location(folder: Path, card: SetCard, record: Mapping[str, JSON]) -> Path:
    root = str(record.get("root", OWNED))
    base = folder if root == OWNED else Path(card.roots[root])
    return base / str(record.get("path", ""))


class MediaSetWriter:
    """Fills a folder and seals it. Nothing reads it before `seal` has written `card.json`."""

    def __init__(
        self,
        folder: Path,
        *,
        name: str,
        origin: str,
        modality: Modality = Modality.IMAGE,
        terms: Terms | None = None,
        roots: Mapping[str, Path] | None = None,
    ) -> None:
        self.folder = folder
        self.name = name
        self.origin = origin
        self.modality = modality
        self.terms = terms or Terms()
        self.roots = {key: str(path) for key, path in (roots or {}).items()}
        self.facts: dict[str, JSON] = {}
        self._items: list[Item] = []
        self._ids: set[str] = set()
        self._missed: list[Missed] = []
        (folder / "media").mkdir(parents=True, exist_ok=True)

    def add(self, item: Item, media: object, masks: Frames | None = None) -> Item:
        """Encode `media` (one of the Media types) into the set and record it as `item`.

        Args:
            item: Without file and content.
            media: What it shows.
            masks: Which pixels were changed; kept beside it, with their digest in the facts under `mask`.

        Raises:
            MediaError: Media or masks have the wrong type, shape or values, the facts are not JSON, or the id is taken.
        """
        self._claim(item.id)
        path, content, facts = write_media(self.folder / "media", file_stem(item.id), media)
        if modality_of(path) is not item.modality:
            path.unlink()
            raise MediaError(f"expected modality {item.modality}, found a {path.suffix} file")
        known, mask_path = {**facts, **item.facts}, ""
        if masks is not None:
            try:
                mask, told = write_masks(self.folder / "masks", path.stem, masks, facts)
            except BaseException:
                path.unlink()
                raise
            known["mask"], mask_path = told, f"masks/{mask.name}"
        added = replace(item, root=OWNED, path=f"media/{path.name}", content=content, facts=known, mask_path=mask_path)
        try:
            added.digest  # noqa: B018 - facts come from the code under test; one that cannot be kept must not end the set
        except (TypeError, ValueError) as error:
            path.unlink()
            (self.folder / mask_path).unlink(missing_ok=True) if mask_path else None
            raise MediaError(f"facts cannot be recorded as JSON: {error}") from error
        return self._record(added)

    def keep(self, item: Item) -> Item:
        """Record an Item whose file is already in the set's folder and whose content is known."""
        self._claim(item.id)
        return self._record(item)

    def refer(self, item: Item, *, root: str, path: str, content: str | None = None) -> Item:
        """Record a file that stays where it lies; its content is digested unless it is already known.

        Raises:
            MediaError: The file cannot be decoded, or the id is taken.
        """
        self._claim(item.id)
        if content is None:
            content, facts = content_of(Path(self.roots[root]) / path, item.modality)
            item = replace(item, facts={**facts, **item.facts})
        return self._record(replace(item, root=root, path=path, content=content))

    def fail(self, failure: Failure, split: Split | None = None, cluster: str | None = None) -> None:
        """Record something that was asked for and did not come; `cluster` is its own id by default."""
        self._missed.append(Missed(failure, split, cluster or failure.request_id))

    def order(self, ids: Iterable[str]) -> None:
        """Put the recorded Items into the order of `ids`."""
        rank = {item_id: place for place, item_id in enumerate(ids)}
        self._items.sort(key=lambda item: rank[item.id])

    def _claim(self, item_id: str) -> None:
        if item_id in self._ids:
            raise MediaError(f"two items with the id '{item_id}'")

    def _record(self, item: Item) -> Item:
        self._ids.add(item.id)
        self._items.append(item)
        return item

    def seal(self) -> MediaSet:
        """Write the records and, last, the card; Items keep the order in which they were added."""
        _write_lines(self.folder / "items.jsonl", [item.record() for item in self._items])
        missed = [{**m.failure.record(), "split": m.split and str(m.split), "cluster": m.cluster} for m in self._missed]
        _write_lines(self.folder / "failures.jsonl", missed)
        card = SetCard(
            name=self.name,
            origin=self.origin,
            digest=digest_of_set(self._items, self._missed),
            items=len(self._items),
            expected=len(self._items) + len(self._missed),
            modality=str(self.modality),
            terms=self.terms,
            roots=self.roots,
            facts=self.facts,
        )
        unsealed = self.folder / "card.json.part"
        unsealed.write_text(card.model_dump_json(indent=1) + "\n", encoding="utf-8")
        unsealed.replace(self.folder / "card.json")
        return MediaSet.open(self.folder)


def _write_lines(path: Path, records: Iterable[Mapping[str, JSON]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(canonical(record) + "\n" for record in records)


def file_stem(item_id: str) -> str:
    """Return a file name for an item id: what is not a letter, digit, dot or dash becomes an underscore.

    A long one is cut, because file systems take 255 bytes; different ids give different names.
    """
    stem = "".join(c if c.isalnum() or c in ".-_" else "_" for c in item_id)
    stem = stem.encode()[:LONGEST_STEM].decode(errors="ignore")
    return stem if stem == item_id else f"{stem}-{digest_of(item_id)[:8]}"
