"""Consent: what real people allowed to be made with their faces and voices, one record a line.

consents.jsonl, mode 600, in the user's configuration folder (or where `FAUXBENCH_CONSENTS` says):

{"person": "p07", "dataset": "volunteers", "techniques": ["swap"], "purposes": ["evaluate"], "granted": "2026-05-03",
 "expires": "2027-05-02", "revoked": null, "form": "<sha256 of the signed form>", "leave_machine": false}

Records are never removed: a revoked one stays, with the day of it, so that it can be said which sets used it.
"""

import datetime
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from ..canonical import JSON, digest_of
from ..cards import Document
from ..errors import InputError
from ..store.store import storage_errors, write_atomically

PURPOSES = ("evaluate", "train", "publish")
"""Make items to measure systems; let detectors learn from them; hand them on."""
USED = "consents"
"""Key of a set's facts: id of each record that its making relied on -> person."""


class ConsentRecord(Document):
    """A person's recorded consent to be manipulated."""

    person: str
    """The identity, as the data set names it."""
    dataset: str | None = None
    """The data set that names the person so; None: whichever. Two data sets may give one name to two people."""
    techniques: tuple[str, ...]
    """Techniques allowed (`swap`, `lip-sync`, ...), or `any`."""
    purposes: tuple[str, ...]
    """Of `PURPOSES`."""
    granted: datetime.date
    expires: datetime.date
    revoked: datetime.date | None = None
    form: str
    """sha256 of the signed form."""
    leave_machine: bool = False

    @property
    def id(self) -> str:
        """What tells records apart; revoking does not change it."""
        return digest_of(self.model_dump(mode="json", exclude={"revoked"}))[:16]

    def covers(self, technique: str, day: datetime.date) -> bool:
        """Whether the record allows `technique` on `day`."""
        return self.in_force(day) and bool({"any", technique} & set(self.techniques))

    def names(self, person: str, datasets: Iterable[str | None]) -> bool:
        """Whether it is of this person, as one of `datasets` names people."""
        return self.person == person and (self.dataset is None or self.dataset in set(datasets))

    def in_force(self, day: datetime.date) -> bool:
        """Whether the record is granted, and neither expired nor revoked, on `day`."""
        return self.why_not(day) is None

    def why_not(self, day: datetime.date) -> str | None:
        """Return why the record is not in force on `day`, or None."""
        if self.revoked is not None and self.revoked <= day:
            return f"revoked on {self.revoked}"
        if day < self.granted:
            return f"granted from {self.granted} on, and this machine's clock says {day}"
        if day > self.expires:
            return f"expired on {self.expires}"
        return None


def consents_file() -> Path:
    """Return where consent records are kept: `FAUXBENCH_CONSENTS`, or consents.jsonl in the user's configuration."""
    from platformdirs import user_config_path

    given = os.environ.get("FAUXBENCH_CONSENTS")
    return Path(given) if given else user_config_path("fauxbench") / "consents.jsonl"


def read_consents(path: Path) -> tuple[ConsentRecord, ...]:
    """Read consent records, one JSON object a line; no file means no consent.

    Raises:
        InputError: A line is not a consent record.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n") if path.exists() else []
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: consent records cannot be read: {error}") from error
    records = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            records.append(ConsentRecord.model_validate_json(line))
        except ValidationError as error:
            first = error.errors()[0]
            finding = f"{'.'.join(map(str, first['loc']))}: {first['msg']}".removeprefix(": ")
            raise InputError(f"{path}, line {number}: not a consent record: {finding}") from error
    return tuple(records)


def consents_digest(path: Path, day: datetime.date) -> str:
    """Return the digest of the records in force on `day`; it is part of every fingerprint that consent can change.

    Raises:
        InputError: As `read_consents`.
    """
    return digest_of([c.model_dump(mode="json") for c in read_consents(path) if c.in_force(day)])


def training_digest(path: Path, day: datetime.date) -> str:
    """Return the digest of which records let whom be learnt from on `day`; part of what is trained on real people.

    Raises:
        InputError: As `read_consents`.
    """
    records = read_consents(path)
    told = [[one.id, one.why_not(day)] for one in records]
    return digest_of(told) if told else "none"


def add_consent(path: Path, record: ConsentRecord) -> None:
    """Append a record.

    Raises:
        InputError: It is there already, or the file cannot be read or written.
        StorageError: The disk is full or read-only.
    """
    records = read_consents(path)
    if any(one.id == record.id for one in records):
        raise InputError(f"{path}: this very record of '{record.person}' is there already")
    _write(path, [*records, record])


def revoke_consents(path: Path, person: str, dataset: str | None, day: datetime.date) -> tuple[ConsentRecord, ...]:
    """Revoke every record of a person from `day` on, and return those that it changed.

    Args:
        path: Of the records.
        person: As the data set names them.
        dataset: Only records of this data set, and those that are of whichever; None: all.
        day: The first day on which they no longer hold.

    Raises:
        InputError: There is no record of that person, or the file cannot be read or written.
        StorageError: The disk is full or read-only.
    """
    records = read_consents(path)
    meant = [one for one in records if one.person == person and (dataset is None or one.dataset in {None, dataset})]
    if not meant:
        known = ", ".join(sorted({one.person for one in records})) or "nobody"
        where = f" in '{dataset}'" if dataset else ""
        raise InputError(f"{path}: no consent record of '{person}'{where}; there are records of {known:.200}")
    changed = {one.id for one in meant if one.revoked is None or one.revoked > day}
    written = [one.model_copy(update={"revoked": day}) if one.id in changed else one for one in records]
    _write(path, written)
    return tuple(one for one in written if one.id in {two.id for two in meant})


def _write(path: Path, records: Sequence[ConsentRecord]) -> None:
    """Write the records for the user alone: they name people."""
    try:
        with storage_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, "".join(record.model_dump_json() + "\n" for record in records))
            path.chmod(0o600)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written: {error.strerror}; set FAUXBENCH_CONSENTS to a file that can"
        ) from error


def why_withdrawn(used: Mapping[str, JSON], records: Sequence[ConsentRecord], day: datetime.date) -> list[str]:
    """Return why a set that was made with these consents may not be handed on (any more); empty: it may.

    Args:
        used: The set's facts under `USED`: id of a record -> person.
        records: All that there are.
        day: Today.
    """
    known = {record.id: record for record in records}
    reasons = []
    for record_id, person in sorted(used.items(), key=lambda pair: str(pair[1])):
        record = known.get(record_id)
        wrong = "no longer recorded on this machine" if record is None else record.why_not(day)
        if wrong is None and record is not None and "publish" not in record.purposes:
            wrong = "does not say 'publish'"
        if wrong:
            reasons.append(f"the consent of '{person}' that it was made with: {wrong}")
    return reasons


def sets_that_used(store: Path, ids: Iterable[str]) -> list[Path]:
    """Return the folders of the sets in a store that were made with any of these records."""
    wanted = set(ids)
    found = []
    for card in sorted((store / "units").glob("*/*/*/set/card.json")):
        try:
            used = json.loads(card.read_bytes())["facts"].get(USED, {})
        except (OSError, ValueError, LookupError, AttributeError):
            continue
        if wanted & set(used):
            found.append(card.parent)
    return found
