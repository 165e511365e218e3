"""What clips that are rendered for a cell cost: time of the processor and memory of each unit that worked on them.

It differs from machine to machine, so it stands in a table of the run folder and never in `results.json`.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from .execute.local import Results as Ran
from .plan import Unit
from .planning.model import SuitePlan
from .report import Cell, Column, Line, Table

NAME = "long-clips"
_DID: Mapping[str, str] = {
    "render": "rendered",
    "generate": "made",
    "condition": "cut",
    "extract": "read",
    "detect": "judged",
}
"""Kind of a unit -> what it did."""


class Cost(NamedTuple):
    """What one unit took."""

    said: str
    seconds: float
    """Of the clips, together."""
    unit: Unit
    processor: float
    """Seconds."""
    memory: float | None
    """The most that was resident, in bytes."""


def cost_table(planned: SuitePlan, ran: Ran) -> Table | None:
    """Return a line for each unit that worked on clips rendered at a length of their own; None where there are none."""
    costs = list(_costs(planned, ran))
    if not costs:
        return None
    lines = []
    for cost in costs:
        memory = None if cost.memory is None else cost.memory / 2**20
        cells = (
            Cell(text=_DID[cost.unit.kind]),
            Cell(text=_by(cost.unit)),
            Cell(value=cost.seconds),
            Cell(value=cost.processor),
            Cell(value=cost.processor / cost.seconds),
            Cell() if memory is None else Cell(value=memory),
        )
        lines.append(Line(cells=cells, panel=cost.said))
    return Table(
        name=NAME,
        title="Time and memory of clips rendered at a length",
        caption="Each unit ran once: n = 1, and no interval. Seconds of the processor, on one thread; memory: the most "
        "that the process held while it worked, with the libraries that it had loaded before.",
        columns=(
            Column(key="did", label="step", align="left", form="text"),
            Column(key="by", label="by", align="left", form="text"),
            Column(key="seconds", label="s of clips", form="number"),
            Column(key="processor", label="s of processor", form="number", decimals=1),
            Column(key="each", label="s for each s", form="number", decimals=2),
            Column(key="memory", label="MiB", form="number", decimals=0),
        ),
        rows=tuple(lines),
    )


def _costs(planned: SuitePlan, ran: Ran) -> Iterator[Cost]:
    for spec in planned.suite.conditions:
        if spec.render is None or spec.render.seconds is None:
            continue
        label = f"{spec.family} {spec.render.said}"
        for unit in planned.plan.units:
            mine = unit.id == f"real {label}" or unit.id.startswith(f"real {label} part ")
            mine = mine or unit.id.endswith(f" under {label}") or unit.id.startswith(f"condition {label} of ")
            if not mine or unit.kind not in _DID or unit.id not in ran.finished:
                continue
            record = json.loads((ran.finished[unit.id].folder / "unit.json").read_bytes())
            if "processor" in record:
                clips = spec.render.seconds * _clips(unit, record)
                yield Cost(spec.render.said, clips, unit, float(record["processor"]), record.get("memory"))


def _clips(unit: Unit, record: Mapping[str, Any]) -> int:
    """Return how many clips a unit worked on."""
    facts = dict(record.get("facts") or {})
    if unit.kind in {"render", "generate"}:
        return max(1, sum(int(count) for count in dict(facts.get("splits") or {}).values()))
    return max(1, int(facts.get("items", 1)))


def _by(unit: Unit) -> str:
    """Return who did it: `clip-frames of stand-in@1`."""
    if unit.kind == "condition":
        return unit.id.rpartition(" of ")[2]
    return "studio" if unit.kind == "render" else unit.id.partition(" under ")[0].partition(" ")[2]
