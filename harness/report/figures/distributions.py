"""How a detector's answers are spread: a figure a detector, a panel a training set, a row of bars a set."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...stats.clusters import Floats
from ...store.schema import Results
from .. import words
from ..curves import file_name
from .answers import Answers
from .model import INK, REAL, SOFT, Drawn, Style, drawn, grid, styles

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BINS = 40
HEIGHT = 0.78
"""Of the highest bar of a row; rows are 1 apart."""


def score_figures(results: Results, found: Sequence[Answers]) -> Iterator[Drawn]:
    """Yield the figure of every detector."""
    look = styles(record.name for record in results.systems)
    for detector in dict.fromkeys(one.detector for one in found):
        mine = [one for one in found if one.detector == detector]
        trains = list(dict.fromkeys(one.train for one in mine))
        rows = max(len(_sets([one for one in mine if one.train == train])) for train in trains)
        figure, panels = grid(len(trains), width=3.2, height=0.7 + 0.42 * rows, across=2)
        for place, (panel, train) in enumerate(zip(panels, trains, strict=True)):
            here = [one for one in mine if one.train == train]
            _panel(panel, train, here, look, named=place % 2 == 0)
        figure.supxlabel("P(fake)", fontsize=8.5)
        yield drawn(
            figure,
            about=(file_name(f"scores-{detector}"), f"Answers of {detector}", _caption(detector, mine)),
            section="detection",
            wide=len(trains) > 1,
        )


def _sets(found: Sequence[Answers]) -> dict[str, Floats]:
    """Return the scores of the real items and of each system's own."""
    sets: dict[str, Floats] = {}
    for one in found:
        if one.row.section == "detection":
            sets.setdefault("real", one.found.fake[~one.found.truth])
            sets[one.system] = one.found.fake[one.found.truth]
        else:
            sets[one.system] = one.found.fake
    return {name: scores for name, scores in sets.items() if len(scores)}


def _panel(panel: "Axes", train: str, found: Sequence[Answers], look: Mapping[str, Style], *, named: bool) -> None:
    sets = _sets(found)
    edges = np.linspace(0.0, 1.0, BINS + 1)
    threshold = next((one.threshold for one in found if one.threshold is not None), None)
    for place, (name, scores) in enumerate(sets.items()):
        base = float(len(sets) - 1 - place)
        counts, _ = np.histogram(np.clip(scores, 0.0, 1.0), edges)
        colour = look[name].colour if name in look else REAL
        heights = HEIGHT * counts / counts.max()
        panel.bar(edges[:-1], heights, 1.0 / BINS, base, align="edge", color=colour, linewidth=0)
        panel.axhline(base, color=SOFT, linewidth=0.5)
        if threshold is not None:
            share = float((scores >= threshold).mean())
            panel.text(1.03, base + 0.08, f"{100 * share:.0f} %", fontsize=7.5, color=INK, va="bottom")
    if threshold is not None:
        panel.axvline(threshold, color=INK, linewidth=0.8, linestyle=(0, (3, 2)))
        panel.text(1.03, len(sets) - 0.08, "called fake", fontsize=6.8, color=SOFT, va="bottom")
    panel.set_title(f"trained on {train}", fontsize=8.5)
    panel.set_xlim(0, 1)
    panel.set_ylim(-0.06, len(sets))
    panel.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "", "0.5", "", "1"])
    panel.set_yticks([len(sets) - 0.8 - place for place in range(len(sets))], list(sets) if named else [""] * len(sets))
    panel.tick_params(axis="y", length=0)
    panel.spines["left"].set_visible(False)
    panel.spines["bottom"].set_visible(False)


def _caption(detector: str, found: Sequence[Answers]) -> str:
    rows = [one.row for one in found]
    return words.sentences(
        f"Answers of the detector {detector} for the test items of each set, by what it was trained on; the highest "
        "bar of each row has the same height.",
        "Dashed: the threshold chosen on validation; beside it, the share called fake.",
        words.count_words(rows),
        words.policy_words(rows),
    )
