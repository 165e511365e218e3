"""Planning the controls: real against held-out real, the same after a known light degradation, and what lies between.

A position needs three scores with one N on both sides. Where the sets have that N anyway, the rows' own units give it;
elsewhere all three are measured once more, cut to it.
"""

from dataclasses import dataclass, replace
from typing import Literal

from ..canonical import JSON
from ..cards import MetricCard
from ..conditions.control import DEGRADED, MOVED, degradation_of
from ..instruments import instrument_card
from ..media.item import Split
from ..plan import Unit
from ..stats.score import Direction
from .model import REAL, Compared, Draft, RowPlan, Source, System
from .reading import Degraded, Reading, extracted, measure_key, missing_weights, protocol_of


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """Which real items are compared with the reference, and how many."""

    kind: Literal["others", "half", "whole"]
    """`others`: of the train and validation splits; `half`: one half of the test split against the other half; `whole`:
    the test split, for metrics over one set, which have no reference to hold items out of."""
    n: int
    """Of the control rows."""
    equal: int
    """The N on both sides that a position is made at."""
    rows_serve: bool
    """Whether the control rows have that N on both sides."""
    system_serves: bool
    """Whether the systems' rows have it, against the same items."""


def held_out(draft: Draft, form: str = "set") -> HeldOut:
    """Return what serves as control of metrics of a form, `set` or `single`."""
    asked, reference = draft.counts[Split.TEST], draft.split_sizes[Split.TEST]
    others = draft.split_sizes.get(Split.TRAIN, 0) + draft.split_sizes.get(Split.VALIDATION, 0)
    if form == "single":
        n = min(asked, others or reference)
        kind: Literal["others", "whole"] = "others" if others else "whole"
        return HeldOut(kind=kind, n=n, equal=n, rows_serve=True, system_serves=n == asked)
    if not others:
        n = min(asked, reference // 2)
        return HeldOut(kind="half", n=n, equal=n, rows_serve=True, system_serves=False)
    n, equal = min(asked, others), min(asked, others, reference)
    rows_serve = n == reference
    return HeldOut(kind="others", n=n, equal=equal, rows_serve=rows_serve, system_serves=rows_serve and n == asked)


def realism_row(card: MetricCard, reading: Reading | None, system: str, kind: str) -> RowPlan:
    """Return the row of a metric on a system or a control, before it has a source."""
    return RowPlan(
        section="realism",
        system=system,
        role="control" if kind == "real" else "system",
        kind=kind,
        metric=card.shown_as(reading.name if reading else None),
        direction=Direction(card.direction),
        protocol=protocol_of(card, reading),
    )


class Controls:
    """The controls of one metric under one instrument; `plan` adds their rows."""

    def __init__(self, draft: Draft, card: MetricCard, reading: Reading) -> None:
        self.draft = draft
        self.card = card
        self.reading = reading
        self.held_out = held_out(draft, card.form)
        self.degradation = degradation_of(instrument_card(reading.name))
        self.reason = missing_weights(draft, reading)
        self.applies = card.form != "paired" and card.name != "memorisation"
        self.degrades = self.reason is None and (card.form == "set" or self.degradation is MOVED)
        """Whether there is a degraded control; without one there is no position. Of metrics over one set, those of lips
        have one: for the others, which only describe, it would cost another pass through the network."""

    def plan(self) -> None:
        """Add the rows: real, and degraded unless weights are missing, which one row says well enough."""
        if not self.applies or (self.reason and self.card.form == "single"):
            return
        held = self.held_out
        protocol = {"half": {"control": "halves"}, "whole": {"control": "whole"}}.get(held.kind, {})
        for name in (REAL, DEGRADED) if self.degrades else (REAL,):
            row = realism_row(self.card, self.reading, name, "real")
            sources: tuple[Source, ...] = ()
            if self.reason is None:
                sources = ((0, self._control(name, held.n, cut=held.kind == "half"), self.card.name),)
            protocols = {**row.protocol, **protocol}
            self.draft.rows.append(replace(row, sources=sources, protocol=protocols, n=held.n, reason=self.reason))

    def compared(self, system: System, sources: tuple[Source, ...]) -> Compared | None:
        """Return what the position of a system is made of, given the sources of its row."""
        if not self.applies or not self.degrades:
            return None
        held = self.held_out
        cut = held.kind == "half" or not held.rows_serve
        units = [unit for _, unit, _ in sources]
        if not held.system_serves:
            units = [self._system(system, place) for place in range(len(system.sets))]
        return Compared(
            name=self.card.name,
            n=held.equal,
            control=self._control(REAL, held.equal, cut=cut),
            degraded=self._control(DEGRADED, held.equal, cut=cut),
            systems=tuple(units),
            degradation=self.degradation.said,
        )

    def _control(self, name: str, n: int, *, cut: bool) -> str:
        """Add the unit that measures `n` held-out items, as they are or degraded; with `cut`, against as many."""
        inputs = {"real": extracted(self.draft, self.reading, REAL, tuple(Split))}
        if name == DEGRADED:
            kind = self.held_out.kind
            if self.degradation is MOVED and kind == "half":
                kind = "whole"  # one reading serves metrics over one set and over two
            asked = Degraded(condition=self.degradation.condition, held_out=kind, n=self.held_out.n)
            splits = (Split.TRAIN, Split.VALIDATION) if kind == "others" else (Split.TEST,)
            inputs["degraded"] = extracted(self.draft, self.reading, REAL, splits, asked)
        again = cut and self.held_out.kind == "others"
        return self._unit(
            f"{name} at {n}" if again else name, "degraded" if name == DEGRADED else "control", n, inputs, cut
        )

    def _system(self, system: System, place: int) -> str:
        """Add the unit that measures as many items of a system as the controls have, against the same items."""
        inputs = {
            "synthetic": extracted(self.draft, self.reading, system.sets[place], (Split.TEST,)),
            "real": extracted(self.draft, self.reading, REAL, tuple(Split)),
        }
        n = self.held_out.equal
        return self._unit(f"{system.name} seed {system.seeds[place]} at {n}", "equal", n, inputs, cut=True)

    def _unit(self, what: str, role: str, n: int, inputs: dict[str, str], cut: bool) -> str:
        shown = self.card.shown_as(self.reading.name)
        key: dict[str, JSON] = {
            **measure_key(self.draft, self.card, role),
            "n": n,
            "held_out": self.held_out.kind,
            "reference": n if cut else None,
        }
        unit = Unit(id=f"measure {shown} of {what}", kind="measure", what=shown, key=key, inputs=inputs, cost=2)
        return self.draft.add(unit)
