"""What the studio renders for a suite: one kind of thing, or clips and the sounds that teach a system to listen."""

from pathlib import Path

import pytest

from fauxbench.harness.errors import SuiteError
from fauxbench.harness.planning.planner import plan_suite
from fauxbench.harness.suite import Counts, DataSpec, Splits, Suite, SystemSpec

LIPS = SystemSpec(use="lipsync", version=None, refit=True)
HEARD = {"people": 4, "clips": 2, "sounds": 3, "seconds": 60, "languages": ("en", "yue"), "every_language": True}


def suite(metrics: tuple[str, ...] = (), **data: object) -> Suite:
    rendered = DataSpec(dataset="studio", splits=Splits(train=1, validation=0, test=0), **data)
    return Suite(suite="t", data=rendered, generators=(LIPS,), n=Counts(test=2), metrics=metrics, instruments=())


def test_sounds_beside_clips_teach_to_listen(tmp_path: Path) -> None:
    """Counted in every language, clips in one; in one unit, because its order is that of the set."""
    plan = plan_suite(suite(**HEARD), tmp_path, tmp_path, "cpu", sets_only=True).plan
    (real,) = [unit for unit in plan.units if unit.id.startswith("real")]
    assert (real.key["clips"], real.key["sounds"], real.key["every_language"]) == (2, 3, True)
    assert real.what.split()[1] == str(4 * (2 + 3 * 2))
    parts = plan_suite(
        suite(**{**HEARD, "sounds": 0, "every_language": False}), tmp_path, tmp_path, "cpu", sets_only=True
    )
    assert sum(unit.id.startswith("real part") for unit in parts.plan.units) > 1


def test_nothing_that_is_measured_mixes_them(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match=r"found clips: 2, sounds: 3; a suite is about pictures, clips or sounds"):
        plan_suite(suite(("flicker",), **HEARD), tmp_path, tmp_path, "cpu")


def test_every_language_is_about_sounds_alone(tmp_path: Path) -> None:
    planned = plan_suite(suite(**{**HEARD, "clips": 0}), tmp_path, tmp_path, "cpu", sets_only=True)
    (real,) = [unit for unit in planned.plan.units if unit.id == "real"]
    assert real.what.split()[1] == str(4 * 3 * 2)
