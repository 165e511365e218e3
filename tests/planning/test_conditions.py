"""Conditions in a plan: what is made again, what is not, and what is refused."""

from pathlib import Path

import pytest

from fauxbench.harness.errors import SuiteError
from fauxbench.harness.planning.model import SuitePlan
from fauxbench.harness.planning.planner import plan_suite
from fauxbench.harness.suite import SUITES, Suite, read_suite

PICTURES = {"dataset": "studio", "people": 12, "per_person": 2, "size": 32}


def plan(tmp_path: Path, *conditions: object, data: dict[str, object] = PICTURES, **more: object) -> SuitePlan:
    given = {"generators": ["dcgan"], "metrics": ["fd"], "instruments": ["spectrum"], **more}
    suite = Suite.model_validate({"suite": "s", "data": data, "conditions": conditions, **given})
    return plan_suite(suite, tmp_path, tmp_path)


def kinds(planned: SuitePlan) -> list[str]:
    return [unit.kind for unit in planned.plan.units]


def rows(planned: SuitePlan):
    return [row for row in planned.rows if row.section == "robustness"]


def test_real_and_fake_are_changed_alike_and_nothing_is_learned_again(tmp_path: Path) -> None:
    clean = plan(tmp_path, detectors=[{"use": "cnn"}])
    planned = plan(tmp_path, {"use": "jpeg", "severity": [1, 5]}, detectors=[{"use": "cnn"}])
    more = {kind: kinds(planned).count(kind) - kinds(clean).count(kind) for kind in set(kinds(planned))}
    assert {kind: count for kind, count in more.items() if count} == {
        **{"condition": 4, "extract": 4, "measure": 2, "shift": 2},
        **{"detect": 4, "retain": 3},
    }
    units = {unit.id: unit for unit in planned.plan.units}
    assert units["condition jpeg 5 of real"].key == units["condition jpeg 5 of dcgan@1"].key
    assert [units[unit.id] for unit in clean.plan.units] == list(clean.plan.units)


def test_the_condition_is_part_of_what_makes_rows_comparable(tmp_path: Path) -> None:
    found = rows(plan(tmp_path, {"use": "jpeg", "severity": [1, 5]}, "blur"))
    values = [row for row in found if row.slice["statistic"] == "value"]
    assert len({str(row.protocol["condition"]) for row in values}) == 7
    renamed = rows(plan(tmp_path, {"use": "blur", "name": "soft", "severity": 2}))[0]
    plain = next(row for row in values if row.slice == {**row.slice, "condition": "blur", "severity": "2"})
    assert renamed.protocol == plain.protocol


def test_steps_before_a_condition_are_the_same_at_every_severity(tmp_path: Path) -> None:
    given = {"use": "jpeg", "severity": [1, 5], "first": [{"use": "scale", "parameters": {"factor": 2.0}}]}
    records = {row.slice["severity"]: row.protocol["condition"] for row in rows(plan(tmp_path, given))}
    assert [[step["name"] for step in record] for record in records.values()] == [["scale", "jpeg"]] * 2
    assert records["1"][0] == records["5"][0]


def test_a_cell_that_would_need_up_scaling_is_empty_and_costs_nothing(tmp_path: Path) -> None:
    planned = plan(
        tmp_path, {"use": "height", "severity": 5}, {"use": "height", "name": "h", "parameters": {"height": 16}}
    )
    assert {row.reason for row in rows(planned) if row.slice["condition"] == "height"} == {
        "empty: 32p is never up-scaled to 240p"
    }
    assert sum(unit.kind == "condition" for unit in planned.plan.units) == 2 * 5


CLIPS = {"dataset": "studio", "people": 12, "clips": 1, "seconds": 2, "height": 240}
MOVING = {"metrics": ["motion"], "instruments": ["clip-frames"]}


def test_clips_are_rendered_anew_of_people_whom_nobody_has_seen(tmp_path: Path) -> None:
    given = {"use": "command", "name": "c", "version": "1", "kind": "partially_synthetic"}
    given |= {"command": {"argv": ["true"], "modality": "video", "uses": ["target"]}}
    planned = plan(
        tmp_path, {"render": {"height": 480, "seconds": 5, "people": 1}}, data=CLIPS, generators=[given], **MOVING
    )
    units = {unit.id: unit for unit in planned.plan.units}
    key = units["real rendered 480p, 5 s"].key
    assert (key["height"], key["seconds"], key["people"], key["first_person"]) == (480, 5.0, 1, 12)
    assert key["splits"]["test"] == 1.0
    made = units["generate c@1 seed 0 under rendered 480p, 5 s"]
    assert made.key["counts"] == {"train": 0, "validation": 0, "test": 1}
    assert made.inputs["real"] == "real rendered 480p, 5 s"
    assert {row.slice["statistic"] for row in rows(planned)} == {"value"}


def test_several_lengths_are_cut_from_one_rendering(tmp_path: Path) -> None:
    given = {"use": "command", "name": "c", "version": "1", "kind": "partially_synthetic"}
    given |= {"command": {"argv": ["true"], "modality": "video", "uses": ["target"]}}
    cells = ({"height": 240, "seconds": 9, "people": 1}, {"height": 240, "seconds": 4, "cut_from": 9, "people": 1})
    long, short = ({"name": name, "render": one} for name, one in zip(("long", "short"), cells, strict=True))
    planned = plan(tmp_path, long, short, data=CLIPS, generators=[given], **MOVING)
    units = {unit.id: unit for unit in planned.plan.units}
    assert [name for name in units if name.startswith("real ")] == ["real long 240p, 9 s"]
    assert sum(unit.kind == "generate" for unit in units.values()) == 2  # of the clean set, and of the long clips
    for of, made in {"real": "real long 240p, 9 s", "c@1": "generate c@1 seed 0 under long 240p, 9 s"}.items():
        unit = units[f"condition short 240p, 4 s of {of}"]
        assert unit.inputs == {"set": made}
        assert [step["parameters"] for step in unit.key["chain"]] == [{"seconds": 4.0}]
    alone = plan(tmp_path, short, data=CLIPS, generators=[given], **MOVING)
    assert "real short 240p, 9 s" in {unit.id for unit in alone.plan.units}
    with pytest.raises(ValueError, match="cut_from: expected more than `seconds`"):
        plan(tmp_path, {"render": {"seconds": 4, "cut_from": 3}}, data=CLIPS, generators=[given], **MOVING)


@pytest.mark.parametrize(
    ("conditions", "data", "message"),
    [
        (["jepg"], PICTURES, r"conditions\.0: no condition 'jepg'; did you mean 'jpeg'"),
        (
            ["jpeg", {"use": "mp3"}],
            PICTURES,
            r"conditions\.1: condition mp3 changes sounds and clips, and these are pictures",
        ),
        ([{"chain": ["jpeg", "mp3"]}], PICTURES, "condition mp3 changes sounds and clips"),
        (["jpeg", "jpeg"], PICTURES, r"conditions\.1: 'jpeg' is given twice"),
        ([{"use": "jpeg", "parameters": {"qualty": 3}}], PICTURES, "did you mean 'quality'"),
        ([{"render": {"height": 480}}], PICTURES, "render: only for clips of the studio"),
    ],
)
def test_wrong_conditions_are_named_by_place(conditions, data, message: str, tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match=message):
        plan(tmp_path, *conditions, data=data)


FILE = """
suite: s
data: {dataset: studio, people: 12}
generators: [dcgan]
conditions: [jpeg]
sizes:
  tiny: {data: {people: 4}, conditions: [{use: blur, severity: 3}]}
"""


def test_a_size_replaces_what_it_names_and_keeps_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(FILE, encoding="utf-8")
    whole, tiny = read_suite(path), read_suite(path, "tiny")
    assert (whole.suite, whole.data.people, whole.conditions[0].family) == ("s", 12, "jpeg")
    assert (tiny.suite, tiny.data.people, tiny.conditions[0].severity) == ("s-tiny", 4, (3,))
    with pytest.raises(SuiteError, match=r"no size 'tini'; did you mean 'tiny'.*there are: default, tiny"):
        read_suite(path, "tini")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[{use: jpeg, severity: 6}]", r"line 5: conditions\.0\.severity\.0: .*less than or equal to 5; found 6"),
        ("[{use: jpeg, severity: [1, 1]}]", "one is given twice"),
        ("[{}]", "expected one of use, chain, render; found none"),
        ("[{use: jpeg, chain: [blur]}]", "found use, chain"),
        ("[{chain: [jpeg], severity: 3}]", "severity: only beside use"),
        ("[{chain: [{use: jpeg, sverity: 3}]}]", "did you mean 'severity'"),
        ("[{render: {}}]", "expected a height, or seconds"),
    ],
)
def test_wrong_keys_are_named_by_line(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(FILE.replace("[jpeg]", text), encoding="utf-8")
    with pytest.raises(SuiteError, match=message):
        read_suite(path)


def test_much_to_render_is_cut_by_people_and_put_together(tmp_path: Path) -> None:
    given = {"use": "stand_in.py:StandIn"}
    data = {"dataset": "studio", "people": 5, "clips": 1, "seconds": 60, "height": 360}
    suite = Suite.model_validate(
        {
            "suite": "s",
            "data": data,
            "generators": [given],
            "conditions": [{"render": {"seconds": 90, "people": 1}}, {"render": {"height": 720, "people": 2}}],
            **MOVING,
        }
    )
    planned = plan_suite(suite, SUITES, tmp_path)
    units = {unit.id: unit for unit in planned.plan.units}
    assert (units["real"].kind, set(units["real"].inputs.values())) == (
        "gather",
        {f"real part {k}" for k in range(1, 6)},
    )
    parts = [units[unit_id] for unit_id in units["real"].inputs.values()]
    assert [unit.key["part"] for unit in parts] == [[k, k + 1] for k in range(5)]
    assert all({**unit.key, "part": 0} == {**units["real"].key, "part": 0} for unit in parts)
    one, two = (units[f"real rendered {said}"] for said in ("90 s", "720p"))
    assert (one.kind, one.key.get("part"), one.inputs) == ("render", None, {})
    assert (two.kind, two.key.get("part"), len(two.inputs)) == ("gather", None, 2)
    ready = [unit.cost for unit in planned.plan.units if not unit.inputs]
    assert ready == sorted(ready, reverse=True)
    assert all(not unit.inputs for unit in planned.plan.units[: len(ready)])
