"""Canonical JSON and digests: one spelling for one value, on every machine."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

JSON = Any
"""What JSON can say: None, bool, int, float, str, and lists and string-keyed mappings of these."""


def canonical(value: JSON) -> str:
    """Return `value` as JSON with sorted keys and no white space.

    Raises:
        ValueError: `value` holds NaN or infinity, which JSON has no word for.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=_plain)


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return list(value)
    raise TypeError(f"{type(value).__name__} has no canonical JSON form: {value!r}")


def digest_of(value: JSON) -> str:
    """Return the sha256 of the canonical JSON of `value`, in hexadecimal."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def digest_of_bytes(chunks: Iterable[bytes]) -> str:
    """Return the sha256 of `chunks` joined, in hexadecimal."""
    sha = hashlib.sha256()
    for chunk in chunks:
        sha.update(chunk)
    return sha.hexdigest()


def digest_of_file(path: Path) -> str:
    """Return the sha256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
