import os
import sqlite3
from pathlib import Path

import pytest

from fauxbench.harness.errors import StorageError
from fauxbench.harness.store.memory import Memory, Seen


@pytest.fixture
def memory(tmp_path: Path) -> Memory:
    return Memory(tmp_path / "memory.sqlite")


def test_a_file_is_remembered_until_it_changes(memory: Memory, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_text("one")
    seen = Seen.now(path, "reader")
    assert memory.content(seen) is None
    memory.remember_content([(seen, "digest", {"width": 3})])
    assert memory.content(Seen.now(path, "reader")) == ("digest", {"width": 3})
    assert Memory(memory.path).content(seen) == ("digest", {"width": 3})

    os.utime(path, ns=(seen.mtime + 1, seen.mtime + 1))
    assert memory.content(Seen.now(path, "reader")) is None
    os.utime(path, ns=(seen.mtime, seen.mtime))
    assert memory.content(Seen.now(path, "reader")) is not None
    path.write_text("longer")
    os.utime(path, ns=(seen.mtime, seen.mtime))
    assert memory.content(Seen.now(path, "reader")) is None


def test_a_file_in_the_place_of_another_is_another(memory: Memory, tmp_path: Path) -> None:
    path, other = tmp_path / "a.png", tmp_path / "b.png"
    path.write_text("one")
    other.write_text("two")
    seen = Seen.now(path, "reader")
    memory.remember_content([(seen, "digest", {})])
    os.utime(other, ns=(seen.mtime, seen.mtime))
    other.replace(path)
    assert memory.content(Seen.now(path, "reader")) is None


def test_another_reader_has_not_seen_it(memory: Memory, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("one")
    memory.remember_content([(Seen.now(tmp_path / "a.png", "old"), "digest", {})])
    assert memory.content(Seen.now(tmp_path / "a.png", "new")) is None


def test_links_are_the_file_they_lead_to(memory: Memory, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("one")
    (tmp_path / "link.png").symlink_to("a.png")
    memory.remember_content([(Seen.now(tmp_path / "link.png", "r"), "digest", {})])
    assert memory.content(Seen.now(tmp_path / "a.png", "r")) == ("digest", {})


def test_durations(memory: Memory) -> None:
    assert memory.duration("fit", "dcgan") is None
    memory.remember_duration("fit", "dcgan", 2.5)
    memory.remember_duration("fit", "dcgan", 3.5)
    assert memory.duration("fit", "dcgan") == 3.5
    assert memory.duration("train", "dcgan") is None


def test_the_first_code_of_a_version_stays(memory: Memory) -> None:
    assert memory.first_code("mine@1", "a") == "a"
    assert memory.first_code("mine@1", "b") == "a"
    assert memory.first_code("mine@2", "b") == "b"


@pytest.mark.parametrize("damage", [b"this is no database" * 200, b"", b"\0" * 100])
def test_a_damaged_memory_is_begun_anew(damage: bytes, tmp_path: Path) -> None:
    path = tmp_path / "memory.sqlite"
    Memory(path).remember_duration("fit", "x", 1.0)
    path.write_bytes(damage)
    memory = Memory(path)
    assert memory.duration("fit", "x") is None
    memory.remember_duration("fit", "x", 2.0)
    assert memory.duration("fit", "x") == 2.0


def test_a_memory_that_cannot_be_opened_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "memory.sqlite").mkdir()
    with pytest.raises(StorageError, match="unable to open database file: free space"):
        Memory(tmp_path / "memory.sqlite")


def test_a_full_disk_is_a_storage_error(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> sqlite3.Connection:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(sqlite3, "connect", full)
    with pytest.raises(StorageError, match="database or disk is full"):
        memory.remember_duration("fit", "x", 1.0)
