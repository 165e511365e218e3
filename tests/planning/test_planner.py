from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.planning.plans import fingerprints, plan, plan_counts, row_of, units

from fauxbench.harness.errors import SuiteError
from fauxbench.harness.instruments import instrument_card
from fauxbench.harness.media.item import Split
from fauxbench.harness.registry import GENERATORS
from fauxbench.harness.store.schema import comparability_key

TRAINED = {"use": "dcgan", "refit": True}
"""Whatever weights come with it."""
MISSING = "not computed: weights of inception-2015 missing, see fauxbench doctor"


def test_every_system_is_made_measured_and_compared_with_the_control(tmp_path: Path) -> None:
    planned = plan(tmp_path, TRAINED, "environment")
    assert units(planned)["real"] == "render"
    assert {id_ for id_, kind in units(planned).items() if kind in {"fit", "generate"}} == {
        "fit dcgan@1 seed 0",
        "generate dcgan@1 seed 0",
        "generate environment@2 seed 0",
    }
    rows = {(row.system, row.metric, row.role) for row in planned.rows}
    assert ("real", "fd[spectrum]", "control") in rows
    assert ("dcgan@1", "fd[spectrum]", "system") in rows
    assert ("environment@2", "ssim", "system") in rows
    assert ("dcgan@1", "ssim", "system") not in rows  # made from nothing
    assert ("dcgan@1", "memorisation[thumbnail]", "system") in rows
    assert ("environment@2", "memorisation[thumbnail]", "system") not in rows
    assert [system.pairs for system in planned.systems] == [False, True]


@pytest.mark.parametrize("metrics", [[], ["fd"], ["memorisation"]])
def test_memorisation_is_always_on(metrics: list[str], tmp_path: Path) -> None:
    planned = plan(tmp_path, "dcgan", metrics=metrics)
    assert [row.metric for row in planned.rows].count("memorisation[thumbnail]") == 1


def test_missing_weights_give_a_row_that_says_so_and_no_unit(tmp_path: Path) -> None:
    planned = plan(tmp_path, "dcgan")
    by_inception = [row for row in planned.rows if row.metric in {"fid", "kid", "is"}]
    assert {(row.metric, row.system) for row in by_inception} >= {
        ("fid", "real"),
        ("fid", "dcgan@1"),
        ("is", "dcgan@1"),
    }
    assert all(row.reason == MISSING and row.sources == () for row in by_inception)
    assert not any("inception" in name for name in units(planned))
    assert all(row.reason is None and row.sources for row in planned.rows if "spectrum" in row.metric)


def test_weights_that_are_there_are_used(tmp_path: Path) -> None:
    from fauxbench.harness.instruments import weights_path

    path = weights_path(instrument_card("inception-2015"), tmp_path / "weights")
    assert path is not None
    path.parent.mkdir()
    path.write_bytes(b"")
    planned = plan(tmp_path, "dcgan")
    assert all(row.reason is None for row in planned.rows)
    assert "extract inception-2015 of real" in units(planned)


def test_an_identical_copy_shares_the_fit_but_not_the_label(tmp_path: Path) -> None:
    copy = {**TRAINED, "version": "1-copy"}
    planned = plan(tmp_path, TRAINED, copy, {**TRAINED, "version": 2, "parameters": {"steps": 7}})
    found = fingerprints(planned)
    assert found["fit dcgan@1 seed 0"] == found["fit dcgan@1-copy seed 0"] != found["fit dcgan@2 seed 0"]
    assert found["generate dcgan@1 seed 0"] != found["generate dcgan@1-copy seed 0"]
    first, second, third = planned.systems
    assert first.digest == second.digest != third.digest
    assert [system.name for system in planned.systems] == ["dcgan@1", "dcgan@1-copy", "dcgan@2"]


def test_fingerprints_know_neither_time_nor_place(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    first = plan(tmp_path, {"use": "dcgan", "time_limit": 5})
    second = plan(tmp_path / "elsewhere", {"use": "dcgan", "time_limit": 9})
    assert fingerprints(first) == fingerprints(second)
    assert fingerprints(first) != fingerprints(plan(tmp_path, "dcgan", seed=1))


def test_each_training_seed_is_a_unit_and_all_are_one_row(tmp_path: Path) -> None:
    planned = plan(tmp_path, {"use": "dcgan", "seeds": [3, 4]}, {"use": "environment", "seeds": [3, 4]})
    assert planned.systems[0].seeds == (3, 4)
    assert planned.systems[1].seeds == (3,)  # nothing is trained
    row = next(row for row in planned.rows if row.system == "dcgan@1" and row.metric == "fd[spectrum]")
    assert [source[0] for source in row.sources] == [3, 4]


def test_counts_follow_the_real_splits_or_the_suite(tmp_path: Path) -> None:
    with_detectors = plan(tmp_path, "dcgan", detectors=["cnn"])
    assert sum(plan_counts(with_detectors).values()) == 60
    without = plan_counts(plan(tmp_path, "dcgan"))
    assert (without[Split.TRAIN], without[Split.VALIDATION]) == (0, 0)  # only detectors learn from them
    asked = plan_counts(plan(tmp_path, "dcgan", n={"train": 7, "test": 9}))
    assert (asked[Split.TRAIN], asked[Split.TEST]) == (7, 9)


def test_only_sets_are_made_when_nothing_else_is_wanted(tmp_path: Path) -> None:
    planned = plan(tmp_path, "environment", sets_only=True, detectors=["cnn"])
    assert set(units(planned).values()) == {"render", "generate"}
    assert planned.rows == ()


def test_the_suite_s_protocol_is_in_the_key_and_its_defaults_are_not(tmp_path: Path) -> None:
    protocols = {}
    for name, more in {
        "none": {},
        "default": {"resize": "clean", "precision": "fp32"},
        "tf1": {"resize": "tf1"},
    }.items():
        row = row_of(plan(tmp_path, "dcgan", **more), "dcgan@1", "fid")
        protocols[name] = comparability_key(dict(row.protocol))
    assert protocols["none"] == protocols["default"] != protocols["tf1"]
    assert row.protocol["options"] == {"resize": "tf1"}
    assert "options" not in row_of(plan(tmp_path, "dcgan", resize="tf1"), "dcgan@1", "fd[spectrum]").protocol
    with pytest.raises(SuiteError, match="no option 'resize'; spectrum have: none"):
        plan(tmp_path, "dcgan", resize="tf1", instruments=["spectrum"], metrics=["fd"])


def test_trainings_are_expected_to_take_as_long_as_their_steps(tmp_path: Path) -> None:
    def cost(system: object, kind: str = "fit", detectors: Sequence[object] = ()) -> float:
        planned = plan(tmp_path, system, detectors=list(detectors)).plan
        return next(unit.cost for unit in planned.units if unit.kind == kind)

    full = cost({"use": "gan", "refit": True})
    assert full == GENERATORS.find("gan", tmp_path).card.cost
    assert cost({"use": "gan", "refit": True, "parameters": {"steps": 350}}) == pytest.approx(full / 10)
    assert cost({"use": "gan", "refit": True, "parameters": {"steps": 4}}) == 2  # loading and saving stay
    closed = cost({"use": "attributes", "refit": True})
    assert cost({"use": "attributes", "refit": True, "parameters": {"steps": 4}}) == closed  # of one step by default
    detector = {"use": "cnn", "parameters": {"steps": 25}}
    half, whole = (cost("gan", "train", detectors=[one]) for one in (detector, "cnn"))
    assert half == pytest.approx(whole / 2)
