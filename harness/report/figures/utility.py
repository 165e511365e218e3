"""What synthetic pictures are worth: the learning curve of real ones alone, and what each system adds to it."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...store.schema import Results, Row
from .. import words
from .model import INK, REAL, SOFT, Drawn, Style, drawn, grid, styles

if TYPE_CHECKING:
    from matplotlib.axes import Axes

METRIC = "balanced_accuracy"
SPREAD = 0.42
"""Width in which the systems of a panel stand side by side, in octaves of the number of pictures."""


def utility_figures(results: Results) -> Iterator[Drawn]:
    """Yield the figure, where the run has a learning curve with two points at least: a panel for what was mixed."""
    rows = [
        row
        for row in results.rows
        if row.section == "utility" and row.metric == METRIC and row.value is not None and row.kind
    ]
    curve = sorted((row for row in rows if row.role == "control" and row.n_real), key=lambda row: row.n_real or 0)
    mixes: dict[str, list[Row]] = {}
    for row in rows:
        if row.role == "system":
            mixes.setdefault(row.slice["learned"], []).append(row)
    if len(curve) < 2 or not mixes:
        return
    look = styles(record.name for record in results.systems)
    base = next((row.n_real for mix in mixes.values() for row in mix if row.n_real), curve[0].n_real) or 1
    figure, panels = grid(len(mixes), width=2.7, height=2.8, across=3)
    for panel, (learned, mix) in zip(panels, mixes.items(), strict=True):
        _curve(panel, curve)
        _systems(panel, mix, float(base), look)
        panel.set_title(learned, fontsize=8.5)
        panel.set_xscale("log", base=2)
        panel.set_xticks([float(row.n_real or 1) for row in curve], [str(row.n_real) for row in curve])
        panel.minorticks_off()
    low, high = (end(one for p in panels for one in p.get_ylim()) for end in (min, max))
    for panel in panels:
        panel.set_ylim(low, high)
    figure.supxlabel("real pictures that the classifier learnt from", fontsize=8.5)
    figure.supylabel("balanced accuracy", fontsize=8.5)
    handles = {text: handle for p in panels for handle, text in zip(*p.get_legend_handles_labels(), strict=True)}
    figure.legend(
        handles.values(), handles, loc="outside upper center", ncols=min(2 + 2 * min(len(mixes), 2), len(handles))
    )
    yield drawn(
        figure,
        about=("utility", "Use as training data", _caption(curve[0], rows)),
        section="utility",
        wide=len(mixes) > 1,
    )


def _curve(panel: "Axes", curve: Sequence[Row]) -> None:
    counts = [float(row.n_real or 1) for row in curve]
    panel.plot(counts, [row.value or 0.0 for row in curve], color=REAL, linewidth=1.4, label="real alone", zorder=1)
    if all(row.interval is not None for row in curve):
        ends = [(row.interval.low, row.interval.high) for row in curve if row.interval is not None]
        low, high = ([one[side] for one in ends] for side in (0, 1))
        panel.fill_between(counts, low, high, color=REAL, alpha=0.14, linewidth=0)


def _systems(panel: "Axes", mix: Sequence[Row], base: float, look: dict[str, Style]) -> None:
    panel.axvline(base, color=SOFT, linewidth=0.6, linestyle=(0, (2, 3)))
    for row, place in zip(mix, np.linspace(-SPREAD, SPREAD, len(mix)) if len(mix) > 1 else [0.0], strict=True):
        style, at = look[row.system], base * 2.0 ** float(place)
        if row.interval is not None:
            panel.plot([at, at], [row.interval.low, row.interval.high], color=style.colour, linewidth=1.0, alpha=0.7)
        panel.plot(
            [at],
            [row.value or 0.0],
            marker=style.marker,
            color=style.colour,
            markersize=5.5,
            markeredgecolor=INK if style.colour == "#ffffff" else "white",
            markeredgewidth=0.6,
            linestyle="none",
            label=row.system,
            zorder=3,
        )


def _caption(first: Row, rows: Sequence[Row]) -> str:
    about = first.protocol
    return words.sentences(
        f"Balanced accuracy of a small classifier of '{about.get('label')}' on real test pictures. Grey: learnt from "
        "real pictures alone. Dotted: the real pictures beside which synthetic ones were put (none in 'synthetic "
        "alone'); systems stand side by side around it.",
        words.count_words(rows),
        words.interval_words(rows).replace("In brackets", "Lines and band"),
    )
