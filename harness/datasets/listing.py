"""Listing a folder of media without opening a file."""

import os
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from ..canonical import digest_of
from ..errors import InputError
from ..media.item import Modality
from ..media.read import modality_of


class Listed(NamedTuple):
    """A file that a data set consists of."""

    path: str
    """Relative to the folder, with forward slashes."""
    identity: str | None
    """Name of the sub-folder; None at the top, where a file is its own."""
    modality: Modality


def list_media(folder: Path) -> list[Path]:
    """Return the media files below a folder, sorted by relative path; hidden files and folders are left out.

    Links are followed. A link to nothing is listed, so that it is counted as a file that cannot be read.

    Raises:
        InputError: Not a folder, no media in it, a part of it cannot be listed, or a name is not UTF-8.
    """
    files = list(_media(folder))
    for path in files:
        try:
            str(path).encode()
        except UnicodeEncodeError as error:
            raise InputError(f"{str(path)!a}: the name is not UTF-8; rename the file") from error
    return sorted(files, key=lambda path: path.relative_to(folder).as_posix())


def check_folder(folder: Path) -> None:
    """Make sure that a folder holds media; only as much of it is listed as that takes.

    Raises:
        InputError: Not a folder, no media in it, or a part of it cannot be listed.
    """
    next(_media(folder))


def _media(folder: Path) -> Iterator[Path]:
    """Yield the media files below a folder, at least one.

    Raises:
        InputError: Not a folder, no media in it, or a part of it cannot be listed.
    """
    if not folder.is_dir():
        found = "a file" if folder.exists() else "nothing there"
        raise InputError(f"{folder}: expected a folder of pictures, clips or sounds, found {found}")
    empty = True
    for path in _walk(folder):
        if modality_of(path) is not None:
            empty = False
            yield path
    if empty:
        raise InputError(f"{folder}: no pictures, clips or sounds in it")


def _walk(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder, links followed; only a link back to a folder that holds it is not."""

    def fail(error: OSError) -> None:
        raise InputError(f"{error.filename}: cannot be listed: {error.strerror}") from error

    above: dict[str, frozenset[str]] = {}
    for place, folders, names in os.walk(folder, onerror=fail, followlinks=True):
        here, holding = os.path.realpath(place), above.get(os.path.dirname(place), frozenset())  # noqa: PTH120
        if here in holding:
            folders.clear()
            continue
        above[place] = holding | {here}
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(place, name) for name in names if not name.startswith("."))


def list_folder(folder: Path, identities: Literal["auto", "subfolders", "flat"] = "auto") -> list[Listed]:
    """List a folder: one sub-folder an identity, or one flat folder; `auto` looks whether there are sub-folders.

    With `auto`, a file at the top beside sub-folders is an identity of its own, and takes nothing from the sub-folders.
    Only files of the most frequent modality are taken, so that a stray file does not turn pictures into clips.

    Raises:
        InputError: Not a folder, no media in it, or `subfolders` was asked for and files lie at the top.
    """
    files = list_media(folder)
    relative = [path.relative_to(folder) for path in files]
    nested = [len(path.parts) > 1 for path in relative]
    if identities == "auto":
        identities = "subfolders" if any(nested) else "flat"
    elif identities == "subfolders" and not all(nested):
        stray = relative[nested.index(False)]
        raise InputError(f"{folder}: one sub-folder an identity was asked for, but {stray} lies at the top")
    modalities = [modality_of(path) for path in files]
    main = max(Modality, key=modalities.count)
    return [
        Listed(path.as_posix(), path.parts[0] if inside and identities == "subfolders" else None, main)
        for path, inside, modality in zip(relative, nested, modalities, strict=True)
        if modality is main
    ]


def listing_digest(folder: Path, files: Sequence[str]) -> str:
    """Return a digest over names, sizes and times: if it is the same, the folder need not be read again.

    It keys the reading of a folder only; what was read is known by its content.
    """
    stats = [(name, _stat(folder / name)) for name in files]
    text = digest_of([[name, s.st_size, s.st_mtime_ns, s.st_ino] for name, s in stats])
    return f"{text}-{zlib.crc32(str(folder.resolve()).encode()):08x}"


def _stat(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except OSError:  # a link to nothing: what is there is the link
        return path.lstat()
