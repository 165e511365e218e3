"""The error-correcting code: convolutional, tail-biting, decoded from soft values."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .mark import SEALED_BITS, Bits

MEMORY = 8
"""Past bits that each coded bit depends on."""
POLYNOMIALS = (0o561, 0o753)
"""The best code of rate 1/2 and memory 8: free distance 12 (Larsen 1973; Proakis, table 8.2-1)."""
CODED_BITS = SEALED_BITS * len(POLYNOMIALS)

_WRAP = 64
"""Bits by which the circle is run over at both ends, so that the unknown first state is forgotten."""


def encode(bits: Bits) -> Bits:
    """Return the (256,) coded bits of (128,) bits; the shift register starts with the last bits, so that it closes."""
    past = np.stack([np.roll(bits, delay) for delay in range(MEMORY + 1)])  # row d: the bit d steps ago
    taps = np.array([[poly >> (MEMORY - delay) & 1 for delay in range(MEMORY + 1)] for poly in POLYNOMIALS])
    return np.asarray((taps @ past % 2).T.reshape(-1), dtype=np.uint8)


def decode(soft: NDArray[np.float64]) -> Bits:
    """Return the (128,) bits whose code fits best.

    Args:
        soft: (256,) positive for 0, negative for 1, near 0 for unknown.

    Viterbi's algorithm over the circle, run over by 64 bits at both ends; not always the very best word, but the loss
    is far below what a picture's noise does.
    """
    before, signs = _trellis()
    steps = soft.reshape(SEALED_BITS, len(POLYNOMIALS))
    steps = np.concatenate([steps[-_WRAP:], steps, steps[:_WRAP]])
    metric = np.zeros(1 << MEMORY)
    choices = np.empty((len(steps), 1 << MEMORY), dtype=np.uint8)
    states = np.arange(1 << MEMORY)
    for place, step in enumerate(steps):
        options = metric[before] + signs @ step  # (states, 2 ways in)
        choices[place] = options[:, 1] > options[:, 0]
        metric = options[states, choices[place]]
    state = int(np.argmax(metric))
    bits = np.empty(len(steps), dtype=np.uint8)
    for place in range(len(steps) - 1, -1, -1):
        bits[place] = state >> (MEMORY - 1)
        state = int(before[state, choices[place, state]])
    return bits[_WRAP:-_WRAP]


@lru_cache(maxsize=1)
def _trellis() -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return (states, 2) states before, and (states, 2, coded) signs: +1 where the coded bit is 0.

    A state is the last `MEMORY` bits, the newest on top.
    """
    states = np.arange(1 << MEMORY)
    oldest = np.arange(2)
    register = (states[:, None] << 1) | oldest[None, :]  # newest bit on top, the one that falls out at the bottom
    before = register & ((1 << MEMORY) - 1)
    parity = [np.bitwise_count(register & poly) & 1 for poly in POLYNOMIALS]
    return before, 1.0 - 2.0 * np.stack(parity, axis=-1)
