"""Whether a data set may be read, and for what: its card's terms, and what the user has accepted."""

import datetime
import fnmatch
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from ..errors import InputError, RefusedError
from ..media.mediaset import Terms
from ..safeguards.terms import Purpose, TermsRecord, terms_file, terms_record
from .fixture import SEAL, fixture_seal
from .layouts.card import Access, DatasetCard, dataset_cards

DEEP = 12
"""Folders above a file in which the root of a data set is looked for."""
WIDE = 256
"""Entries of a folder among which it is looked for below."""
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


def check_path(path: Path) -> None:
    """Make sure that a file or folder may be read by somebody who does not say which data set it belongs to.

    A copy of a published data set is known by the names in its root, wherever the path lies in it.

    Raises:
        RefusedError: It is one, and its terms were not accepted.
    """
    place = path.resolve()
    above = (place, *place.parents) if place.is_dir() else tuple(place.parents)
    below = sorted(one for one in islice(place.iterdir(), WIDE) if one.is_dir()) if place.is_dir() else ()
    for home in (*below, *above[:DEEP]):
        refused = [_refusal(card, (home, *home.parents)) for card in recognised(home)]
        if refused and all(refused):
            raise next(filter(None, refused))


def recognised(folder: Path) -> tuple[DatasetCard, ...]:
    """Return the data sets whose root a folder seems to be, by the names in it; versions of one look alike."""
    try:
        names = {one.name.lower() for one in folder.iterdir()}
    except OSError:
        return ()
    return tuple(card for card in dataset_cards().values() if any(fnmatch.filter(names, mark) for mark in card.marks))


def _refusal(card: DatasetCard, homes: Sequence[Path]) -> RefusedError | None:
    sealed = next((home for home in homes[:DEEP] if (home / SEAL).is_file()), homes[0])
    try:
        terms_of(card, sealed)
    except RefusedError as error:
        return error
    return None


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
