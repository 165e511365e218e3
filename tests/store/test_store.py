import errno
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fauxbench.harness.errors import InputError, IntegrityError, StorageError
from fauxbench.harness.store import store as store_module
from fauxbench.harness.store.store import (
    Store,
    disk_is_full,
    fingerprint,
    new_folder,
    storage_errors,
    write_atomically,
)

FP = "ab" * 32
OTHER = "cd" * 32
RECORD = {"output": "o", "seconds": 1.5, "facts": {"n": 3}}


def put(store: Store, fp: str = FP, record: dict[str, object] = RECORD) -> Path:
    with store.lock(fp), store.partial(fp) as folder:
        (folder / "made.txt").write_text("x")
        return store.commit("fit", fp, folder, record).folder


def test_the_scheme_of_fingerprints_is_locked() -> None:
    """If this fails, every store in the world is out of date: raise FINGERPRINT_SCHEME, and mean it."""
    key = {"card": {"name": "dcgan"}, "seed": 0, "share": 0.5, "none": None}
    assert fingerprint("fit", key, {"real": "0" * 64}) == GOLDEN


GOLDEN = "e744327855e8769ef2bf10eae150e4a7483cac1b16a6a7e77d836852261d73e3"


def test_everything_changes_the_fingerprint_but_the_order_of_keys() -> None:
    first = fingerprint("fit", {"a": 1, "b": 2}, {"x": "1"})
    assert first == fingerprint("fit", {"b": 2, "a": 1}, {"x": "1"})
    others = [
        fingerprint("train", {"a": 1, "b": 2}, {"x": "1"}),
        fingerprint("fit", {"a": 1.0, "b": 2}, {"x": "1"}),
        fingerprint("fit", {"a": 1, "b": 2}, {"y": "1"}),
        fingerprint("fit", {"a": 1, "b": 2}, {"x": "2"}),
        fingerprint("fit", {"a": 1, "b": 2}, {}),
    ]
    assert len({first, *others}) == 6


def test_a_unit_is_found_once_it_is_committed(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    assert store.find("fit", FP) is None
    folder = put(store)
    found = store.find("fit", FP)
    assert found is not None
    assert (found.folder, found.output, found.seconds, found.facts) == (folder, "o", 1.5, {"n": 3})
    assert sorted(path.name for path in folder.iterdir()) == ["made.txt", "unit.json"]
    assert store.find("train", FP) is None
    assert not any((store.root / "partial").iterdir())


def test_the_store_is_for_its_owner_alone(tmp_path: Path) -> None:
    assert stat.S_IMODE(Store(tmp_path / "a" / "store").root.stat().st_mode) == 0o700


def test_the_record_is_written_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path / "store")
    seen: list[list[str]] = []
    original = store_module._write_and_sync

    def spy(path: Path, text: str) -> None:
        seen.append(sorted(p.name for p in path.parent.iterdir()))
        original(path, text)

    monkeypatch.setattr(store_module, "_write_and_sync", spy)
    put(store)
    assert seen == [["made.txt"]]


def test_a_unit_that_fails_leaves_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    with pytest.raises(RuntimeError), store.lock(FP), store.partial(FP) as folder:  # noqa: PT012
        (folder / "half.txt").write_text("x")
        raise RuntimeError
    assert not any((store.root / "partial").iterdir())
    assert store.find("fit", FP) is None


def test_a_record_with_nan_is_refused_before_it_is_found(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    with pytest.raises(ValueError, match="JSON compliant"):
        put(store, record={**RECORD, "facts": {"x": float("nan")}})
    assert store.find("fit", FP) is None


def test_what_dead_processes_left_is_removed_and_what_lives_is_not(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    for name in (f"{FP}-1", f"{FP}-2", f"{'ef' * 32}-3"):
        (store.root / "partial" / name).mkdir()
        (store.root / "partial" / name / "half.txt").write_text("x")
    with store.lock(OTHER), store.partial(OTHER) as alive, store.lock(FP), store.partial(FP) as folder:
        assert alive.is_dir()
        assert {path.name for path in (store.root / "partial").iterdir()} == {alive.name, folder.name}


def test_a_folder_without_a_record_is_replaced(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    place = store.folder_of("fit", FP)
    place.mkdir(parents=True)
    (place / "stray.txt").write_text("x")
    put(store)
    assert sorted(path.name for path in place.iterdir()) == ["made.txt", "unit.json"]


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"{}", b"\xff\xfe", b'{"output": "x"}'])
def test_a_damaged_record_says_what_to_do(text: bytes, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    folder = put(store)
    (folder / "unit.json").write_bytes(text)
    with pytest.raises(IntegrityError, match=f"delete {folder}"):
        store.find("fit", FP)


def test_the_store_does_not_move_with_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = Store(Path("store"))
    (tmp_path / "scratch").mkdir()
    monkeypatch.chdir(tmp_path / "scratch")
    assert put(store).is_relative_to(tmp_path / "store")


SCRIPT = """
import sys, time
from pathlib import Path
from fauxbench.harness.store.store import Store
store, counter = Store(Path(sys.argv[1])), Path(sys.argv[2])
for number in range(6):
    fp = f"{number:064x}"
    with store.lock(fp):
        if store.find("fit", fp) is None:
            with store.partial(fp) as folder:
                with counter.open("a") as file:
                    file.write(f"{number}\\n")
                time.sleep(0.01)
                store.commit("fit", fp, folder, {"output": str(number), "seconds": 0, "facts": {}})
"""


def test_two_processes_do_each_unit_once(tmp_path: Path) -> None:
    order = [sys.executable, "-c", SCRIPT, str(tmp_path / "store"), str(tmp_path / "counter")]
    processes = [subprocess.Popen(order) for _ in range(2)]
    assert [process.wait() for process in processes] == [0, 0]
    assert sorted((tmp_path / "counter").read_text().split()) == list("012345")
    store = Store(tmp_path / "store")
    for number in range(6):
        found = store.find("fit", f"{number:064x}")
        assert found is not None
        assert found.output == str(number)


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_file_where_the_store_should_be(place: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="choose another --store"):
        Store(tmp_path / place)
    assert (tmp_path / "file").read_text() == "x"


def failing(code: int) -> Callable[..., None]:
    def fail(self: Path, *_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code), str(self))

    return fail


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_a_full_or_read_only_disk_says_what_to_do(code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "mkdir", failing(code))
    with pytest.raises(StorageError, match=r"free space .* and give the same command again"):
        Store(tmp_path / "store")


@pytest.mark.parametrize("code", [errno.EACCES, errno.ELOOP, errno.ENAMETOOLONG])
def test_any_other_error_says_to_choose_another(code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "mkdir", failing(code))
    with pytest.raises(InputError, match="choose another --store"):
        Store(tmp_path / "store")


def test_what_a_full_disk_is() -> None:
    assert disk_is_full(OSError(errno.ENOSPC, ""))
    assert disk_is_full(StorageError(""))
    assert not disk_is_full(OSError(errno.EACCES, ""))
    assert not disk_is_full(ValueError())
    with pytest.raises(PermissionError), storage_errors(Path("x")):
        raise PermissionError(errno.EACCES, "")


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_atomically(tmp_path / "a.json", "old")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match=r"No space left on device at .*a\.json"):
        write_atomically(tmp_path / "a.json", "new")
    assert (tmp_path / "a.json").read_text() == "old"
    monkeypatch.undo()
    write_atomically(tmp_path / "a.json", "new")
    assert (tmp_path / "a.json").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


# Folders that are there whole or not at all


@pytest.mark.parametrize("there", [False, True])
def test_a_new_folder_appears_when_it_is_complete(there: bool, tmp_path: Path) -> None:
    place = tmp_path / "out" / "set"
    if there:
        place.mkdir(parents=True)
    with new_folder(place) as part:
        (part / "a").mkdir()
        (part / "a" / "b.txt").write_text("x")
        assert not (place / "a").exists()
    assert (place / "a" / "b.txt").read_text() == "x"
    assert [path.name for path in place.parent.iterdir()] == ["set"]


def test_a_new_folder_that_fails_can_be_tried_again(tmp_path: Path) -> None:
    (tmp_path / ".set.part").mkdir()  # of a killed process
    (tmp_path / ".set.part" / "old.txt").write_text("x")
    with pytest.raises(RuntimeError), new_folder(tmp_path / "set") as part:  # noqa: PT012
        assert list(part.iterdir()) == []
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
    with new_folder(tmp_path / "set"):
        pass
    assert (tmp_path / "set").is_dir()


@pytest.mark.parametrize("what", ["file", "full"])
def test_a_new_folder_does_not_take_a_place_that_is_taken(what: str, tmp_path: Path) -> None:
    place = tmp_path / "set"
    if what == "file":
        place.write_text("x")
    else:
        place.mkdir()
        (place / "mine.txt").write_text("x")
    with pytest.raises(InputError, match="not empty; choose a new folder"), new_folder(place):
        pass
    assert what == "file" or (place / "mine.txt").is_file()


def test_a_new_folder_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="cannot be written"), new_folder(tmp_path / "file" / "set"):
        pass


def test_a_new_folder_on_a_full_disk(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="free space"), new_folder(tmp_path / "set"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert list(tmp_path.iterdir()) == []


def test_units_are_json(tmp_path: Path) -> None:
    record = json.loads((put(Store(tmp_path / "store")) / "unit.json").read_text())
    assert record == RECORD
