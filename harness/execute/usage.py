"""What a unit takes of a machine: time of the processor, and memory at the most."""

import time
from contextlib import suppress
from pathlib import Path

_RESET, _STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")


class Usage:
    """Counts from when it is made."""

    def __init__(self) -> None:
        self._began = time.process_time()
        self._counted = False
        with suppress(OSError):  # of Linux alone
            _RESET.write_text("5", encoding="ascii")
            self._counted = True

    def record(self) -> dict[str, float | int | None]:
        """Return seconds of the processor, and the most bytes that were resident; None where that is not known."""
        return {"processor": time.process_time() - self._began, "memory": self._peak() if self._counted else None}

    def _peak(self) -> int | None:
        with suppress(OSError, ValueError):
            for line in _STATUS.read_text(encoding="ascii").splitlines():
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
        return None
