"""What all figures share: the record of one, colours, and how it becomes bytes."""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from ..curves import COLOURS, DASHES, MARKERS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 200
REAL = "#6e737d"
"""Of real items, in every figure."""
INK = "#1d1f24"
SOFT = "#6b7079"
ACROSS = 4
"""Panels in a row, at most."""
BAND = 0.16
"""Opacity of a band."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A figure, ready for a page or a paper."""

    name: str
    """Of its files, without suffix."""
    title: str
    caption: str
    """What it shows, with n, protocol, interval and level."""
    section: str
    """Chapter of the page."""
    wide: bool
    """Whether it needs the width of a page."""
    png: bytes
    pdf: bytes


class Style(NamedTuple):
    """How a system is drawn, the same in every figure of a run."""

    colour: str
    marker: str
    dash: Any


def styles(systems: Iterable[str]) -> dict[str, Style]:
    """Return a style for each system; up to 49 are distinct, and so are 7 without colour."""
    found = {}
    for place, system in enumerate(systems):
        turn = place + place // len(COLOURS)
        found[system] = Style(COLOURS[place % len(COLOURS)], MARKERS[turn % len(MARKERS)], DASHES[turn % len(DASHES)])
    return found


def grid(count: int, *, width: float, height: float, across: int = ACROSS) -> tuple["Figure", list["Axes"]]:
    """Return a figure with `count` panels of the given inches, side by side; no global state is touched."""
    from matplotlib.figure import Figure

    across = min(across, count)
    down = -(-count // across)
    figure = Figure(figsize=(width * across + 0.5, height * down + 0.4), layout="constrained")
    panels = figure.subplots(down, across, squeeze=False).ravel().tolist()
    for panel in panels[count:]:
        panel.set_axis_off()
    for panel in panels[:count]:
        plain(panel)
    return figure, panels[:count]


def plain(panel: "Axes") -> None:
    """Take away what says nothing."""
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        panel.spines[side].set_color(SOFT)
        panel.spines[side].set_linewidth(0.6)
    panel.tick_params(labelsize=7.5, color=SOFT, width=0.6, length=3)


@contextmanager
def settings() -> Iterator[None]:
    """Draw with our settings, whatever the user's matplotlibrc says."""
    from matplotlib import style

    ours: Mapping[str, Any] = {
        "pdf.fonttype": 42,  # what printers and submission systems take
        "font.size": 8.5,
        "axes.titlesize": 9,
        "axes.labelsize": 8.5,
        "axes.edgecolor": SOFT,
        "text.color": INK,
        "axes.labelcolor": INK,
        "legend.fontsize": 7.5,
        "legend.frameon": False,
    }
    with style.context(["default", dict(ours)]):
        yield


def drawn(figure: "Figure", *, about: Sequence[str], section: str, wide: bool = False) -> Drawn:
    """Return a figure as bytes, without times and versions; `about` is its name, title and caption."""
    files = {}
    for suffix, metadata in (("png", {"Software": None}), ("pdf", {"CreationDate": None, "Producer": None})):
        file = io.BytesIO()
        figure.savefig(file, format=suffix, dpi=DPI, metadata=metadata)
        files[suffix] = file.getvalue()
    name, title, caption = about
    return Drawn(name=name, title=title, caption=caption, section=section, wide=wide, **files)
