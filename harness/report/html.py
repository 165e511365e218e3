"""HTML: a fragment to put into any page, or a page of its own that needs nothing from anywhere."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape as _escape

from ..stats.score import Direction
from .model import Column, Table, column_groups, joined
from .numbers import Shown, shown

_ARROW = {
    Direction.LOWER: ' <abbr title="lower is better">↓</abbr>',
    Direction.HIGHER: ' <abbr title="higher is better">↑</abbr>',
    Direction.NONE: "",
}

STYLE = """\
.fauxbench { font: 15px/1.45 system-ui, -apple-system, "Segoe UI", sans-serif; margin: 0 0 2.5rem; overflow-x: auto;
  font-variant-numeric: tabular-nums; }
.fauxbench table { border-collapse: collapse; border-top: 2px solid; border-bottom: 2px solid; }
.fauxbench caption { caption-side: top; text-align: left; padding: 0 0 .6rem; max-width: 60rem; }
.fauxbench th, .fauxbench td { padding: .3rem .8rem; text-align: right; font-weight: normal; white-space: nowrap;
  vertical-align: baseline; }
.fauxbench thead th { border-bottom: 1px solid; font-weight: 600; }
.fauxbench .left { text-align: left; }
.fauxbench .center { text-align: center; }
.fauxbench tbody + tbody { border-top: 1px solid; }
.fauxbench th[scope=rowgroup] { text-align: left; font-style: italic; }
.fauxbench tbody tr:hover { background: #8881; }
.fauxbench .interval { font-size: .8em; opacity: .75; }
.fauxbench sup { line-height: 0; }
.fauxbench abbr { text-decoration: none; }
.fauxbench .notes { font-size: .85em; margin: .5rem 0 0; padding: 0; list-style: none; max-width: 60rem; }
.fauxbench .provenance { font-size: .75em; opacity: .65; overflow-wrap: anywhere; max-width: 60rem; }
"""

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
body {{ margin: 2rem auto; padding: 0 1rem; max-width: 80rem; font-family: system-ui, sans-serif; }}
h2 {{ font-size: 1.2rem; }}
{style}</style>
</head>
<body>
<h1>{title}</h1>
{body}</body>
</html>
"""


def escape(text: str) -> str:
    """Return `text` as HTML text or attribute value; characters that HTML forbids become U+FFFD."""
    return _escape("".join(letter if _allowed(letter) else "\ufffd" for letter in text))


def _allowed(letter: str) -> bool:
    code = ord(letter)
    if code < 0x20 or 0x7F <= code < 0xA0:
        return letter in "\t\n"
    return not (0xD800 <= code < 0xE000 or 0xFDD0 <= code < 0xFDF0 or code & 0xFFFE == 0xFFFE)


def render(table: Table) -> str:
    """Return the table as a fragment that carries its own style."""
    return f"<style>\n{STYLE}</style>\n{fragment(table)}"


def page(tables: Sequence[Table], title: str) -> str:
    """Return a page that shows all tables and needs no other file."""
    parts = [f'<h2 id="{escape(table.name)}">{escape(table.title)}</h2>\n{fragment(table)}' for table in tables]
    return _PAGE.format(title=escape(title), style=STYLE, body="".join(parts))


def fragment(table: Table) -> str:
    """Return the table alone, for a page that holds `STYLE` once.

    It is ASCII, so that a page which does not name its encoding shows it right.
    """
    text = "\n".join(_lines(table)) + "\n"
    return text.encode("ascii", "xmlcharrefreplace").decode()


def _lines(table: Table) -> Iterator[str]:
    yield f'<div class="fauxbench" data-table="{escape(table.name)}">'
    yield "<table>"
    yield f"<caption>{escape(table.caption)}</caption>"
    yield "<thead>"
    groups = column_groups(table.columns)
    if groups:
        yield f"<tr>{''.join(map(_group, groups))}</tr>"
    yield f"<tr>{''.join(map(_header, table.columns))}</tr>"
    yield "</thead>"
    yield from _body(table)
    yield "</table>"
    notes = [f"<sup>{mark}</sup> {escape(text)}" for text, mark in table.footnotes().items()]
    notes += [escape(note) for note in table.notes]
    if notes:
        yield f'<ul class="notes">{"".join(f"<li>{note}</li>" for note in notes)}</ul>'
    if table.provenance:
        facts = "; ".join(f"{escape(name)}: {escape(value)}" for name, value in table.provenance.items())
        yield f'<p class="provenance">{facts}</p>'
    yield "</div>"


def _class(column: Column) -> str:
    return "" if column.align == "right" else f' class="{column.align}"'


def _group(group: tuple[str, int]) -> str:
    heading, width = group
    if not heading:
        return f'<td colspan="{width}"></td>'
    return f'<th scope="colgroup" colspan="{width}" class="center">{escape(heading)}</th>'


def _header(column: Column) -> str:
    return f'<th scope="col"{_class(column)}>{escape(column.label)}{_ARROW[column.direction]}</th>'


def _body(table: Table) -> Iterator[str]:
    marks = table.footnotes()
    cells = iter(shown(table))
    for heading, lines in table.panels():
        yield "<tbody>"
        if heading:
            yield f'<tr><th scope="rowgroup" colspan="{len(table.columns)}">{escape(heading)}</th></tr>'
        for line in lines:
            texts = [
                _cell(text, cell.bold, cell.footnotes, marks)
                for text, cell in zip(next(cells), line.cells, strict=True)
            ]
            first = f'<th scope="row"{_class(table.columns[0])}>{texts[0]}</th>'
            rest = (
                f"<td{_class(column)}>{text}</td>" for column, text in zip(table.columns[1:], texts[1:], strict=True)
            )
            yield f"<tr>{first}{''.join(rest)}</tr>"
        yield "</tbody>"


def _cell(text: Shown, bold: bool, footnotes: tuple[str, ...], marks: Mapping[str, str]) -> str:
    value = escape(_minus(text.value) if text.number else text.value)
    if bold:
        value = f"<strong>{value}</strong>"
    if footnotes:
        value += f"<sup>{joined(footnotes, marks)}</sup>"
    if text.interval:
        value += f' <span class="interval">{escape(_minus(text.interval))}</span>'
    return value


def _minus(text: str) -> str:
    return text.replace("-", "\N{MINUS SIGN}")
