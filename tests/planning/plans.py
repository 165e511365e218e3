from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from fauxbench.harness.media.item import Split
from fauxbench.harness.planning.model import RowPlan, SuitePlan
from fauxbench.harness.planning.planner import plan_suite
from fauxbench.harness.suite import Suite

STUDIO = {"dataset": "studio", "people": 12, "per_person": 5, "size": 32}
FOLDER = {"use": "folder", "name": "mine", "version": 1, "kind": "fully_synthetic", "path": "outputs"}


def plan(tmp_path: Path, *systems: object, sets_only: bool = False, **more: object) -> SuitePlan:
    document = {
        "suite": "s",
        "data": STUDIO,
        "generators": list(systems),
        "metrics": ["fd", "kd", "is", "ssim"],
        **more,
    }
    return plan_suite(Suite.model_validate(document), tmp_path, tmp_path / "weights", sets_only=sets_only)


def folder_data(photographs: Path, **terms: object) -> dict[str, object]:
    return {"dataset": "folder", "path": str(photographs), **({"terms": terms} if terms else {})}


def units(planned: SuitePlan) -> dict[str, str]:
    return {unit.id: unit.kind for unit in planned.plan.units}


def fingerprints(planned: SuitePlan) -> dict[str, str]:
    """Return the fingerprint of each unit, as if every output were named by its unit's fingerprint."""
    found: dict[str, str] = {}
    for unit in planned.plan.units:
        found[unit.id] = planned.plan.fingerprint(unit, found)
    return found


def plan_counts(planned: SuitePlan) -> Mapping[Split, int]:
    unit = next(unit for unit in planned.plan.units if unit.kind == "generate")
    return {Split(name): n for name, n in dict(unit.key["counts"]).items()}


def outputs(tmp_path: Path, count: int = 6) -> Path:
    folder = tmp_path / "outputs"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(count):
        Image.fromarray(rng.integers(0, 255, (8, 8, 3), dtype=np.uint8)).save(folder / f"{number}.png")
    return folder


def row_of(planned: SuitePlan, system: str, metric: str) -> RowPlan:
    (row,) = (row for row in planned.rows if (row.system, row.metric) == (system, metric))
    return row
