"""The table model and its renderers: `render(table, format)` for any `FORMATS`, `rich_table` for a terminal."""

from . import csv_, html, latex, markdown
from .build import measure_table, provenance, tables
from .model import Cell, Column, Line, Table
from .terminal import rich_table

_RENDERERS = {"latex": latex.render, "markdown": markdown.render, "csv": csv_.render, "html": html.render}

FORMATS = tuple(_RENDERERS)
"""latex, markdown, csv, html."""

SUFFIXES = {"latex": ".tex", "markdown": ".md", "csv": ".csv", "html": ".html"}
"""Format -> how the names of its files end."""


def render(table: Table, format: str) -> str:  # noqa: A002 - the word that users type
    """Return the table as text.

    Raises:
        KeyError: `format` is not one of `FORMATS`.
    """
    return _RENDERERS[format](table)


__all__ = [
    "FORMATS",
    "SUFFIXES",
    "Cell",
    "Column",
    "Line",
    "Table",
    "measure_table",
    "provenance",
    "render",
    "rich_table",
    "tables",
]
