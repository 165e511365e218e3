"""What the watermark carries, and how it is sealed so that nothing in it repeats from item to item."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...media.item import Kind

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.modes import ECB

Bits = NDArray[np.uint8]
"""(n,) of 0 and 1."""

SEALED_BITS = 128
"""Bits of a sealed mark: one block of AES."""
TAG_BITS = 46
"""Bits of the block that are zero when it is opened with the right key."""

_KINDS = (Kind.REAL, Kind.FULLY_SYNTHETIC, Kind.PARTIALLY_SYNTHETIC, Kind.AUGMENTED_REAL)
_WIDTHS = {"run": 32, "item": 32, "generator": 16}
_KEY_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What a file carries.

    Raises:
        ValueError: A field is not lower-case hexadecimal of its length.
    """

    run: str
    """8 hexadecimal digits."""
    item: str
    """8 hexadecimal digits."""
    generator: str
    """4 hexadecimal digits."""
    kind: Kind

    def __post_init__(self) -> None:
        """Check the fields."""
        for name, width in _WIDTHS.items():
            value = getattr(self, name)
            if not isinstance(value, str) or not re.fullmatch(f"[0-9a-f]{{{width // 4}}}", value):
                raise ValueError(f"{name}={value!r}; a mark takes {width // 4} lower-case hexadecimal digits")
        if self.kind not in _KINDS:
            raise ValueError(f"kind={self.kind!r}; legal: {', '.join(_KINDS)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was found in a file: that it is marked and, if enough of it is left, the mark."""

    mark: Mark | None
    """The mark; None where its presence is sure but too little is left to read it."""
    corrected: int | None
    """Coded bits that were wrong and have been put right; None without a mark."""
    score: float
    """How well the file fits the lattice of the key: near 0 for an unmarked file, up to 1."""
    false_positive_rate: float
    """Upper bound on the probability, over the choice of the key, that an unmarked file gets this far."""


def check_key(key: bytes) -> None:
    """Check a key's length.

    Raises:
        ValueError: Not 32 bytes.
    """
    if not isinstance(key, bytes | bytearray) or len(key) != _KEY_BYTES:
        found = f"{len(key)} bytes" if isinstance(key, bytes | bytearray) else type(key).__name__
        raise ValueError(f"a watermark takes a key of {_KEY_BYTES} secret bytes, found {found}")


def derive(key: bytes, purpose: str, length: int) -> bytes:
    """Return `length` bytes that nobody without the key can tell from random ones (HKDF, then ChaCha20)."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    check_key(key)
    info = f"fauxbench watermark 1: {purpose}".encode()
    stream_key = HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(bytes(key))
    cipher = Cipher(algorithms.ChaCha20(stream_key, bytes(16)), mode=None)
    return cipher.encryptor().update(bytes(length))


def seal(mark: Mark, key: bytes) -> Bits:
    """Encipher a mark: (128,) bits, each as good as random from item to item.

    The mark and 46 zero bits are one block of AES. A block cipher is a random permutation to whoever lacks the key:
    marks that differ in one bit, a class's items for instance, give unrelated blocks, and a block that was not made
    with the key opens to 46 zeros once in 2^46 times (encode, then encipher: Bellare and Rogaway 2000, section 4).
    The item makes the block its own, so that no nonce has to be carried.
    """
    number = _KINDS.index(mark.kind)
    for name, width in _WIDTHS.items():
        number = number << width | int(getattr(mark, name), 16)
    block = _aes(key).encryptor().update((number << TAG_BITS).to_bytes(SEALED_BITS // 8))
    return np.unpackbits(np.frombuffer(block, dtype=np.uint8))


def unseal(bits: Bits, key: bytes) -> Mark | None:
    """Return the mark in a block of 128 bits, or None if it was not made with this key."""
    block = _aes(key).decryptor().update(np.packbits(bits).tobytes())
    number = int.from_bytes(block)
    if number & ((1 << TAG_BITS) - 1):
        return None
    number >>= TAG_BITS
    fields: dict[str, str] = {}
    for name, width in reversed(_WIDTHS.items()):
        fields[name] = f"{number & ((1 << width) - 1):0{width // 4}x}"
        number >>= width
    return Mark(**fields, kind=_KINDS[number])


def _aes(key: bytes) -> "Cipher[ECB]":
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    return Cipher(algorithms.AES(derive(key, "payload", 32)), modes.ECB())  # one block, never two
