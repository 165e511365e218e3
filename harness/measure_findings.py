"""What `measure` says beyond its scores: that nothing was measured, and that one file lies on both sides."""

from typing import NamedTuple

from .media.mediaset import MediaSet
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
