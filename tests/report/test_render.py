import csv
import io
import os
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fauxbench.harness.report import FORMATS, SUFFIXES, html, latex, markdown, measure_table, render, rich_table, tables
from fauxbench.harness.report.comparison import (
    ComparedRow,
    Comparison,
    DifferingField,
    MissingRow,
    RefusedRow,
    Side,
)
from fauxbench.harness.report.model import Cell, Column, Line, Table
from fauxbench.harness.report.numbers import shown
from fauxbench.harness.stats.score import Direction

GOLDEN = Path(__file__).parent / "golden"
NAMES = (
    "realism",
    "realism-augmented_real",
    "detection",
    "matrix-cnn-auc",
    "false_alarms",
    "measure",
    "wide",
    "compare",
)


def comparison():
    def compared(metric, direction, verdict, **given):
        fields = {"section": "realism", "slice": {}, "a": 1.25, "b": 1.0625, "difference": -0.1875, "p": 0.0001}
        fields |= {"interval": (-0.25, -0.125), "p_adjusted": 0.0002, "mde": 0.09, "about": "recipe"}
        fields |= {"n": (200, 180), "expected": (200, 200), "seeds": (3, 3)}
        return ComparedRow(**(fields | {"metric": metric, "direction": direction, "verdict": verdict} | given))

    detector = {"detector": "cnn", "train": "dcgan@1"}
    protocols = (DifferingField(field="reference.n", a=200, b={"x": "y" * 50}),)
    return Comparison(
        a=Side(run="runs/a", system="dcgan@1", digest="sha256:a", results="sha256:0"),
        b=Side(run="runs/b", system="dcgan@2", digest="sha256:b", results="sha256:1"),
        alpha=0.05,
        rows=(
            compared("fd[spectrum]", "lower", "better", notes=("coverage differs: 200 of 200 in A, 180 of 200 in B",)),
            compared("auc", "none", "no evidence", section="detection", slice=detector, p_adjusted=0.31, mde=None),
            compared("f1", "none", "different", section="detection", slice=detector, interval=None, about="checkpoint"),
        ),
        refused=(RefusedRow(section="realism", metric="fid", slice={}, fields=protocols),),
        missing=tuple(
            MissingRow(section=section, metric=metric, slice=part, reason="only in A")
            for section, metric, part in (
                ("realism", "kid", {}),
                ("realism", "ssim", {}),
                ("detection", "eer", detector),
            )
        ),
        notes=("a note",),
        warnings=("a warning",),
    )


@pytest.fixture(scope="module")
def built(sample):
    found = tables(sample.results(), version="0.0")
    rows = [row for row in sample.realism_rows() if row.system == "dcgan@2"]
    names = ("fid", "kid", "inception score", "precision", "recall", "density", "coverage", "psnr")
    wide = [sample.row(name, metric, 0.5, 0.02) for name in ("real", "dcgan@1") for metric in names]
    return found | {
        "compare": comparison().table(),
        "measure": measure_table(rows, caption="Two folders.", origin={"fauxbench": "0.0"}),
        "wide": tables(sample.results(wide), version="0.0")["realism"],
    }


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("form", FORMATS)
def test_golden(built, name, form):
    """Run with FAUXBENCH_GOLDEN=write to renew the files, then read their diff."""
    file = GOLDEN / f"{name}{SUFFIXES[form]}"
    # The digest of the whole document would change with any field that the schema gains.
    text = re.sub(r"sha256:[0-9a-f]{64}", "sha256:run", render(built[name], form))
    if os.environ.get("FAUXBENCH_GOLDEN") == "write":
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("form", FORMATS)
def test_no_table_is_printed_with_nan_or_none(built, form):
    for table in built.values():
        assert not re.search(r"\b(nan|None|inf)\b", render(table, form))


def test_unknown_format():
    with pytest.raises(KeyError):
        render(small(), "pdf")


def printed(table, width, **given):
    from rich.console import Console

    console = Console(width=width, file=io.StringIO(), color_system=None)
    console.print(rich_table(table, **given))
    return console.file.getvalue()


def test_terminal_says_what_the_others_say(built):
    text = printed(built["realism"], 200)
    for words in (
        "0.831 [0.737, 0.925] a",
        "FD[spectrum] ↓",
        "\nfully synthetic\n",
        "a  n below 2048",
        "real (held out)",
    ):
        assert words in text
    assert "jackknife" not in text
    assert "jackknife" in printed(built["realism"], 200, caption=True)


@pytest.mark.parametrize("width", [40, 60, 80, 100, 140, 220])
@pytest.mark.parametrize("name", NAMES)
def test_terminal_folds_and_cuts_nothing_off(built, name, width):
    table = built[name]
    text = printed(table, width)
    assert max(map(len, text.splitlines())) <= max(width, 45)
    assert "…" not in text.replace("yyy…", "")
    for line in shown(table):
        for cell in line:
            assert cell.value in text
            assert cell.interval in text


def test_every_part_of_a_folded_table_names_its_lines(sample):
    rows = [row for row in sample.realism_rows() if row.metric in {"fd[spectrum]", "inception score"}]
    text = printed(measure_table(rows), 60)
    heads = [line.split() for line in text.splitlines() if line.startswith("system")]
    assert len(heads) > 1
    assert all(head[:2] == ["system", "metric"] for head in heads)
    assert printed(measure_table(rows), 200).count("system") == 1


@pytest.mark.parametrize("width", [30, 40, 80])
def test_a_table_of_texts_alone_is_folded_too(width):
    columns = tuple(Column(key=key, label=key, align="left", form="text") for key in ("one", "two", "three"))
    table = Table(
        name="t", title="t", caption="", columns=columns, rows=(Line(cells=tuple(Cell(text=12 * x) for x in "abc")),)
    )
    text = printed(table, width)
    assert max(map(len, text.splitlines())) <= width
    assert all(12 * x in text for x in "abc")


def test_columns_of_one_name_are_told_apart(sample):
    parts = {"condition": "jpeg", "severity": "1", "statistic": "retention"}
    rows = [
        sample.row(system, "auc", 0.9, section="robustness", slice={**parts, "detector": "rnn", "train": train})
        for train in ("all", "swaps")
        for system in ("a@1", "b@2")
    ]
    table = tables(sample.results(rows), version="0.0")["survives"]
    named = [f"rnn, trained on {train}, tested on {system}" for train in ("all", "swaps") for system in ("a@1", "b@2")]
    head = markdown.render(table).split("|\n")[0].partition("|")[2]
    assert [cell.strip() for cell in head.split("|")] == ["condition", *named]
    lines = printed(table, 200).splitlines()
    heads = [" ".join(line.split()) for line in lines[lines.index("") + 1 :][:3]]
    assert heads[0] == "condition rnn rnn rnn rnn"
    assert heads[1] == "trained on all trained on all trained on swaps trained on swaps"
    assert heads[2] == "tested on a@1 tested on b@2 tested on a@1 tested on b@2"


def test_terminal_takes_markup_as_text():
    assert "[bold]x[/bold]" in printed(small("[bold]x[/bold]"), 120)


def test_page_holds_every_table_and_nothing_from_elsewhere(built):
    page = html.page(list(built.values()), "Results & more")
    assert page.startswith("<!DOCTYPE html>")
    assert page.count("<table>") == len(built)
    assert page.count("<style>") == 1
    assert "<title>Results &amp; more</title>" in page
    assert not re.search(r"(src|href)=|url\(|@import|<script", page)


def small(text="x", *, panel="", value=None):
    """A table with `text` in every place that takes one."""
    return Table(
        name=text,
        title=text,
        caption=text,
        columns=(
            Column(key="a", label=text, align="left", form="text"),
            Column(key="b", label=text, group=text, direction=Direction.LOWER),
            Column(key="c", label=text, group=text, align="center", direction=Direction.HIGHER),
        ),
        rows=(
            Line(cells=(Cell(text=text), Cell(value=value), Cell(text=text, bold=True)), panel=panel),
            Line(cells=(Cell(text=text, footnotes=(text,)), Cell(), Cell(value=1)), panel=text),
        ),
        notes=(text,),
        provenance={"run": text, text: "x"},
    )


TEXTS = st.text(max_size=20) | st.text(alphabet="\\{}$&#%_^~<>|\"'`[]*-,?!@:\n\r\t \u00a0é–", max_size=12)
NUMBERS = st.none() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)

HARMLESS = re.compile(
    r"\\[A-Za-z]+\{\}"  # a letter or sign by name
    r"|\\[{}$&#%_]"  # an escaped special
    r"|\\[`'^~=.\"uvHrc]\{[A-Za-z]\}"  # an accent
    r"|\$(\\[A-Za-z]+|-|\^\{\d\})\$"  # a sign in mathematics
    r"|\{('{1,2}|`{1,2}|\[|\*)?\}"  # a group
    r"|(?<=\d)~(?=\\%)"
)


@given(TEXTS)
def test_latex_leaves_no_special_character(text):
    escaped = latex.escape(text)
    assert escaped.isascii()
    rest = HARMLESS.sub("", escaped)
    assert not set("\\{}$&#%_^") & set(rest)
    assert rest.count("~") <= text.count("\u00a0")
    assert not escaped.startswith(("[", "*"))
    assert not re.search(r"--|''|``|,,", re.sub(r"\{(''|``)\}", "x", escaped))


@given(TEXTS, NUMBERS)
def test_latex_keeps_its_shape(text, value):
    lines = [line for line in latex.render(small(text, value=value)).splitlines() if not line.startswith("%")]
    body = "\n".join(lines)
    bare = re.sub(r"\\[\\{}&%$#_]", lambda found: "\n" if found[0] == r"\\" else "", body)
    assert bare.count("{") == bare.count("}")
    assert bare.count("%") == bare.count(r"\resizebox") == 1
    rows = [
        line for line in lines if line.endswith(r"\\") and not re.match(r" *(\\multicolumn| & \\multicolumn\{2)", line)
    ]
    assert [len(re.findall(r"(?<!\\)&", line)) for line in rows] == [2, 2, 2]
    assert re.search(r"\\label\{tab:[A-Za-z0-9.-]*\}", body)


@given(TEXTS)
def test_latex_comments_stay_comments(text):
    rendered = latex.render(small(text))
    start = rendered.index("\\begin{table}")
    assert all(line.startswith("% ") for line in rendered[:start].splitlines())


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("50_%", r"50\_\%"),
        ("95 % [x]", r"95~\% [x]"),
        ("[x]", "{[}x]"),
        ("a--b", "a-{}-b"),
        ("Müller, Škoda, Łódź", r"M\"{u}ller, \v{S}koda, \L{}\'{o}d\'{z}"),
        ("α ≤ µ", r"$\alpha$ $\leq$ $\mu$"),
        ("x中", "x[U+4E2D]"),
        ("a\nb", "a b"),
    ],
)
def test_latex_escape(text, wanted):
    assert latex.escape(text) == wanted


def legal(text):
    return html.escape(text).replace("\ufffd", "")


@given(TEXTS, TEXTS, NUMBERS)
def test_html_parses_and_says_the_same(text, panel, value):
    table = small(text, panel=panel, value=value)
    root = ElementTree.fromstring(html.fragment(table).replace("&#x27;", "'"))
    shown = "".join(root.find("table/caption").itertext())
    assert shown.replace("\ufffd", "") == re.sub(r"\r\n?", "\n", "".join(c for c in text if legal(c)))
    assert html.fragment(table).isascii()
    assert root.attrib["class"] == "fauxbench"
    assert len(root.findall("table/thead/tr")) == (2 if text else 1)
    rows = [row for row in root.findall("table/tbody/tr") if row.find("th").get("scope") == "row"]
    assert [len(row) for row in rows] == [3, 3]
    assert len(root.findall("table/thead/tr[last()]/th[@scope='col']")) == 3
    assert {element.tag for element in root.iter()} <= {
        *("div", "table", "caption", "thead", "tbody", "tr", "th", "td"),
        *("strong", "sup", "span", "abbr", "ul", "li", "p"),
    }


def one(text):
    return re.sub(r"\r\n?", "\n", text)


@given(TEXTS, TEXTS, NUMBERS, NUMBERS)
def test_csv_round_trip(text, panel, value, limit):
    interval = None if limit is None else (limit, limit)
    table = Table(
        name="t",
        title="t",
        caption="t",
        columns=(Column(key="a", label="a", form="text"), Column(key="b", label="b")),
        rows=(
            Line(cells=(Cell(text=text), Cell(value=value, interval=interval, n=3, expected=4)), panel=panel),
            Line(cells=(Cell(text=panel), Cell(footnotes=(text, "x"))), panel=panel),
        ),
    )
    head, *lines = csv.reader(io.StringIO(render(table, "csv"), newline=""))
    assert {len(line) for line in lines} == {len(head)}
    first, second = (dict(zip(head, line, strict=True)) for line in lines)
    assert (first["a"], second["a"], second["b"], second["b_note"]) == (one(text), one(panel), "", f"{one(text)}; x")
    assert first.get("panel", "") == one(panel)
    assert (first["b_n"], first["b_expected"]) == ("3", "4")
    for name, wanted in (("b", value), ("b_low", limit), ("b_high", limit)):
        assert (float(first[name]) if first[name] else None) == (None if wanted is None else float(wanted))


@given(TEXTS, TEXTS, NUMBERS)
def test_markdown_has_one_number_of_cells(text, panel, value):
    table = small(text, panel=panel, value=value)
    rendered = markdown.render(table)
    lines = [line for line in rendered.split("\n") if line.startswith("| ")]
    assert len(lines) == 2 + 2 + (panel != "") + (text != "" and text != panel)
    for line in lines:
        assert len([found for found in re.findall(r"\\.|\|", line) if found == "|"]) == 4
    assert rendered.splitlines() == rendered.split("\n")[:-1]


def test_markdown_is_aligned(built):
    for name in ("realism", "detection"):
        lines = [line for line in render(built[name], "markdown").splitlines() if line.startswith("|")]
        assert len({len(line) for line in lines}) == 1


@settings(max_examples=30)
@given(st.lists(st.text(min_size=1, max_size=4), min_size=1, max_size=40))
def test_footnotes_share_marks_when_they_say_the_same(texts):
    rows = tuple(Line(cells=(Cell(footnotes=(text,)),)) for text in texts)
    table = Table(name="t", title="t", caption="t", columns=(Column(key="a", label="a"),), rows=rows)
    marks = table.footnotes()
    assert list(marks) == list(dict.fromkeys(texts))
    assert len(set(marks.values())) == len(marks)
    assert (
        list(marks.values())[:27] == ["abcdefghijklmnopqrstuvwxyz"[i : i + 1] or "aa" for i in range(len(marks))][:27]
    )


def test_table_checks_its_shape():
    one = Column(key="a", label="a")
    with pytest.raises(ValueError, match="line 0: 2 cells for 1 columns"):
        Table(name="t", title="", caption="", columns=(one,), rows=(Line(cells=(Cell(), Cell())),))
    with pytest.raises(ValueError, match="keys of their own"):
        Table(name="t", title="", caption="", columns=(one, one), rows=())
