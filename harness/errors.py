"""The errors of fauxbench.

    FauxbenchError
    ├── InputError            the user's input is wrong: shown without a traceback, exit code 2
    │   ├── SuiteError        a suite file: names file, line and key
    │   └── RefusedError      terms or consent do not allow it
    ├── MediaError            one file cannot be read or written: counted, the run goes on
    ├── WeightsMissingError   an instrument's weights are not on this machine
    ├── IntegrityError        stored content does not match its digest
    └── StorageError          the disk is full or read-only: the run stops and can be resumed

Inside a run, what goes wrong with one item or one system is a value, `fauxbench.Failure`, not an exception.
"""

from dataclasses import dataclass
from typing import Any


class FauxbenchError(Exception):
    """Base of every error that fauxbench raises on purpose."""


class InputError(FauxbenchError):
    """What the user gave cannot be used; the message says what was found, where, and what to do."""


class SuiteError(InputError):
    """A suite file is wrong."""


class RefusedError(InputError):
    """Terms or consent do not allow what was asked."""


class MediaError(FauxbenchError):
    """One media file cannot be read or written."""


class WeightsMissingError(FauxbenchError):
    """The weights of an instrument are not on this machine."""


class IntegrityError(FauxbenchError):
    """Stored content does not match the digest it was sealed with."""


class StorageError(FauxbenchError):
    """The disk is full, read-only or gone; free space and give the same command again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Something that was asked for and did not come. A value, not an exception: it is counted and the rest goes on."""

    request_id: str
    kind: str
    """unreadable, error, timeout, invalid, missing, refused, crashed."""
    message: str
    traceback: str | None = None

    def record(self) -> dict[str, Any]:
        """Return the Failure as a JSON object."""
        return {
            "request_id": self.request_id,
            "kind": self.kind,
            "message": self.message,
            "traceback": self.traceback,
        }
