"""LaTeX: a complete `table` environment, set with booktabs, that compiles with pdflatex, xelatex and lualatex."""

import math
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile

from ..stats.score import Direction
from .model import Column, Table, column_groups, joined
from .numbers import Shown, shown

PACKAGES = ("booktabs", "graphicx")
"""Needed in the preamble."""

PAGE = 116.0
"""Letters that fit beside each other on a page of one column."""

SHRINK = 1.25
"""A table up to this much wider is made smaller; a wider one goes below each other in parts."""

_ARROW = {Direction.LOWER: r"~$\downarrow$", Direction.HIGHER: r"~$\uparrow$", Direction.NONE: ""}

_ALIGN = {"left": "l", "right": "r", "center": "c"}

_PLAIN = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "{''}",
    "`": r"\textasciigrave{}",
    "\u00a0": "~",
    "–": r"\textendash{}",
    "—": r"\textemdash{}",
    "‘": "{`}",
    "’": "{'}",
    "“": "{``}",
    "”": "{''}",
    "…": r"\ldots{}",
    "·": r"\textperiodcentered{}",
    "°": r"\textdegree{}",
    "§": r"\S{}",
    "ß": r"\ss{}",
    "æ": r"\ae{}",
    "Æ": r"\AE{}",
    "œ": r"\oe{}",
    "Œ": r"\OE{}",
    "ø": r"\o{}",
    "Ø": r"\O{}",
    "ł": r"\l{}",
    "Ł": r"\L{}",
    "ı": r"\i{}",
    "−": "$-$",
    "×": r"$\times$",
    "±": r"$\pm$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "≠": r"$\neq$",
    "≈": r"$\approx$",
    "→": r"$\rightarrow$",
    "←": r"$\leftarrow$",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "∞": r"$\infty$",
    "√": r"$\surd$",
    "²": r"$^{2}$",
    "³": r"$^{3}$",
}

_GREEK = {
    chr(code): f"$\\{unicodedata.name(chr(code)).rsplit(' ', 1)[-1].lower()}$"
    for code in (*range(0x3B1, 0x3BF), *range(0x3C0, 0x3C2), *range(0x3C3, 0x3CA))
} | {"µ": r"$\mu$", "λ": r"$\lambda$", "Δ": r"$\Delta$", "Σ": r"$\Sigma$", "Ω": r"$\Omega$"}

_ACCENT = {
    "\u0300": "`",
    "\u0301": "'",
    "\u0302": "^",
    "\u0303": "~",
    "\u0304": "=",
    "\u0306": "u",
    "\u0307": ".",
    "\u0308": '"',
    "\u030a": "r",
    "\u030b": "H",
    "\u030c": "v",
    "\u0327": "c",
}
"""Combining mark -> accent command."""


def escape(text: str) -> str:
    r"""Return `text` for LaTeX: every special character escaped, nothing beyond ASCII left.

    Accents become commands, common signs and Greek letters mathematics; what plain LaTeX has no letter for is named by
    its code point, for instance `[U+4E2D]`, because a table must compile.
    """
    text = re.sub(r"\s", " ", text)
    # Two of these beside each other would grow together into a dash or a quotation mark.
    grown = (letter == before and letter in "-'," for before, letter in zip(" " + text, text, strict=False))
    plain = "".join(f"{'{}' if growing else ''}{_escape(letter)}" for growing, letter in zip(grown, text, strict=True))
    plain = re.sub(r"(?<=\d) (?=\\%)", "~", plain)
    # At the start of a line, `\\` before it would take these for its arguments.
    return f"{{{plain[0]}}}{plain[1:]}" if plain.startswith(("[", "*")) else plain


def _escape(letter: str) -> str:
    known = _PLAIN.get(letter) or _GREEK.get(letter)
    if known:
        return known
    if letter.isascii() and letter.isprintable():
        return letter
    base, *marks = list(unicodedata.normalize("NFD", letter))
    if len(marks) == 1 and base.isascii() and base.isalpha() and marks[0] in _ACCENT:
        # The dot of i and j goes by itself in today's LaTeX.
        return f"\\{_ACCENT[marks[0]]}{{{base}}}"
    return f"[U+{ord(letter):04X}]"


def render(table: Table) -> str:
    """Return the table as a LaTeX `table` environment."""
    return "\n".join(_lines(table)) + "\n"


def _lines(table: Table) -> Iterator[str]:
    needed = " ".join(rf"\usepackage{{{package}}}" for package in PACKAGES)
    yield f"% Needs: {needed}"
    for name, value in table.provenance.items():
        yield f"% {_comment(name)}: {_comment(value)}"
    yield r"\begin{table}[htbp]"
    yield r"  \centering"
    yield rf"  \caption{{{escape(table.caption)}}}"
    yield rf"  \label{{tab:{_label(table.name)}}}"
    yield r"  \par\medskip\small"
    cells = _cells(table)
    for number, columns in enumerate(_chunks(table)):
        if number:
            yield r"  \par\bigskip"
        yield from _tabular(table, columns, cells)
    yield from _notes(table)
    yield r"\end{table}"


def _chunks(table: Table) -> Iterator[list[int]]:
    """Yield the columns of each tabular: those of a table too wide for a page go below each other, heads repeated."""
    widths = _widths(table)
    heads = list(takewhile(lambda i: table.columns[i].form != "score", range(len(table.columns))))
    rest = list(range(len(heads), len(table.columns)))
    room = PAGE - sum(widths[i] for i in heads)
    parts = 1
    if sum(widths) > SHRINK * PAGE and room > 0.0:
        parts = math.ceil(sum(widths[i] for i in rest) / room)
    size = max(1, math.ceil(len(rest) / parts))
    for start in range(0, max(1, len(rest)), size):
        yield heads + rest[start : start + size]


def _widths(table: Table) -> list[float]:
    """Return about how many letters wide each column is, its margins included."""
    lines = shown(table)
    return [
        3.0 + max([len(column.label), *(len(line[i].value) + 0.8 * len(line[i].interval) for line in lines)])
        for i, column in enumerate(table.columns)
    ]


def _tabular(table: Table, columns: Sequence[int], cells: Sequence[Sequence[str]]) -> Iterator[str]:
    heads = [table.columns[i] for i in columns]
    # Shrinks what is wider than the page all the same, and leaves anything else as it is.
    yield r"  \resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%"
    yield rf"  \begin{{tabular}}{{{''.join(_ALIGN[column.align] for column in heads)}}}"
    yield r"    \toprule"
    yield from _groups(column_groups(heads))
    yield f"    {' & '.join(map(_header, heads))} \\\\"
    lines = iter(cells)
    for heading, panel in table.panels():
        yield r"    \midrule"
        if heading:
            yield rf"    \multicolumn{{{len(columns)}}}{{l}}{{\textit{{{escape(heading)}}}}} \\"
        for line in (next(lines) for _ in panel):
            yield f"    {' & '.join(line[i] for i in columns)} \\\\"
    yield r"    \bottomrule"
    yield r"  \end{tabular}}"


def _comment(text: str) -> str:
    """Return text that cannot leave a comment line."""
    return "".join(letter if letter.isascii() and letter.isprintable() else "?" for letter in text)


def _label(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9.-]+", "-", name).strip("-")


def _groups(groups: Sequence[tuple[str, int]]) -> Iterator[str]:
    """Yield the line of headings above columns, with a rule under each."""
    heads, rules, first = [], [], 1
    for heading, width in groups:
        heads.append(rf"\multicolumn{{{width}}}{{c}}{{{escape(heading)}}}" if heading else " & ".join([""] * width))
        if heading:
            rules.append(rf"\cmidrule(lr){{{first}-{first + width - 1}}}")
        first += width
    if heads:
        yield f"    {' & '.join(heads)} \\\\"
        yield f"    {' '.join(rules)}"


def _header(column: Column) -> str:
    text = f"{escape(column.label)}{_ARROW[column.direction]}"
    # A head stands over the middle of what it heads, unless that is text.
    return text if column.align == "left" else rf"\multicolumn{{1}}{{c}}{{{text}}}"


def _cells(table: Table) -> list[list[str]]:
    marks = table.footnotes()
    return [
        [_cell(text, cell.bold, cell.footnotes, marks) for text, cell in zip(texts, line.cells, strict=True)]
        for texts, line in zip(shown(table), table.rows, strict=True)
    ]


def _cell(text: Shown, bold: bool, footnotes: tuple[str, ...], marks: Mapping[str, str]) -> str:
    value = _number(text.value) if text.number else escape(text.value)
    if bold:
        value = rf"\textbf{{{value}}}"
    if footnotes:
        value += rf"\textsuperscript{{{joined(footnotes, marks)}}}"
    if text.interval:
        low, high = text.interval[1:-1].split(", ")
        value += rf" {{\scriptsize [{_number(low)}, {_number(high)}]}}"
    return value


def _number(text: str) -> str:
    """Set the minus sign and the exponent as mathematics, the digits as text, so that bold reaches them."""
    mantissa, _, exponent = text.replace("-", "$-$").replace("<", "$<$").partition("e")
    if not exponent:
        return mantissa
    return rf"{mantissa}$\times$10\textsuperscript{{{exponent}}}"


def _notes(table: Table) -> Iterator[str]:
    notes = [rf"\textsuperscript{{{mark}}}~{escape(text)}" for text, mark in table.footnotes().items()]
    notes += [escape(note) for note in table.notes]
    if notes:
        yield r"  \par\smallskip"
        yield r"  \begin{minipage}{\linewidth}\footnotesize\raggedright"
        yield "    " + " \\par\n    ".join(notes)
        yield r"  \end{minipage}"
