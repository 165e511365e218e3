"""What goes into a paper: tables as text, figures as PDF and PNG, and the papers that they rest on."""

from collections.abc import Iterable
from pathlib import Path

from ..store.schema import Results
from . import SUFFIXES, render
from .bibliography import bibliography
from .build import tables
from .figures import Drawn, write_figures


def write_paper(folder: Path, results: Results, drawn: Iterable[Drawn]) -> list[Path]:
    """Write `tables/`, `figures/` and `references.bib` into a folder, and return the places.

    Args:
        folder: Made if need be; files of an earlier call are written over.
        results: The document.
        drawn: The figures of the run, see `figures.figures`.
    """
    (folder / "tables").mkdir(parents=True, exist_ok=True)
    written = []
    for name, table in tables(results).items():
        for form, suffix in SUFFIXES.items():
            place = folder / "tables" / f"{name}{suffix}"
            place.write_text(render(table, form), encoding="utf-8")
            written.append(place)
    written += write_figures(folder / "figures", drawn)
    (folder / "references.bib").write_text(bibliography(results), encoding="utf-8")
    written.append(folder / "references.bib")
    return written
