"""Receiver operating characteristics: a figure a detector, a panel a training set, a line a system."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...store.schema import Results
from .. import words
from ..curves import file_name
from .answers import Answers, Curve, curve
from .model import BAND, SOFT, Drawn, Style, drawn, grid, styles

if TYPE_CHECKING:
    from matplotlib.axes import Axes


CROWDED = 4
"""Systems up to which a panel has room for its legend."""


def roc_figures(results: Results, found: Sequence[Answers]) -> Iterator[Drawn]:
    """Yield the figure of every detector that was asked about real items and fakes."""
    look = styles(record.name for record in results.systems)
    usable = [one for one in found if one.row.section == "detection" and one.row.value is not None]
    for detector in dict.fromkeys(one.detector for one in usable):
        mine = [one for one in usable if one.detector == detector]
        trains = list(dict.fromkeys(one.train for one in mine))
        crowded = len({one.system for one in mine}) > CROWDED
        figure, panels = grid(len(trains), width=3.8 if crowded else 2.3, height=2.35, across=2 if crowded else 3)
        for panel, train in zip(panels, trains, strict=True):
            here = [one for one in mine if one.train == train]
            curves = {one.system: curve(one.found, np.random.default_rng(0)) for one in here}
            _panel(panel, train, curves, {one.system: one.row.value or 0.0 for one in here}, look)
        figure.supxlabel("false alarms among real items", fontsize=8.5)
        figure.supylabel("hits among fakes", fontsize=8.5)
        title = f"ROC of {detector}"
        yield drawn(
            figure,
            about=(file_name(f"roc-{detector}"), title, _caption(detector, mine)),
            section="detection",
            wide=len(trains) > (1 if crowded else 2),
        )


def _panel(
    panel: "Axes", train: str, curves: Mapping[str, Curve], areas: Mapping[str, float], look: Mapping[str, Style]
) -> None:
    panel.plot([0, 1], [0, 1], color=SOFT, linewidth=0.6, linestyle=(0, (2, 3)))
    for system, one in curves.items():
        style = look[system]
        if one.low is not None and one.high is not None:
            faint = BAND * min(1.0, CROWDED / len(curves))
            panel.fill_between(one.at, one.low, one.high, color=style.colour, alpha=faint, linewidth=0)
        panel.plot(
            one.fpr,
            one.tpr,
            color=style.colour,
            linestyle=style.dash,
            linewidth=1.4,
            label=f"{areas[system]:.2f}  {system}",
            clip_on=False,
        )
    panel.set_title(f"trained on {train}", fontsize=8.5)
    panel.set_xlim(0, 1)
    panel.set_ylim(0, 1.0)
    panel.set_aspect("equal")
    ticks = [0, 0.25, 0.5, 0.75, 1]
    panel.set_xticks(ticks, ["0", "", "0.5", "", "1"])
    panel.set_yticks(ticks, ["0", "", "0.5", "", "1"])
    place = {"loc": "upper left", "bbox_to_anchor": (1.0, 1.02)} if len(curves) > CROWDED else {"loc": "lower right"}
    panel.legend(fontsize=6.8, title="AUC", title_fontsize=6.8, alignment="left", handlelength=2.2, **place)


def _caption(detector: str, found: Sequence[Answers]) -> str:
    rows = [one.row for one in found]
    return words.sentences(
        f"Hits against false alarms of the detector {detector} on each system's test set, by what it was trained on; "
        "dotted: chance.",
        words.count_words(rows),
        words.balance_words(rows),
        words.policy_words(rows),
        "Bands: pointwise 95 % from a bootstrap over clusters, 1000 draws; none with fewer than 5 clusters in a class, "
        "and none to be seen where no draw changes the curve.",
    )
