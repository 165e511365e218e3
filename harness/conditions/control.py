"""The known light degradation of real pictures that every table shows beside the systems."""

from .table import Condition

DEGRADED = "real-degraded"
"""Name of the system in the rows of the degraded control."""
DEGRADATION = Condition(name="resolution", severity=1, parameters={"factor": 1.5, "jpeg": 85})
"""Down to two thirds, JPEG of quality 85, and up again: seen side by side, hardly alone."""
SAID = "down by 1.5, JPEG 85, up again"
"""The same in words, for tables."""
