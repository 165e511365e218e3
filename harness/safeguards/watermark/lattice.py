"""Numbers rounded onto a secret lattice (dither modulation), and how sure one may be that they were.

A number p carries a bit b when p / step - dither = b / 2, modulo 1 (Chen and Wornell 2001, section V). The dither is
secret and uniform. So for any unmarked file whatever, over the choice of the key, the angles
`a = 2 pi (p / step - dither)` are uniform and independent, and what is said below about false positives is a theorem,
not a model of pictures.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .code import CODED_BITS, decode, encode
from .mark import TAG_BITS, Bits, Found, derive, unseal

FALSE_POSITIVES = 1e-6
"""Bound on the probability, over keys, that an unmarked file is called marked, all attempts of a search together."""
STAGES = 2
"""A search has at most two, each of which may err half as often."""
READ = 3
"""Attempts that one tries to read, the best first."""

Numbers = NDArray[np.float64]


def dithers(key: bytes, medium: str) -> Numbers:
    """Return the (256,) secret dithers in [0, 1) of a medium."""
    drawn = np.frombuffer(derive(key, f"{medium} dither", 8 * CODED_BITS), dtype="<u8")
    return np.asarray(drawn / 2.0**64, dtype=np.float64)


def shuffle(key: bytes, purpose: str, rows: int, length: int) -> NDArray[np.int64]:
    """Return (rows, length) secret permutations, one a row."""
    drawn = np.frombuffer(derive(key, purpose, 8 * rows * length), dtype="<u8").reshape(rows, length)
    return np.asarray(np.argsort(drawn, axis=1, kind="stable"), dtype=np.int64)


def displacement(numbers: Numbers, coded: Bits, dither: Numbers, step: float) -> Numbers:
    """Return what to add to the numbers to put them onto the points of their bits: within half a step."""
    off = numbers / step - dither - coded / 2.0
    return np.asarray((np.rint(off) - off) * step, dtype=np.float64)


@dataclass(slots=True)
class Evidence:
    """What the numbers of one file, or of many frames of it, say, for each attempt at reading them.

    first, second: (attempts, 256) complex, sums over frames of exp(i a) and exp(2 i a). The doubled angle forgets the
    bit. Each is weighed by how far its number is known.
    """

    first: NDArray[np.complex128]
    second: NDArray[np.complex128]

    @classmethod
    def of(cls, turns: Numbers, weights: Numbers | float = 1.0) -> "Evidence":
        """Read one frame.

        Args:
            turns: (attempts, 256) numbers / step - dither.
            weights: (attempts, 256) how far each number is known, 0 to 1, whatever the dither.
        """
        angles = np.exp(2j * np.pi * turns)
        return cls(first=angles * weights, second=angles**2 * weights)

    def __add__(self, other: "Evidence") -> "Evidence":
        """Take the frames of both together."""
        return Evidence(first=self.first + other.first, second=self.second + other.second)

    @property
    def scores(self) -> Numbers:
        """How well each attempt fits, (attempts,): 1 on the lattice, near 0 at random."""
        size = np.abs(self.second).sum(axis=1)
        return np.asarray(self.second.real.sum(axis=1) / np.maximum(size, 1e-12))

    @property
    def odds(self) -> Numbers:
        """Minus the logarithm of a bound on the probability that an unmarked file fits as well, (attempts,).

        With `s_j = |s_j| exp(i phi_j)` the sums of doubled angles before the dither, the statistic is
        `t = sum_j |s_j| cos(phi_j - 2 d_j)`, d_j uniform and independent. `E exp(l |s| cos) = I_0(l |s|) <=
        exp(l^2 |s|^2 / 4)`, so Chernoff's bound is `P(t >= x) <= exp(-x^2 / sum_j |s_j|^2)`, for any picture, clip or
        sound, and any dependence between frames.
        """
        fit = np.maximum(self.second.real.sum(axis=1), 0.0)
        energy = (np.abs(self.second) ** 2).sum(axis=1)
        return np.asarray(fit**2 / np.maximum(energy, 1e-12))


def decide(evidence: Evidence, key: bytes, *, attempts: int = 1) -> Found | None:
    """Say whether a mark is there, and read it.

    Args:
        evidence: What each attempt found.
        key: 32 secret bytes.
        attempts: Places and sizes at which it was looked for, where `evidence` holds the best of them alone. All
            attempts may err (union bound).

    Returns:
        Found if presence is sure at half of `FALSE_POSITIVES` or if the mark opens with the key, else None.
    """
    odds = evidence.odds
    tries = attempts * len(odds)
    ranked = np.argsort(-odds, kind="stable")
    chance = min(1.0, tries * math.exp(-odds[ranked[0]]))
    for place in ranked[:READ]:
        soft = evidence.first[place].real
        bits = decode(soft)
        mark = unseal(bits, key)
        if mark is not None:
            wrong = (soft < 0) != encode(bits).astype(bool)
            return Found(
                mark=mark,
                corrected=int(np.count_nonzero(wrong & (soft != 0))),
                score=float(evidence.scores[place]),
                false_positive_rate=min(chance, tries * 2.0**-TAG_BITS),
            )
    if chance > FALSE_POSITIVES / STAGES:
        return None
    score = float(evidence.scores[ranked[0]])
    return Found(mark=None, corrected=None, score=score, false_positive_rate=chance)
