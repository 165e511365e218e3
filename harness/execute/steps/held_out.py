"""The real items that controls compare with the reference: which they are, and the evidence they make."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ...media.item import Item, Split
from ...metrics.base import Evidence, Features
from ...stats.blocks import blocks
from ..step import Step

Read = Callable[..., tuple[Features, int]]
"""Reads the features of a role, only the given splits, with the number of items that could not be read."""


def spread(clusters: Sequence[str], count: int) -> NDArray[np.intp]:
    """Return the places of `count` items, identities evenly: the n-th of each before the next; in order."""
    seen: dict[str, int] = {}
    turn = []
    for row, cluster in enumerate(clusters):
        turn.append((seen.get(cluster, 0), row))
        seen[cluster] = seen.get(cluster, 0) + 1
    return np.array(sorted(row for _, row in sorted(turn)[:count]), dtype=np.intp)


def halves(clusters: Sequence[str]) -> NDArray[np.intp]:
    """Cut a set into two halves that share no identity: 0 or 1 for each item."""
    return blocks(clusters, 2)


def chosen(items: tuple[Item, ...], held_out: str, n: int | None) -> tuple[Item, ...]:
    """Return the items of a split, or of several, that a control reads: `n` over people, the first half, or all."""
    if held_out == "whole":
        return items
    clusters = [item.cluster for item in items]
    places = np.flatnonzero(halves(clusters) == 0) if held_out == "half" else spread(clusters, n or len(items))
    return tuple(items[place] for place in places)


def evidence(step: Step, read: Read) -> tuple[Evidence, int]:
    """Return held-out items, as they are or degraded, or a system's, beside the reference, cut to one N where asked."""
    n = int(step.key["n"])
    real, _ = read("real", Split.TEST)
    if step.key["held_out"] == "half":
        half = halves(real.clusters)
        first, real = (real.take(np.flatnonzero(half == place)) for place in (0, 1))
        n = min(n, len(first), len(real))
    elif step.key["held_out"] == "whole":
        first = real
        n = min(n, len(first))
    else:
        first, _ = read("real", Split.TRAIN, Split.VALIDATION)
    unread = 0
    if step.key["role"] == "equal":
        first, unread = read("synthetic", Split.TEST)
    first = first.take(spread(first.clusters, n))
    if step.key["role"] == "degraded":
        changed, _ = read("degraded", Split.TRAIN, Split.VALIDATION, Split.TEST)
        row = {item: place for place, item in enumerate(changed.ids)}
        first = changed.take(np.array([row[item] for item in first.ids if item in row], dtype=np.intp))
    if step.key["reference"] is not None:
        real = real.take(spread(real.clusters, n))
    return Evidence(synthetic=first, real=real, seed=int(step.key["seed"])), unread
