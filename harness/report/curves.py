"""Robustness curves: what is left along the severities of each condition, as PNG and PDF.

Colours are Okabe and Ito's (2008), which colour-blind people tell apart; every line also has a marker and a dash of its
own, so that a print in grey says the same.
"""

import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from ..store.schema import Results, Row
from . import words
from .robustness import MEASURE, SECTION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
MARKERS = "osD^vPX"
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)), (0, (7, 2)))
FORMATS = ("png", "pdf")
_ACROSS = 4
"""Panels in a row."""
WHOLE = (0.0, 1.0)
"""Retentions with a name: nothing is left, and nothing is lost."""


class Point(NamedTuple):
    """A point of a curve, with the ends of its interval where it has one."""

    severity: int
    value: float
    low: float | None
    high: float | None


Curves = Mapping[str, Mapping[str, Sequence[Point]]]
"""Condition -> line -> its points, mildest first."""
NOWHERE: Mapping[str, Point] = MappingProxyType({})


def figures(results: Results) -> Iterator[tuple[str, bytes]]:
    """Yield (file name, content) of every figure, as PNG and as PDF; nothing without several severities.

    `retention-<system>` has a line for each detector; `curve-<metric>` one for each system.
    """
    rows = [row for row in results.rows if row.section == SECTION and row.value is not None]
    for system in dict.fromkeys(row.system for row in rows if "detector" in row.slice):
        own = [row for row in rows if row.system == system and row.metric == MEASURE]
        kept = [row for row in own if row.slice["statistic"] == "retention"]
        names = dict.fromkeys(map(_judge, kept), Point(0, 1.0, 1.0, 1.0))
        label = f"{words.metric_label(MEASURE)} above chance, share left"
        yield from _drawn(f"retention-{system}", f"Detection of {system}", label, curves_of(kept, _judge, names), WHOLE)
    for metric in dict.fromkeys(row.metric for row in rows if "detector" not in row.slice):
        mine = [row for row in rows if row.metric == metric and row.slice["statistic"] == "value"]
        clean = {row.system: _point(0, row) for row in results.rows if _is_clean(row, metric)}
        curves = curves_of(mine, lambda row: row.system, clean)
        yield from _drawn(f"curve-{metric}", words.metric_label(metric), words.metric_label(metric), curves)


def _judge(row: Row) -> str:
    return f"{row.slice['detector']} on {row.slice['train']}"


def _is_clean(row: Row, metric: str) -> bool:
    return (row.section, row.role, row.metric) == ("realism", "system", metric) and row.value is not None


def _point(severity: int, row: Row) -> Point:
    ends = (row.interval.low, row.interval.high) if row.interval else (None, None)
    return Point(severity, float(row.value or 0.0), *ends)


def write_figures(folder: Path, results: Results) -> None:
    """Write every figure into a folder, which is made where there is one."""
    for name, content in figures(results):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / file_name(name)).write_bytes(content)


def file_name(name: str) -> str:
    """Return a name as file systems take it."""
    return re.sub(r"[^A-Za-z0-9._@-]+", "-", name)


def curves_of(rows: Sequence[Row], line: Callable[[Row], str], clean: Mapping[str, Point] = NOWHERE) -> Curves:
    """Return the curves of conditions with at least two severities; those that `clean` names start there."""
    curves: dict[str, dict[str, list[Point]]] = {}
    for row in rows:
        if row.slice.get("severity") and row.value is not None:
            point = _point(int(row.slice["severity"]), row)
            curves.setdefault(row.slice["condition"], {}).setdefault(line(row), []).append(point)
    start = {name: [point] for name, point in clean.items()}
    return {
        condition: {name: [*start.get(name, ()), *sorted(points)] for name, points in lines.items()}
        for condition, lines in curves.items()
        if any(len(points) > 1 for points in lines.values())
    }


def _drawn(
    name: str, title: str, label: str, curves: Curves, marks: Sequence[float] = ()
) -> Iterator[tuple[str, bytes]]:
    if not curves:
        return
    figure = draw(title, label, curves, marks)
    for suffix in FORMATS:
        file = io.BytesIO()
        about = {"CreationDate": None, "Producer": None} if suffix == "pdf" else {"Software": None}
        figure.savefig(file, format=suffix, dpi=160, metadata=about)
        yield f"{name}.{suffix}", file.getvalue()


def draw(title: str, label: str, curves: Curves, marks: Sequence[float] = ()) -> "Figure":
    """Return one panel a condition, with shared axes and one legend; `marks` are values that are always in sight."""
    from matplotlib.figure import Figure

    across = min(_ACROSS, len(curves))
    down = -(-len(curves) // across)
    figure = Figure(figsize=(2.4 * across + 0.8, 2.1 * down + 1.1), layout="constrained")
    panels = figure.subplots(down, across, sharex=True, sharey=True, squeeze=False).ravel()
    names = list(dict.fromkeys(name for lines in curves.values() for name in lines))
    for panel, (condition, lines) in zip(panels, curves.items(), strict=False):
        _panel(panel, condition, lines, names)
        for value in marks:
            panel.axhline(value, color="#666666", linewidth=0.7, linestyle=(0, (2, 2)), zorder=0)
    for panel in panels[len(curves) :]:
        panel.set_axis_off()
    figure.suptitle(title, fontsize=11)
    for place, panel in enumerate(panels[: len(curves)]):
        if place + across >= len(curves):  # the lowest of its column
            panel.set_xlabel("severity", fontsize=9)
            panel.tick_params(labelbottom=True)
    figure.supylabel(label, fontsize=9)
    handles = {text: handle for p in panels for handle, text in zip(*p.get_legend_handles_labels(), strict=True)}
    columns = min(_ACROSS, across, len(names))
    figure.legend(handles.values(), handles, loc="outside lower center", ncols=columns, fontsize=8, frameon=False)
    return figure


def _panel(panel: "Axes", condition: str, lines: Mapping[str, Sequence[Point]], names: Sequence[str]) -> None:
    for name, points in lines.items():
        style = names.index(name) % len(COLOURS)
        x = [point.severity for point in points]
        low = [point.value if point.low is None else point.low for point in points]
        high = [point.value if point.high is None else point.high for point in points]
        panel.fill_between(x, low, high, color=COLOURS[style], alpha=0.15, linewidth=0)
        panel.plot(
            x,
            [point.value for point in points],
            color=COLOURS[style],
            marker=MARKERS[style],
            linestyle=DASHES[style],
            markersize=4,
            linewidth=1.4,
            label=name,
        )
    panel.set_title(condition.replace("_", " "), fontsize=9)
    severities = sorted({point.severity for points in lines.values() for point in points})
    panel.set_xticks(severities, [str(one) if one else "clean" for one in severities])
    panel.tick_params(labelsize=8)
    panel.grid(visible=True, linewidth=0.4, alpha=0.5)
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)
