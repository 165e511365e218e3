"""Accepted terms: which data sets the user was granted access to, by whom, and for what. Not accepted, not read.

terms.json, in the user's configuration folder (or where `FAUXBENCH_TERMS` says):

{"schema_version": 1, "records": [
  {"dataset": "faceforensics", "grant": "TUM, form of 3 May 2026", "purposes": ["evaluate", "train"],
   "accepted": "2026-05-10", "agreed": "2026-05-03", "expires": null}]}
"""

import datetime
import os
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from ..cards import Document
from ..errors import InputError
from ..store.store import storage_errors, write_atomically

Purpose = Literal["evaluate", "train", "edit", "manipulate", "publish", "leave_machine"]


class TermsRecord(Document):
    """That the user was granted access to a data set."""

    dataset: str
    grant: str = Field(min_length=1)
    """Who granted it, by what: an agreement, a form, a licence, with its date or number."""
    purposes: tuple[Purpose, ...] = Field(min_length=1)
    """What the grant is for; never more than the data set's own terms permit."""
    accepted: datetime.date
    """When it was recorded here."""
    agreed: datetime.date | None = None
    """When the agreement was made; needed where access is no longer granted."""
    expires: datetime.date | None = None
    """The last day on which it holds."""

    def in_force(self, day: datetime.date) -> bool:
        """Whether the record holds on `day`."""
        return self.why_not(day) is None

    def why_not(self, day: datetime.date) -> str | None:
        """Return why the record does not hold on `day`, or None; one from the future says that a clock is wrong."""
        for what, date in (("were recorded", self.accepted), ("rest on an agreement made", self.agreed)):
            if date is not None and day < date:
                return f"the accepted terms {what} on {date}, and this machine's clock says {day}: set the clock"
        if self.expires is not None and day > self.expires:
            return f"the accepted terms expired on {self.expires} (this machine's clock says {day})"
        return None


class TermsFile(Document):
    """All that the user has accepted."""

    schema_version: Literal[1] = 1
    records: tuple[TermsRecord, ...] = ()


def terms_file() -> Path:
    """Return where accepted terms are kept: `FAUXBENCH_TERMS`, or terms.json in the user's configuration."""
    from platformdirs import user_config_path

    given = os.environ.get("FAUXBENCH_TERMS")
    return Path(given) if given else user_config_path("fauxbench") / "terms.json"


def read_terms(path: Path) -> tuple[TermsRecord, ...]:
    """Return the records of a terms file; no file means that nothing was accepted.

    Raises:
        InputError: It is not a terms file.
    """
    try:
        text = path.read_text(encoding="utf-8") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: accepted terms cannot be read: {error}") from error
    if not text:
        return ()
    try:
        return TermsFile.model_validate_json(text).records
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise InputError(
            f"{path}: not a file of accepted terms: {place}: {first['msg']}".replace(": :", ":")
        ) from error


def record_terms(path: Path, record: TermsRecord) -> None:
    """Write a record, in place of an earlier one of the same data set.

    Raises:
        InputError: What is there is not a terms file, or it cannot be written.
        StorageError: The disk is full or read-only.
    """
    kept = [one for one in read_terms(path) if one.dataset != record.dataset]
    written = TermsFile(records=tuple(sorted([*kept, record], key=lambda one: one.dataset)))
    try:
        with storage_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, written.model_dump_json(indent=1) + "\n")
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written: {error.strerror}; set FAUXBENCH_TERMS to a file that can"
        ) from error


def terms_record(path: Path, dataset: str) -> TermsRecord | None:
    """Return what was accepted for a data set, or None.

    Raises:
        InputError: As `read_terms`.
    """
    return next((record for record in read_terms(path) if record.dataset == dataset), None)
