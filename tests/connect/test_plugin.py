"""The example package is installed as a stranger would install it, and found, checked and run."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

PLUGIN = Path(__file__).parents[1] / "plugin"


def _install_by_hand(site: Path) -> None:
    """Do what an installer does with a pure package: copy it and write down its name and entry points."""
    project = tomllib.loads((PLUGIN / "pyproject.toml").read_text())["project"]
    source = PLUGIN / "src" / "fauxbench_example"
    shutil.copytree(source, site / source.name, ignore=shutil.ignore_patterns("__pycache__"))
    info = site / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    groups = project["entry-points"].items()
    lines = [f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in points.items()) for group, points in groups]
    (info / "entry_points.txt").write_text("".join(lines))


def _install_with_pip(site: Path) -> None:
    copy = site.parent / "plugin"
    shutil.copytree(PLUGIN, copy, ignore=shutil.ignore_patterns("__pycache__"))
    if importlib.util.find_spec("hatchling") is None:
        pytest.skip("hatchling is not installed")
    order = ["install", "--no-deps", "--no-build-isolation", "--target", str(site), str(copy)]
    if importlib.util.find_spec("pip") is not None:
        order = [sys.executable, "-m", "pip", "--no-input", "--disable-pip-version-check", *order]
    elif shutil.which("uv"):
        order = ["uv", "pip", order[0], "--offline", "--python", sys.executable, *order[1:]]
    else:
        pytest.skip("neither pip nor uv is installed")
    subprocess.run(order, check=True, capture_output=True)


@pytest.fixture(params=["by hand", "with pip"])
def installed(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """Return the environment of a process that has the package on its path."""
    site = tmp_path / "site"
    site.mkdir()
    _install_by_hand(site) if request.param == "by hand" else _install_with_pip(site)
    return {**os.environ, "PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1"}


def said(environment: dict[str, str], *words: object, cwd: Path) -> str:
    order = [sys.executable, "-m", "fauxbench", *map(str, words)]
    return subprocess.run(order, check=True, capture_output=True, text=True, env=environment, cwd=cwd).stdout


def test_the_example_package_is_found_checked_and_run(
    installed: dict[str, str], photographs: Path, tmp_path: Path
) -> None:
    listed = {one["name"]: one for one in json.loads(said(installed, "list", "generators", "--json", cwd=tmp_path))}
    assert listed["example-stripes"]["origin"] == "plugin fauxbench-example"
    assert listed["example-stripes"]["parameters"]["stripes"]["default"] == 8
    assert "dcgan" in listed
    assert "example-edges" in said(installed, "list", "detectors", cwd=tmp_path)
    checked = json.loads(said(installed, "check-generator", "example-stripes", "--json", cwd=tmp_path))
    assert checked["failed"] == 0
    (tmp_path / "suite.yaml").write_text(
        "suite: s\ndata: {dataset: folder, path: photographs, size: 32, terms: {people: none}}\n"
        "generators: [example-stripes, {use: example-stripes, version: fine, parameters: {stripes: 32}}]\n"
        "metrics: [fd]\ninstruments: [spectrum]\ndetectors: [example-edges]\nn: {train: 8, validation: 4, test: 8}\n"
    )
    document = json.loads(said(installed, "run", "suite.yaml", "--workers", "2", "--json", "-q", cwd=tmp_path))
    values = {(row["system"], row["metric"]): row["value"] for row in document["rows"] if row["section"] == "realism"}
    assert values["example-stripes@1", "fd[spectrum]"] is not None
    assert values["example-stripes@1", "fd[spectrum]"] != values["example-stripes@fine", "fd[spectrum]"]
    assert any(row["section"] == "detection" and row["value"] is not None for row in document["rows"])
