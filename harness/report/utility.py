"""Tables of usefulness: what a classifier gains by synthetic pictures, and a detector by a system."""

from collections.abc import Iterator, Mapping, Sequence

from ..stats.compare import holm
from ..store.schema import Results, Row
from . import words
from .model import Cell, Column, Line, Table
from .panels import contested, system_cell, value_cell

ALPHA = 0.05
LABELS = {
    "labeller": "labels by a labeller",
    "target": "labels of the pictures changed",
    "own": "labels of their own",
    "its own": "",
}
REAL_ALONE = "real pictures alone"


def utility_tables(results: Results, origin: Mapping[str, str]) -> Iterator[Table]:
    """Yield `utility` and `utility-detectors`, as far as the run has their rows."""
    rows = [row for row in results.rows if row.section == "utility"]
    task = [row for row in rows if "task" in row.slice]
    if task:
        yield _task(task, results, origin)
    gains = [row for row in rows if row.metric == "auc_gain"]
    if gains:
        yield _detectors(gains, results, origin)


def adjusted(rows: Sequence[Row]) -> dict[str, float]:
    """Return p after Holm by the id of each row that was tested."""
    tested = [(row.id, row.p) for row in rows if row.p is not None]
    return dict(zip((name for name, _ in tested), holm([p for _, p in tested]), strict=True))


def verdict(row: Row | None, p: Mapping[str, float]) -> str | None:
    """Return what a gain says after Holm: `more`, `less`, or `no evidence`; None where nothing was tested."""
    if row is None or row.value is None or row.id not in p:
        return None
    if p[row.id] >= ALPHA:
        return "no evidence"
    return "more" if row.value > 0 else "less"


def _task(rows: Sequence[Row], results: Results, origin: Mapping[str, str]) -> Table:
    records = {record.name: record for record in results.systems}
    p = adjusted([row for row in rows if row.metric == "gain"])
    ranked = contested([row for row in rows if row.metric == "balanced_accuracy"])
    lines = []
    for (panel, system, learned), own in _places(rows).items():
        score, gain, worth = own.get("balanced_accuracy"), own.get("gain"), own.get("worth")
        control = score is not None and score.role == "control"
        name = Cell(text=learned) if control else system_cell(system, records.get(system))
        lines.append(
            Line(
                cells=(
                    name,
                    Cell(value=score.n_real if score is not None and score.value is not None else None),
                    value_cell(score, bold=score.metric in ranked) if score is not None else Cell(),
                    *_gain_cells(gain, p),
                    value_cell(worth) if worth is not None and worth.value is not None else _why(worth),
                ),
                panel=panel,
            )
        )
    first = rows[0].protocol
    cut = f", cut at {first['above']:g}" if isinstance(first.get("above"), int | float) else ""
    return Table(
        name="utility",
        title="Use as training data",
        caption=words.sentences(
            f"Balanced accuracy on real test pictures of a small classifier of '{first.get('label')}'{cut}, "
            f"{first.get('size')} px, {first.get('steps')} updates whatever it learns from, mean of "
            f"{first.get('seeds')} trainings.",
            f"Gain: over {100 * float(first.get('base') or 0):g} % of the real train people alone, paired; p after "
            "Holm over this table, and the smallest true gain that would be found with 80 % power.",
            "Worth: the number of real pictures that, added to the real ones, would have done the same.",
            "Labels by a labeller: nobody else knows what such a picture shows, so a classifier that has learnt from "
            "the same real pictures says it. Generators have seen all real train pictures, without labels.",
            words.count_words(rows, trained=False),
            words.interval_words(rows),
            words.direction_words([row for row in rows if row.role == "system"], ranked=bool(ranked)),
        ),
        columns=(
            Column(key="system", label="learnt from", align="left", form="text"),
            Column(key="n_real", label="real", form="number"),
            Column(key="balanced_accuracy", label="balanced accuracy"),
            *_gain_columns("gain"),
            Column(key="worth", label="worth in real pictures", decimals=0),
        ),
        rows=tuple(lines),
        provenance=origin,
    )


def _places(rows: Sequence[Row]) -> dict[tuple[str, str, str], dict[str, Row]]:
    """Return the rows of each line by metric, panels together: what was learnt from, and whose labels."""
    panels: dict[str, dict[tuple[str, str, str], dict[str, Row]]] = {}
    for row in rows:
        learned = row.slice["learned"]
        rule = LABELS.get(str(row.protocol.get("labels")), "")
        panel = REAL_ALONE if row.role == "control" else "; ".join(filter(None, (learned, rule)))
        panels.setdefault(panel, {}).setdefault((panel, row.system, learned), {})[row.metric] = row
    return {place: own for panel in panels.values() for place, own in panel.items()}


def _gain_columns(key: str) -> tuple[Column, ...]:
    return (
        Column(key=key, label="AUC gain" if key == "auc_gain" else "gain"),
        Column(key="p", label="p", form="number", decimals=3),
        Column(key="evidence", label="evidence", align="left", form="text"),
        Column(key="found_from", label="found from", form="number", decimals=3),
    )


def _gain_cells(row: Row | None, p: Mapping[str, float]) -> tuple[Cell, ...]:
    if row is None:
        return Cell(), Cell(), Cell(), Cell()
    said = verdict(row, p)
    return value_cell(row), Cell(value=p.get(row.id)), Cell(text=said), Cell(value=row.detectable)


def _why(row: Row | None) -> Cell:
    return Cell(footnotes=(row.reason,)) if row is not None and row.reason else Cell()


def _detectors(rows: Sequence[Row], results: Results, origin: Mapping[str, str]) -> Table:
    records, p = {record.name: record for record in results.systems}, adjusted(rows)
    lines = [
        Line(
            cells=(
                system_cell(row.system, records.get(row.system)),
                Cell(text=row.slice["detector"]),
                Cell(value=row.n),
                Cell(value=row.n_real),
                *_gain_cells(row, p),
            )
        )
        for row in rows
    ]
    return Table(
        name="utility-detectors",
        title="What a detector learns from a system",
        caption=words.sentences(
            "AUC of a detector that has also learnt from the system, less that of the same detector without it; both "
            "learnt from the same real items and are tested on real items and on the other systems, which both know. "
            "p after Holm over this table, and the smallest true gain that would be found with 80 % power.",
            words.interval_words(rows),
        ),
        columns=(
            Column(key="system", label="also learnt from", align="left", form="text"),
            Column(key="detector", label="detector", align="left", form="text"),
            Column(key="n", label="fakes", form="number"),
            Column(key="n_real", label="real", form="number"),
            *_gain_columns("auc_gain"),
        ),
        rows=tuple(lines),
        provenance=origin,
    )
