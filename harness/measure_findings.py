"""What `measure` says beyond its scores: that nothing was measured, and that one file lies on both sides."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from .datasets.listing import list_folder, list_media
from .media.item import Modality
from .media.mediaset import MediaSet
from .media.read import modality_of
from .metrics.offers import UNITS
from .metrics.wording import counted
from .store.schema import Results, Row

REASONS = 3
"""Reasons that one line names."""
UNPAIRED = "not measured: compares files of one name, and no two have one"
"""Of a metric that was named and has no row."""


class Shared(NamedTuple):
    """Synthetic files whose content a real file has too."""

    files: int
    real: str
    """The first of them, as it is called on the real side."""
    synthetic: str

    def __str__(self) -> str:
        """Return it as a warning."""
        which = "file has" if self.files == 1 else "files have"
        return (
            f"{self.files} synthetic {which} the very content of a real file, the first: {self.synthetic} that of "
            f"{self.real}; what lies on both sides makes scores look better than the system is"
        )


def shared_items(real: MediaSet, synthetic: MediaSet) -> Shared | None:
    """Return what lies on both sides, by the digests of decoded content that are recorded anyway."""
    known: dict[str, str] = {}
    for item in real:
        known.setdefault(item.content, item.id)
    found = [item for item in synthetic if item.content and item.content in known]
    return Shared(len(found), known[found[0].content], found[0].id) if found else None


def strays(folder: Path, called: Path, *, real: bool) -> Iterator[str]:
    """Yield what lies in a folder beside what is measured, and what becomes of it.

    Args:
        folder: Of media.
        called: What the user calls it.
        real: Whether it is the real side, where sub-folders are people, and other media are left out.
    """
    listed = list_folder(folder)
    taken = listed[0].modality
    others = Counter(modality_of(path) for path in list_media(folder))
    for modality in Modality:
        if modality is not taken and others[modality]:
            found = counted(others[modality], UNITS[modality].removesuffix("s"))
            fate = "left out" if real else "counted as unreadable"
            yield f"{called}: {found} beside the {UNITS[taken]}: {fate}"
    loose = [one.path for one in listed if "/" not in one.path]
    if real and 0 < len(loose) < len(listed):
        found = counted(len(loose), UNITS[taken].removesuffix("s"))
        yield (
            f"{called}: {found} beside its sub-folders, the first: {loose[0]}; each sub-folder counts as a person, and "
            f"{'that file' if len(loose) == 1 else 'each of those files'} as one of its own"
        )


def why_nothing(results: Results) -> str | None:
    """Return in one line why nothing that was asked for has a value, and what to do; None if something has one."""
    rows = [row for row in results.rows if row.role == "system"]
    if any(row.value is not None for row in rows):
        return None
    reasons = sorted(dict.fromkeys(map(_reason, rows)), key=lambda reason: reason.startswith("weights"))
    unpaired = [f"{line}: give both files of a pair one name" for line in results.warnings if line.endswith(UNPAIRED)]
    reasons = [*reasons, *unpaired] or ["no metric applies to these files"]
    more = f"; and {len(reasons) - REASONS} reasons more" if len(reasons) > REASONS else ""
    return f"nothing was measured: {'; '.join(reasons[:REASONS])}{more}"


def _reason(row: Row) -> str:
    said = (row.reason or f"{row.metric} has no value").removeprefix("not computed: ")
    lost = ", ".join(f"{count} {word}" for word, count in row.failures.items())
    said += f" ({lost})" if lost and not said.startswith("weights") else ""
    return f"{said}: give more files that can be read" if "are needed" in said else said
