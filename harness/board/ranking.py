"""The ranking over the entries of a suite: only rows with the same comparability key stand in one column."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ..report import Cell, Column, Line, Table, render, tables
from ..stats.groups import mark_best
from ..store.schema import Replicates, Results, Row
from .entry import Entry

UNRANKED = "fails memorisation"
"""Flag of systems that are shown and not ranked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """What a leaderboard says."""

    tables: tuple[Table, ...]
    rows: tuple[Row, ...]
    """With rank and best over all entries."""
    notes: tuple[str, ...]


def ranking(entries: Sequence[Entry], replicates: Mapping[str, Replicates]) -> Ranking:
    """Rank the rows of several entries.

    Where two entries have the same row of the same system, the one with more training seeds counts, then the first.

    Args:
        entries: Of one suite, sorted by id.
        replicates: Entry id -> what comparisons need.
    """
    notes: list[str] = []
    found: list[Table] = []
    every: list[Row] = []
    references = dict.fromkeys(_reference(entry) for entry in entries)
    for number, reference in enumerate(references, 1):
        mine = [entry for entry in entries if _reference(entry) == reference]
        together = _together(mine, replicates, notes)
        every += together.rows
        heading = f" (data {number} of {len(references)})" if len(references) > 1 else ""
        # The version that published first: the page must not change with the one that checks it.
        for name, table in tables(together, version=str(mine[0].environment.get("fauxbench"))).items():
            if name.startswith("realism") or name == "detection":
                found.append(_titled(table, f"{table.title}{heading}"))
    if entries:
        found.append(_detectability(entries))
    return Ranking(tables=tuple(found), rows=tuple(every), notes=tuple(dict.fromkeys(notes)))


def _reference(entry: Entry) -> str:
    return str(entry.results.reference.get("digest"))


def _titled(table: Table, title: str) -> Table:
    return replace(table, title=title)


def _together(entries: Sequence[Entry], replicates: Mapping[str, Replicates], notes: list[str]) -> Results:
    """Return one document of all entries over the same real data, ranked anew."""
    best: dict[tuple[object, ...], tuple[str, Row]] = {}
    for entry in entries:
        for row in entry.results.rows:
            key = row.section, row.system, row.metric, *sorted(row.slice.items()), row.comparability
            first = best.get(key)
            if first is not None and first[1].value != row.value:
                notes.append(f"{row.system}: entries {first[0]} and {entry.id} differ; the one with more seeds counts")
            if first is None or len(row.seeds) > len(first[1].seeds):
                best[key] = entry.id, row
    rows, stored = [], {}
    for owner, row in best.values():
        named = row.model_copy(update={"id": f"{owner} {row.id}"})
        rows.append(named)
        if row.id in replicates[owner].rows:
            stored[named.id] = replicates[owner].rows[row.id]
    systems = {system.name: system for entry in entries for system in entry.results.systems}
    unranked = {s.name for entry in entries for s in entry.results.systems if UNRANKED in s.flags}
    classes = {entry.results.numeric_class for entry in entries}
    if len(classes) > 1:
        notes.append(f"entries differ in numeric class ({', '.join(sorted(classes))}): equal to a tolerance only")
    return entries[0].results.model_copy(
        update={
            "systems": tuple(systems.values()),
            "rows": mark_best(rows, Replicates(rows=stored), unranked=unranked),
            "warnings": (),
        }
    )


def _detectability(entries: Sequence[Entry]) -> Table:
    """Return what built-in detectors say of each set; there is no better direction, so nothing is ranked or bold."""
    heads = (("system", "system"), ("detector", "detector"), ("auc", "AUC"), ("n", "n"), ("entry", "entry"))
    columns = tuple(
        Column(
            key=key,
            label=label,
            align="right" if key in {"auc", "n"} else "left",
            form={"auc": "score", "n": "number"}.get(key, "text"),  # type: ignore[arg-type]
        )
        for key, label in heads
    )
    return Table(
        name="detectability",
        title="Detectability",
        caption="How well the detectors that come with fauxbench tell each set from its real data, with 95 % "
        "intervals. Neither high nor low is better, and nothing is ranked.",
        columns=columns,
        rows=tuple(_detected(entries)),
    )


def _detected(entries: Sequence[Entry]) -> Iterator[Line]:
    for entry in entries:
        for system, made in entry.sets.items():
            for one in made.detectability.detections:
                yield Line(
                    cells=(
                        Cell(text=system),
                        Cell(text=one.detector),
                        Cell(value=one.auc, interval=one.interval, n=one.n, expected=one.expected)
                        if one.auc is not None
                        else Cell(footnotes=(str(one.reason),)),
                        Cell(value=one.n),
                        Cell(text=entry.id),
                    )
                )


def ranking_page(entries: Sequence[Entry], replicates: Mapping[str, Replicates]) -> str:
    """Return the ranking as Markdown."""
    found = ranking(entries, replicates)
    head = f"# {entries[0].results.suite.title or entries[0].results.suite.name}\n" if entries else "# No entries\n"
    said = [
        head,
        "Written by `fauxbench board publish`; `fauxbench board check` makes its numbers again. Only rows of one "
        "protocol share a column, and ranks are intervals that hold together.\n",
        *(f"{render(table, 'markdown').rstrip()}\n" for table in found.tables),
        *(f"* {note}\n" for note in found.notes),
        "| entry | systems | numeric class | fauxbench |",
        "|---|---|---|---|",
        *(
            f"| `{entry.id}` | {', '.join(system.name for system in entry.results.systems)} | "
            f"{entry.results.numeric_class} | {entry.environment.get('fauxbench')} |"
            for entry in entries
        ),
    ]
    return "\n".join(said) + "\n"
