"""What the audits of shortcuts rest on, in a run folder: traits of items, and scores after re-encoding.

RUN/shortcuts/
  traits of SET.json                what each test item shows besides its content
  DETECTOR on TRAIN - SET.jsonl     what a detector said of each item after the encoder
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .canonical import JSON
from .errors import InputError
from .execute.local import Results as Ran
from .plan import Plan
from .score_table import REAL, question_of, trained
from .stats.lines import Line, of_split
from .stats.score import Measurement
from .stats.shortcut_rows import alone, reencoded_areas
from .store.schema import Row

FOLDER = "shortcuts"
AGAIN = ", re-encoded"
REENCODED = ("auc_before", "auc_after", "auc_change")


def shortcut_files(plan: Plan, ran: Ran) -> Iterator[tuple[str, str]]:
    """Yield name and text of each file, as far as its unit was done."""
    for unit in plan.units:
        if unit.id not in ran.finished:
            continue
        folder = ran.finished[unit.id].folder
        if unit.kind == "traits":
            yield f"{FOLDER}/{unit.id}.json", (folder / "traits.json").read_text(encoding="utf-8")
        elif unit.kind == "detect" and unit.id.endswith(AGAIN):
            system, _, detector = unit.id.removeprefix("detect ").removesuffix(AGAIN).partition(" by ")
            yield f"{FOLDER}/{detector} - {system}.jsonl", (folder / "scores.jsonl").read_text(encoding="utf-8")


class Shortcuts:
    """Makes the rows of a run's shortcuts again."""

    def __init__(self, run: Path, seed: int, scores: Mapping[tuple[str, str, str], tuple[Line, ...]]) -> None:
        self.folder = run / FOLDER
        self.seed = seed
        self.scores = scores
        """Detector, training set and set -> lines before re-encoding."""
        self._found: dict[tuple[str, ...], dict[str, Measurement]] = {}

    def rests_here(self, row: Row) -> bool:
        """Whether a row can be made again: overlap is counted from sets, which a run folder does not hold."""
        return row.section == "shortcuts" and self.folder.is_dir() and not row.metric.startswith("overlap")

    def measurement(self, row: Row, names: tuple[str, ...]) -> Measurement | None:
        """Return what the files say of a row; None where they are not there.

        Args:
            row: Of the section.
            names: The shortcuts of the run, in order.

        Raises:
            InputError: A file cannot be read.
        """
        key = (*trained(row), row.system) if row.metric in REENCODED else (row.system,)
        if key not in self._found:
            self._found[key] = self._again(row) if row.metric in REENCODED else self._alone(row, names)
        return self._found[key].get(row.metric)

    def _alone(self, row: Row, names: tuple[str, ...]) -> dict[str, Measurement]:
        sides = [self._read(f"traits of {name}.json") for name in (REAL, row.system)]
        if sides[0] is None or sides[1] is None:
            return {}
        return {name: one.found for name, one in alone(sides[0], sides[1], names, self.seed).items()}

    def _again(self, row: Row) -> dict[str, Measurement]:
        detector, train = trained(row)
        clean = [self.scores.get((detector, train, name)) for name in (REAL, row.system)]
        again = [self._read(f"{detector} on {train} - {name}.jsonl") for name in (REAL, row.system)]
        if any(part is None for part in (*clean, *again)):
            return {}
        before, after = ([of_split(part or (), "test") for part in side] for side in (clean, again))
        return reencoded_areas(before, after, question_of(row))

    def _read(self, name: str) -> list[dict[str, Any]] | None:
        place = self.folder / name
        if not place.is_file():
            return None
        try:
            text = place.read_text(encoding="utf-8")
            found: JSON = (
                json.loads(text) if place.suffix == ".json" else [json.loads(x) for x in text.splitlines() if x]
            )
        except (OSError, ValueError) as error:
            raise InputError(f"cannot read {place}: {error}") from error
        return list(found)
