"""Whose terms hold: a sealed set's own always, and given ones only for what has none."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..datasets.inputs import is_set
from ..datasets.listing import list_media
from ..errors import InputError
from ..media.mediaset import MediaSet, Terms


def terms_of_folder(folder: Path, given: Terms | None) -> Terms:
    """Return the terms that hold for real media: those of a sealed set, given ones, or else those that permit least.

    Raises:
        InputError: Other terms bind: those of a sealed set that is given, or of one whose files are.
        IntegrityError: The records of such a set were changed.
    """
    media = MediaSet.open(folder.resolve()) if is_set(folder) else None
    listed = list_media(folder.resolve()) if media is None else [item.location for item in media if item.location]
    found = given if given is not None else media.card.terms if media is not None else Terms()
    for own in _sets_of(folder, listed):
        if own.card.terms != found:
            raise not_itself(folder, own) if given is None else already_bound(folder, own)
    return found


def terms_of_outputs(folder: Path, real: Terms) -> Terms:
    """Return the terms that hold for outputs made elsewhere: those of the real set, and those of sets that they are of.

    Nothing is permitted that any of these does not permit.
    """
    own = [media.card.terms for media in _sets_of(folder, list_media(folder.resolve()))]
    people = [terms for terms in (real, *own) if terms.people == "real"]
    if not own or not people:
        return real
    permits = tuple(purpose for purpose in people[0].permits if all(terms.allow(purpose) for terms in people))
    grants = dict.fromkeys(terms.grant for terms in people if terms.grant)
    return Terms(people="real", permits=permits, grant="; ".join(grants))


def already_bound(place: Path | str, own: MediaSet) -> InputError:
    """Return the error that says that terms were given for what has its own."""
    other = Path(place).resolve() != own.folder.resolve()
    where = f"{place}: has files of {own.folder}, " if other else f"{place}: "
    return InputError(
        f"{where}a sealed set with terms of its own ({_said(own.card.terms)}), and these bind: leave out the terms "
        "that you give (--people or --who, --permits, --grant; in a suite data.terms)"
        + (f", and give {own.folder} itself" if other else "")
    )


def not_itself(place: Path | str, own: MediaSet) -> InputError:
    """Return the error that says that files of a sealed set were given, and not the set."""
    return InputError(
        f"{place}: has files of {own.folder}, a sealed set with terms of its own ({_said(own.card.terms)}), and these "
        f"bind: give {own.folder} itself, whose splits, languages and facts are kept too"
    )


def _said(terms: Terms) -> str:
    return f"people {terms.people}, permits {', '.join(terms.permits)}"


def _sets_of(folder: Path, listed: Sequence[Path]) -> Iterator[MediaSet]:
    """Yield the sealed sets that a folder is, or that the files read from it are of, links followed."""
    place = folder.resolve()
    if is_set(place):
        yield MediaSet.open(place)
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
