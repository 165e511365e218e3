"""The cross matrix as a heat map: detectors and what they were trained on, by what they were tested on."""

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from ...store.schema import Results, Row
from .. import words
from ..curves import file_name
from ..detection import MATRIX_METRICS, PRIMARY
from .model import INK, SOFT, Drawn, drawn

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

CHANCE = {"auc": 0.5, "accuracy": 0.5}
"""Measures whose scale begins at chance; what lies below is drawn as chance."""
UPRIGHT, LONG = 8, 11
"""Columns, and letters of their names, up to which these stand upright."""
GAP = 0.35
"""Between the rows of two detectors."""
WITH_INTERVALS = 8
"""Columns up to which a cell has room for its interval."""

Place = tuple[str, str]
"""Detector and training set."""


def matrix_figures(results: Results, own: Collection[tuple[str, str, str]]) -> Iterator[Drawn]:
    """Yield a heat map for each measure that has a matrix.

    Args:
        results: The document.
        own: Detector, training set and system wherever the detector was trained on that system: those get a frame.
    """
    rows = [
        row
        for row in results.rows
        if row.section == "detection"
        and row.role == "system"
        and row.slice.get("threshold", PRIMARY) == PRIMARY
        and "level" not in row.slice
        and "train" in row.slice
    ]
    for metric in ("auc", *(one for one in MATRIX_METRICS if one != "auc")):
        mine = [row for row in rows if row.metric == metric]
        if any(row.value is not None for row in mine):
            yield _figure(metric, mine, results, own)


def _figure(metric: str, rows: Sequence[Row], results: Results, own: Collection[tuple[str, str, str]]) -> Drawn:
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize
    from matplotlib.figure import Figure

    places = sorted(
        dict.fromkeys((row.slice["detector"], row.slice["train"]) for row in rows),
        key=lambda place: list(dict.fromkeys(row.slice["detector"] for row in rows)).index(place[0]),
    )
    tested = [record.name for record in results.systems if record.name in {row.system for row in rows}]
    offsets = _offsets(places)
    width = 1.6 + 0.85 * len(tested) + 1.2
    figure = Figure(figsize=(max(3.4, width), 1.0 + 0.52 * (offsets[-1] + 1.0)), layout="constrained")
    panel = figure.add_subplot()
    colours = ListedColormap(colormaps["Blues"](np.linspace(0.06, 0.96, 256)))  # one hue: a print in grey says the same
    scale = Normalize(CHANCE.get(metric, 0.0), 1.0)
    for row in rows:
        x, place = tested.index(row.system), (row.slice["detector"], row.slice["train"])
        y = offsets[places.index(place)]
        _cell(panel, (x, y), row, (colours, scale), wide=len(tested) <= WITH_INTERVALS)
        if (*place, row.system) in own:
            _frame(panel, x, y, _ink(colours(scale(row.value))) if row.value is not None else SOFT)
    _axes(panel, places, tested, offsets)
    label = words.first_capital(words.metric_label(metric))
    low = "min" if metric in CHANCE else "neither"
    bar = figure.colorbar(ScalarMappable(scale, colours), ax=panel, shrink=0.9, aspect=18, pad=0.03, extend=low)
    bar.set_label(label)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=7.5, color=SOFT, width=0.6, length=3)
    return drawn(
        figure,
        about=(file_name(f"matrix-{metric}"), f"{label}, training set by test set", _caption(label, rows)),
        section="cross",
        wide=len(tested) > 5,
    )


def _offsets(places: Sequence[Place]) -> list[float]:
    """Return the row of each place, with a gap wherever another detector begins."""
    found, at = [], 0.0
    for number, (detector, _) in enumerate(places):
        if number:
            at += 1.0 + (GAP if detector != places[number - 1][0] else 0.0)
        found.append(at)
    return found


def _cell(panel: "Axes", at: tuple[float, float], row: Row, colours: tuple["Colormap", object], *, wide: bool) -> None:
    from matplotlib.patches import Rectangle

    x, y = at
    if row.value is None:
        panel.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor="#f0f0f0", edgecolor="white", linewidth=1.2))
        panel.text(x, y, "–", ha="center", va="center", color=SOFT)
        return
    shades, scale = colours
    colour = shades(scale(row.value))  # type: ignore[operator]
    panel.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=colour, edgecolor="white", linewidth=1.2))
    ink = _ink(colour)
    interval = row.interval if wide else None
    panel.text(x, y - (0.13 if interval else 0.0), f"{row.value:.2f}", ha="center", va="center", color=ink, fontsize=9)
    if interval is not None:
        said = f"{interval.low:.2f}–{interval.high:.2f}"
        panel.text(x, y + 0.22, said, ha="center", va="center", color=ink, fontsize=6.2)


def _ink(colour: ArrayLike) -> str:
    """Return what can be read on a colour."""
    return INK if np.dot(np.asarray(colour)[:3], (0.299, 0.587, 0.114)) > 0.55 else "white"


def _frame(panel: "Axes", x: float, y: float, ink: str) -> None:
    from matplotlib.patches import Rectangle

    panel.add_patch(
        Rectangle((x - 0.44, y - 0.42), 0.88, 0.84, fill=False, edgecolor=ink, linewidth=0.8, linestyle=(0, (3, 2)))
    )


def _axes(panel: "Axes", places: Sequence[Place], tested: Sequence[str], offsets: Sequence[float]) -> None:
    panel.set_xlim(-0.5, len(tested) - 0.5)
    panel.set_ylim(offsets[-1] + 0.5, -0.5)
    turned = max(map(len, tested)) > LONG or len(tested) > UPRIGHT
    panel.set_xticks(range(len(tested)), tested, rotation=30 if turned else 0, ha="left" if turned else "center")
    panel.xaxis.tick_top()
    panel.xaxis.set_label_position("top")
    panel.set_xlabel("tested on", color=SOFT, labelpad=6)
    several = len({detector for detector, _ in places}) > 1
    labels = [f"{detector}, {train}" if several else train for detector, train in places]
    panel.set_yticks(offsets, labels)
    panel.set_ylabel("detector, trained on" if several else f"{places[0][0]} trained on", color=SOFT)
    panel.tick_params(length=0, labelsize=8)
    for spine in panel.spines.values():
        spine.set_visible(False)


def _caption(label: str, rows: Sequence[Row]) -> str:
    shared = words.shared_slice([row.slice for row in rows])
    return words.sentences(
        f"{label} of each detector on each system's test set"
        f"{', ' + words.slice_label(shared) if shared else ''}. Each row is a detector of its own; a dashed frame: the "
        "detector was trained on that system.",
        words.count_words(rows),
        words.balance_words(rows),
        words.interval_words(rows).replace("In brackets", "Below each value"),
    )
