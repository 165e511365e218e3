"""A set that is rendered in parts is the set that is rendered whole."""

from pathlib import Path

import pytest

from fauxbench.harness.execute.step import Step
from fauxbench.harness.execute.steps.sets import gather, render
from fauxbench.harness.media.mediaset import MediaSet

pytest.importorskip("espeakng_loader")

KEY = {
    "people": 3,
    "per_person": 0,
    "clips": 1,
    "sounds": 0,
    "seconds": 1.0,
    "languages": ["en", "es"],
    "height": 64,
    "size": 64,
    "seed": 5,
    "first_person": 2,
    "splits": {"train": 0.34, "validation": 0.33, "test": 0.33},
}


def step(out: Path, kind: str, inputs: dict[str, Path] | None = None, **more: object) -> Step:
    out.mkdir()
    return Step(
        kind=kind,
        key={**KEY, **more},
        task={},
        inputs=inputs or {},
        out=out,
        scratch=out,
        store=out,
        device="cpu",
        time_limit=60.0,
        progress=lambda done, said: None,
    )


def test_parts_give_the_digest_of_the_whole(tmp_path: Path) -> None:
    whole = render(step(tmp_path / "whole", "render"))
    parts = {}
    for number, part in enumerate(([0, 2], [2, 3])):
        parts[str(number)] = tmp_path / f"part {number}"
        render(step(parts[str(number)], "render", part=part))
    gathered = gather(step(tmp_path / "gathered", "gather", dict(reversed(parts.items()))))
    assert gathered == whole
    found, wanted = (MediaSet.open(tmp_path / name / "set") for name in ("gathered", "whole"))
    assert [item.record() for item in found] == [item.record() for item in wanted]
    assert found.card == wanted.card
    for item in found:
        assert item.location is not None
        assert item.location.read_bytes() == (wanted.folder / item.path).read_bytes()
