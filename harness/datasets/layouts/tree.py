"""The names of all files below a root, read once; nothing is opened and nothing outside the root is looked at."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from ...canonical import digest_of
from ...errors import InputError
from .finding import Finding


class File(NamedTuple):
    """A file as it lies on the disk."""

    size: int
    mtime: int
    inode: int


@dataclass(frozen=True, kw_only=True)
class Tree:
    """Every file and folder below a root, by relative path with forward slashes, sorted."""

    root: Path
    files: Mapping[str, File]
    folders: tuple[str, ...]
    findings: tuple[Finding, ...]
    """Links that leave the root or lead to nothing, names that are not UTF-8, folders that cannot be listed."""

    @cached_property
    def lower(self) -> Mapping[str, str]:
        """Path in lower case -> path, because copies differ in capitals."""
        return {path.lower(): path for path in self.files}

    @cached_property
    def digest(self) -> str:
        """Over names, sizes and times: if it is the same, nothing needs to be read again."""
        return digest_of([[path, *file] for path, file in self.files.items()])

    def find(self, path: str) -> str | None:
        """Return the path as it is spelled on the disk, or None if no such file is there."""
        return path if path in self.files else self.lower.get(path.lower())

    def base(self, *marks: str, depth: int = 3) -> str | None:
        """Return the folder, as a prefix, that holds a folder or file with one of these lower-case names.

        People give the archive's root or a folder above it; the one nearest to the root is meant.
        """
        found = []
        for path in (*self.folders, *self.files):
            head, _, name = path.rpartition("/")
            if name.lower() in marks and path.count("/") < depth:
                found.append((path.count("/"), head))
        return f"{min(found)[1]}/".lstrip("/") if found else None


def scan(root: Path) -> Tree:
    """List everything below `root` but hidden files and folders. Links are followed as long as they stay inside.

    Raises:
        InputError: Not a folder.
    """
    if not root.is_dir():
        found = "a file" if root.exists() else "nothing there"
        raise InputError(f"{root}: expected the folder of a data set, found {found}")
    walk = _Walk(root)
    for _ in walk.below("", frozenset()):
        pass
    return Tree(
        root=root,
        files=dict(sorted(walk.files.items())),
        folders=tuple(sorted(walk.folders)),
        findings=tuple(sorted(walk.findings)),
    )


class _Walk:
    def __init__(self, root: Path) -> None:
        self.root = str(root)
        self.real = os.path.realpath(root)
        self.files: dict[str, File] = {}
        self.folders: list[str] = []
        self.findings: list[Finding] = []

    def below(self, prefix: str, above: frozenset[str]) -> Iterator[None]:
        """Walk with a stack; `above` are the real paths of the folders that hold this one."""
        stack = [(prefix, above | {self.real})]
        while stack:
            prefix, above = stack.pop()
            try:
                entries = list(os.scandir(f"{self.root}/{prefix}"))
            except OSError as error:
                self._note("unreadable", prefix, f"cannot be listed: {error.strerror}")
                continue
            for entry in entries:
                path = prefix + entry.name
                if entry.name.startswith(".") or not self._usable(entry, path):
                    continue
                if entry.is_dir():
                    here = os.path.realpath(entry.path) if entry.is_symlink() else entry.path
                    if here not in above:  # a link back to a folder that holds it would never end
                        self.folders.append(path)
                        stack.append((f"{path}/", above | {here}))
                else:
                    self._add(entry, path)
            yield

    def _add(self, entry: "os.DirEntry[str]", path: str) -> None:
        try:
            stat = entry.stat()
        except OSError as error:
            self._note("unreadable", path, str(error.strerror))
            return
        self.files[path] = File(stat.st_size, stat.st_mtime_ns, stat.st_ino)

    def _usable(self, entry: "os.DirEntry[str]", path: str) -> bool:
        try:
            entry.name.encode()
        except UnicodeEncodeError:
            self._note("unreadable", ascii(path)[1:-1], "the name is not UTF-8; rename it")
            return False
        if not entry.is_symlink():
            return True
        target = os.path.realpath(entry.path)
        if not os.path.exists(target):  # noqa: PTH110 - quicker than a Path for each of 100,000 entries
            self._note("missing", path, "a link to nothing")
            return False
        if target != self.real and not target.startswith(f"{self.real.rstrip('/')}/"):
            self._note("outside", path, f"a link that leaves the data set, to {target}; it is not read")
            return False
        return True

    def _note(self, kind: str, path: str, message: str) -> None:
        self.findings.append(Finding(kind=kind, path=path.rstrip("/"), message=message))
