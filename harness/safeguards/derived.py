"""What is made of a synthetic file is synthetic: a face cut out of it, its sound in another form, a figure of it.

A mark does not survive every cut, and credentials survive none. So whatever a verb makes of a file that the user gives
is marked anew if that file is known to be synthetic: by the sealed set that it lies in, by its watermark, by its
credentials, or by its row in `provenance.jsonl`. The new file carries the old one's mark, which says who made it, and
names it as the parent. What is made of real files stays as it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..canonical import JSON, digest_of_file
from ..errors import InputError
from ..media.content import ImageMedia, SoundMedia
from ..media.item import Item, Kind
from ..media.mediaset import MediaSet
from ..store.store import storage_errors
from .border import PROVENANCE, RENDERED_SOURCE, SOURCE_TYPES, append_rows, source_type
from .credentials import Ingredient
from .inspecting import Inspection, inspect
from .keys import Keys, own_keys
from .marking import Job, format_of, mark_media, mark_of
from .watermark import Mark

_ABOVE = 8
"""Folders above a file in which its set is looked for."""
UNKNOWN = "unknown"
_KINDS = {kind.rsplit("/", 1)[-1]: name for name, kind in SOURCE_TYPES.items()} | {"algorithmicMedia": Kind.REAL}
"""Digital source type -> kind; a render is a real item that was rendered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parent:
    """A synthetic file that something is made of."""

    item: str
    generator: str
    made_by: str
    kind: Kind
    """`real` for a render, as in a mark."""
    source_type: str
    mark: Mark
    content: str | None
    """sha256 over its decoded content."""
    form: str


class Descent:
    """Finds out which files are synthetic, and marks what one verb makes of them."""

    def __init__(self, verb: str, store: Path | None = None) -> None:
        """Take part in `verb`, which is named in the marks; `store` holds files of which no set may speak."""
        self.verb = verb
        self.store = store.resolve() if store else None
        self._sets: dict[Path, dict[Path, tuple[Item, str]] | None] = {}
        self._rows: dict[Path, list[dict[str, JSON]]] = {}
        self._keys: Keys | None = None

    def parent(self, path: Path) -> Parent | None:
        """Return what is known of a synthetic file; None: nothing says that it is one.

        Raises:
            InputError: It lies in the store outside of a set; or keys or credentials cannot be read.
            IntegrityError: The set that it lies in is damaged.
        """
        place = path.resolve()
        known = self._in_set(place)
        if known is not None and source_type(known[0]) is not None:
            return _of_item(*known)
        if known is None and self.store is not None and place.is_relative_to(self.store):
            raise InputError(
                f"{path}: lies in the store and belongs to no set, so nobody can say whether it is synthetic; give the "
                "file that it was made of"
            )
        found = inspect(path)
        return _of_inspection(found) if found.marked else None

    def write(self, media: ImageMedia | SoundMedia, parent: Parent, folder: Path, name: str) -> None:
        """Write what was made of a synthetic file to `folder/name` (PNG or WAV), marked; `finish` writes its row.

        Raises:
            InputError: There are no keys to mark with, or the place cannot be written.
            MediaError: It cannot be marked.
            StorageError: The disk is full or read-only.
        """
        if self._keys is None:
            self._keys = own_keys()
        target = folder / name
        facts: dict[str, JSON] = {
            "run": parent.mark.run,
            "made_by": parent.made_by,
            "generator": parent.generator,
            "kind": str(parent.kind),
            "item": parent.item,
            "derived_by": self.verb,
        }
        job = Job(
            mark=parent.mark,
            source_type=parent.source_type,
            title=name,
            kind=parent.kind,
            facts={**facts, "parent": parent.content},
            ingredients=(Ingredient(title=parent.item, content=parent.content, format=parent.form),),
            derived=True,
        )
        try:
            with storage_errors(target):
                target.parent.mkdir(parents=True, exist_ok=True)
                target.unlink(missing_ok=True)
                marks = mark_media(media, target, job, self._keys)
        except OSError as error:
            raise InputError(f"{target}: cannot be written: {error.strerror}; choose another place") from error
        row: dict[str, JSON] = {
            "file": name,
            "sha256": digest_of_file(target),
            "content": marks.content,
            "synthetic": True,
            "digital_source_type": parent.source_type,
            "sources": [parent.item],
            "parents": {parent.item: parent.content},
            "marks": marks.record(),
        }
        self._rows.setdefault(folder, []).append(row | {key: facts[key] for key in facts if key != "run"})

    def finish(self) -> None:
        """Write the rows of what was written."""
        for folder, rows in self._rows.items():
            with storage_errors(folder):
                append_rows(folder / PROVENANCE, rows)
        self._rows.clear()

    def _in_set(self, place: Path) -> tuple[Item, str] | None:
        """Return the Item that a file is, and what made it, by the sealed set in a folder above."""
        for folder in list(place.parents)[:_ABOVE]:
            if folder not in self._sets:
                self._sets[folder] = _set_in(folder)
            found = (self._sets[folder] or {}).get(place)
            if found is not None:
                return found
        return None


def _set_in(folder: Path) -> dict[Path, tuple[Item, str]] | None:
    if not (folder / "card.json").is_file() or not (folder / "items.jsonl").is_file():
        return None
    media = MediaSet.open(folder)
    made_by = str(media.card.facts.get("made_by", media.card.origin))
    return {item.location.resolve(): (item, made_by) for item in media if item.location is not None}


def _of_item(item: Item, made_by: str) -> Parent:
    return Parent(
        item=item.id,
        generator=item.group,
        made_by=made_by,
        kind=item.kind,
        source_type=str(source_type(item)),
        mark=mark_of(item.id, item.group, item.kind, made_by),
        content=item.content,
        form=format_of(item.path),
    )


def _of_inspection(found: Inspection) -> Parent:
    """Return what the marks of a file say; a mark that is there and cannot be read is of somebody unknown."""
    signed = found.credentials
    row = found.sidecar.row if found.sidecar is not None and found.sidecar.same_content else None
    mark = found.watermark.mark if found.watermark is not None else None
    told: Mapping[str, JSON] = (signed.facts if signed.state == "trusted" else None) or row or {}
    named = str((signed.source_type if signed.state in {"trusted", "valid"} else None) or "")
    kind = mark.kind if mark is not None else _kind(told.get("kind"), named)
    known = told or {"made_by": (found.maker or {}).get("made_by"), "generator": (found.maker or {}).get("name")}
    item, generator, made_by = (str(known.get(name) or UNKNOWN) for name in ("item", "generator", "made_by"))
    usual = RENDERED_SOURCE if kind is Kind.REAL else SOURCE_TYPES[kind]
    return Parent(
        item=item if item != UNKNOWN else found.path.name,
        generator=generator,
        made_by=made_by,
        kind=kind,
        source_type=named or usual,
        mark=mark or mark_of(item, generator, kind, made_by),
        content=found.content,
        form=format_of(str(found.path)),
    )


def _kind(told: JSON, named: str) -> Kind:
    if told in set(Kind):
        return Kind(str(told))
    return _KINDS.get(named.rsplit("/", 1)[-1], Kind.FULLY_SYNTHETIC)
