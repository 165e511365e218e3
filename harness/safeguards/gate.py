"""The gate: what terms and consent must say before a system may learn from people or alter them."""

import datetime
import os
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from ..canonical import digest_of
from ..cards import Document, GeneratorCard
from ..contracts import Request
from ..errors import Failure, InputError
from ..media.item import Item
from ..media.mediaset import Terms


class ConsentRecord(Document):
    """A person's recorded consent to be manipulated."""

    person: str
    """The identity, as the data set names it."""
    techniques: tuple[str, ...]
    """Techniques allowed (`swap`, `lip-sync`, ...), or `any`."""
    purposes: tuple[str, ...]
    granted: datetime.date
    expires: datetime.date
    revoked: datetime.date | None = None
    form: str
    """sha256 of the signed form."""
    leave_machine: bool = False

    def covers(self, technique: str, day: datetime.date) -> bool:
        """Whether the record allows `technique` on `day`."""
        return self.in_force(day) and bool({"any", technique} & set(self.techniques))

    def in_force(self, day: datetime.date) -> bool:
        """Whether the record is granted, and neither expired nor revoked, on `day`."""
        return self.granted <= day <= self.expires and (self.revoked is None or day < self.revoked)


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


def why_not_fit(card: GeneratorCard, terms: Terms) -> str | None:
    """Return why a system may not be trained on a set, or None."""
    if card.fits and not terms.allow("train"):
        return f"training '{card.name}' on pictures of real people: {_how('train')}"
    return None


def why_not_edit(card: GeneratorCard, terms: Terms) -> str | None:
    """Return why a system may not edit light, resolution or background of a set's pictures, or None."""
    if _surroundings(card) and card.uses and not terms.allow("edit"):
        return f"'{card.name}' edits pictures of real people: {_how('edit')}"
    return None


def why_not_leave(card: GeneratorCard, terms: Terms) -> str | None:
    """Return why a set's pictures may not be handed to a system outside fauxbench, or None.

    It is asked of systems that learn from the set or edit it; what else they are given is looked at request by request.
    """
    if (card.fits or (_surroundings(card) and card.uses)) and not terms.allow("leave_machine"):
        return f"'{card.name}' is a command or a service and is given pictures of real people: {_how('leave_machine')}"
    return None


def _how(purpose: str) -> str:
    return (
        f"the set's recorded terms must permit '{purpose}', with a grant that says who allowed it "
        f"(in a suite: data.terms; on the command line: --permits {purpose} --grant ...); "
        "if the pictures show no real people, say people 'none' or 'rendered'"
    )


def why_not_request(
    request: Request,
    card: GeneratorCard,
    terms: Terms,
    consents: Sequence[ConsentRecord],
    day: datetime.date,
    *,
    leaves: bool = False,
) -> Failure | None:
    """Return a Failure if the request uses a real person without what that needs, or None.

    An edit of light, resolution or background needs the set's terms; anything else that has a real person as target,
    reference, driver or voice needs that person's consent record. With `leaves`, the system is a command or a service:
    the terms, or each record, must say that what it is given may leave this machine.
    """
    people = [i for i in (request.target, *request.references, request.driver, request.audio) if i is not None]
    if terms.people != "real" or not people:
        return None
    if _surroundings(card):
        reason = why_not_edit(card, terms) or (why_not_leave(card, terms) if leaves else None)
        return Failure(request_id=request.id, kind="refused", message=reason) if reason else None
    for item in people:
        person = _person(item)
        covering = [c for c in consents if c.person == person and c.covers(card.technique, day)]
        if not covering or (leaves and not any(c.leave_machine for c in covering)):
            more = " that says leave_machine, which commands and services need" if covering else ""
            message = (
                f"no consent record in force of '{person}' for technique '{card.technique}'{more}; add one to "
                f"{consents_file()}, or use rendered people (dataset: studio)"
            )
            return Failure(request_id=request.id, kind="refused", message=message)
    return None


def _surroundings(card: GeneratorCard) -> bool:
    """Whether a system changes light, resolution or background alone; a small edit of a face still needs consent."""
    return card.kind == "augmented_real" and card.small_edit is None


def _person(item: Item) -> str:
    return item.clusters.get("identity") or item.clusters.get("speaker") or item.id
