"""Blocks: twenty equal parts of a set, clusters kept whole, that jackknives leave out one by one."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

BLOCKS = 20
"""Blocks of a full jackknife."""
FEWEST = 5
"""With fewer clusters than this there is no interval: the t quantile would be most of it."""


def blocks(clusters: Sequence[str], count: int = BLOCKS, fixed: Mapping[str, int] | None = None) -> NDArray[np.intp]:
    """Deal items into at most `count` blocks of about equal size, each cluster whole.

    The largest cluster goes first, ties by first appearance, each to the block that holds fewest items so far; with
    clusters of one size that is the order of appearance modulo `count`. The same labels in the same order always give
    the same blocks.

    Args:
        clusters: One label an item.
        count: Blocks wanted; fewer clusters give fewer blocks.
        fixed: Blocks already decided for some labels; such a label goes there.

    Returns:
        The block of each item, (N,) integers in [0, count).
    """
    sizes = Counter(clusters)
    count = max(1, min(count, len(sizes)))
    home = {label: block for label, block in (fixed or {}).items() if label in sizes and block < count}
    load = [0] * count
    for label, block in home.items():
        load[block] += sizes[label]
    for label in sorted((label for label in sizes if label not in home), key=lambda label: -sizes[label]):
        home[label] = load.index(min(load))
        load[home[label]] += sizes[label]
    return np.fromiter((home[label] for label in clusters), np.intp, len(clusters))


def blocks_by_id(
    synthetic: Mapping[str, str], real: Mapping[str, str], count: int = BLOCKS
) -> tuple[dict[str, int], dict[str, int]]:
    """Deal everything that was asked for into blocks, by id, whether or not it came.

    Args:
        synthetic: Id -> cluster of every synthetic item asked for.
        real: Id -> cluster of every real item.
        count: Blocks wanted.

    Returns:
        Id -> block of both; two systems that were asked for the same get the same.
    """
    mine, theirs, _ = paired_blocks(tuple(synthetic.values()), tuple(real.values()), count)
    return dict(zip(synthetic, mine.tolist(), strict=True)), dict(zip(real, theirs.tolist(), strict=True))


def paired_blocks(
    synthetic: Sequence[str], real: Sequence[str], count: int = BLOCKS
) -> tuple[NDArray[np.intp], NDArray[np.intp], int]:
    """Deal two sets into the same number of blocks; a cluster that stands in both goes into the same block of both.

    An edited picture and its original share the identity, so they must leave together.

    Returns:
        The block of each synthetic item, of each real item, and the number of blocks.
    """
    count = max(1, min(count, len(set(synthetic)), len(set(real))))
    of_real = blocks(real, count)
    home = dict(zip(real, of_real.tolist(), strict=True))
    return blocks(synthetic, count, home), of_real, count
