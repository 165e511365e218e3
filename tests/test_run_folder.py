import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from fauxbench.harness.errors import InputError, StorageError
from fauxbench.harness.plan import Plan, Unit
from fauxbench.harness.run_folder import RunFolder
from fauxbench.harness.suite import Suite

SUITE = Suite.model_validate({"suite": "s", "data": {"dataset": "studio"}, "generators": ["dcgan"]})
OTHER = Suite.model_validate({"suite": "s", "data": {"dataset": "studio"}, "generators": ["environment"]})
PLAN = Plan(units=(Unit(id="real", kind="render", what="x", key={}),))


def begun(runs: Path, suite: Suite = SUITE) -> RunFolder:
    folder = RunFolder.open(runs, suite)
    folder.begin(suite, PLAN)
    return folder


def status(folder: RunFolder) -> object:
    return json.loads((folder.path / "run.json").read_text())["status"]


def test_what_is_known_is_written_first(tmp_path: Path) -> None:
    folder = begun(tmp_path / "runs")
    assert {path.name for path in folder.path.iterdir()} == {"run.json", "suite.json", "plan.jsonl", ".lock"}
    assert status(folder) == "running"
    assert Suite.model_validate_json((folder.path / "suite.json").read_bytes()) == SUITE
    environment = json.loads((folder.path / "run.json").read_text())["environment"]
    assert environment["device"] == "cpu"
    assert environment["threads_per_unit"] == 1
    assert {"torch", "numpy"} <= set(environment["libraries"])
    folder.end("complete")
    folder.close()
    assert status(folder) == "complete"
    assert not (folder.path / ".lock").exists()


@pytest.mark.parametrize("ended", ["running", "interrupted"])
def test_an_unfinished_run_is_taken_up(ended: str, tmp_path: Path) -> None:
    first = begun(tmp_path)
    if ended == "interrupted":
        first.end("interrupted", "by the user")
    first.close()
    again = begun(tmp_path)
    assert again.path == first.path
    again.close()


def test_a_run_killed_before_it_wrote_anything_is_taken_up(tmp_path: Path) -> None:
    first = RunFolder.open(tmp_path, SUITE)
    first.close()
    again = RunFolder.open(tmp_path, SUITE)
    assert again.path == first.path
    again.close()


@pytest.mark.parametrize("ended", ["complete", "failed"])
def test_a_run_that_ended_is_left_alone(ended: str, tmp_path: Path) -> None:
    first = begun(tmp_path)
    first.end(ended)
    first.close()
    again = begun(tmp_path)
    assert again.path != first.path
    again.close()


def test_a_run_that_somebody_works_on_is_left_alone(tmp_path: Path) -> None:
    first, second = begun(tmp_path), begun(tmp_path)
    assert first.path != second.path
    first.close()
    second.close()


def test_another_suite_is_another_run(tmp_path: Path) -> None:
    first = begun(tmp_path)
    first.close()
    other = begun(tmp_path, OTHER)
    assert other.path != first.path
    other.close()


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"\xff"])
def test_a_damaged_run_is_left_alone(text: bytes, tmp_path: Path) -> None:
    first = begun(tmp_path)
    first.close()
    (first.path / "run.json").write_bytes(text)
    again = begun(tmp_path)
    assert again.path != first.path
    again.close()


def failing(code: int) -> Callable[..., None]:
    def fail(self: Path, *_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code), str(self))

    return fail


def test_where_no_run_folder_can_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("x")
    for place in ("file", "file/below"):
        with pytest.raises(InputError, match=r"cannot make run folders in .*; choose another --runs"):
            RunFolder.open(tmp_path / place, SUITE)
    monkeypatch.setattr(Path, "mkdir", failing(errno.EACCES))
    with pytest.raises(InputError, match="Permission denied; choose another --runs"):
        RunFolder.open(tmp_path, SUITE)
    monkeypatch.setattr(Path, "mkdir", failing(errno.ENOSPC))
    with pytest.raises(StorageError, match="free space"):
        RunFolder.open(tmp_path, SUITE)


def test_files_of_a_run_are_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = begun(tmp_path)
    folder.write("tables/realism.md", "old")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="free space"):
        folder.write("tables/realism.md", "new")
    assert (folder.path / "tables" / "realism.md").read_text() == "old"
    folder.close()
