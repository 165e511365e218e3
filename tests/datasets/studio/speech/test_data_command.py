import json

import pytest
from typer.testing import CliRunner

from fauxbench.harness.cli import data
from fauxbench.harness.errors import InputError
from fauxbench.harness.media.mediaset import MediaSet

TINY = ["--people", "1", "--per-person", "1", "--size", "64", "-q"]


def run(*arguments):
    return CliRunner().invoke(data.app, ["render", *map(str, arguments)])


def test_a_folder_is_a_sealed_set_with_provenance(tmp_path):
    pytest.importorskip("espeakng_loader")
    out = tmp_path / "out"
    done = run("studio", out, *TINY, "--clips", 1, "--sounds", 1, "--seconds", 1, "--height", 64, "--languages", "vi")
    assert done.exit_code == 0, done.output
    assert done.output.strip() == str(out)
    made = MediaSet.open(out)
    assert [item.modality for item in made] == ["image", "video", "audio"]
    rows = [json.loads(line) for line in (out / "provenance.jsonl").read_text().splitlines()]
    assert [row["item"] for row in rows] == [item.id for item in made]
    assert {row["digital_source_type"].rpartition("/")[2] for row in rows} == {"algorithmicMedia"}
    assert not [p for p in tmp_path.iterdir() if p != out and p.name.startswith(".fauxbench")]


def test_a_folder_that_is_not_empty_is_refused(tmp_path):
    (tmp_path / "here.txt").touch()
    found = run("studio", tmp_path, *TINY)
    assert isinstance(found.exception, InputError)
    assert "not empty" in str(found.exception)


def test_only_the_studio_is_rendered(tmp_path):
    found = run("studoi", tmp_path / "out", *TINY)
    assert isinstance(found.exception, InputError)
    assert "did you mean 'studio'" in str(found.exception)
