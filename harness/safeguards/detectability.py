"""Parallel detection: how well built-in detectors tell a set's fakes from real items, kept in the set's card.

It has no better direction: a set that is hard to detect is not a better one. It is never ranked and never bold.
"""

import datetime
from typing import Literal

from pydantic import Field, ValidationError

from ..cards import Document
from ..errors import IntegrityError
from ..media.mediaset import SetCard

DETECTABILITY = "detectability"
"""Key of a set's facts."""


class Detection(Document):
    """What one detector says of a set."""

    detector: str
    """`name@version`, or with its digest."""
    auc: float | None = Field(ge=0, le=1)
    """Of this set's fakes against the real items; None where it could not be measured."""
    interval: tuple[float, float] | None = None
    """95 %."""
    n: int = Field(ge=0)
    """Items that it scored, fake and real."""
    expected: int = Field(ge=0)
    reason: str | None = None
    """Why there is no number."""


class Detectability(Document):
    """What a set's card says of its detectability."""

    schema_version: Literal[1] = 1
    measured: datetime.date
    real: str
    """Digest of the real set that it was told apart from."""
    detections: tuple[Detection, ...] = Field(min_length=1)


def detectability_of(card: SetCard) -> Detectability | None:
    """Return what a card says, or None if the set was never scored.

    Raises:
        IntegrityError: What it says is not of that form.
    """
    found = card.facts.get(DETECTABILITY)
    if found is None:
        return None
    try:
        return Detectability.model_validate(found)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, (DETECTABILITY, *first["loc"])))
        raise IntegrityError(f"the set's card: {place}: {first['msg']}") from error
