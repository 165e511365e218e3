"""What doctor says of programs that others start."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in place of uv that knows where its cache is; the cache's folder."""
    program, cache = tmp_path / "bin" / "uv", tmp_path / "a cache"
    program.parent.mkdir()
    cache.mkdir()
    program.write_text(f"#!/bin/sh\n[ \"$*\" = 'cache dir' ] && echo '{cache}' || exit 9\n")
    program.chmod(0o755)
    monkeypatch.setattr("shutil.which", lambda name: str(program))
    return cache


def programs(call: Call) -> dict[str, dict[str, str | bool | None]]:
    return {program["name"]: program for program in json.loads(call("doctor", "--json")[1])["programs"]}


def test_without_uv_doctor_says_where_to_get_it(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    found = programs(call)
    assert (found["uv"]["state"], found["uv"]["ready"]) == ("not installed", False)
    assert "uv, which makes its environment, is not installed" in str(found["mediapipe 0.10.21"]["state"])
    text = call("doctor")[1]
    assert "program   uv: not installed" in text
    assert "--finder mediapipe" in text
    assert "          get  https://docs.astral.sh/uv" in text


def test_a_package_that_uv_keeps_can_be_started(call: Call, uv: Path) -> None:
    (uv / "archive-v0" / "x" / "mediapipe-0.10.21.dist-info").mkdir(parents=True)
    own = programs(call)["mediapipe 0.10.21"]
    assert (own["ready"], own["state"], own["get"]) == (True, "can be started: uv keeps its package", None)


def test_a_package_that_is_not_here_is_said_with_the_command_that_gets_it(call: Call, uv: Path) -> None:
    (uv / "archive-v0" / "x" / "mediapipe-0.10.20.dist-info").mkdir(parents=True)
    own = programs(call)["mediapipe 0.10.21"]
    assert not own["ready"]
    assert "not here" in str(own["state"])
    assert str(own["get"]).startswith(
        "uv run --quiet --isolated --no-project --python '>=3.10,<3.13' --with mediapipe=="
    )
    assert str(own["get"]).endswith("python -c ''")


def test_a_uv_that_does_not_run_is_no_uv(call: Call, uv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(order: list[str], **given: object) -> None:
        raise subprocess.TimeoutExpired(order, 10)

    monkeypatch.setattr("fauxbench.harness.connect.faces.subprocess.run", fail)
    assert "does not run: " in str(programs(call)["mediapipe 0.10.21"]["state"])
