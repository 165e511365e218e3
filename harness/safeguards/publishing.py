"""Whether a set may be handed on: its terms, the consents that it was made with, its marks, its detectability."""

import datetime
import json
from pathlib import Path

from ..canonical import digest_of_file
from ..errors import FauxbenchError
from ..media.item import Item, Kind
from ..media.mediaset import MediaSet
from .border import PROVENANCE, source_type
from .consent import USED, consents_file, read_consents, why_withdrawn
from .credentials import read_credentials
from .detectability import detectability_of


def why_not_hand_on(media: MediaSet, day: datetime.date | None = None) -> list[str]:
    """Return why a set may not leave, or nothing: asked before `export` marks it.

    Pictures of real people, altered or not, need terms that permit `publish`, and those who were altered must have
    consented to it and not have revoked that since.

    Raises:
        InputError: The consent records cannot be read.
    """
    today = day or datetime.datetime.now(tz=datetime.UTC).date()
    reasons = []
    shown = any(item.kind is not Kind.FULLY_SYNTHETIC for item in media)
    if shown and not media.card.terms.allow("publish"):
        reasons.append(
            "pictures of real people; the set's terms do not permit 'publish': make it with terms that do, "
            "--permits ...,publish --grant WHO"
        )
    used = media.card.facts.get(USED)
    if used:
        reasons += why_withdrawn(used, read_consents(consents_file()), today)
    return reasons


def publishable(folder: Path, day: datetime.date | None = None) -> list[str]:
    """Return why the set in a folder that `generate` wrote may not be published, or nothing.

    Raises:
        InputError: The consent records cannot be read.
        IntegrityError: The folder holds no sealed set.
    """
    media = MediaSet.open(folder)
    reasons = why_not_hand_on(media, day)
    unmarked = [item for item in media if source_type(item) is not None and not _marked(item, folder)]
    if unmarked:
        count = f"{len(unmarked)} synthetic files are" if len(unmarked) > 1 else "one synthetic file is"
        reasons.append(
            f"{count} not marked, or not as they left, the first: {unmarked[0].path}; bring the set out of the store "
            "again"
        )
    try:
        if detectability_of(media.card) is None:
            reasons.append("it was never scored by detectors: its card says nothing of its detectability")
    except FauxbenchError as error:
        reasons.append(str(error))
    return reasons


def _marked(item: Item, folder: Path) -> bool:
    """Whether a file has its row, is what the row speaks of, and holds a signature that holds."""
    row = _rows(folder).get(item.path)
    if row is None or item.location is None or not item.location.is_file():
        return False
    if row.get("marks") is None or row.get("sha256") != digest_of_file(item.location):
        return False
    return read_credentials(item.location, ()).state in {"trusted", "valid"}


def _rows(folder: Path) -> dict[str, dict[str, object]]:
    path = folder / PROVENANCE
    if not path.is_file():
        return {}
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return {str(row["file"]): row for row in rows}
    except (ValueError, LookupError, TypeError):
        return {}
