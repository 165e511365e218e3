"""Tonal against non-tonal languages: difference in differences, with exact permutation over languages.

Of every language there is one number of a system and one of its control (the same chain without what the system does,
or real against held-out real). Their difference is the language's effect; the mean effect of the tonal languages less
that of the others is the result. Languages are what is permuted: a language is one observation, however many sounds it
has, which treats it as a random effect (two-stage summary).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError

LEAST = 4
"""Languages on each side without which nothing is claimed: with four, the least p is 2 / 70."""
LEVEL = 0.95
MOST = 16
"""Languages whose labels can be exchanged in every way: 12,870 ways."""
PASSES = 0.5
"""Share of what the system keeps of the tones, from which a spoilt control passes, and so tells nothing."""


class Tones(NamedTuple):
    """What `tones` says of a language: concordance of F0's movement with the sound before the system."""

    system: float
    flattened: float
    """The same chain, with one F0."""
    shuffled: float
    """The same chain, with F0 that changed places."""

    @property
    def why_not(self) -> str | None:
        """Return why the language cannot be judged, or None: a control that must fail passes, or nothing is left."""
        for name, value in (("flattened", self.flattened), ("shuffled", self.shuffled)):
            if value >= PASSES * self.system:
                return f"{name} F0 keeps {value:.2f}, the system {self.system:.2f}"
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageRow:
    """One language."""

    language: str
    tonal: bool
    system: float
    control: float
    tones: Tones | None = None
    """Of tonal and other languages alike; None: not measured, and so not judged."""

    @property
    def effect(self) -> float:
        """System less control."""
        return self.system - self.control

    @property
    def dropped(self) -> str | None:
        """Return why the language is left out, or None."""
        if not (math.isfinite(self.system) and math.isfinite(self.control)):
            return "no value"
        return "tones were not measured" if self.tones is None else self.tones.why_not


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageContrast:
    """Difference in differences over languages."""

    metric: str
    synthesiser: str
    rows: tuple[LanguageRow, ...]
    """All that were given, dropped ones too."""
    value: float | None
    """Mean effect of tonal languages less that of the others; None where a side is empty."""
    low: float | None
    high: float | None
    """All shifts that the permutation does not refuse at 5 %; None where no shift can be refused."""
    p: float | None
    """Two-sided, exact."""
    tonal: int
    others: int
    """Languages that were used."""

    @property
    def claimed(self) -> bool:
        """Whether it may be claimed: four languages on each side, and p at most 0.05."""
        return min(self.tonal, self.others) >= LEAST and self.p is not None and self.p <= 1 - LEVEL + 1e-12

    @property
    def sentence(self) -> str:
        """Return the result in words, the synthesiser named."""
        counts = f"{self.tonal} tonal and {self.others} other languages, speech by {self.synthesiser}"
        if self.value is None:
            return f"{self.metric}: no comparison ({counts})"
        between = f" [{self.low:+.3f}, {self.high:+.3f}]" if self.low is not None and self.high is not None else ""
        number = f"difference in differences {self.value:+.3f}{between}"
        if min(self.tonal, self.others) < LEAST:
            return f"{self.metric}: {number}; description only: {counts}, a claim needs {LEAST} on each side"
        verdict = "tonal languages differ" if self.claimed else "no evidence that tonal languages differ"
        return f"{self.metric}: {verdict}: {number}, exact p {self.p:.3f} over {counts}"


def contrast_languages(rows: Sequence[LanguageRow], metric: str, synthesiser: str) -> LanguageContrast:
    """Compare tonal languages with the others.

    Languages that fail the control of tones, or were not measured, are dropped first.

    Args:
        rows: One a language.
        metric: For the sentence.
        synthesiser: Who spoke: no result is about languages alone.

    Raises:
        InputError: A language is given twice, no synthesiser is named, or there are more than 16 languages.

    References:
        Fisher 1935, The Design of Experiments, section 21 (permutation); Pitman 1937, Significance tests which may be
        applied to samples from any populations (its interval); Donald, Lang 2007, Inference with
        difference-in-differences and other panel data, section III (groups as observations).
    """
    names = [row.language for row in rows]
    if len(set(names)) < len(names):
        raise InputError(f"a language is given twice: {', '.join(names)}")
    if not synthesiser.strip():
        raise InputError("name the synthesiser: what is found is about its speech")
    used = [row for row in rows if row.dropped is None]
    if len(used) > MOST:
        raise InputError(f"{len(used)} languages; exact permutation takes at most {MOST}")
    effects = np.array([row.effect for row in used], dtype=np.float64)
    tonal = np.array([row.tonal for row in used], dtype=bool)
    first, second = int(tonal.sum()), int((~tonal).sum())
    value = low = high = p = None
    if first and second:
        value = float(effects[tonal].mean() - effects[~tonal].mean())
        splits = _splits(len(used), first)
        p = _p(effects, tonal, splits)
        low, high = _interval(effects, tonal, splits)
    return LanguageContrast(
        metric=metric,
        synthesiser=synthesiser,
        rows=tuple(rows),
        value=value,
        low=low,
        high=high,
        p=p,
        tonal=first,
        others=second,
    )


def language_table(found: LanguageContrast) -> str:
    """Return the result as Markdown: a row a language, the tones of the chain among them, and the sentence below."""
    lines = [
        "| language | tonal | system | control | effect | tones | flattened | shuffled | used |",
        "|---|---|---:|---:|---:|---:|---:|---:|---|",
    ]
    for row in sorted(found.rows, key=lambda one: (not one.tonal, one.language)):
        tones = [f"{value:.2f}" for value in row.tones] if row.tones else ["", "", ""]
        numbers = [f"{row.system:.3f}", f"{row.control:.3f}", f"{row.effect:+.3f}", *tones]
        cells = [row.language, "yes" if row.tonal else "no", *numbers, f"no: {row.dropped}" if row.dropped else "yes"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", found.sentence, ""])


def rows_of(
    system: Mapping[str, float], control: Mapping[str, float], tonal: Mapping[str, bool], tones: Mapping[str, Tones]
) -> tuple[LanguageRow, ...]:
    """Return a row for each language that `tonal` names, from numbers by language; what is missing is not a number."""
    return tuple(
        LanguageRow(
            language=name,
            tonal=is_tonal,
            system=system.get(name, math.nan),
            control=control.get(name, math.nan),
            tones=tones.get(name),
        )
        for name, is_tonal in tonal.items()
    )


def _splits(count: int, first: int) -> NDArray[np.bool_]:
    """Return (ways, languages) every way to call `first` of them tonal."""
    ways = list(combinations(range(count), first))
    chosen = np.zeros((len(ways), count), dtype=bool)
    for way, places in enumerate(ways):
        chosen[way, list(places)] = True
    return chosen


def _statistics(effects: NDArray[np.float64], splits: NDArray[np.bool_]) -> NDArray[np.float64]:
    first = splits.sum(axis=1)
    sums = splits @ effects
    return np.asarray(sums / first - (effects.sum() - sums) / (len(effects) - first))


def _p(effects: NDArray[np.float64], tonal: NDArray[np.bool_], splits: NDArray[np.bool_]) -> float:
    every = np.abs(_statistics(effects, splits))
    own = abs(float(_statistics(effects, tonal[None])[0]))
    return float(np.mean(every >= own - 1e-9 * max(1.0, own)))


def _interval(
    effects: NDArray[np.float64], tonal: NDArray[np.bool_], splits: NDArray[np.bool_]
) -> tuple[float | None, float | None]:
    """Return the least and the greatest shift of the tonal side that is not refused.

    With the shift d taken off, a relabelling's statistic is a line in d, and so is the true one's; p changes where the
    two have one size, and nowhere else.
    """
    if 2 / len(splits) > 1 - LEVEL or (tonal.all() or not tonal.any()):
        return None, None  # the smallest p there can be refuses nothing
    own = float(_statistics(effects, tonal[None])[0])
    every, slope = _statistics(effects, splits), _statistics(tonal.astype(np.float64), splits)
    with np.errstate(divide="ignore", invalid="ignore"):
        edges = np.concatenate([(every - own) / (slope - 1), (every + own) / (slope + 1)])
    edges = np.unique(edges[np.isfinite(edges)])
    middles = np.concatenate([[edges[0] - 1], (edges[1:] + edges[:-1]) / 2, [edges[-1] + 1]])
    kept = [_p(effects - d * tonal, tonal, splits) > 1 - LEVEL for d in middles]
    inside = np.flatnonzero(kept)
    if not len(inside) or inside[0] == 0 or inside[-1] == len(edges):
        return None, None
    return float(edges[inside[0] - 1]), float(edges[inside[-1]])
