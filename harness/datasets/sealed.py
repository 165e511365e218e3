"""Sealed sets as real sets: their Items are taken over, splits, languages, clusters, facts and labels as they are."""

import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ..canonical import JSON
from ..errors import InputError, IntegrityError, MediaError
from ..media.content import ImageMedia
from ..media.images import crop_square, read_image, resize
from ..media.item import Item, Modality
from ..media.mediaset import OWNED, MediaSet, MediaSetWriter
from ..store.memory import Memory
from .folder import Reader
from .listing import Listed
from .splits import split_identities

Progress = Callable[[float, str], None]
NOT_OF_ITEMS = ("targets",)
"""Facts on a set's card that are about how it was asked for, and not about what it holds."""


def modality_taken(media: MediaSet, wanted: Modality | None = None) -> Modality:
    """Return which of a set's media is taken: what is wanted, if there is any, else what its card names.

    Raises:
        InputError: There is nothing in it.
    """
    held = {item.modality for item in media}
    if not held:
        raise InputError(f"{media.folder}: a sealed set without items")
    wishes: list[Modality] = [*filter(None, [wanted]), Modality(media.card.modality), *Modality]
    return next(one for one in wishes if one in held)


def is_split(media: MediaSet) -> bool:
    """Return whether a set has splits of its own."""
    return any(item.split for item in media)


def items_taken(media: MediaSet, modality: Modality, shares: Mapping[str, float], seed: int) -> tuple[Item, ...]:
    """Return the Items of one modality in their order; a set without splits is split by identity.

    Args:
        media: The set.
        modality: Of the Items.
        shares: Of the splits, where the set has none.
        seed: Likewise.

    Raises:
        InputError: Fewer identities than splits.
    """
    items = tuple(item for item in media if item.modality is modality)
    if is_split(media):
        return items
    splits = split_identities(Counter(item.cluster for item in items), shares, seed)
    return tuple(replace(item, split=splits[item.cluster]) for item in items)


def index_sealed(
    folder: Path, writer: MediaSetWriter, key: Mapping[str, JSON], memory: Memory, progress: Progress
) -> MediaSet:
    """Take a sealed set over into `writer` and seal it; files are referenced where they lie.

    Every file is decoded once and compared with what was sealed; what was asked for and is not in the set stays a
    counted failure. With `key["size"]`, pictures of another size become square copies of that side.

    Args:
        folder: Of the set.
        writer: An empty set.
        key: `sealed` (the set's digest), `modality`, `size`, `splits` and `seed` (None where the set has its own) and
            `code`.
        memory: Remembers digests of unchanged files.
        progress: Told of every file.

    Raises:
        InputError: It is not the set that the run was planned with.
        IntegrityError: Its records or a file were changed after sealing.
    """
    media = MediaSet.open(folder)
    if media.digest != key["sealed"]:
        raise InputError(f"{folder}: changed since the run was planned; give the same command again")
    writer.origin, writer.modality = media.card.origin, Modality(key["modality"])
    roots = _roots(media)
    writer.roots = {name: place for root, (name, place) in roots.items()}
    writer.facts = {name: value for name, value in media.card.facts.items() if name not in NOT_OF_ITEMS}
    items = items_taken(media, writer.modality, key["splits"] or {}, int(key["seed"] or 0))
    reader = Reader(folder, memory, str(key["code"]))
    for done, item in enumerate(items, 1):
        _check(reader, item)
        size = key["size"]
        if size and item.modality is Modality.IMAGE and not _has_size(item, int(size)):
            _add_resized(writer, item, int(size))
        else:
            kept = _with_mask(item, writer.folder)
            writer.refer(kept, root=roots[item.root][0], path=item.path, content=item.content)
        progress(done / len(items), f"{done} of {len(items)} files")
    reader.flush()
    for missed in media.missed:
        writer.fail(*missed)
    return writer.seal()


def _roots(media: MediaSet) -> dict[str, tuple[str, str]]:
    """Return what each root of a set is called in a set that refers to its files, and where it lies."""
    own = "set"
    while own in media.card.roots:
        own += "-"
    given = {name: (name, str(Path(place).resolve())) for name, place in media.card.roots.items()}
    return {OWNED: (own, str(media.folder.resolve())), **given}


def _check(reader: Reader, item: Item) -> None:
    """Raise IntegrityError if a file is not what it was when its set was sealed."""
    try:
        content, _ = reader.content(Listed(str(item.location), None, item.modality))
    except MediaError as error:
        raise IntegrityError(f"{error}; it was readable when its set was sealed") from error
    if content != item.content:
        raise IntegrityError(f"{item.location}: changed since its set was sealed; make the set anew")


def _has_size(item: Item, size: int) -> bool:
    return item.facts.get("width") == item.facts.get("height") == size


def _add_resized(writer: MediaSetWriter, item: Item, size: int) -> None:
    """Write the middle square of a picture in another size; points in it move along, and masks do not fit it."""
    pixels = read_image(Path(str(item.location)))
    height, width = pixels.shape[:2]
    side = min(height, width)
    facts = {name: value for name, value in item.facts.items() if name not in {"width", "height", "mask"}}
    if isinstance(points := facts.get("points"), Mapping):
        corner, scale = ((width - side) // 2, (height - side) // 2), size / side
        facts["points"] = {name: _moved(place, corner, scale) for name, place in points.items()}
    facts["resized_from"] = f"{width}x{height}"
    writer.add(
        replace(item, root=OWNED, path="", content="", mask_path="", facts=facts),
        ImageMedia(pixels=resize(crop_square(pixels), size, size)),
    )


def _moved(place: Sequence[float], corner: tuple[int, int], scale: float) -> list[float]:
    """Return where a point (x, y) lies then; the centre of the first pixel is (0, 0), before and after."""
    return [(float(one) + 0.5 - start) * scale - 0.5 for one, start in zip(place, corner, strict=True)]


def _with_mask(item: Item, folder: Path) -> Item:
    """Return an Item whose masks lie in `folder` too: those of a set lie in its own folder always."""
    if not item.mask_path or item.mask_location is None or not item.mask_location.is_file():
        return replace(item, mask_path="")
    target = folder / item.mask_path
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(item.mask_location, target)
    return item
