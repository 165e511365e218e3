"""Planning the check of safeguards: do marks survive leaving the store, and may the set leave."""

import datetime

from ..plan import Unit
from ..safeguards.consent import consents_digest, consents_file
from ..stats.score import Direction
from .model import Draft, RowPlan, code_of

SAFETY = ("marks", "cleared")


def plan_safety(draft: Draft) -> None:
    """Add the check of each system's set; what others published is only read, and is not checked."""
    today = datetime.datetime.now(tz=datetime.UTC).date()
    consents = consents_digest(consents_file(), today) if draft.terms.people == "real" else "none"
    code = code_of("execute/steps/safety.py", "safeguards", "safeguards/watermark", "media")
    for system in draft.systems:
        if draft.units[system.sets[0]].kind == "index":
            continue
        unit = Unit(
            id=f"safety of {system.name}",
            kind="safety",
            what=f"safety {draft.modality}",
            key={"consents": consents, "code": code},
            inputs={"set": system.sets[0]},
            cost=3,
        )
        draft.add(unit)
        for name in SAFETY:
            row = RowPlan(
                section="safety",
                system=system.name,
                role="system",
                kind=system.card.kind,
                metric=name,
                direction=Direction.HIGHER,
                sources=((0, unit.id, name),),
                set_unit=system.sets[0],
                protocol={"metric": f"safety {name} 1", "condition": "none"},
            )
            draft.rows.append(row)
