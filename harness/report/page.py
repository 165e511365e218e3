"""A run as one page: tables, figures, samples, protocol, environment and warnings, in a file that needs nothing else.

The page is made from a run folder alone. It fetches nothing: styles, script and pictures are part of it, and its own
policy forbids the browser to ask any machine for anything.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from ..canonical import JSON
from ..errors import InputError
from ..metrics.wording import counted
from ..stats.groups import COVERAGE
from ..store.schema import Results, Row, read_results
from . import words
from .bibliography import bibliography
from .build import provenance, tables
from .figures.model import DPI, Drawn
from .model import Table
from .page_tables import PageTable, data_address, kinds_of, page_table

if TYPE_CHECKING:
    from jinja2 import Template

TEMPLATES = Path(__file__).parent / "templates"
SCREEN = 120
"""Pixels of a screen for an inch of a figure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The grid of one system, as it lies in the run folder: its marks stay in it."""

    system: str
    kind: str
    address: str
    scored: str
    """The detector whose P(fake) stands below each picture; nothing where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A chapter of the page."""

    id: str
    title: str
    about: str
    tables: tuple[PageTable, ...] = ()
    figures: tuple["PageFigure", ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFigure:
    """A figure, as the page shows it and as a paper takes it."""

    name: str
    title: str
    caption: str
    wide: bool
    width: int
    """In pixels of a screen."""
    png: str
    pdf: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What is known of a system or a detector, from its card."""

    name: str
    kind: str
    title: str
    description: str
    facts: tuple[tuple[str, str], ...]


_SECTIONS = (
    ("scoreboard", "Scoreboard", "How real, how well caught, how useful, how safe.", ("scoreboard",)),
    ("realism", "Realism", "How close each system comes to real data.", ("realism",)),
    (
        "detection",
        "Detection",
        "How often detectors catch what the systems make. Being caught is neither good nor bad: nothing is ranked.",
        ("detection", "kinds", "thresholds", "false_alarms"),
    ),
    ("cross", "Cross-testing", "Detectors trained on one system, tested on another.", ("matrix",)),
    (
        "robustness",
        "Robustness",
        "The same after declared changes of the files.",
        ("robustness", "retention", "survives"),
    ),
    (
        "languages",
        "Languages",
        "Every number by language, and tonal languages against the others.",
        ("languages",),
    ),
    ("utility", "Use as training data", "What synthetic pictures add to real ones.", ("utility",)),
    ("shortcuts", "Shortcuts", "What else tells real from fake.", ("shortcuts", "overlap", "re-encoded")),
    ("other", "More tables", "", ("",)),
)
"""Id, title, what it is about, and how the names of its tables begin."""


def report_page(run: Path, drawn: Sequence[Drawn] = ()) -> str:
    """Return the page of a finished run.

    Args:
        run: A run folder.
        drawn: Its figures, see `figures.figures`.

    Raises:
        InputError: Not a finished run folder, or a document in it that cannot be read.
    """
    results = read_results(run)
    facts = _document(run / "run.json")
    kinds = kinds_of(results)
    made = tables(results)
    papers = bibliography(results)
    return _template().render(
        results=results,
        run=run.resolve().name,
        style=(TEMPLATES / "page.css").read_text(encoding="utf-8"),
        script=(TEMPLATES / "page.js").read_text(encoding="utf-8"),
        glance=tuple(_glance(results, facts)),
        kinds=[kind for kind in words.KINDS if kind != "real" and kind in set(kinds.values())],
        warnings=_warnings(run, results, facts),
        sections=tuple(_sections(made.values(), kinds, drawn)),
        samples=tuple(_samples(run, kinds)),
        systems=tuple(_systems(run, results)),
        detectors=tuple(_detectors(run, results)),
        suite=_yaml(_pruned(_document(run / "suite.json"))),
        protocols=tuple(_protocols(results)),
        environment=tuple(_environment(facts)),
        failures=_failures(run),
        papers=papers,
        bib=data_address(papers.encode(), "text/x-bibtex"),
        provenance=tuple(provenance(results).items()),
    )


@cache
def _template() -> "Template":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["kind"] = words.kind_label
    return environment.get_template("page.html")


def _sections(made: Iterable[Table], kinds: Mapping[str, str], drawn: Sequence[Drawn]) -> Iterator[Section]:
    left = list(made)
    for name, title, about, beginnings in _SECTIONS:
        mine = [table for table in left if table.name.startswith(beginnings)]
        left = [table for table in left if table not in mine]
        figures = tuple(_figure(one) for one in drawn if one.section == name)
        if mine or figures:
            shown = tuple(page_table(table, kinds) for table in mine)
            yield Section(id=name, title=title, about=about, tables=shown, figures=figures)


def _figure(one: Drawn) -> PageFigure:
    return PageFigure(
        name=one.name,
        title=one.title,
        caption=one.caption,
        wide=one.wide,
        width=int(int.from_bytes(one.png[16:20], "big") * SCREEN / DPI),  # of the PNG's header
        png=data_address(one.png, "image/png"),
        pdf=data_address(one.pdf, "application/pdf"),
    )


def _glance(results: Results, facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what a reader wants to know first."""
    yield "systems", str(len(results.systems))
    detectors = {row.slice["detector"] for row in results.rows if "detector" in row.slice}
    if detectors:
        yield "detectors", str(len(detectors))
    yield "numbers", str(sum(row.value is not None for row in results.rows))
    splits, people = results.reference.get("splits"), results.reference.get("identities")
    if isinstance(splits, Mapping) and isinstance(splits.get("test"), int):
        yield "real test items", str(splits["test"])
    if isinstance(people, Mapping) and isinstance(people.get("test"), int):
        yield "identities in them", str(people["test"])
    if facts.get("started"):
        yield "started", str(facts["started"])[:16].replace("T", " ")


def _warnings(run: Path, results: Results, facts: Mapping[str, Any]) -> tuple[str, ...]:
    """Return everything that a reader must know before believing a number."""
    found = list(results.warnings)
    status = facts.get("status")
    if not facts:
        found.append("run.json is missing: who ran this, when and on what is not known")
    elif status != "complete":
        found.append(f"the run ended as '{status}'{': ' + str(facts['reason']) if facts.get('reason') else ''}")
    for record in results.systems:
        found += [f"{record.name}: {note}" for note in words.system_notes(record)]
        if record.status == "partial":
            lost = ", ".join(f"{count} {kind}" for kind, count in record.failures.items())
            found.append(f"{record.name}: some of what was asked for did not come{f' ({lost})' if lost else ''}")
    low = {row.system: row for row in results.rows if row.value is not None and row.coverage < COVERAGE}
    found += [f"{name}: below 95 % coverage ({row.n} of {counted(row.expected, 'item')})" for name, row in low.items()]
    units = {unit for unit, _, _ in _failures(run)}
    if units:
        found.append(f"{len(units)} {'unit' if len(units) == 1 else 'units'} did not give all of it: see failures")
    notice = run / "samples" / "not-marked.txt"
    if notice.exists():
        found.append(notice.read_text(encoding="utf-8").strip())
    return tuple(dict.fromkeys(found))


def _samples(run: Path, kinds: Mapping[str, str]) -> Iterator[Sample]:
    """Yield the grids that left the store through the border: those with a row in the provenance, unchanged since."""
    folder = run / "samples"
    scored = _document(folder / "scores.json")
    for row in _lines(folder / "provenance.jsonl"):
        name, system = str(row.get("file")), str(row.get("generator"))
        path = folder / Path(name).name
        if not path.is_file() or path.suffix != ".png":
            continue
        content = path.read_bytes()
        if sha256(content).hexdigest() == str(row.get("sha256")).removeprefix("sha256:"):
            yield Sample(
                system=system,
                kind=kinds.get(system, str(row.get("kind"))),
                address=data_address(content, "image/png"),
                scored=str(scored.get(system, "")),
            )


def _systems(run: Path, results: Results) -> Iterator[Part]:
    for record in results.systems:
        card = _document(run / "cards" / f"{record.name}.json")
        facts = {
            "technique": record.technique,
            "parameters": ", ".join(f"{name} {_said(value)}" for name, value in record.parameters.items()),
            "trained on": record.trained_on or "",
            "status": record.status,
            "licence": str(card.get("licence") or ""),
            "reference": str(card.get("reference") or ""),
            "digest": record.digest,
        }
        yield Part(
            name=record.name,
            kind=record.kind,
            title=str(card.get("title") or record.generator),
            description=str(card.get("description") or ""),
            facts=tuple((name, value) for name, value in facts.items() if value),
        )


def _detectors(run: Path, results: Results) -> Iterator[Part]:
    for name in dict.fromkeys(row.slice["detector"] for row in results.rows if "detector" in row.slice):
        card = _document(run / "cards" / f"{name}.json")
        trained = dict.fromkeys(row.slice.get("train", "") for row in results.rows if row.slice.get("detector") == name)
        facts = {
            "trained on": "; ".join(one for one in trained if one),
            "licence": str(card.get("licence") or ""),
            "reference": str(card.get("reference") or ""),
        }
        yield Part(
            name=name,
            kind="",
            title=str(card.get("title") or name),
            description=str(card.get("description") or ""),
            facts=tuple((key, value) for key, value in facts.items() if value),
        )


def _protocols(results: Results) -> Iterator[tuple[str, str, str, str]]:
    """Yield measure, rows, comparability key and protocol of everything that was measured in one way."""
    groups: dict[str, list[Row]] = {}
    for row in results.rows:
        groups.setdefault(row.comparability, []).append(row)
    for key, rows in groups.items():
        labels = [
            rows[0].section.replace("_", " "),
            words.metric_label(rows[0].metric),
            words.slice_label(rows[0].slice),
        ]
        yield ", ".join(filter(None, labels)), str(len(rows)), key, _yaml(rows[0].protocol)


def _environment(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if facts.get("command"):
        yield "command", " ".join(map(str, facts["command"]))
    for name in ("started", "ended", "status"):
        if facts.get(name):
            yield name, str(facts[name])
    environment = facts.get("environment") or {}
    for name, value in environment.items():
        if name == "libraries":
            yield name, ", ".join(f"{library} {version}" for library, version in sorted(value.items()))
        else:
            yield name.replace("_", " "), str(value)


def _failures(run: Path) -> tuple[tuple[str, str, int], ...]:
    """Return unit, what was wrong and how often; tracebacks stay in the run folder."""
    counted = Counter(
        (str(line.get("unit")), f"{line.get('kind')}: {str(line.get('message')).partition(chr(10))[0]}")
        for line in _lines(run / "failures.jsonl")
    )
    return tuple((unit, what, count) for (unit, what), count in counted.items())


def _said(value: JSON) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _pruned(value: JSON) -> JSON:
    """Return a document without what nobody set, so that a suite reads as it was written."""
    if isinstance(value, Mapping):
        kept = {name: _pruned(part) for name, part in value.items()}
        return {name: part for name, part in kept.items() if part is not None and part != [] and part != {}}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_pruned(part) for part in value]
    return value


def _yaml(value: JSON) -> str:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100)


def _document(path: Path) -> dict[str, Any]:
    """Return a JSON object of the run folder; an empty one where there is no such file."""
    if not path.exists():
        return {}
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read {path}: {error}") from error
    if not isinstance(found, dict):
        raise InputError(f"{path}: holds no JSON object")
    return found


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    if not path.exists():
        return
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            found = json.loads(line)
        except ValueError as error:
            raise InputError(f"{path}, line {number}: {error}") from error
        if isinstance(found, dict):
            yield found
