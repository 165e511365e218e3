"""Findings about a system, and the points of a folder of finished outputs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from ..canonical import JSON, digest_of
from ..errors import MediaError
from ..media.read import modality_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was found at one point of the contract."""

    point: str
    status: Literal["ok", "failed", "skipped"]
    expected: str
    found: str
    mend: str = ""
    """What to do; empty unless it failed."""

    def record(self) -> dict[str, JSON]:
        """Return the Finding as a JSON object."""
        return asdict(self)


def finding(point: str, expected: str, found: str, good: bool, mend: str) -> Finding:
    """Return what was found at a point; how to mend it is kept if it is not good."""
    status: Literal["ok", "failed"] = "ok" if good else "failed"
    return Finding(point=point, status=status, expected=expected, found=found[:1000], mend="" if good else mend)


def check_outputs(files: Sequence[Path], digest: Callable[[Path], tuple[str, Mapping[str, JSON]]]) -> Iterator[Finding]:
    """Check a folder of finished outputs.

    Args:
        files: The media in it.
        digest: Returns content digest and facts of a file, or raises MediaError.
    """
    sorts = sorted({str(modality_of(path)) for path in files})
    yield finding("modality", "files of one modality", ", ".join(sorts), len(sorts) == 1, "give each its own folder")
    wrong: list[str] = []
    contents: list[str] = []
    sizes: set[str] = set()
    for path in files:
        try:
            content, facts = digest(path)
        except MediaError as error:
            wrong.append(str(error))
            continue
        contents.append(content)
        sizes.add(digest_of([facts.get("width"), facts.get("height")]))
    found = f"{len(wrong)} of {len(files)}: {'; '.join(wrong[:3])}" if wrong else f"{len(files)} files"
    yield finding(
        "readable", "every file can be decoded", found, not wrong, "write them again; each counts as a failure"
    )
    same = len(contents) - len(set(contents))
    found = f"{same} copies among {len(contents)}"
    yield finding("distinct", "no file twice", found, not same, "remove copies: they make intervals too narrow")
    wanted, found = "one size", f"{len(sizes)} sizes"
    yield finding("size", wanted, found, len(sizes) <= 1, "render all at one size; metrics resize, and resizing shows")
