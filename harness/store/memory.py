"""What the store remembers between runs to be quick: content digests of referenced files, and how long units took.

Losing it loses time, never a number.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from ..canonical import JSON
from ..errors import StorageError

_TABLES = """
create table if not exists file (
    path text primary key, reader text, size integer, mtime integer, inode integer, digest text, facts text);
create table if not exists duration (kind text, what text, seconds real, primary key (kind, what));
create table if not exists code (system text primary key, digest text);
"""


class Seen(NamedTuple):
    """A file as it lies on the disk, and the code that reads it."""

    path: str
    reader: str
    """Digest of the code that decodes: another code may give another digest."""
    size: int
    mtime: int
    inode: int

    @classmethod
    def now(cls, path: Path, reader: str) -> "Seen":
        """Look at a file; links are followed.

        Raises:
            OSError: It is not there.
        """
        stat = path.stat()
        return cls(str(path.resolve()), reader, stat.st_size, stat.st_mtime_ns, stat.st_ino)


class Memory:
    """A small database beside the store; safe with several processes. A damaged one is begun anew.

    Raises:
        StorageError: The disk is full or read-only.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._prepare()
        except sqlite3.DatabaseError:
            for part in (path, *(path.with_name(path.name + end) for end in ("-journal", "-wal", "-shm"))):
                part.unlink(missing_ok=True)
            self._prepare()

    def _prepare(self) -> None:
        with self._open() as database:
            database.executescript(_TABLES)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self.path, timeout=60)) as database, database:
                yield database
        except sqlite3.OperationalError as error:
            raise StorageError(
                f"{self.path}: {error}: free space (or choose another --store) and give the same command again"
            ) from error

    def content(self, seen: Seen) -> tuple[str, dict[str, JSON]] | None:
        """Return digest and facts of a file that has not changed since `remember_content`, or None."""
        with self._open() as database:
            row = database.execute(
                "select digest, facts from file where path = ? and reader = ? and size = ? and mtime = ? and inode = ?",
                seen,
            ).fetchone()
        return (row[0], json.loads(row[1])) if row else None

    def remember_content(self, found: list[tuple[Seen, str, dict[str, JSON]]]) -> None:
        """Remember digest and facts of files as they were when they were seen, which was before they were read."""
        rows = [(*seen, digest, json.dumps(facts)) for seen, digest, facts in found]
        with self._open() as database:
            database.executemany("insert or replace into file values (?, ?, ?, ?, ?, ?, ?)", rows)

    def duration(self, kind: str, what: str) -> float | None:
        """Return how many seconds such a unit took last time."""
        with self._open() as database:
            row = database.execute("select seconds from duration where kind = ? and what = ?", (kind, what)).fetchone()
        return float(row[0]) if row else None

    def remember_duration(self, kind: str, what: str, seconds: float) -> None:
        """Remember how many seconds a unit took."""
        with self._open() as database:
            database.execute("insert or replace into duration values (?, ?, ?)", (kind, what, seconds))

    def known_code(self, system: str) -> str | None:
        """Return the code digest under which `name@version` was first seen here, None if it never was."""
        with self._open() as database:
            row = database.execute("select digest from code where system = ?", (system,)).fetchone()
        return str(row[0]) if row else None

    def first_code(self, system: str, digest: str) -> str:
        """Return the code digest under which `name@version` was first seen here, remembering `digest` if it is new."""
        with self._open() as database:
            database.execute("insert or ignore into code values (?, ?)", (system, digest))
            return str(database.execute("select digest from code where system = ?", (system,)).fetchone()[0])
