"""What the store remembers between runs to be quick: content digests of referenced files, and how long units took.

Losing it loses time, never a number.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ..canonical import JSON

_TABLES = """
create table if not exists content (
    path text primary key, size integer, mtime integer, inode integer, digest text, facts text);
create table if not exists duration (kind text, what text, seconds real, primary key (kind, what));
create table if not exists code (system text primary key, digest text);
"""


class Memory:
    """A small database beside the store; safe with several processes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._open() as database:
            database.executescript(_TABLES)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.path, timeout=60)) as database, database:
            yield database

    def content(self, path: Path) -> tuple[str, dict[str, JSON]] | None:
        """Return digest and facts of a file that has not changed since `remember_content`, or None."""
        stat = path.stat()
        with self._open() as database:
            row = database.execute(
                "select digest, facts from content where path = ? and size = ? and mtime = ? and inode = ?",
                (str(path), stat.st_size, stat.st_mtime_ns, stat.st_ino),
            ).fetchone()
        return (row[0], json.loads(row[1])) if row else None

    def remember_content(self, found: list[tuple[Path, str, dict[str, JSON]]]) -> None:
        """Remember digest and facts of files as they are now."""
        rows = []
        for path, digest, facts in found:
            stat = path.stat()
            rows.append((str(path), stat.st_size, stat.st_mtime_ns, stat.st_ino, digest, json.dumps(facts)))
        with self._open() as database:
            database.executemany("insert or replace into content values (?, ?, ?, ?, ?, ?)", rows)

    def duration(self, kind: str, what: str) -> float | None:
        """Return how many seconds such a unit took last time."""
        with self._open() as database:
            row = database.execute("select seconds from duration where kind = ? and what = ?", (kind, what)).fetchone()
        return float(row[0]) if row else None

    def remember_duration(self, kind: str, what: str, seconds: float) -> None:
        """Remember how many seconds a unit took."""
        with self._open() as database:
            database.execute("insert or replace into duration values (?, ?, ?)", (kind, what, seconds))

    def first_code(self, system: str, digest: str) -> str:
        """Return the code digest under which `name@version` was first seen here, remembering `digest` if it is new."""
        with self._open() as database:
            database.execute("insert or ignore into code values (?, ?)", (system, digest))
            return str(database.execute("select digest from code where system = ?", (system,)).fetchone()[0])
