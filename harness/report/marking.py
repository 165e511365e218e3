"""Tables of an audit of the marking: detectors, and what the watermark survives."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..safeguards.watermark.survival import Survival
from .model import Cell, Column, Line, Table


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorLine:
    """What marking does to one detector."""

    detector: str
    learned: str = "as it comes"
    auc: float | None = None
    """Of marked files against the same files unmarked: 0.5 cannot tell."""
    interval: tuple[float, float] | None = None
    """95 %."""
    n: int = 0
    expected: int = 0
    plain: float | None = None
    """AUC of fakes against real items before the fakes are marked."""
    marked: float | None = None
    """And after."""
    change: float | None = None
    change_interval: tuple[float, float] | None = None
    reason: str | None = None


def detector_table(lines: Sequence[DetectorLine]) -> Table:
    """Return `marking-detectors`."""
    against = any(line.plain is not None for line in lines)
    columns = [
        Column(key="detector", label="detector", align="left", form="text"),
        Column(key="learned", label="trained on", align="left", form="text"),
        Column(key="auc", label="AUC", group="marked against unmarked"),
    ]
    if against:
        columns += [
            Column(key="plain", label="unmarked", group="AUC of fakes against real"),
            Column(key="marked", label="marked", group="AUC of fakes against real"),
            Column(key="change", label="change", group="AUC of fakes against real"),
        ]
    rows = []
    for line in lines:
        notes = (line.reason,) if line.reason else ()
        cells = [
            Cell(text=line.detector, footnotes=notes),
            Cell(text=line.learned),
            Cell(value=line.auc, interval=line.interval, n=line.n, expected=line.expected),
        ]
        if against:
            cells += [Cell(value=line.plain), Cell(value=line.marked)]
            cells.append(Cell(value=line.change, interval=line.change_interval))
        rows.append(Line(cells=tuple(cells)))
    return Table(
        name="marking-detectors",
        title="What marking does to detectors",
        caption="AUC of files with a watermark against the same files without one; 0.5: it cannot tell. Intervals: "
        "95 %, clustered by person (DeLong); each file is there twice, so that they show shifts that matter to nobody. "
        "Detectability has no better direction.",
        columns=tuple(columns),
        rows=tuple(rows),
    )


def survival_table(rows: Sequence[Survival], side: int) -> Table:
    """Return `marking-survival`."""
    lines = [
        Line(
            cells=(
                Cell(text=row.condition),
                Cell(
                    value=row.detected,
                    interval=(row.interval.low, row.interval.high) if row.interval else None,
                    n=row.files,
                    expected=row.files,
                ),
                Cell(value=row.read),
                Cell(value=row.bit_accuracy),
                Cell(value=row.psnr),
                Cell(value=row.least_psnr),
            )
        )
        for row in rows
    ]
    misread = sum(row.misread for row in rows)
    return Table(
        name="marking-survival",
        title="What the watermark survives",
        caption=f"Marked pictures of {side} pixels, and clips of them in which a camera moves, changed and looked "
        "through. Detected: share of the files in which a mark is sure (Wilson, 95 %); read: in which it is read "
        "rightly; bits: share of the coded bits that are right before any is corrected. PSNR is that of marking alone.",
        columns=(
            Column(key="condition", label="condition", align="left", form="text"),
            Column(key="detected", label="detected", decimals=3),
            Column(key="read", label="read", form="number", decimals=3),
            Column(key="bits", label="bits", form="number", decimals=3),
            Column(key="psnr", label="PSNR (dB)", form="number", decimals=1),
            Column(key="least", label="least (dB)", form="number", decimals=1),
        ),
        rows=tuple(lines),
        notes=(f"Wrong marks read: {misread}.",),
    )
