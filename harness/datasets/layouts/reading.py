"""What reading a layout collects: items, and what is wrong."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from ...canonical import JSON
from ...media.item import Fakes, Item, Kind, Modality, Split
from ...media.read import modality_of
from .card import DatasetCard
from .finding import Finding
from .ours import SHARES, our_split
from .tree import Tree

TRUE = Fakes(visual=False, audio=False)
VISUAL = Fakes(visual=True, audio=False)


class Cut(NamedTuple):
    """The split of an item, and who says so: `official` or `fauxbench`; it becomes the fact `split_by`."""

    split: Split | None
    by: str = "official"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What can be chosen of a data set; a card says which of these it knows."""

    compression: str | None = None
    """raw, c0 (the same), c23, c40; None reads all that are there."""
    manipulations: tuple[str, ...] = ()
    """Groups of fakes; empty reads all that are there."""
    media: str | None = None
    """Kind of file where clips come in several: wav, aac, m4a, mp4."""
    list_name: str | None = None
    """deepfakebench: the dataset JSON, by its name without suffix."""
    frames_per_clip: int | None = None
    """deepfakebench: frames a clip, evenly over it; None reads all."""

    def record(self) -> dict[str, JSON]:
        """Return what was chosen as a JSON object."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return {name: list(v) if isinstance(v, tuple) else v for name, v in values.items() if v not in {None, ()}}

    @classmethod
    def from_record(cls, record: Mapping[str, JSON]) -> "Options":
        """Build Options from `record()`'s form."""
        values: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in record.items()}
        return cls(**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a copy of a data set holds."""

    items: tuple[Item, ...]
    """Sorted by path; an item's id and path are relative to the root, and its content is not known yet."""
    findings: tuple[Finding, ...]
    """Sorted by kind and path."""
    notes: tuple[str, ...] = ()
    """What is right and still worth knowing."""

    def group(self, name: str | None) -> tuple[Item, ...]:
        """Return the real items (None), or the fakes of one group."""
        return tuple(i for i in self.items if (i.kind is Kind.REAL if name is None else is_in(i, name)))

    @property
    def fake_groups(self) -> tuple[str, ...]:
        """The groups of fakes that are there."""
        return tuple(sorted({item.group for item in self.items if item.kind is not Kind.REAL}))


def is_in(item: Item, group: str) -> bool:
    """Whether an item is a fake of this group."""
    return item.kind is not Kind.REAL and item.group == group


@dataclass(slots=True, kw_only=True)
class Reading:
    """A copy of a data set while it is read; every module in this folder fills one."""

    tree: Tree
    card: DatasetCard
    options: Options
    items: dict[str, Item] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    _known: set[str] = field(default_factory=set)

    def finding(self, kind: str, path: str, message: str, item: Item | None = None) -> None:
        """Note that something is wrong; the file itself then is not extra as well."""
        self._known.add(path)
        self.findings.append(Finding(kind, path, message, item))

    def ignore(self, path: str) -> None:
        """Pass over a file that belongs to the data set and is no item."""
        self._known.add(path)

    def make(
        self,
        path: str,
        cut: Cut,
        *,
        group: str | None = None,
        fakes: Fakes = TRUE,
        clusters: Mapping[str, str] | None = None,
        sources: tuple[str, ...] = (),
        facts: Mapping[str, JSON] | None = None,
    ) -> Item:
        """Return the Item at a path.

        Args:
            path: Relative to the root; it is the id too.
            cut: Its split, and who says so.
            group: Of a fake: who made it. A real one's group is the data set.
            fakes: Which of its signals are fake.
            clusters: identity, source_identity, speaker, clip.
            sources: The real Items that it was made from.
            facts: Anything else.
        """
        fake = any(fakes)
        known = self.card.groups.get(group or "")
        kind = Kind(known.kind) if known else Kind.PARTIALLY_SYNTHETIC
        return Item(
            id=path,
            path=path,
            modality=modality_of_name(path),
            kind=kind if fake else Kind.REAL,
            visual_fake=fakes.visual,
            audio_fake=fakes.audio,
            group=group if fake and group else self.card.name,
            split=cut.split,
            language=self.card.language,
            sources=sources,
            clusters=dict(clusters or {}),
            facts={"split_by": cut.by, **(facts or {})},
        )

    def take(self, item: Item) -> bool:
        """Record an Item whose file is there; one of zero bytes is a finding. Return whether it was taken."""
        self._known.add(item.path)
        if not self.tree.files[item.path].size:
            self.finding("empty", item.path, "zero bytes", item)
            return False
        self.items[item.path] = item
        return True

    def lost(self, item: Item, message: str) -> None:
        """Note an Item whose file is not there."""
        if item.path not in self._known:
            self.finding("missing", item.path, message, item)

    def ours(self, identities: Iterable[str], shares: Mapping[Split, float] = SHARES) -> Cut:
        """Return our split of an item of these identities."""
        return Cut(our_split(self.card.name, identities, shares), "fauxbench")

    def finish(self) -> Contents:
        """Add what is true of any data set: files that nobody knows, people in two splits."""
        self._choose()
        outside = {finding.path for finding in self.tree.findings}
        self.findings = [f for f in self.findings if not (f.kind == "missing" and _under(f.path, outside))]
        self.findings += self.tree.findings
        for path in self.tree.files:
            if path not in self._known and suffix_is_media(path):
                self.finding("extra", path, f"not a file of {self.card.title}")
        overlaps = overlapping(self.items.values())
        if self.card.disjoint:
            self.findings += overlaps
        elif overlaps:
            self.notes.append(f"{len(overlaps)} people are in two splits; the official splits do not keep them apart")
        astray = sum(item.split is None for item in self.items.values())
        if astray:
            self.notes.append(f"{astray} items are in no split")
        return Contents(
            items=tuple(self.items[path] for path in sorted(self.items)),
            findings=tuple(sorted(self.findings, key=lambda f: (f.kind, f.path, f.message))),
            notes=tuple(self.notes),
        )

    def _choose(self) -> None:
        """Leave out the groups of fakes that were not chosen."""
        chosen = {name.lower() for name in self.options.manipulations}
        if chosen:
            self.items = {path: item for path, item in self.items.items() if _is_chosen(item, chosen)}
            self.findings = [f for f in self.findings if f.item is None or _is_chosen(f.item, chosen)]


def _is_chosen(item: Item, groups: set[str]) -> bool:
    return item.kind is Kind.REAL or item.group in groups


def _under(path: str, outside: set[str]) -> bool:
    """Whether a path, or a folder that holds it, is already a finding of the listing."""
    parts = path.split("/")
    return bool(outside) and any("/".join(parts[:n]) in outside for n in range(1, len(parts) + 1))


def overlapping(items: Iterable[Item]) -> list[Finding]:
    """Return a finding for each person who is in two splits, as target, source or speaker."""
    seen: dict[str, dict[Split, str]] = {}
    for item in items:
        if item.split is not None:
            for name in ("identity", "source_identity", "speaker"):
                if name in item.clusters:
                    seen.setdefault(item.clusters[name], {}).setdefault(item.split, item.path)
    found = []
    for person, places in sorted(seen.items()):
        if len(places) > 1:
            where = ", ".join(f"{split}: {path}" for split, path in sorted(places.items()))
            found.append(Finding("overlap", next(iter(places.values())), f"'{person}' is in several splits: {where}"))
    return found


def modality_of_name(path: str) -> Modality:
    """Return what a file holds by its name; a clip if the suffix says nothing."""
    return _modality(_suffix(path)) or Modality.VIDEO


def suffix_is_media(path: str) -> bool:
    """Whether a file is a picture, clip or sound by its name."""
    return _modality(_suffix(path)) is not None


def _suffix(path: str) -> str:
    return path[path.rfind(".") :] if "." in path else ""


@cache
def _modality(suffix: str) -> Modality | None:
    return modality_of(Path(f"x{suffix}"))
