"""Networks with fixed weights, and fixed transforms, that turn media into numbers. Cards are read without importing."""

import tomllib
from functools import cache
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from ..canonical import JSON, digest_of, digest_of_file
from ..cards import InstrumentCard, did_you_mean
from ..errors import InputError, IntegrityError, WeightsMissingError
from ..sources import reached

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .base import Instrument

_HERE = Path(__file__).parent
_SHIPPED = _HERE / "weights"
"""Weights small enough to come with the package."""
_SHARED = ("pixels",)
"""Modules that every instrument's numbers pass through, besides those that its own module imports."""
FACES = "faces"
"""Option of instruments that look at one place: the face is in the `middle`, or is `found` and cut out first."""
_LOOK = ("studio-face", "clip-face", "studio-mouth", "mouth-pixels", "studio-sync", "syncnet-v2")
_SAMPLED = {"clip-face": 5.0}
"""Faces a second that an instrument reads, where that is fewer than it takes frames."""
OPTIONS: "Mapping[str, Mapping[str, tuple[str, ...]]]" = {
    "inception-2015": {"resize": ("clean", "pytorch-fid", "tf1"), "precision": ("fp32", "bf16")},
    **{name: {FACES: ("middle", "found")} for name in _LOOK},
}
"""Instrument -> option of its protocol -> legal values, the default first."""


@cache
def instrument_cards() -> "Mapping[str, InstrumentCard]":
    """Return the card of every instrument, by name, in the order of `cards.toml`."""
    tables = tomllib.loads((_HERE / "cards.toml").read_text(encoding="utf-8"))
    for table in tables.values():
        if "weights_of" in table:
            table["weights"] = tables[table["weights_of"]]["weights"]
    cards = {name: InstrumentCard.model_validate({"name": name, **table}) for name, table in tables.items()}
    return MappingProxyType(cards)


def instrument_card(name: str) -> InstrumentCard:
    """Return the card of an instrument.

    Raises:
        InputError: There is no such instrument.
    """
    cards = instrument_cards()
    if name not in cards:
        raise InputError(f"no instrument '{name}'{did_you_mean(name, cards)}; there are: {', '.join(cards)}")
    return cards[name]


def load_instrument(name: str, weights_folder: Path, device: str = "cpu", **options: str) -> "Instrument":
    """Import an instrument and return it, its weights checked.

    Args:
        name: Of the card.
        weights_folder: Where files of weights lie.
        device: Of torch: `cpu`, `cuda`, `cuda:1`, `mps`.
        options: Protocol, for instruments that know several: see `OPTIONS`.

    Raises:
        InputError: There is no such instrument or protocol.
        WeightsMissingError: The weights are not there.
        IntegrityError: The file is not the one that the card names.
    """
    card = instrument_card(name)
    check_options(name, options)
    path = weights_path(card, weights_folder)
    if path is not None:
        check_weights(card, path)
    module, _, attribute = card.entry.partition(":")
    kind = getattr(import_module(f"{__name__}.{module}"), attribute)
    known = {option: value for option, value in options.items() if option != FACES}  # done before it sees anything
    return cast("Instrument", kind(card, path, device, **known))


def face_rate(card: InstrumentCard) -> float | None:
    """Return how many faces a second an instrument of clips reads where they are found for it; None of pictures."""
    return _SAMPLED.get(card.name, card.fps)


def weights_path(card: InstrumentCard, folder: Path) -> Path | None:
    """Return where the weights of an instrument are expected, or None if it needs none.

    Weights that come with the package are used where they lie; all others are looked for in `folder`.
    """
    if card.weights is None:
        return None
    shipped = _SHIPPED / card.weights.file
    return shipped if shipped.is_file() else folder / card.weights.file


def check_weights(card: InstrumentCard, path: Path) -> None:
    """Make sure that a file is, byte for byte, the one that the card names; nothing of it is loaded.

    Raises:
        WeightsMissingError: There is no such file.
        IntegrityError: It is another file; the message says what was found.
    """
    weights = card.weights
    if weights is None:
        return
    if not path.is_file():
        raise WeightsMissingError(
            f"{card.name}: weights missing: {weights.file}, expected at {path}; get it from {weights.url} "
            f"({weights.size:,} bytes, licence {weights.licence}), or see fauxbench doctor"
        )
    size = path.stat().st_size
    advice = f"delete it and get it again from {weights.url} ({weights.size:,} bytes), or see fauxbench doctor"
    if size != weights.size:
        with path.open("rb") as file:
            head = file.read(512)
        raise IntegrityError(f"{path}: not the weights of {card.name}: {_look(head, size, weights.size)}; {advice}")
    digest = digest_of_file(path)
    if digest != weights.sha256:
        raise IntegrityError(
            f"{path}: not the weights of {card.name}: right size, but sha256 is "
            f"{digest}, expected {weights.sha256}; {advice}"
        )


def check_options(name: str, options: "Mapping[str, str]") -> None:
    """Make sure that an instrument knows a protocol.

    Raises:
        InputError: An option that it does not have, or a value that is not legal; the message says what is.
    """
    known = OPTIONS.get(name, {})
    for option, value in options.items():
        if option not in known:
            hint = did_you_mean(option, known)
            raise InputError(f"{name}: no protocol option '{option}'{hint}; it has: {', '.join(known) or 'none'}")
        if value not in known[option]:
            raise InputError(f"{name}: found {option} '{value}', legal: {', '.join(known[option])}")


def instrument_fingerprint(card: InstrumentCard, **options: str) -> str:
    """Return the identity of an instrument: whatever could change its numbers, and nothing of where it lies.

    Args:
        card: Of the instrument.
        options: As given to `load_instrument`; the default, spelt out or not, is the same identity.
    """
    module = card.entry.partition(":")[0]
    sources = reached(_HERE / f"{name}.py" for name in (module, *_SHARED))
    chosen = {option: legal[0] for option, legal in OPTIONS.get(card.name, {}).items()} | options
    how: dict[str, JSON] = {"sound": card.sound, "fps": card.fps} if card.modality == "video" else {}
    if chosen.pop(FACES, None) == "found":
        from ..preprocess.portraits import portrait_identity  # which reads pictures: lists of cards do without

        how[FACES] = portrait_identity(face_rate(card))
    return digest_of(
        {
            **how,
            "name": card.name,
            "version": card.version,
            "outputs": list(card.outputs),
            "weights": card.weights.sha256 if card.weights is not None else None,
            "options": chosen,
            "code": {file.name: digest_of_file(file) for file in sources},
        }
    )


def _look(head: bytes, size: int, expected: int) -> str:
    """Say what a file of the wrong size seems to be."""
    start = head.lstrip().lower()
    if size == 0:
        return "found an empty file"
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        return f"found an HTML page of {size:,} bytes, as a failed download leaves it"
    if start.startswith(b"version https://git-lfs"):
        return f"found a Git LFS pointer of {size:,} bytes"
    kind = "a truncated file" if size < expected else "a larger file"
    return f"found {kind} of {size:,} bytes, expected {expected:,}"
