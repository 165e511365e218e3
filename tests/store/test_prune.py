import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fauxbench.harness.errors import InputError
from fauxbench.harness.store.prune import by_kind, kept_in, oldest_user, open_store, prune, read_size, units_of_run
from fauxbench.harness.store.store import Store

RECORD = {"output": "o", "seconds": 1.5, "facts": {}}
DAY = 86_400


def put(store: Store, letter: str, *, days: float, size: int = 1000, kind: str = "fit") -> str:
    """Put a unit there that was last used so many days ago."""
    name = letter * 64
    with store.lock(name), store.partial(name) as folder:
        (folder / "made").write_bytes(b"x" * size)
        made = store.commit(kind, name, folder, RECORD).folder
    at = time.time() - days * DAY
    os.utime(made / "unit.json", (at, at))
    return name


@pytest.fixture
def store(tmp_path: Path) -> Store:
    opened = Store(tmp_path / "s")
    for letter, days in (("a", 30), ("b", 20), ("c", 10), ("d", 0.1)):
        put(opened, letter, days=days, kind="extract" if letter == "b" else "fit")
    return opened


def letters(found: object) -> str:
    return "".join(one.name[0] for one in found)  # type: ignore[attr-defined]


def test_the_least_recently_used_goes_first(store: Store) -> None:
    assert letters(kept_in(store)) == "abcd"
    assert letters(prune(store, older_than=15, dry_run=True).removed) == "ab"
    assert letters(kept_in(store)) == "abcd"
    assert store.find("fit", "a" * 64)  # used now
    assert letters(kept_in(store)) == "bcda"
    found = prune(store, max_size=2500)
    assert letters(found.removed) == "bc"
    assert (letters(kept_in(store)), found.left) == ("da", sum(one.size for one in kept_in(store)))
    assert store.find("extract", "b" * 64) is None
    assert not any((store.root / "partial").iterdir())


def test_a_unit_whose_lock_is_held_stays(store: Store) -> None:
    words = "import sys; from pathlib import Path; from fauxbench.harness.store.store import Store\n"
    words += f"with Store(Path({str(store.root)!r})).lock('a' * 64):\n    print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        found = prune(store, older_than=15)
        other.communicate("")
    assert (letters(found.removed), letters(found.busy)) == ("b", "a")
    assert letters(prune(store, older_than=15).removed) == "a"


def test_what_a_running_process_found_stays(store: Store) -> None:
    with store.in_use():
        assert store.find("fit", "a" * 64)  # an input of what it runs
        found = prune(store, max_size=0)
        assert (letters(found.removed), letters(found.busy)) == ("bcd", "a")
        assert store.find("fit", "a" * 64)
    assert letters(prune(store, max_size=0).removed) == "a"


def test_a_dead_process_holds_nothing_up(store: Store) -> None:
    stale = store.root / "locks" / "user-1000-abcdef01.lock"
    stale.touch()
    assert oldest_user(store) is None
    assert not stale.exists()
    with store.in_use():
        assert abs((oldest_user(store) or 0) - time.time()) < 10


def test_whoever_begins_while_units_go_waits(store: Store) -> None:
    words = "from pathlib import Path; from fauxbench.harness.store.store import Store\nprint('here', flush=True)\n"
    words += f"with Store(Path({str(store.root)!r})).in_use():\n    print('in', flush=True)"
    with store.lock("prune"):
        other = subprocess.Popen([sys.executable, "-c", words], stdout=subprocess.PIPE, text=True)
        assert other.stdout is not None
        assert other.stdout.readline() == "here\n"
        for _ in range(200):
            if oldest_user(store):
                break
            time.sleep(0.05)
        assert oldest_user(store)  # it is known already, and does not go on
        assert other.poll() is None
    assert other.communicate(timeout=20)[0] == "in\n"


def test_checkpoints_go_unless_somebody_works(store: Store) -> None:
    folder = store.checkpoints("mine")
    folder.mkdir(parents=True)
    (folder / "1.safetensors").write_bytes(b"x" * 10)
    for path in (folder / "1.safetensors", folder):
        os.utime(path, (1000, 1000))
    with store.in_use():
        assert [one.kind for one in prune(store, older_than=100).busy] == ["checkpoints"]
    assert [one.kind for one in prune(store, older_than=100).removed] == ["checkpoints"]
    assert not folder.exists()


def test_what_is_no_unit_is_left_alone(store: Store) -> None:
    strange = store.root / "units" / "fit" / "aa" / "notes"
    strange.mkdir()
    (strange / "a.txt").write_text("mine")
    (store.root / "units" / "fit" / "aa" / ("e" * 64)).symlink_to(strange)
    (store.weights / "net.safetensors").write_bytes(b"x" * 5000)
    assert letters(prune(store, max_size=0).removed) == "abcd"
    assert (strange / "a.txt").exists()
    assert (store.weights / "net.safetensors").exists()


def test_kinds_and_runs(store: Store, tmp_path: Path) -> None:
    assert {kind: count for kind, (count, _) in by_kind(kept_in(store)).items()} == {"fit": 3, "extract": 1}
    (tmp_path / "records.jsonl").write_text(f'{{"fingerprint":"{"a" * 64}","unit":"x"}}\nno json\n')
    assert units_of_run(tmp_path) == {"a" * 64}
    assert units_of_run(tmp_path / "s") == frozenset()


@pytest.mark.parametrize(
    ("text", "size"), [("10GB", 10**10), ("500 mb", 5 * 10**8), ("1.5GiB", 3 * 2**29), ("7", 7), ("0", 0), ("2k", 2000)]
)
def test_sizes(text: str, size: int) -> None:
    assert read_size(text) == size


@pytest.mark.parametrize("text", ["", "GB", "-1GB", "10 XB", "ten", "1e3", "iB", "5i"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(InputError, match="is no size"):
        read_size(text)


def test_missing_and_foreign_folders(tmp_path: Path, store: Store) -> None:
    with pytest.raises(InputError, match="there is no store"):
        open_store(tmp_path / "nowhere")
    (tmp_path / "photos").mkdir()
    with pytest.raises(InputError, match="not a store of fauxbench: it has no folder units"):
        open_store(tmp_path / "photos")
    assert list((tmp_path / "photos").iterdir()) == []
    with pytest.raises(InputError, match="--older-than DAYS, --max-size"):
        prune(store)
