"""Whether a data set may be read, and for what: its card's terms, and what the user has accepted."""

import datetime
from pathlib import Path

from ..errors import InputError, RefusedError
from ..media.mediaset import Terms
from ..safeguards.terms import Purpose, TermsRecord, terms_file, terms_record
from .fixture import fixture_seal
from .layouts.card import Access, DatasetCard

RENDERED = Terms(people="rendered", permits=("evaluate", "train", "edit", "manipulate", "publish"), grant="rendered")


def terms_of(card: DatasetCard, root: Path, day: datetime.date | None = None) -> Terms:
    """Return the terms under which a copy may be read. Fixtures, whose people never lived, need none.

    Args:
        card: Of the data set.
        root: Of the copy.
        day: Default: today.

    Raises:
        RefusedError: Its terms were not accepted, have expired, or are no longer granted.
    """
    if fixture_seal(root) is not None:
        return RENDERED
    if card.access is None:
        return Terms()
    record = terms_record(terms_file(), card.name)
    wrong = why_refused(card, record, day or datetime.datetime.now(tz=datetime.UTC).date())
    if wrong or record is None:
        raise RefusedError(f"{card.name}: {wrong}")
    permits = dict.fromkeys(("evaluate", *(p for p in record.purposes if p in card.access.permits)))
    return Terms(people="real", permits=tuple(permits), grant=record.grant)


def why_refused(card: DatasetCard, record: TermsRecord | None, day: datetime.date) -> str | None:
    """Return why a data set may not be read with this record on `day`, or None."""
    access = card.access
    if access is None:
        return None
    if record is None:
        return f"its terms are not accepted, so it is not read. {_how(card, access)}"
    wrong = record.why_not(day)
    if wrong:
        return f"{wrong}. {_how(card, access)}"
    return _withdrawn(access, record.agreed)


def _withdrawn(access: Access, agreed: datetime.date | None) -> str | None:
    if access.withdrawn is None or (agreed is not None and agreed < access.withdrawn):
        return None
    return (
        f"withdrawn by its owners ({access.withdrawn}); only an agreement from before counts "
        "(fauxbench terms accept ... --agreed DATE), and a copy from somebody else is none"
    )


def _how(card: DatasetCard, access: Access) -> str:
    more = " --agreed DATE" if access.withdrawn else ""
    return (
        f"{access.grantor} grants access: {access.how} ({access.address}). "
        f'Once you have it: fauxbench terms accept {card.name} --grant "WHO, BY WHAT, WHEN" '
        f"--purpose {','.join(access.permits)}{more}"
    )


def new_record(
    card: DatasetCard,
    grant: str,
    purposes: tuple[Purpose, ...],
    *,
    agreed: datetime.date | None = None,
    expires: datetime.date | None = None,
    day: datetime.date,
) -> TermsRecord:
    """Return a record for `fauxbench terms accept`, checked against the card.

    Raises:
        InputError: No grant is named, or a purpose is beyond what the data set permits, or it has no terms of its own.
        RefusedError: Access is no longer granted, and the agreement is not from before.
    """
    access = card.access
    if access is None:
        raise InputError(f"'{card.name}' has no terms of its own; a suite says them by data.terms")
    if not grant.strip():
        raise InputError("--grant: say who granted access, by what, and when")
    beyond = [purpose for purpose in purposes if purpose not in access.permits]
    if beyond or not purposes:
        raise InputError(
            f"--purpose {', '.join(beyond) or 'nothing'}: '{card.name}' permits {', '.join(access.permits)} "
            f"({access.grantor})"
        )
    if agreed is not None and agreed > day:
        raise InputError(f"--agreed {agreed}: lies in the future (this machine's clock says {day})")
    if expires is not None and expires < day:
        raise InputError(f"--expires {expires}: is over already (this machine's clock says {day})")
    record = TermsRecord(
        dataset=card.name, grant=grant.strip(), purposes=purposes, accepted=day, agreed=agreed, expires=expires
    )
    wrong = why_refused(card, record, day)
    if wrong:
        raise RefusedError(f"{card.name}: {wrong}")
    return record
