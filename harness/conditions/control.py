"""The known light degradation of real pictures that every table shows beside the systems."""

from ..media.item import Modality
from .table import Condition

DEGRADED = "real-degraded"
"""Name of the system in the rows of the degraded control."""
DEGRADATION = Condition(name="resolution", severity=1, parameters={"factor": 1.5, "jpeg": 85})
"""Down to two thirds, JPEG of quality 85, and up again: seen side by side, hardly alone."""
SAID = "down by 1.5, JPEG 85, up again"
"""The same in words, for tables."""


def degradation_of(modality: Modality) -> Condition | None:
    """Return how real items of a modality are degraded, clips picture by picture; None where nothing is declared."""
    return None if modality is Modality.AUDIO else DEGRADATION
