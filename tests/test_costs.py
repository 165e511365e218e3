"""Time and memory of clips that are rendered at a length."""

import json
from pathlib import Path

from fauxbench.harness.costs import cost_table
from fauxbench.harness.execute.local import Results as Ran
from fauxbench.harness.planning.planner import plan_suite
from fauxbench.harness.store.store import Finished
from fauxbench.harness.suite import SUITES, Suite


def test_each_step_on_a_long_clip_has_a_line_and_no_other(tmp_path: Path) -> None:
    suite = Suite.model_validate(
        {
            "suite": "s",
            "data": {"dataset": "studio", "people": 12, "clips": 1, "seconds": 1, "height": 240},
            "generators": [{"use": "stand_in.py:StandIn"}],
            "metrics": ["motion"],
            "instruments": ["clip-frames"],
            "conditions": [
                {"name": "long", "render": {"seconds": 300, "people": 1}},
                {"render": {"height": 720, "people": 1}},
                {"use": "h264", "severity": 4},
            ],
        }
    )
    planned = plan_suite(suite, SUITES, tmp_path)
    ran = Ran()
    for number, unit in enumerate(planned.plan.units):
        folder = tmp_path / str(number)
        folder.mkdir()
        facts = {"splits": {"test": 1}} if unit.kind in {"render", "generate"} else {"items": 1}
        record = {"facts": facts, "processor": 30.0, "memory": 512 << 20}
        (folder / "unit.json").write_text(json.dumps(record))
        ran.finished[unit.id] = Finished(folder=folder, fingerprint="", output="", seconds=1.0, facts=facts)
    table = cost_table(planned, ran)
    assert table is not None
    told = [[cell.value if cell.text is None else cell.text for cell in line.cells] for line in table.rows]
    assert [line[:2] for line in told] == [
        ["rendered", "studio"],
        ["made", "stand-in@1 seed 0"],
        ["read", "clip-frames of stand-in@1 seed 0"],
        ["read", "clip-frames of real"],
    ]
    assert {tuple(line[2:]) for line in told} == {(300.0, 30.0, 0.1, 512.0)}
    assert {line.panel for line in table.rows} == {"300 s"}
    assert "n = 1" in table.caption
    assert cost_table(planned, Ran()) is None
