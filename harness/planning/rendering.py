"""Rendering in parts: units of a few people each, so that every processor has work, and one that puts them together.

An Item depends on its person and the recipe alone, and a set's digest on its Items in order. So the set is the same
however it was cut.
"""

from dataclasses import replace
from math import ceil
from typing import Final

from ..plan import Unit
from .model import Draft

PART: Final = 60.0
"""Seconds of work, as estimated, that are worth a unit of their own."""


def add_rendered(draft: Draft, unit: Unit) -> str:
    """Add a unit that renders, in parts where there is much to do, and return the id of the one that has the whole set.

    Only clips alone are worth it. A part holds whole people; one person's clips stay together.
    """
    people = int(unit.key["people"])
    count = min(people, ceil(unit.cost / PART)) if unit.key["clips"] and not unit.key["sounds"] else 1
    if count < 2:
        return draft.add(unit)
    inputs = {}
    for part in range(count):
        first, last = (people * place // count for place in (part, part + 1))
        inputs[str(part)] = draft.add(
            replace(
                unit,
                id=f"{unit.id} part {part + 1}",
                what=f"{unit.what} {last - first} of {people}",
                key={**unit.key, "part": [first, last]},
                cost=unit.cost * (last - first) / people,
            )
        )
    return draft.add(replace(unit, kind="gather", inputs=inputs, cost=1.0))


def dearest_first(draft: Draft) -> None:
    """Put the units that need no other first, the dearest before the rest: nobody waits for a long one at the end."""
    waiting = {unit_id: unit for unit_id, unit in draft.units.items() if unit.inputs}
    ready = sorted((unit for unit in draft.units.values() if not unit.inputs), key=lambda unit: -unit.cost)
    draft.units = {**{unit.id: unit for unit in ready}, **waiting}
