"""Planning the controls of `measure`: a known light degradation beside real against held-out real, at equal N."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..canonical import JSON
from ..cards import MetricCard
from ..conditions.table import Condition
from ..instruments import instrument_card
from ..media.item import Split
from ..metrics import metric_card
from ..plan import Unit
from ..stats.score import Direction
from .model import REAL, Draft, RowPlan, System
from .realism import Protocols, Reading, extracted, measure_key, missing_weights, protocol_of

DEGRADED = "real-degraded"
"""Name of the system in the rows of the degraded control."""
DEGRADATION = Condition(name="resolution", severity=1, parameters={"factor": 1.5, "jpeg": 85})
"""Down to two thirds, JPEG of quality 85, and up again: seen side by side, hardly alone."""
SAID = "down by 1.5, JPEG 85, up again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """The three scores at one N, against one half of the real pictures, that a position is made of."""

    metric: str
    """As shown."""
    name: str
    """Of the metric: its measurement in the facts of the units."""
    n: int
    control: str
    """Unit of the other half of the real pictures."""
    degraded: str
    """Unit of that half, degraded."""
    system: str
    """Unit of the system."""


def plan_controls(
    draft: Draft, metrics: Sequence[str], instruments: Sequence[str], protocols: Protocols
) -> tuple[Compared, ...]:
    """Add a degraded control for every metric over two sets, and the system once more at the N of the controls.

    Metrics whose weights are missing have rows that say so already. `plan_realism` comes first: it adds the control.
    """
    found = []
    system = draft.systems[0]
    for card in map(metric_card, metrics):
        for name in instruments:
            reading = Reading(name, protocols.get(name, {}))
            fits = card.form == "set" and card.purpose in instrument_card(name).purpose
            if fits and missing_weights(draft, reading) is None:
                found.append(_compared(draft, card, reading, system))
    return tuple(found)


def _compared(draft: Draft, card: MetricCard, reading: Reading, system: System) -> Compared:
    n = min(draft.counts[Split.TEST], draft.split_sizes[Split.TEST] // 2)
    shown = card.shown_as(reading.name)
    real = extracted(draft, reading, REAL, tuple(Split))
    degraded = extracted(draft, reading, REAL, (Split.TEST,), DEGRADATION)
    synthetic = extracted(draft, reading, system.sets[0], (Split.TEST,))

    def measured(what: str, role: str, **inputs: str) -> str:
        key: dict[str, JSON] = {**measure_key(draft, card, role), "n": n}
        unit = Unit(
            id=f"measure {shown} of {what}",
            kind="measure",
            what=shown,
            key=key,
            inputs={**inputs, "real": real},
            cost=2,
        )
        return draft.add(unit)

    compared = Compared(
        metric=shown,
        name=card.name,
        n=n,
        control=f"measure {shown} of {REAL}",
        degraded=measured(DEGRADED, "degraded", degraded=degraded),
        system=measured(f"{system.name} at {n}", "equal", synthetic=synthetic),
    )
    draft.rows.append(
        RowPlan(
            section="realism",
            system=DEGRADED,
            role="control",
            kind="real",
            metric=shown,
            direction=Direction(card.direction),
            sources=((0, compared.degraded, card.name),),
            protocol={**protocol_of(card, reading), "control": "halves"},
            n=n,
        )
    )
    return compared
