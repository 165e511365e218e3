"""Published data sets as MediaSets: their real items, and each group of their fakes, referenced where they lie."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from ..canonical import JSON, digest_of
from ..errors import Failure, InputError, MediaError
from ..media.item import Item, Kind, Split
from ..media.mediaset import MediaSet, MediaSetWriter
from ..store.memory import Memory
from .folder import Reader
from .layouts import read_layout
from .layouts.finding import Finding
from .layouts.reading import Options, is_in
from .layouts.tree import scan
from .listing import Listed

Progress = Callable[[float, str], None]
_FAILURES: Mapping[str, str] = {"missing": "missing", "empty": "unreadable"}
"""Kind of finding -> kind of failure; any other is `invalid`."""


def index_published(
    folder: Path, writer: MediaSetWriter, key: Mapping[str, JSON], memory: Memory, progress: Progress
) -> MediaSet:
    """Read one part of a published data set into `writer` and seal it.

    Every file is decoded once; one that cannot be, or that its layout names and is not there, is a counted failure.

    Args:
        folder: The root, as a root `data` of the writer.
        writer: An empty set.
        key: `dataset`, `options`, `tree` (the digest of the listing), `group` (None: the real items), `counts` (of
            each split at most; a fixed selection) and `code`.
        memory: Remembers digests of unchanged files.
        progress: Told of every file.

    Raises:
        InputError: The folder is not what it was when the run was planned.
    """
    tree = scan(folder)
    if tree.digest != key["tree"]:
        raise InputError(f"{folder}: changed since the run was planned; give the same command again")
    contents = read_layout(str(key["dataset"]), tree, Options.from_record(key["options"]))
    group = key["group"]
    chosen = limited(contents.group(group), {Split(s): int(n) for s, n in dict(key.get("counts") or {}).items()})
    reader = Reader(folder, memory, str(key["code"]))
    for place, item in enumerate(chosen, 1):
        try:
            content, facts = reader.content(Listed(item.path, None, item.modality))
            named = item if group is None else replace(item, group=writer.name)
            writer.refer(replace(named, facts={**facts, **item.facts}), root="data", path=item.path, content=content)
        except MediaError as error:
            writer.fail(Failure(request_id=item.id, kind="unreadable", message=str(error)), item.split, item.cluster)
        progress(place / len(chosen), f"{place} of {len(chosen)} files")
    reader.flush()
    for finding in contents.findings:
        if finding.item is not None and _belongs(finding.item, group):
            writer.fail(_failure(finding), finding.item.split, finding.item.cluster)
    return writer.seal()


def limited(items: Iterable[Item], counts: Mapping[Split, int]) -> tuple[Item, ...]:
    """Return at most so many items of each split, always the same ones, in their order."""
    items = tuple(items)
    kept: set[str] = set()
    for split in (*Split, None):
        mine = sorted((item.id for item in items if item.split is split), key=digest_of)
        kept |= set(mine[: counts.get(split, len(mine))] if split else mine)
    return tuple(item for item in items if item.id in kept)


def _belongs(item: Item, group: str | None) -> bool:
    return item.kind is Kind.REAL if group is None else is_in(item, group)


def _failure(finding: Finding) -> Failure:
    kind = _FAILURES.get(finding.kind, "invalid")
    return Failure(request_id=finding.path, kind=kind, message=f"{finding.path}: {finding.message}")
