"""How real each system looks, against how well it is detected."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from ...conditions.control import DEGRADED
from ...store.schema import Results, Row
from .. import words
from ..curves import file_name
from ..detection import PRIMARY
from ..panels import CONTROL_LABEL, DEGRADED_LABEL
from .model import REAL, SOFT, Drawn, Style, drawn, grid, styles

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FIRST = ("fid", "fvd", "fad", "fd", "cmmd", "kid", "kd")
"""Measures of realism, the one to draw first; what stands in brackets does not matter."""
LONG = 18
"""Letters of a training set from which a title needs smaller ones."""
WIDE = 30.0
"""Where systems are further apart than this, the axis is logarithmic."""


def realism_figures(results: Results) -> Iterator[Drawn]:
    """Yield one figure: the leading measure of realism against AUC, a panel for each trained detector."""
    areas = [
        row
        for row in results.rows
        if (row.section, row.metric, row.role) == ("detection", "auc", "system")
        and row.slice.get("threshold", PRIMARY) == PRIMARY
        and "level" not in row.slice
        and row.value is not None
    ]
    real = _leading(results, {row.system for row in areas})
    if not real:
        return
    areas = [row for row in areas if row.system in real]
    controls = _controls(results, next(iter(real.values())))
    look = styles(record.name for record in results.systems)
    trained = list(dict.fromkeys((row.slice["detector"], row.slice.get("train", "")) for row in areas))
    figure, panels = grid(len(trained), width=2.25, height=2.2)
    for panel, one in zip(panels, trained, strict=True):
        mine = {row.system: row for row in areas if (row.slice["detector"], row.slice.get("train", "")) == one}
        _panel(panel, {system: (real[system], row) for system, row in mine.items()}, controls, look)
        panel.set_title(f"{one[0]}\ntrained on {one[1]}", fontsize=7.5 if len(one[1]) > LONG else 8.5)
    _scale(panels, list(real.values()), list(controls.values()))
    first = next(iter(real.values()))
    label = words.metric_label(first.metric)
    figure.supxlabel(f"{label}: {'less' if first.direction == 'lower' else 'more'} is more real", fontsize=8.5)
    figure.supylabel("AUC of the detector", fontsize=8.5)
    handles = {text: handle for p in panels for handle, text in zip(*p.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles, loc="outside upper center", ncols=min(4, max(2, 2 * len(trained))))
    name = file_name(f"realism-{first.metric}").strip("-")
    yield drawn(
        figure,
        about=(name, "Realism against detectability", _caption(label, real, areas)),
        section="realism",
        wide=len(trained) > 2,
    )


def _leading(results: Results, detected: set[str]) -> dict[str, Row]:
    """Return the rows of the leading measure by system: of one comparability key, and of two systems at least."""
    rows = [
        row
        for row in results.rows
        if row.section == "realism" and row.role == "system" and row.value is not None and row.system in detected
    ]
    for name in FIRST:
        mine = [row for row in rows if row.metric.partition("[")[0] == name and not row.slice]
        for metric in dict.fromkeys(row.metric for row in mine):
            keys = Counter(row.comparability for row in mine if row.metric == metric)
            key, count = keys.most_common(1)[0]
            if count > 1:
                return {row.system: row for row in mine if (row.metric, row.comparability) == (metric, key)}
    return {}


def _controls(results: Results, like: Row) -> dict[str, Row]:
    """Return what real items score by the same measure under the same key."""
    found = {}
    for row in results.rows:
        same = (row.metric, row.comparability, row.section) == (like.metric, like.comparability, "realism")
        if same and row.role == "control" and row.value is not None:
            found[DEGRADED_LABEL if row.system == DEGRADED else CONTROL_LABEL] = row
    return found


def _panel(
    panel: "Axes", points: Mapping[str, tuple[Row, Row]], controls: Mapping[str, Row], look: Mapping[str, Style]
) -> None:
    panel.axhline(0.5, color=SOFT, linewidth=0.6, linestyle=(0, (2, 3)))
    for label, row in controls.items():
        dash = "-" if label == CONTROL_LABEL else (0, (4, 2))
        panel.axvline(row.value or 0.0, color=REAL, linewidth=0.9, linestyle=dash, label=label)
    for system, (real, area) in points.items():
        style = look[system]
        x, y = real.value or 0.0, area.value or 0.0
        for row, along in ((real, "x"), (area, "y")):
            if row.interval is None:
                continue
            ends = [row.interval.low, row.interval.high]
            line = (ends, [y, y]) if along == "x" else ([x, x], ends)
            panel.plot(*line, color=style.colour, linewidth=1.0, alpha=0.75, solid_capstyle="butt")
        panel.plot(
            [x],
            [y],
            marker=style.marker,
            color=style.colour,
            markersize=6,
            markeredgecolor="white",
            markeredgewidth=0.7,
            linestyle="none",
            label=system,
            clip_on=False,
            zorder=3,
        )


def _scale(panels: Sequence["Axes"], systems: Sequence[Row], controls: Sequence[Row]) -> None:
    of_systems = [row.value for row in systems if row.value is not None]
    far = min(of_systems) > 0.0 and max(of_systems) > WIDE * min(of_systems)
    rows = [*systems, *controls]
    values = [row.value for row in rows if row.value is not None]
    low = min((row.interval.low for row in rows if row.interval is not None), default=min(values))
    for place, panel in enumerate(panels):
        panel.set_ylim(0.0, 1.04)
        panel.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", "", "0.5", "", "1"] if place % 4 == 0 else [""] * 5)
        if far:
            panel.set_xscale("log")
            panel.set_xlim(min(one for one in values if one > 0.0) / 2.0, max(values) * 2.0)
        elif low >= 0.0:
            high = max((row.interval.high for row in rows if row.interval is not None), default=max(values))
            panel.set_xlim(0.0, 1.06 * max(high, *values))


def _caption(label: str, real: Mapping[str, Row], areas: Sequence[Row]) -> str:
    rows = list(real.values())
    return words.sentences(
        f"{label} of each system against real test data, and AUC of each detector on the system's test set. Dotted: "
        "chance. A detector that was trained on a system knows it; being detected has no better direction.",
        words.count_words(rows),
        words.protocol_words(rows),
        words.interval_words([*rows, *areas]).replace("In brackets", "Lines"),
    )
