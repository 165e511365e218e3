"""Whose terms hold: a sealed set's own always, and given ones only for what has none."""

import os
from collections.abc import Iterator
from pathlib import Path

from ..datasets.folder import recorded_terms
from ..datasets.inputs import is_set
from ..datasets.listing import list_media
from ..errors import InputError
from ..media.mediaset import MediaSet, Terms


def terms_of_folder(folder: Path, given: Terms | None) -> Terms:
    """Return the terms that hold for a folder of real media: its own, given ones, or else those that permit least.

    Raises:
        InputError: Terms are given, and other ones bind: the folder is a sealed set, or holds files of one.
        IntegrityError: The records of such a set were changed.
    """
    if given is None:
        return recorded_terms(folder) or Terms()
    for own in _sets_of(folder):
        if own.card.terms != given:
            raise already_bound(folder, own)
    return given


def terms_of_outputs(folder: Path, real: Terms) -> Terms:
    """Return the terms that hold for outputs made elsewhere: those of the real set, and those of sets that they are of.

    Nothing is permitted that any of these does not permit.
    """
    own = [media.card.terms for media in _sets_of(folder)]
    people = [terms for terms in (real, *own) if terms.people == "real"]
    if not own or not people:
        return real
    permits = tuple(purpose for purpose in people[0].permits if all(terms.allow(purpose) for terms in people))
    grants = dict.fromkeys(terms.grant for terms in people if terms.grant)
    return Terms(people="real", permits=permits, grant="; ".join(grants))


def already_bound(place: Path | str, own: MediaSet) -> InputError:
    """Return the error that says that terms were given for what has its own."""
    terms = own.card.terms
    where = f"{place}: " if Path(place).resolve() == own.folder.resolve() else f"{place}: has files of {own.folder}, "
    return InputError(
        f"{where}a sealed set with terms of its own (people {terms.people}, permits {', '.join(terms.permits)}), and "
        "these bind: leave out the terms that you give (--people or --who, --permits, --grant; in a suite data.terms)"
    )


def _sets_of(folder: Path) -> Iterator[MediaSet]:
    """Yield the sealed sets that a folder is, lies in or holds, where files of theirs are in it, links followed."""
    place = folder.resolve()
    if is_set(place):
        yield MediaSet.open(place)
    listed = list_media(place)
    folders = {parent: parent.resolve() for parent in {path.parent for path in listed}}
    files = {_followed(path) if path.is_symlink() else folders[path.parent] / path.name for path in listed}
    around = {above for parent in {file.parent for file in files} for above in (parent, *parent.parents)}
    for other in sorted(around - {place}):
        if is_set(other):
            media = MediaSet.open(other)
            if any(item.location and item.location.resolve() in files for item in media):
                yield media


def _followed(link: Path) -> Path:
    """Return where a link leads; one that leads to itself leads nowhere, and is no error here."""
    return Path(os.path.realpath(link))
