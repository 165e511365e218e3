"""Splits of our own, for data sets without an official one: published, deterministic, disjoint in identity.

An identity's place is a number in [0, 1): the first 52 bits of the sha256 of `fauxbench split 1 DATASET IDENTITY`. The
shares cut that range. So it depends on the data set's and the identity's name alone, never on what else is there. An
item of several identities (target and source of a swap) that lie in different splits is in no split.
"""

import hashlib
from collections.abc import Iterable, Mapping

from ...media.item import Split

SHARES: Mapping[Split, float] = {Split.TRAIN: 0.6, Split.VALIDATION: 0.2, Split.TEST: 0.2}
CARVED: Mapping[Split, float] = {Split.TRAIN: 0.9, Split.VALIDATION: 0.1}
"""Where there is an official train and test split, and no validation."""


def place_of(dataset: str, identity: str) -> float:
    """Return the place of an identity in [0, 1)."""
    sha = hashlib.sha256(f"fauxbench split 1 {dataset} {identity}".encode()).hexdigest()
    return int(sha[:13], 16) / 16**13


def our_split(dataset: str, identities: Iterable[str], shares: Mapping[Split, float] = SHARES) -> Split | None:
    """Return the split that all these identities are in, or None if they are in several."""
    found = {_split_at(place_of(dataset, identity), shares) for identity in identities}
    return found.pop() if len(found) == 1 else None


def _split_at(place: float, shares: Mapping[Split, float]) -> Split:
    end = 0.0
    for split, share in shares.items():
        end += share
        if place < end:
            return split
    return split
