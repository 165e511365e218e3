import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import fauxbench
from fauxbench.harness.measure_findings import Shared, why_nothing
from fauxbench.harness.store.schema import Results

from .conftest import Said

Call = Callable[..., Said]
FAST = ("--instruments", "spectrum", "--workers", "1", "-q")


def paint(folder: Path, seed: int, count: int = 8) -> Path:
    folder.mkdir()
    rng = np.random.default_rng(seed)
    for number in range(count):
        Image.fromarray(rng.integers(0, 255, (24, 24, 3), dtype=np.uint8)).save(folder / f"{folder.name}{number}.png")
    return folder


@pytest.fixture
def sides(tmp_path: Path) -> tuple[Path, Path]:
    return paint(tmp_path / "real", 1), paint(tmp_path / "fake", 2)


def test_nothing_measured_ends_with_one_and_says_why(call: Call, sides: tuple[Path, Path], tmp_path: Path) -> None:
    said = call("measure", *sides, "--metrics", "fid", "-q", "--workers", "1")
    assert said.code == 1
    assert said.err == "fauxbench: nothing was measured: weights of inception-2015 missing, see fauxbench doctor\n"
    said = call("measure", *sides, "--metrics", "ssim", *FAST, "--json")
    assert said.code == 1
    assert json.loads(said.out)["rows"] == []
    assert "ssim: not measured: compares files of one name, and no two have one: give" in said.err
    broken = tmp_path / "broken"
    broken.mkdir()
    for number in range(3):
        (broken / f"{number}.png").write_bytes(b"x")
    said = call("measure", sides[0], broken, "--metrics", "fd", *FAST)
    assert said.code == 1
    last = said.err.splitlines()[-1]
    assert "0 items, at least 2 are needed (3 unreadable): give more files that can be read" in last


def test_something_measured_ends_with_zero_and_lists_the_rest(call: Call, sides: tuple[Path, Path]) -> None:
    said = call("measure", *sides, "--metrics", "fd[spectrum],fid", "--json", "-q", "--workers", "1")
    assert (said.code, said.err) == (0, "")
    rows = [row for row in json.loads(said.out)["rows"] if row["role"] == "system"]
    assert {row["metric"]: row["value"] is None for row in rows} == {"fd[spectrum]": False, "fid": True}
    assert json.loads(said.out)["on_both_sides"] is None


def test_what_lies_on_both_sides_is_counted_and_named(call: Call, sides: tuple[Path, Path]) -> None:
    real, fake = sides
    (fake / "copy.png").write_bytes((real / "real3.png").read_bytes())
    Image.open(real / "real5.png").save(fake / "other.bmp")  # the same content in another container
    found = fauxbench.measure(real, fake, metrics=["fd"], instruments=["spectrum"], workers=1)
    assert found.shared == Shared(2, "real3.png", "copy.png")
    said = call("measure", real, fake, "--metrics", "fd", *FAST)
    (line,) = said.err.splitlines()
    assert line.startswith("warning: 2 synthetic files have the very content of a real file, the first: copy.png that")
    document = json.loads(call("measure", real, fake, "--metrics", "fd", *FAST, "--json").out)
    assert document["on_both_sides"] == {"files": 2, "real": "real3.png", "synthetic": "copy.png"}


def test_many_reasons_are_cut_and_weights_come_last(sides: tuple[Path, Path]) -> None:
    found = fauxbench.measure(*sides, metrics=["fid"], workers=1).results
    row = next(row for row in found.rows if row.role == "system")
    rows = [row, *(row.model_copy(update={"reason": f"r{number}"}) for number in range(4))]
    said = why_nothing(Results.model_validate(found.model_copy(update={"rows": tuple(rows)}).model_dump()))
    assert said == "nothing was measured: r0; r1; r2; and 2 reasons more"
