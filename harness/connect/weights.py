"""Weights handed in: what may be loaded, found out without loading it."""

import json
from pathlib import Path

from ..canonical import digest_of, digest_of_file
from ..errors import InputError

SUFFIXES = frozenset({".safetensors", ".json"})
PICKLES = frozenset({".pt", ".pth", ".bin", ".pkl", ".pickle", ".ckpt", ".th", ".t7", ".joblib", ".npy", ".npz"})
LONGEST_HEADER = 100_000_000
"""Bytes; the format's own limit."""
_CONVERT = (
    "a pickle runs any code that is in it when it is loaded, so it is refused; convert it where you trust it: "
    "safetensors.torch.save_file(torch.load(FILE, weights_only=True), 'weights.safetensors')"
)


def digest_of_weights(folder: Path) -> str:
    """Check a folder of weights and return the digest of its names and bytes.

    Raises:
        InputError: A file that is a pickle, neither safetensors nor JSON, or damaged.
    """
    files = sorted(f for f in folder.rglob("*") if f.is_file())
    for file in files:
        check_file(file)
    return digest_of([[f.relative_to(folder).as_posix(), digest_of_file(f)] for f in files])


def check_handed_in(path: Path) -> str:
    """Check weights that a user hands in, a folder as `save` writes it, and return their digest.

    Raises:
        InputError: No such folder, nothing in it, or a file that is no weights; nothing was loaded.
    """
    if path.is_file():
        check_file(path)
        raise InputError(
            f"{path}: expected the folder that save() wrote (its config lies beside the weights); give that"
        )
    if not path.is_dir():
        raise InputError(f"{path}: expected a folder of weights, found nothing there")
    if not any(file.suffix == ".safetensors" for file in path.rglob("*") if file.is_file()):
        _refuse_pickles(path)
        raise InputError(f"{path}: no .safetensors in it")
    return digest_of_weights(path)


def _refuse_pickles(folder: Path) -> None:
    for file in sorted(f for f in folder.rglob("*") if f.is_file()):
        if file.suffix.lower() in PICKLES:
            check_file(file)


def check_file(path: Path) -> None:
    """Check one file of weights.

    Raises:
        InputError: What it is and what to do.
    """
    if path.suffix.lower() in PICKLES:
        raise InputError(f"{path}: weights are kept as .safetensors and .json only; {_CONVERT}")
    if path.suffix not in SUFFIXES:
        raise InputError(f"{path}: weights are kept as .safetensors and .json only; remove it or convert it")
    wrong = _wrong_safetensors(path) if path.suffix == ".safetensors" else _wrong_json(path)
    if wrong:
        raise InputError(f"{path}: {wrong}")


def _wrong_json(path: Path) -> str | None:
    try:
        json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        return f"not JSON: {error}"
    return None


def _wrong_safetensors(path: Path) -> str | None:
    """Say what is wrong with the header of a safetensors file, or None.

    The file is a length (8 bytes, little-endian), that many bytes of JSON, and the tensors, whose offsets must fill the
    rest without gaps.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        length = int.from_bytes(start, "little")
        if len(start) < 8 or length > min(size - 8, LONGEST_HEADER):
            if start[:1] == b"\x80" or start[:4] == b"PK\x03\x04":  # a header that fits may begin so as well
                return f"named .safetensors, but a pickle; {_CONVERT}"
            page = " (it begins like an HTML page: load it down again)" if start.lstrip()[:1] == b"<" else ""
            return f"not safetensors: {size} bytes, whose header would have {length}; it is damaged or cut off{page}"
        head = file.read(length)
    try:
        header = json.loads(head)
        spans = sorted(tuple(map(int, one["data_offsets"])) for name, one in header.items() if name != "__metadata__")
        return _wrong_spans(spans, size - 8 - length)
    except (ValueError, RecursionError, TypeError, LookupError, AttributeError) as error:
        return f"not safetensors: its header cannot be read ({type(error).__name__}: {error}); it is damaged"


def _wrong_spans(spans: list[tuple[int, ...]], size: int) -> str | None:
    place = 0
    for low, high in spans:
        if low != place or high < low:
            return f"not safetensors: tensors overlap or leave a gap at byte {place}; it is damaged"
        place = high
    if place != size:
        return f"{place} bytes of tensors are announced, {size} are there; it is damaged or cut off"
    return None
