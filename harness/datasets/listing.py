"""Listing a folder of media without opening a file."""

import zlib
from collections.abc import Sequence
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
    """Name of the sub-folder; None in a flat folder."""
    modality: Modality


def list_media(folder: Path) -> list[Path]:
    """Return the media files below a folder, sorted by relative path; hidden files and folders are left out.

    Raises:
        InputError: Not a folder, or no media in it.
    """
    if not folder.is_dir():
        found = "a file" if folder.exists() else "nothing there"
        raise InputError(f"{folder}: expected a folder of pictures, clips or sounds, found {found}")
    files = [
        path
        for path in folder.rglob("*")
        if modality_of(path) is not None and not any(p.startswith(".") for p in path.relative_to(folder).parts)
    ]
    if not files:
        raise InputError(f"{folder}: no pictures, clips or sounds in it")
    return sorted(files, key=lambda path: path.relative_to(folder).as_posix())


def list_folder(folder: Path, identities: Literal["auto", "subfolders", "flat"] = "auto") -> list[Listed]:
    """List a folder: one sub-folder an identity, or one flat folder; `auto` looks which.

    Only files of the most frequent modality are taken, so that a stray file does not turn pictures into clips.

    Raises:
        InputError: Not a folder, no media in it, or `subfolders` was asked for and files lie at the top.
    """
    files = list_media(folder)
    relative = [path.relative_to(folder) for path in files]
    nested = [len(path.parts) > 1 for path in relative]
    if identities == "auto":
        identities = "subfolders" if all(nested) else "flat"
    if identities == "subfolders" and not all(nested):
        stray = relative[nested.index(False)]
        raise InputError(f"{folder}: one sub-folder an identity was asked for, but {stray} lies at the top")
    modalities = [modality_of(path) for path in files]
    main = max(Modality, key=modalities.count)
    return [
        Listed(path.as_posix(), path.parts[0] if identities == "subfolders" else None, main)
        for path, modality in zip(relative, modalities, strict=True)
        if modality is main
    ]


def listing_digest(folder: Path, files: Sequence[str]) -> str:
    """Return a digest over names, sizes and times: if it is the same, the folder need not be read again.

    It keys the reading of a folder only; what was read is known by its content.
    """
    stats = [(name, (folder / name).stat()) for name in files]
    text = digest_of([[name, s.st_size, s.st_mtime_ns, s.st_ino] for name, s in stats])
    return f"{text}-{zlib.crc32(str(folder.resolve()).encode()):08x}"
