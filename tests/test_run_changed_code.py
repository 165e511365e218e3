"""Changed code under an unchanged version is called by another name, and no leaderboard takes it."""

from collections.abc import Callable
from pathlib import Path

import pytest

import fauxbench
from fauxbench.harness.board.publish import publish
from fauxbench.harness.errors import RefusedError
from fauxbench.harness.run import RunResult
from fauxbench.harness.suite import Suite

BODY = "def generate(self, requests, context):\n    {}for r in requests: yield good(r)"


def run(photographs: Path, use: str, tmp_path: Path) -> RunResult:
    suite = Suite.model_validate(
        {
            "suite": "small",
            "data": {"dataset": "folder", "path": str(photographs), "terms": {"people": "none"}},
            "generators": [use],
            "n": {"test": 6},
            "metrics": ["fd"],
            "instruments": ["spectrum"],
        }
    )
    return fauxbench.run(suite, runs=tmp_path / "runs", workers=1)


def test_changed_code_has_another_name_and_is_not_published(
    photographs: Path, write_system: Callable[..., str], tmp_path: Path
) -> None:
    use = write_system("mine", BODY.format(""))
    first = run(photographs, use, tmp_path)
    assert [system.name for system in first.results.systems] == ["mine@1"]
    write_system("mine", BODY.format("requests = list(requests)\n    "))
    second = run(photographs, use, tmp_path)
    (system,) = second.results.systems
    assert system.name.startswith("mine@1+")
    assert any("raise its version" in warning for warning in second.results.warnings)
    assert {row.system for row in second.results.rows if row.role == "system"} == {system.name}
    with pytest.raises(RefusedError, match=r"mine@1\+.*its code changed and its version did not; raise it"):
        publish(second.folder, tmp_path / "boards")
    card = Path(use.rpartition("/")[0]) / "card.toml"
    card.write_text(card.read_text().replace('version = "1"', 'version = "2"'))
    assert [one.name for one in run(photographs, use, tmp_path).results.systems] == ["mine@2"]
    write_system("mine", BODY.format(""))
    assert [one.name for one in run(photographs, use, tmp_path).results.systems] == ["mine@1"]
