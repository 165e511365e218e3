from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import fauxbench
from fauxbench.harness.measure import Measured


@pytest.fixture
def noise(tmp_path: Path) -> Path:
    folder = tmp_path / "noise"
    folder.mkdir()
    rng = np.random.default_rng(1)
    for number in range(30):
        Image.fromarray(rng.integers(0, 255, (32, 32, 3), dtype=np.uint8)).save(folder / f"{number}.png")
    return folder


def value(found: Measured, system: str, metric: str) -> float | None:
    return next(row.value for row in found.rows if row.system == system and row.metric == metric)


def test_two_folders_are_measured_beside_real_against_real(photographs: Path, noise: Path, tmp_path: Path) -> None:
    (noise / "broken.png").write_bytes(b"")
    before = sorted(photographs.rglob("*")) + sorted(noise.rglob("*"))
    found = fauxbench.measure(photographs, noise, metrics=("fd", "ssim"))
    assert sorted(photographs.rglob("*")) + sorted(noise.rglob("*")) == before
    far, near = value(found, "synthetic@1", "fd[spectrum]"), value(found, "real", "fd[spectrum]")
    assert far is not None
    assert near is not None
    assert far > 5 * near
    row = next(row for row in found.rows if row.system == "synthetic@1" and row.metric == "fd[spectrum]")
    assert (row.n, row.expected, row.failures) == (30, 31, {"unreadable": 1})
    assert row.direction == "lower"
    missing = next(row for row in found.rows if row.metric == "fid" and row.system == "synthetic@1")
    assert missing.reason == "not computed: weights of inception-2015 missing, see fauxbench doctor"
    assert not any(row.metric == "ssim" for row in found.rows)  # no file has the name of a real one
    assert fauxbench.measure(photographs, noise, metrics=("fd", "ssim")).results == found.results
    assert not (tmp_path / "runs").exists()


def test_files_of_one_name_are_compared_one_by_one(photographs: Path) -> None:
    found = fauxbench.measure(photographs, photographs, metrics=("ssim", "psnr"))
    assert value(found, "synthetic@1", "ssim") == pytest.approx(1)
    assert {row.metric for row in found.rows} == {"ssim", "psnr"}


def test_what_cannot_be_measured(photographs: Path, tmp_path: Path) -> None:
    with pytest.raises(fauxbench.InputError, match="no metric 'fdd'; did you mean 'fd'"):
        fauxbench.measure(photographs, photographs, metrics=("fdd",))
    with pytest.raises(fauxbench.InputError, match="no instrument 'spectra'"):
        fauxbench.measure(photographs, photographs, instruments=("spectra",))
    with pytest.raises(fauxbench.InputError, match="memorisation needs the set"):
        fauxbench.measure(photographs, photographs, metrics=("memorisation",))
    with pytest.raises(fauxbench.InputError, match="nothing there"):
        fauxbench.measure(photographs, tmp_path / "gone")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photographs"]
