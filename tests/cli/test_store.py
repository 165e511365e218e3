import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fauxbench.harness.cli.store import said
from fauxbench.harness.store.store import Store

Call = Callable[..., Any]


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Put two units into the store, of which one belongs to a run; return the folder of runs."""
    store = Store(tmp_path / "store")
    for letter in "ab":
        with store.lock(letter * 64), store.partial(letter * 64) as folder:
            (folder / "made").write_bytes(b"x" * 1500)
            made = store.commit("fit", letter * 64, folder, {"output": "o", "seconds": 1, "facts": {}}).folder
        os.utime(made / "unit.json", (1000, 1000))
    run = tmp_path / "runs" / "one"
    run.mkdir(parents=True)
    (run / "records.jsonl").write_text(json.dumps({"fingerprint": "a" * 64}, separators=(",", ":")))
    return run.parent


def test_size(runs: Path, call: Call) -> None:
    said = json.loads(call("store", "size", "--runs", runs, "--json").out)
    assert said["kinds"]["fit"]["units"] == 2
    assert [one["units"] for one in said["runs"].values()] == [1, 1]
    assert list(said["runs"]) == ["one", f"of no run in {runs}"]
    text = call("store", "size", "--runs", runs).out
    assert "in 2 units" in text
    assert "weights 0 B" in text


def test_prune(runs: Path, call: Call) -> None:
    dry = call("store", "prune", "--older-than", 1, "--dry-run")
    assert (dry.code, "2 units would be removed" in dry.out, "1970-01-01 00:16" in dry.out) == (0, True, True)
    assert json.loads(call("store", "prune", "--max-size", "2kB", "--json").out)["removed"][0]["name"] == "a" * 64
    assert "1 units removed" in call("store", "prune", "--older-than", 1).out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("prune",), "--older-than DAYS"),
        (("prune", "--max-size", "many"), "'many' is no size"),
        (("size", "--store", "/nowhere/at/all"), "there is no store"),
        (("size", "--store", "/etc"), "not a store of fauxbench"),
    ],
)
def test_wrong_input(words: tuple[str, ...], message: str, runs: Path, call: Call) -> None:
    said = call("store", *words)
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert message in said.err


def test_bytes_in_words() -> None:
    assert [said(n) for n in (0, 999, 1000, 999_999, 1_500_000, 10**10)] == [
        *("0 B", "999 B", "1 kB", "1 MB", "1.5 MB", "10 GB")
    ]
