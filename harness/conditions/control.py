"""The known light degradations of real items that every table shows beside the systems."""

from typing import NamedTuple

from ..cards import InstrumentCard
from .table import Condition

DEGRADED = "real-degraded"
"""Name of the system in the rows of the degraded control."""


class Degradation(NamedTuple):
    """How real items are degraded."""

    condition: Condition
    said: str
    """In words, for tables."""


SEEN = Degradation(
    Condition(name="resolution", severity=1, parameters={"factor": 1.5, "jpeg": 85}), "down by 1.5, JPEG 85, up again"
)
"""Down to two thirds, JPEG of quality 85, and up again: seen side by side, hardly alone; of clips, every frame."""
HEARD = Degradation(Condition(name="pink_noise", severity=2, parameters={"snr": 20.0}), "pink noise at 20 dB")
"""Heard, and every word understood."""
MOVED = Degradation(Condition(name="delay", severity=3, parameters={"seconds": 0.2}), "sound 200 ms late")
"""Five frames: beyond the 185 ms that ITU-R BT.1359-1 finds acceptable."""


def degradation_of(instrument: InstrumentCard) -> Degradation:
    """Return how real items are degraded for what an instrument reads: frames, sound, or how they go together."""
    if {"sync", "mouth"} & set(instrument.purpose):
        return MOVED
    return HEARD if instrument.modality == "audio" else SEEN
