"""Tables of languages: every number by language, tones before and after, tonal languages against the others."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from ..stats.languages import LEAST, LEVEL
from ..stats.score import Direction
from ..store.schema import Results, Row
from . import words
from .model import Cell, Column, Line, Table
from .panels import system_cell, value_cell

SECTION = "languages"
CONTRAST = "difference in differences"
TONES = "tones"
AFTER = ("tone_accuracy", "tone_accuracy_of_text")
SYNTHESISED = ("tone_accuracy", "tone_accuracy_flattened", "tone_accuracy_shuffled")


class _Place(NamedTuple):
    """What a column or a panel is about."""

    metric: str
    detector: str
    train: str

    @property
    def label(self) -> str:
        """As a heading."""
        shown = words.metric_label(self.metric)
        return f"{shown}, {self.detector} trained on {self.train}" if self.detector else shown


def language_tables(results: Results, origin: Mapping[str, str]) -> Iterator[Table]:
    """Yield `languages`, a table for each system that is compared, `languages-tones` and `languages-values`."""
    rows = [row for row in results.rows if row.section == SECTION]
    contrasts = [row for row in rows if row.slice["statistic"] == CONTRAST]
    if contrasts:
        yield _contrasts(contrasts, rows, origin)
    for system in dict.fromkeys(row.system for row in contrasts):
        yield _system(system, contrasts, rows, origin)
    if any(row.metric in SYNTHESISED and row.role == "control" for row in rows):
        yield _tones(rows, origin)
    values = [row for row in rows if row.slice["statistic"] == "value" and row.role == "system"]
    if values:
        yield _values(values, results, origin)


def _place(row: Row) -> _Place:
    return _Place(row.metric, row.slice.get("detector", ""), row.slice.get("train", ""))


def _is_tonal(contrasts: Sequence[Row]) -> dict[str, bool]:
    return {code: bool(tonal) for row in contrasts[:1] for code, tonal in dict(row.protocol["languages"]).items()}


def _effects(row: Row, rows: Sequence[Row]) -> dict[str, Row]:
    """Return the effects that a contrast was made of, by language."""
    return {
        other.slice["language"]: other
        for other in rows
        if other.slice["statistic"] == "effect" and other.system == row.system and _place(other) == _place(row)
    }


def left_out(effect: Row) -> str | None:
    """Return why a language had no part in the comparison, or None."""
    return next((flag for flag in effect.flags if flag.startswith("left out: ")), effect.reason)


def verdict(row: Row, tonal: int, others: int) -> str:
    """Return what a difference in differences says: nothing is claimed with fewer than four languages on a side."""
    if row.value is None:
        return "no comparison"
    if min(tonal, others) < LEAST:
        return "description only"
    found = row.p is not None and row.p <= 1 - LEVEL + 1e-12
    return "tonal languages differ" if found else "no evidence"


def _contrasts(contrasts: Sequence[Row], rows: Sequence[Row], origin: Mapping[str, str]) -> Table:
    tonal, first = _is_tonal(contrasts), contrasts[0].protocol
    lines = []
    for row in contrasts:
        used = [code for code, effect in _effects(row, rows).items() if left_out(effect) is None]
        count = sum(tonal[code] for code in used)
        cells = (
            Cell(text=_place(row).label, raw=row.metric),
            value_cell(row),
            Cell(value=row.p if row.value is not None else None),
            Cell(text=f"{count} + {len(used) - count}"),
            Cell(text=verdict(row, count, len(used) - count)),
        )
        lines.append(Line(cells=cells, panel=row.system))
    sides = [", ".join(code for code, side in tonal.items() if side is which) for which in (True, False)]
    return Table(
        name="languages",
        title="Tonal languages against the others",
        caption=words.sentences(
            f"Speech by {first['synthesiser']}; tonal {sides[0]}; others {sides[1]}.",
            f"Effect of a system in a language: its number less that of its control ({first['control']}). The value is "
            "the mean effect of tonal languages less that of the others; languages are what is permuted, so that each "
            "counts once, as a random effect.",
            f"A claim needs {LEAST} languages on each side after those are left out whose controls of tones pass; "
            "otherwise the line is description.",
            words.interval_words(contrasts),
        ),
        columns=(
            Column(key="metric", label="metric", align="left", form="text"),
            Column(key="difference", label="difference in differences", shared_decimals=False),
            Column(key="p", label="p", form="number", decimals=3),
            Column(key="languages", label="tonal + others", form="text"),
            Column(key="result", label="result", align="left", form="text"),
        ),
        rows=tuple(lines),
        notes=(
            f"Each line is tested alone: of {len(contrasts)} lines about {0.05 * len(contrasts):.1g} would pass by "
            "chance. With four languages a side the least p is 0.029.",
        ),
        provenance=origin,
    )


def _system(system: str, contrasts: Sequence[Row], rows: Sequence[Row], origin: Mapping[str, str]) -> Table:
    """Return the effects of one system by language, a panel for each metric."""
    mine = [row for row in contrasts if row.system == system]
    control, tonal = str(mine[0].protocol["control"]), _is_tonal(mine)
    values = {
        (row.system, _place(row), row.slice["language"]): row for row in rows if row.slice["statistic"] == "value"
    }
    lines = []
    for row in mine:
        for code, effect in _effects(row, rows).items():
            out = left_out(effect)
            pair = [values.get((name, _place(row), code)) for name in (system, control)]
            cells = (
                Cell(text=code),
                Cell(text="yes" if tonal[code] else "no"),
                Cell(value=pair[0].n if pair[0] is not None and pair[0].value is not None else None),
                *(value_cell(one) if one is not None else Cell() for one in pair),
                Cell(value=effect.value),
                Cell(text="no" if out else "yes", footnotes=(out,) if out else ()),
            )
            lines.append(Line(cells=cells, panel=_place(row).label))
    shown = [row for row in values.values() if row.system in {system, control}]
    return Table(
        name=f"languages-{system.replace('/', '-')}",
        title=f"{system} by language",
        caption=words.sentences(
            f"{system} and its control {control}, language by language; speech by {mine[0].protocol['synthesiser']}. "
            "Effect: the first less the second.",
            words.interval_words(shown),
        ),
        columns=(
            Column(key="language", label="language", align="left", form="text"),
            Column(key="tonal", label="tonal", align="left", form="text"),
            Column(key="n", label="n", form="number"),
            Column(key="system", label=system, shared_decimals=False),
            Column(key="control", label=control, shared_decimals=False),
            Column(key="effect", label="effect", shared_decimals=False),
            Column(key="used", label="used", align="left", form="text"),
        ),
        rows=tuple(lines),
        provenance=origin,
    )


def _tones(rows: Sequence[Row], origin: Mapping[str, str]) -> Table:
    """Return a line for each tonal language: the synthesiser's own tones, and what is left of them in each system."""
    own = [row for row in rows if row.role == "control" and row.metric in SYNTHESISED]
    after = [row for row in rows if row.metric in AFTER and row.role == "system" and row.slice["statistic"] == "value"]
    systems = dict.fromkeys((row.system, row.metric) for row in sorted(after, key=lambda row: AFTER.index(row.metric)))
    found = {(row.system, row.metric, row.slice["language"]): row for row in (*own, *after)}
    lines = []
    for code in dict.fromkeys(row.slice["language"] for row in own):
        first = found["real", SYNTHESISED[0], code]
        places = [("real", metric) for metric in SYNTHESISED] + list(systems)
        shown = [found.get((*place, code)) for place in places]
        count = Cell(value=first.n if first.value is not None else None)
        lines.append(
            Line(cells=(Cell(text=code), count, *(value_cell(one) if one is not None else Cell() for one in shown)))
        )
    name = str(own[0].protocol["synthesiser"])
    return Table(
        name="languages-tones",
        title="Lexical tones",
        caption=words.sentences(
            "Share of syllables whose lexical tone is told from F0 alone, tones weighed as if all were as frequent, "
            f"by a linear classifier that learnt from other voices of eSpeak NG: in the sounds of {name}, in the same "
            "with one F0 and with F0 that changed places (what is told there is chance), in what systems made of them "
            "(after), and in what systems made of texts (of text), where tones are those that eSpeak NG gives it.",
            "It tells whether F0 does what the synthesiser means by a tone, not whether a listener hears the word.",
            words.interval_words([*own, *after]),
        ),
        columns=(
            Column(key="language", label="language", align="left", form="text"),
            Column(key="n", label="n", form="number"),
            Column(key="synthesiser", label=name, group="before", direction=Direction.HIGHER),
            Column(key="flattened", label="flattened", group="before"),
            Column(key="shuffled", label="shuffled", group="before"),
            *(
                Column(
                    key=name,
                    label=name,
                    group="after" if metric == AFTER[0] else "of text",
                    direction=Direction.HIGHER,
                )
                for name, metric in systems
            ),
        ),
        rows=tuple(lines),
        provenance=origin,
    )


def _values(rows: Sequence[Row], results: Results, origin: Mapping[str, str]) -> Table:
    """Return every number of every system, a line for each language."""
    places = list(dict.fromkeys(map(_place, rows)))
    direction = {_place(row): row.direction for row in rows}
    records = {record.name: record for record in results.systems}
    found = {(row.system, row.slice["language"], _place(row)): row for row in rows}
    lines = []
    for system in dict.fromkeys(row.system for row in rows):
        for code in dict.fromkeys(row.slice["language"] for row in rows):
            shown = [found.get((system, code, place)) for place in places]
            if not any(one is not None for one in shown):
                continue
            counts = sorted({one.n for one in shown if one is not None and one.value is not None})
            count = Cell(text="–".join(map(str, dict.fromkeys((counts[0], counts[-1]))))) if counts else Cell()
            cells = (Cell(text=code), count, *(value_cell(one) if one is not None else Cell() for one in shown))
            lines.append(Line(cells=cells, panel=str(system_cell(system, records.get(system)).text)))
    return Table(
        name="languages-values",
        title="Every number by language",
        caption=words.sentences(
            "Realism against the real items of the same language; detectors on its fakes and real items.",
            words.interval_words(rows),
        ),
        columns=(
            Column(key="language", label="language", align="left", form="text"),
            Column(key="n", label="n", form="text"),
            *(
                Column(
                    key=" ".join(filter(None, place)),
                    label=words.metric_label(place.metric),
                    group=f"{place.detector} on {place.train}" if place.detector else "",
                    direction=Direction(direction[place]),
                )
                for place in places
            ),
        ),
        rows=tuple(lines),
        provenance=origin,
    )
