"""What can stand for a folder of pictures: a zip file, or a sealed MediaSet."""

import re
import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from ..canonical import digest_of, digest_of_file
from ..errors import InputError, RefusedError
from ..media.item import Item, Split
from ..media.mediaset import MediaSet
from ..media.read import modality_of
from ..store.store import new_folder
from .listing import check_folder

STATISTICS = ".npz"
"""How names of files of statistics end."""
LARGEST = 1 << 38
"""Bytes that a zip file may unpack to: a quarter of a terabyte."""


def folder_of(path: Path, scratch: Path) -> Path:
    """Return a folder of pictures for what a user gave.

    A folder is returned as it is. A zip file is unpacked below `scratch`, once for its content. Of a MediaSet, links
    to the pictures are laid out below `scratch`: its test split, or all of it where it has none; one
    sub-folder an identity; what was made from another Item has that Item's name, so that pairs find each other.

    Raises:
        InputError: Nothing there, not a zip file, or a member that would leave the folder.
        RefusedError: The terms of a MediaSet do not permit evaluation.
        IntegrityError: The records of a MediaSet were changed.
    """
    if zipfile.is_zipfile(path):
        return _unpacked(path, scratch)
    if is_set(path):
        return _linked(MediaSet.open(path), scratch)
    _no_other_file(path)
    return path


def check_sides(real: Path, synthetic: Path) -> None:
    """Make sure, without opening any media, that both sides can be measured; what is sealed or packed is checked later.

    Raises:
        InputError: A side is not there, holds nothing or is another file, or both are one and the same.
    """
    for side in (real, synthetic):
        if side.suffix.lower() == STATISTICS and side.is_file():
            continue
        if not zipfile.is_zipfile(side) and not is_set(side):
            _no_other_file(side)
            check_folder(side)
    if real.resolve() == synthetic.resolve():
        raise InputError(f"{real}: given on both sides; name the real ones first, then the synthetic ones")


def _no_other_file(path: Path) -> None:
    if path.is_file():
        raise InputError(f"{path}: expected a folder, a zip file, a MediaSet or statistics (.npz), found another file")


def part_read(path: Path) -> str | None:
    """Return which part of a MediaSet `folder_of` gives, in words; None where it gives everything."""
    if not is_set(path):
        return None
    media = MediaSet.open(path)
    count = len(media.select(Split.TEST))
    return f"{path}: its test split, {count} of {len(media)} items" if 0 < count < len(media) else None


def is_set(path: Path) -> bool:
    """Return whether a folder is a MediaSet."""
    return (path / "card.json").is_file() and (path / "items.jsonl").is_file()


def _unpacked(path: Path, scratch: Path) -> Path:
    place = scratch / f"zip-{digest_of_file(path)[:32]}"
    if place.is_dir():
        return place
    try:
        with zipfile.ZipFile(path) as archive:
            members = _members(path, archive)
            top = _common(list(members))
            with new_folder(place) as part:
                for name, member in members.items():
                    target = part.joinpath(*PurePosixPath(name).parts[top:])
                    target.parent.mkdir(parents=True, exist_ok=True)
                    with archive.open(member) as source, target.open("wb") as copy:
                        shutil.copyfileobj(source, copy)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        raise InputError(f"{path}: cannot be unpacked: {error}") from error
    return place


def _members(path: Path, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Return the media in an archive by name; what systems leave in archives (`__MACOSX`, hidden files) is not media.

    Raises:
        InputError: A name that leads out of the folder, no media, or more than `LARGEST` bytes.
    """
    found = {}
    for member in archive.infolist():
        name = PurePosixPath(member.filename.replace("\\", "/"))
        if name.is_absolute() or ".." in name.parts or re.match(r"[A-Za-z]:", str(name)):
            raise InputError(f"{path}: the member '{member.filename}' would leave the folder; it is not unpacked")
        hidden = any(part.startswith((".", "__MACOSX")) for part in name.parts)
        if not member.is_dir() and not hidden and modality_of(Path(name)) is not None:
            found[str(name)] = member
    if not found:
        raise InputError(f"{path}: no pictures, clips or sounds in it")
    if sum(member.file_size for member in found.values()) > LARGEST:
        raise InputError(f"{path}: would unpack to more than {LARGEST:,} bytes; unpack it yourself")
    return found


def _common(names: Sequence[str]) -> int:
    """Return how many folders all names have in common: a zip of a folder is that folder."""
    folders = [PurePosixPath(name).parent.parts for name in names]
    count = 0
    while all(len(parts) > count and parts[count] == folders[0][count] for parts in folders):
        count += 1
    return count


def _linked(media: MediaSet, scratch: Path) -> Path:
    if not media.card.terms.allow("evaluate"):
        raise RefusedError(f"{media.folder}: its terms do not permit 'evaluate'")
    items = media.select(Split.TEST) or media.items
    if not items:
        raise InputError(f"{media.folder}: a MediaSet without items")
    roots = sorted({str(item.location) for item in items})
    place = scratch / f"set-{digest_of([media.digest, roots])[:32]}"
    if place.is_dir():
        return place
    own_cluster = all(item.cluster == item.id for item in items)
    taken: set[str] = set()
    with new_folder(place) as part:
        for item in items:
            name = _name(item, taken, flat=own_cluster)
            (part / name).parent.mkdir(parents=True, exist_ok=True)
            (part / name).symlink_to(Path(str(item.location)).resolve())
    return place


def _name(item: Item, taken: set[str], *, flat: bool) -> str:
    """Return a free relative path: of the Item that it was made from, if no other has it, or its own."""
    suffix = Path(str(item.location)).suffix
    for wanted in (*item.sources[:1], item.id, f"{item.id} {item.digest[:8]}"):
        stem = _safe(wanted[: -len(suffix)] if wanted.endswith(suffix) else wanted)
        name = stem if flat else f"{_safe(item.cluster)}/{stem}"
        if name not in taken:
            break
    taken.add(name)
    return name + suffix


def _safe(text: str) -> str:
    """Return text as one part of a path."""
    return re.sub(r"^\.+", "_", text.replace("/", "~").replace("\\", "~").replace("\0", "~")) or "_"
