from pathlib import Path

import pytest
from tests.planning.plans import plan, plan_counts, units
from tests.sealed import in_splits, seal

from fauxbench.harness.errors import RefusedError, SuiteError
from fauxbench.harness.media.item import Kind, Split
from fauxbench.harness.media.mediaset import MediaSet, Terms
from fauxbench.harness.planning.model import REAL


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    return in_splits(tmp_path / "sealed")


def data(sealed: Path, **more: object) -> dict[str, object]:
    return {"dataset": "folder", "path": str(sealed), **more}


def test_a_sealed_set_is_the_real_set_of_a_suite(good_system: str, sealed: Path, tmp_path: Path) -> None:
    planned = plan(tmp_path, good_system, data=data(sealed), detectors=["spectrum"])
    media, unit = MediaSet.open(sealed), planned.plan.unit(REAL)
    assert (unit.key["sealed"], unit.key["splits"], unit.key["modality"]) == (media.digest, None, "image")
    assert (unit.task["name"], unit.key["terms"]["people"]) == ("studio", "rendered")
    assert plan_counts(planned) == {Split.TRAIN: 4, Split.VALIDATION: 4, Split.TEST: 5}  # the one that failed too
    relative = plan(tmp_path, good_system, data=data(Path("sealed")), detectors=["spectrum"])
    assert relative.plan.unit(REAL).key == unit.key


def test_a_sealed_set_without_splits_is_split_by_the_suite(good_system: str, tmp_path: Path) -> None:
    whole = data(in_splits(tmp_path / "whole", splits=False), splits={"train": 0, "validation": 0, "test": 1})
    planned = plan(tmp_path, good_system, data=whole)
    assert planned.plan.unit(REAL).key["splits"] == {"train": 0, "validation": 0, "test": 1}
    assert plan_counts(planned)[Split.TEST] == 12


@pytest.mark.parametrize("key", ["splits", "identities"])
def test_what_a_sealed_set_has_is_not_given_anew(key: str, good_system: str, sealed: Path, tmp_path: Path) -> None:
    more = {"splits": {"train": 0, "validation": 0, "test": 1}, "identities": "flat"}
    with pytest.raises(SuiteError, match=f"is a sealed set, whose .* are kept: leave data.{key} out"):
        plan(tmp_path, good_system, data=data(sealed, **{key: more[key]}))
    assert units(plan(tmp_path, good_system, data=data(sealed), sets_only=True))


def test_fakes_are_no_real_set_of_a_suite(good_system: str, tmp_path: Path) -> None:
    fakes = in_splits(tmp_path / "fakes", kind=Kind.FULLY_SYNTHETIC)
    with pytest.raises(SuiteError, match=r"12 of 12 items of .*fakes are fakes"):
        plan(tmp_path, good_system, data=data(fakes))
    edited = in_splits(tmp_path / "edited", kind=Kind.AUGMENTED_REAL)
    assert plan(tmp_path, good_system, data=data(edited)).systems


def test_terms_of_a_sealed_set_may_forbid_it(good_system: str, tmp_path: Path) -> None:
    own = seal(tmp_path / "own", Terms(permits=("train",), grant="x"))
    with pytest.raises(RefusedError, match="own: its terms do not permit 'evaluate'"):
        plan(tmp_path, good_system, data=data(own), sets_only=True)


def test_a_file_that_changes_is_read_again(good_system: str, sealed: Path, tmp_path: Path) -> None:
    before = plan(tmp_path, good_system, data=data(sealed)).plan.unit(REAL)
    place = Path(str(MediaSet.open(sealed).items[0].location))
    place.write_bytes(place.read_bytes() + b" ")
    assert plan(tmp_path, good_system, data=data(sealed)).plan.unit(REAL).key != before.key
