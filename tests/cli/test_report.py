import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fauxbench.harness.store.schema import Results, SuiteRecord

Call = Callable[..., Any]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    suite = SuiteRecord(name="s", version="1", digest="sha256:0")
    empty = Results(suite=suite, reference={}, numeric_class="cpu", systems=(), rows=())
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "results.json").write_text(empty.model_dump_json())
    return tmp_path / "run"


def test_report_lies_in_the_run_folder(run: Path, call: Call) -> None:
    said = call("report", run)
    assert (said.code, said.out.strip()) == (0, str(run / "report.html"))
    assert (run / "report.html").read_text().startswith("<!DOCTYPE html>")


def test_report_elsewhere(run: Path, call: Call, tmp_path: Path) -> None:
    said = call("report", run, "--out", tmp_path / "a" / "b.html", "--json")
    assert json.loads(said.out)["page"] == str(tmp_path / "a" / "b.html")
    assert (tmp_path / "a" / "b.html").exists()


def test_paper(run: Path, call: Call, tmp_path: Path) -> None:
    said = call("report", run, "--paper", tmp_path / "paper", "--json")
    assert json.loads(said.out)["paper"] == [str(tmp_path / "paper" / "references.bib")]
    assert (tmp_path / "paper" / "references.bib").read_text() == ""


def test_wrong_input_is_one_line(run: Path, call: Call, tmp_path: Path) -> None:
    for words, part in ((("report", tmp_path), "not a finished run folder"), (("report", run, "-o", run), "a folder")):
        said = call(*words)
        assert (said.code, said.err.count("\n")) == (2, 1)
        assert part in said.err
