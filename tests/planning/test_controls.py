from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.planning.plans import STUDIO, plan, plan_counts, row_of, units

from fauxbench.harness.conditions.control import DEGRADED, degradation_of
from fauxbench.harness.instruments import instrument_card
from fauxbench.harness.media.item import Split


def test_every_set_metric_has_its_control(tmp_path: Path) -> None:
    planned = plan(tmp_path, "dcgan", metrics=["fd", "kd"])
    controls = {row.metric for row in planned.rows if row.role == "control"}
    realism = [row for row in planned.rows if row.section == "realism" and row.role == "system"]
    measured = {row.metric for row in realism if "memorisation" not in row.metric}
    assert controls == measured == {"fd[spectrum]", "kd[spectrum]", "fid", "kid"}
    sizes = {row.n for row in planned.rows if row.role == "control"}
    assert sizes == {plan_counts(planned)[Split.TEST]}


def test_the_degraded_control_is_in_every_suite_with_the_key_of_the_control(tmp_path: Path) -> None:
    planned = plan(tmp_path, "dcgan", "environment")
    for metric in ("fd[spectrum]", "kd[spectrum]"):
        control, degraded = row_of(planned, "real", metric), row_of(planned, DEGRADED, metric)
        assert degraded.role == "control"
        assert (degraded.protocol, degraded.n) == (control.protocol, control.n)
    assert not any(row.system == DEGRADED and row.metric == "fid" for row in planned.rows)  # weights missing: said once
    extract = planned.plan.unit("extract spectrum of real degraded")
    assert extract.key["splits"] == ["train", "validation"]
    assert extract.key["n"] == row_of(planned, "real", "fd[spectrum]").n


def test_positions_are_made_of_the_rows_own_units_where_n_is_equal(tmp_path: Path) -> None:
    planned = plan(tmp_path, {"use": "dcgan", "seeds": [3, 4]})
    row = row_of(planned, "dcgan@1", "fd[spectrum]")
    assert row.compared is not None
    assert row.compared.systems == tuple(unit for _, unit, _ in row.sources)
    assert row.compared.control == row_of(planned, "real", "fd[spectrum]").sources[0][1]
    assert row.compared.degraded == row_of(planned, DEGRADED, "fd[spectrum]").sources[0][1]
    assert row_of(planned, "dcgan@1", "memorisation[thumbnail]").compared is None
    assert not any(" at " in name for name in units(planned))


@pytest.mark.parametrize(
    ("asked", "shares", "n", "again"),
    [
        (9, None, 9, {"real", "real-degraded", "dcgan@1"}),  # fewer than the reference: all three again, cut to 9
        (30, {"train": 0.25, "validation": 0, "test": 0.75}, 15, {"real", "real-degraded", "dcgan@1"}),
        (30, {"train": 0.5, "validation": 0, "test": 0.5}, 30, set()),
        (70, {"train": 0.5, "validation": 0, "test": 0.5}, 30, {"dcgan@1"}),
        (30, {"train": 0, "validation": 0, "test": 1}, 30, {"dcgan@1"}),  # half against half
    ],
)
def test_elsewhere_all_are_measured_again_at_one_n(
    asked: int, shares: dict[str, float] | None, n: int, again: set[str], tmp_path: Path
) -> None:
    data = {**STUDIO, **({"splits": shares} if shares else {})}
    folder = tmp_path / "made"
    folder.mkdir()
    Image.fromarray(np.zeros((32, 32, 3), dtype=np.uint8)).save(folder / "0.png")
    system = {"use": "folder", "name": "dcgan", "version": 1, "kind": "fully_synthetic", "path": "made"}
    row = row_of(plan(tmp_path, system, data=data, n={"test": asked}), "dcgan@1", "fd[spectrum]")
    planned = plan(tmp_path, system, data=data, n={"test": asked})
    assert row.compared is not None
    assert row.compared.n == n
    named = {"real": row.compared.control, DEGRADED: row.compared.degraded, "dcgan@1": row.compared.systems[0]}
    assert {name for name, unit in named.items() if unit.endswith(f" at {n}")} == again
    keys = [planned.plan.unit(unit).key for unit in named.values()]
    assert {key.get("n", asked) for key in keys} == {n}
    assert len({key["held_out"] for key in keys if "held_out" in key}) == 1


DEGRADATIONS = {
    "spectrum": "down by 1.5, JPEG 85, up again",
    "clip-spectrum": "down by 1.5, JPEG 85, up again",
    "sound-spectrum": "pink noise at 20 dB",
    "studio-voice": "pink noise at 20 dB",
    "studio-sync": "sound 200 ms late",
    "mouth-pixels": "sound 200 ms late",
}


def test_what_an_instrument_reads_decides_how_real_items_are_degraded() -> None:
    said = {name: degradation_of(instrument_card(name)).said for name in DEGRADATIONS}
    assert said == DEGRADATIONS
