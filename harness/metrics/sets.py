"""What metrics over two sets share: checks, blocks, and the Measurement that comes of them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..cards import MetricCard
from ..errors import InputError
from ..stats.blocks import FEWEST, blocks, paired_blocks
from ..stats.score import Interval, Measurement
from .arrays import array_of
from .base import Evidence, Features
from .wording import counted, too_few


def matrix(values: ArrayLike, name: str, least: int = 2) -> NDArray[Any]:
    """Return finite (N, D) values as an array, of the type they have.

    Raises:
        InputError: Wrong shape, fewer than `least` rows, NaN or infinity.
    """
    array = array_of(values)
    if array.ndim != 2 or array.shape[1] == 0:
        raise InputError(f"{name}: expected shape (N, D), found {array.shape}")
    if len(array) < least:
        raise InputError(f"{name}: expected at least {least} rows, found {len(array)}")
    if not np.isfinite(array).all():
        bad = int((~np.isfinite(array)).any(axis=1).sum())
        raise InputError(f"{name}: found NaN or infinity in {counted(bad, 'row')}")
    return array


def lacking(features: Features | None, side: str, key: str = "features", least: int = 2) -> str | None:
    """Return what a set is short of, whatever its numbers are, or None."""
    if features is None or key not in features.arrays:
        return f"no {key} of the {side} set"
    count = len(features.arrays[key])
    return f"{side} set: {too_few(count, 'item', least)}" if count < least else None


def fault(features: Features | None, side: str, key: str = "features", least: int = 2) -> str | None:
    """Return why a set cannot be measured, or None."""
    short = lacking(features, side, key, least)
    if short or features is None:
        return short
    array = features.arrays[key]
    finite = np.isfinite(array.reshape(len(array), -1)).all(axis=1)
    if not finite.all():
        first = features.ids[int(np.flatnonzero(~finite)[0])]
        return (
            f"{side} set: NaN or infinity in the {key} of {int((~finite).sum())} of {counted(len(array), 'item')}, "
            f"first {first}"
        )
    return None


def flags_of(card: MetricCard, n: int) -> tuple[str, ...]:
    """Return the flag for a sample that is too small for the metric."""
    return (f"n below {card.minimum_n}",) if n < card.minimum_n else ()


NAMED = 3
"""Items that a flag names of those that were not measured."""


def named(refused: Mapping[str, str]) -> tuple[str, ...]:
    """Return a flag that names the first items that were not measured and says why; no item, no flag.

    Args:
        refused: Item -> why.
    """
    if not refused:
        return ()
    shown = [f"{item}: {why}" for item, why in refused.items()]
    more = f"; and {len(shown) - NAMED} more" if len(shown) > NAMED else ""
    return (f"not measured: {'; '.join(shown[:NAMED])}{more}",)


def without_place(item: str, why: str) -> str:
    """Return why an item could not be read, without the folder that it lies in."""
    return re.sub(rf"[^\s'\"]*{re.escape(item)}:? ?", "", why)


def cluster_name(clusters: Sequence[str], *more: Sequence[str]) -> str:
    """Return what was resampled: `item` where every item is its own cluster, `cluster` otherwise."""
    return "item" if all(len(set(labels)) == len(labels) for labels in (clusters, *more)) else "cluster"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One set, dealt into blocks."""

    features: NDArray[Any]
    block: NDArray[np.intp]
    """(N,) the block of each item."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BothSets:
    """Two sets, checked, with common blocks."""

    synthetic: Sample
    real: Sample
    blocks: int
    """0 where there are too few clusters for an interval."""
    shares: NDArray[np.float64]
    """(blocks,) mean share of the two sets that block j holds."""
    cluster: str
    why_no_interval: str

    def measurement(
        self,
        value: float,
        *,
        interval: Interval | None = None,
        replicates: NDArray[np.float64] | None = None,
        flags: tuple[str, ...] = (),
    ) -> Measurement:
        """Return the Measurement of a value over both sets."""
        return Measurement(
            value=float(value),
            interval=interval,
            n=len(self.synthetic.features),
            n_real=len(self.real.features),
            replicates=() if replicates is None else tuple(float(x) for x in replicates),
            flags=flags,
        )


def both_sets(evidence: Evidence, key: str = "features") -> BothSets | Measurement:
    """Check the synthetic and the real set and deal them into blocks; a Measurement with the reason if that fails."""
    synthetic, real = evidence.synthetic, evidence.real
    reason = fault(synthetic, "synthetic", key) or fault(real, "real", key)
    if reason or synthetic is None or real is None:
        return refused(evidence, reason or "no sets")
    a, b = synthetic.arrays[key], real.arrays[key]
    if a.shape[1] != b.shape[1]:
        return refused(evidence, f"synthetic {key} have {a.shape[1]} columns, real ones {b.shape[1]}")
    of_a, of_b, count = _blocks(synthetic, real)
    if len(a) - np.bincount(of_a, minlength=count).max() < 2 or len(b) - np.bincount(of_b, minlength=count).max() < 2:
        count = 0
    usable = count if count >= FEWEST else 0
    return BothSets(
        synthetic=Sample(features=a, block=of_a),
        real=Sample(features=b, block=of_b),
        blocks=usable,
        shares=(_shares(of_a, count) + _shares(of_b, count)) / 2,
        cluster=cluster_name(synthetic.clusters, real.clusters),
        why_no_interval=f"no interval: {len(set(synthetic.clusters))} synthetic and {len(set(real.clusters))} real "
        f"clusters, at least {FEWEST} are needed",
    )


def one_set(features: Features) -> tuple[NDArray[np.intp], int]:
    """Return the block of each item, and the number of blocks: 0 where there are too few for an interval."""
    dealt = np.asarray(features.blocks, dtype=np.intp) if features.blocks else blocks(features.clusters)
    return dealt, int(dealt.max()) + 1 if len(np.unique(dealt)) >= FEWEST else 0


def refused(evidence: Evidence, reason: str) -> Measurement:
    """Return the Measurement without a value."""
    n = len(evidence.synthetic) if evidence.synthetic is not None else 0
    return Measurement(value=None, n=n, n_real=len(evidence.real) if evidence.real is not None else 0, reason=reason)


def _blocks(synthetic: Features, real: Features) -> tuple[NDArray[np.intp], NDArray[np.intp], int]:
    if synthetic.blocks and real.blocks:
        of_a, of_b = np.asarray(synthetic.blocks, dtype=np.intp), np.asarray(real.blocks, dtype=np.intp)
        return of_a, of_b, int(max(of_a.max(), of_b.max())) + 1
    return paired_blocks(synthetic.clusters, real.clusters)


def _shares(block: NDArray[np.intp], count: int) -> NDArray[np.float64]:
    return np.bincount(block, minlength=max(count, 1)) / len(block)
