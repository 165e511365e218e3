"""What doctor says of programs that others start."""

import json
from collections.abc import Callable

import pytest

Call = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize(("place", "state"), [("/opt/bin/uv", "found at /opt/bin/uv"), (None, "not installed")])
def test_doctor_says_whether_mediapipe_can_run(
    call: Call, place: str | None, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: place)
    (program,) = json.loads(call("doctor", "--json")[1])["programs"]
    assert (program["name"], program["state"]) == ("uv", state)
    assert "mediapipe" in program["unlocks"]
    assert f"program   uv: {state}" in call("doctor")[1]
