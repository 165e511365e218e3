"""Chains of systems: what is planned, what is refused, and that the page of lips tells the truth about suites."""

import re
from pathlib import Path

import pytest
import yaml

from fauxbench.harness.datasets.studio.recipe import name_of_person
from fauxbench.harness.datasets.studio_set import studio_splits
from fauxbench.harness.errors import SuiteError
from fauxbench.harness.media.item import Split
from fauxbench.harness.planning.model import SuitePlan
from fauxbench.harness.planning.planner import plan_suite
from fauxbench.harness.suite import Suite, find_suite, read_suite

DATA = {"dataset": "studio", "people": 6, "clips": 1, "seconds": 2}
CHAIN = {"use": "crossmodal", "parts": {"target": {"use": "vae", "parameters": {"steps": 4}}, "audio": "tts"}}


def planned(tmp_path: Path, *generators: object, data: dict[str, object] = DATA) -> SuitePlan:
    suite = Suite.model_validate(
        {"suite": "t", "data": data, "generators": generators, "metrics": ["motion"], "instruments": ["clip-frames"]}
        if "clips" in data
        else {"suite": "t", "data": data, "generators": generators}
    )
    return plan_suite(suite, tmp_path, tmp_path)


def test_the_links_are_units_whose_sets_the_last_one_reads(tmp_path: Path) -> None:
    found = planned(tmp_path, CHAIN)
    last = found.plan.unit("generate crossmodal@1 seed 0")
    assert last.inputs["part target"] == "generate vae.crossmodal-1.target@1 seed 0"
    assert last.inputs["part audio"] == "generate tts.crossmodal-1.audio@1 seed 0"
    counts = {name: found.plan.unit(unit).key["counts"] for name, unit in last.inputs.items() if "part" in name}
    assert set(map(str, counts.values())) == {str(last.key["counts"])}  # each link as many as the chain
    assert found.plan.unit("fit vae.crossmodal-1.target@1 seed 0").inputs["real"] == "stills"
    assert found.plan.unit("fit crossmodal@1 seed 0").inputs["real"] == "real"
    assert [system.name for system in found.systems] == ["crossmodal@1"]  # the links have no rows
    assert {row.system for row in found.rows} <= {"crossmodal@1", "real", "real-degraded", "degraded"} | {
        row.system for row in found.rows if row.role != "system"
    }


def test_the_card_names_the_links_where_the_suite_does_not(tmp_path: Path) -> None:
    last = planned(tmp_path, "crossmodal").plan.unit("generate crossmodal@1 seed 0")
    assert "stylegan" in last.inputs["part target"]
    assert "tts" in last.inputs["part audio"]


def test_a_link_changes_the_identity_of_the_chain(tmp_path: Path) -> None:
    other = {"use": "crossmodal", "parts": {"target": {"use": "vae", "parameters": {"steps": 5}}, "audio": "tts"}}
    first, second = (planned(tmp_path, one).plan.unit("fit vae.crossmodal-1.target@1 seed 0") for one in (CHAIN, other))
    assert first.key != second.key


@pytest.mark.parametrize(
    ("generator", "why"),
    [
        (
            {"use": "lipsync", "parts": {"audio": "vae"}},
            r"parts\.audio: 'vae' makes image, and audio is audio or video",
        ),
        ({"use": "dcgan", "parts": {"audio": "tts"}}, r"parts: 'dcgan' is given no audio; it uses: nothing"),
        ({"use": "lipsync", "parts": {"target": "nobody"}}, "nobody"),
    ],
)
def test_links_that_do_not_fit_are_refused(generator: object, why: str, tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match=why):
        planned(tmp_path, generator)


def test_finished_outputs_are_no_link(tmp_path: Path) -> None:
    part = {"use": "folder", "name": "x", "version": "1", "kind": "fully_synthetic", "path": "."}
    with pytest.raises(ValueError, match="a chain is of systems that are asked"):
        planned(tmp_path, {"use": "lipsync", "parts": {"audio": part}})


def test_lips_need_clips_or_a_link_that_makes_speech(tmp_path: Path) -> None:
    pictures = {"dataset": "studio", "people": 6, "per_person": 2}
    with pytest.raises(SuiteError, match="'lipsync' is given speech, and the real set holds pictures"):
        planned(tmp_path, "lipsync", data=pictures)


@pytest.mark.parametrize("size", [None, "tiny"])
def test_the_audiovisual_suite_takes_less_than_an_hour_of_two_processors(size: str | None, tmp_path: Path) -> None:
    found = plan_suite(read_suite(find_suite("audiovisual"), size), tmp_path, tmp_path)
    assert sum(unit.cost for unit in found.plan.units) < 2 * 3600
    assert max(unit.cost for unit in found.plan.units) <= 360
    shown = {row.metric.partition("[")[0] for row in found.rows if row.section == "realism"}
    assert {"lser", "mouth_error", "mouth_lag"} <= shown
    names = {system.name.partition("@")[0] for system in found.systems}
    assert names == {"dub", "lipsync", "puppet", "crossmodal"}


def test_in_every_split_of_the_audiovisual_suite_somebody_speaks_another_language() -> None:
    data = read_suite(find_suite("audiovisual")).data
    splits = studio_splits(data.people, data.splits.model_dump(), 0)
    spoken: dict[Split, set[str]] = {}
    for person in range(data.people):
        spoken.setdefault(splits[name_of_person(0, person)], set()).add(data.languages[person % len(data.languages)])
    assert {split: len(found) for split, found in spoken.items()} == dict.fromkeys(Split, 2)


def test_the_example_of_finished_outputs_plans(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "lips.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"^```yaml\n# finished\.yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    for folder in ("real", "wav2lip/results", "sadtalker/results"):
        for name in ("anna/01.mp4", "ben/01.mp4", "cleo/02.mp4"):
            (tmp_path / folder / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / folder / name).write_bytes(b"a clip")
    suite = Suite.model_validate(yaml.safe_load(text))
    found = plan_suite(suite, tmp_path, tmp_path)
    assert [(s.name, s.card.modality, s.pairs) for s in found.systems] == [
        ("wav2lip@gan", "video", True),
        ("sadtalker@v0.0.2", "video", True),
    ]
    rows = {(row.system, row.metric) for row in found.rows}
    assert ("wav2lip@gan", "lser[studio-sync]") in rows
    assert ("sadtalker@v0.0.2", "mouth_error[mouth-pixels]") in rows
