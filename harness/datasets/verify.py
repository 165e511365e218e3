"""Verify a copy of a data set: what is missing, extra, damaged, mislabelled, or leads out of it."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..canonical import JSON
from ..errors import MediaError
from ..media.item import Item, Modality
from ..media.read import content_of
from .layouts import read_layout
from .layouts.finding import Finding
from .layouts.reading import Contents, Options
from .layouts.tree import scan

Progress = Callable[[float, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a copy of a data set holds, and what is wrong with it."""

    dataset: str
    path: Path
    files: int
    contents: Contents
    findings: tuple[Finding, ...]
    deep: bool

    def record(self) -> dict[str, JSON]:
        """Return the report as a JSON object."""
        items = self.contents.items
        splits: dict[str, dict[str, int]] = {}
        for item in items:
            row = splits.setdefault(item.group, {})
            row[str(item.split or "none")] = row.get(str(item.split or "none"), 0) + 1
        return {
            "schema_version": 1,
            "dataset": self.dataset,
            "path": str(self.path),
            "files": self.files,
            "items": len(items),
            "fake": {
                "visual": sum(item.visual_fake for item in items),
                "audio": sum(item.audio_fake for item in items),
            },
            "groups": dict(sorted(splits.items())),
            "deep": self.deep,
            "counts": dict(sorted(Counter(finding.kind for finding in self.findings).items())),
            "findings": [finding.record() for finding in self.findings],
            "notes": list(self.contents.notes),
        }


def verify(
    name: str,
    path: Path,
    options: Options | None = None,
    *,
    deep: bool = False,
    progress: Progress = lambda done, message: None,
) -> Report:
    """Return what is wrong with a copy of a data set.

    Args:
        name: Of the data set.
        path: Its root, or the folder above it.
        options: What is chosen of it; default: everything that is there.
        deep: Decode every clip, picture and sound, too.
        progress: Told the share that is done, of `deep`.

    Raises:
        InputError: No such data set, nothing of it at `path`, or an option that it does not know.
    """
    tree = scan(path)
    contents = read_layout(name, tree, options)
    findings = list(contents.findings)
    if deep:
        findings += _decoded(path, contents.items, progress)
    return Report(
        dataset=name,
        path=path,
        files=len(tree.files),
        contents=contents,
        findings=tuple(sorted(findings, key=lambda f: (f.kind, f.path, f.message))),
        deep=deep,
    )


def _decoded(root: Path, items: tuple[Item, ...], progress: Progress) -> Iterator[Finding]:
    """Yield what decoding shows: files that cannot be read, headers that lie, content that is there twice."""
    first: dict[str, str] = {}
    for place, item in enumerate(items, 1):
        file = root / item.path
        try:
            content, facts = content_of(file, item.modality)
        except MediaError as error:
            yield Finding("unreadable", item.path, str(error).removeprefix(f"{file}: "))
        else:
            lie = _lie(file, facts) if item.modality is Modality.VIDEO else None
            if lie:
                yield Finding("unreadable", item.path, lie)
            if first.setdefault(content, item.path) != item.path:
                yield Finding("duplicate", item.path, f"the same content as {first[content]}")
        progress(place / len(items), f"{place} of {len(items)} files")


def _lie(file: Path, facts: Mapping[str, JSON]) -> str | None:
    """Return what a header says that is not so: more frames than there are, or fewer."""
    import av

    with av.open(str(file), metadata_errors="replace") as container:
        said = container.streams.video[0].frames
    found = round(facts["seconds"] * facts["fps"])
    return f"the header says {said} frames, {found} can be decoded" if said and said != found else None
