"""Where the face is, for instruments that look at one place."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fauxbench.harness.errors import SuiteError
from fauxbench.harness.planning import reading
from fauxbench.harness.planning.model import SuitePlan
from fauxbench.harness.planning.planner import plan_suite
from fauxbench.harness.suite import Suite


@pytest.fixture
def people(tmp_path: Path) -> Path:
    for person in range(6):
        folder = tmp_path / "people" / f"p{person}"
        folder.mkdir(parents=True)
        for place in range(2):
            Image.fromarray(np.full((8, 8, 3), 40 * person + place, np.uint8)).save(folder / f"{place}.png")
    return tmp_path / "people"


def plan(people: Path, tmp_path: Path, instrument: str = "studio-face", **more: object) -> SuitePlan:
    terms = more.pop("terms", None)
    data = {"dataset": "folder", "path": people} | ({"terms": terms} if terms else {})
    made = {"use": "folder", "name": "made", "version": "1", "kind": "fully_synthetic", "path": people}
    given = {"suite": "s", "data": data, "generators": [made], "metrics": ["fd"], "instruments": [instrument], **more}
    return plan_suite(Suite.model_validate(given), tmp_path, tmp_path)


def options(planned: SuitePlan, instrument: str = "studio-face") -> dict[str, object]:
    (found,) = {
        str(unit.key["options"]): unit.key["options"]
        for unit in planned.plan.units
        if unit.kind == "extract" and unit.key["instrument"] == instrument
    }.values()
    return dict(found)


def test_faces_of_real_people_are_found_and_those_of_rendered_ones_lie_in_the_middle(
    people: Path, tmp_path: Path
) -> None:
    real = plan(people, tmp_path)
    assert options(real) == {"faces": "found"}
    rows = [row for row in real.rows if row.metric == "fd[studio-face]"]
    assert {str(row.protocol["options"]) for row in rows} == {"{'faces': 'found'}"}
    asked = plan(people, tmp_path, faces="middle")
    assert options(asked) == {}
    assert options(plan(people, tmp_path, terms={"people": "rendered", "permits": ["evaluate"]})) == {}
    prints = {str(row.protocol["instrument"]) for row in asked.rows if row.metric == "fd[studio-face]"}
    assert prints.isdisjoint(str(row.protocol["instrument"]) for row in rows)
    assert options(plan(people, tmp_path, "spectrum"), "spectrum") == {}


def test_without_a_finder_the_rows_say_so(people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "why_no_portraits", lambda: "faces are found by MTCNN, and it is not here")
    rows = [row for row in plan(people, tmp_path).rows if row.metric == "fd[studio-face]"]
    assert {row.reason for row in rows} == {"not computed: faces are found by MTCNN, and it is not here"}


def test_faces_are_asked_of_instruments_that_look_at_one_place(people: Path, tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="no option 'faces'"):
        plan(people, tmp_path, "spectrum", faces="found")
