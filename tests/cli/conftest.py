import sys
from collections.abc import Callable
from typing import NamedTuple

import pytest

from fauxbench.harness.cli import main


class Said(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Return a function that calls the command line in this process."""

    def call(*words: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["fauxbench", *map(str, words)])
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        return Said(code, *capsys.readouterr())

    return call
