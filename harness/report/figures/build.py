"""All figures of a run, in the order in which a report shows them."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from ...score_table import Scores, stored_scores
from ...store.schema import Results
from .. import words
from ..curves import figures as curve_files
from ..curves import file_name
from .answers import answers
from .distributions import score_figures
from .matrix import matrix_figures
from .model import Drawn, settings
from .realism import realism_figures
from .roc import roc_figures
from .utility import utility_figures


def figures(run: Path, results: Results) -> Iterator[Drawn]:
    """Yield every figure that the run has numbers for.

    Raises:
        InputError: A file of scores cannot be read.
    """
    scores = stored_scores(run) if _asked(results) else ()
    with settings():
        found = list(_figures(results, scores))
    yield from found


def write_figures(folder: Path, found: Iterable[Drawn]) -> list[Path]:
    """Write figures as PDF and PNG into a folder, which is made if need be, and return their places."""
    folder.mkdir(parents=True, exist_ok=True)
    places = []
    for one in found:
        for suffix, content in (("pdf", one.pdf), ("png", one.png)):
            place = folder / f"{one.name}.{suffix}"
            place.write_bytes(content)
            places.append(place)
    return places


def _asked(results: Results) -> bool:
    return any(row.section in {"detection", "false_alarms"} for row in results.rows)


def _figures(results: Results, scores: Sequence[Scores]) -> Iterator[Drawn]:
    found = answers(results, scores)
    own = {(one.detector, one.train, one.system) for one in found if one.own}
    yield from realism_figures(results)
    yield from roc_figures(results, found)
    yield from score_figures(results, found)
    yield from matrix_figures(results, own)
    yield from utility_figures(results)
    yield from _curves(results)


def _curves(results: Results) -> Iterator[Drawn]:
    files = dict(curve_files(results))
    for name in dict.fromkeys(file.rpartition(".")[0] for file in files):
        kind, _, about = name.partition("-")
        if kind == "retention":
            title = f"What is left of the detection of {about}"
            caption = "AUC above chance, as a share of the clean one"
        else:
            title = f"{words.first_capital(words.metric_label(about))} under conditions"
            caption = f"{words.first_capital(words.metric_label(about))} of the changed items"
        yield Drawn(
            name=file_name(name).strip("-"),
            title=title,
            caption=f"{caption}, by severity; a panel a condition. Bands: 95 % intervals, as in the tables.",
            section="robustness",
            wide=True,
            png=files[f"{name}.png"],
            pdf=files[f"{name}.pdf"],
        )
