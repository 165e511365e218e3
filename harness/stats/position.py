"""Where a system lies between real items and slightly degraded ones."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .intervals import jackknife, jackknife_interval, t_quantile
from .score import Interval

LEVEL = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A position, or why there is none."""

    value: float | None = None
    """0 is as good as real, 1 as far off as the degradation."""
    interval: Interval | None = None
    reason: str | None = None


def place(
    system: float,
    control: float,
    degraded: float,
    replicates: Sequence[ArrayLike] = (),
    *,
    higher: bool = False,
    n: int = 0,
) -> Place:
    """Return (system - control) / (degraded - control), where the degradation moves the metric at all.

    A metric that does not see the degradation gives no position: the ratio would divide by chance. It is seen where the
    degraded control is worse than the control and, by the jackknife of their difference, more so than chance at the
    5 % level.

    Args:
        system: The system's score.
        control: That of real items.
        degraded: That of the same items, degraded.
        replicates: Delete-a-block replicates (G,) of the three, block j the same in all; none: no interval, and the
            sign alone decides.
        higher: Whether a higher score is better.
        n: Items on each side, for the reason.
    """
    span = degraded - control
    if span * (-1 if higher else 1) <= 0:
        return Place(reason=f"the degradation is not seen at n {n}")
    rows = [np.asarray(row, dtype=np.float64) for row in replicates]
    if len(rows) != 3 or len({len(row) for row in rows}) != 1 or len(rows[0]) < 2:
        return Place(value=(system - control) / span)
    found = jackknife(span, rows[2] - rows[1])
    if abs(span) <= t_quantile(LEVEL, found.freedom) * found.error:
        return Place(reason=f"the degradation is not told from chance at n {n}")
    value = (system - control) / span
    spans = rows[2] - rows[1]
    if (spans * span <= 0).any():
        return Place(value=value)
    return Place(value=value, interval=jackknife_interval(value, (rows[0] - rows[1]) / spans, about="at-n"))
