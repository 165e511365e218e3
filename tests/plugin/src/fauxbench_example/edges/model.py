"""A detector that looks at how sharp edges are."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from fauxbench import Context, Detector, Item, MediaError, ScoreRecord, read_image


class Edges(Detector):
    """Learns which sharpness lies between real and fake."""

    level = 0.0
    sign = 1.0

    def fit(self, train: Sequence[Item], validation: Sequence[Item], context: Context) -> None:
        """Put the level in the middle of both means."""
        real = [self._sharpness(item) for item in train if not item.visual_fake]
        fake = [self._sharpness(item) for item in train if item.visual_fake]
        self.level = float(np.mean(real) + np.mean(fake)) / 2
        self.sign = 1.0 if np.mean(fake) > np.mean(real) else -1.0

    def save(self, folder: Path) -> None:
        """Write what was learned."""
        (folder / "edges.json").write_text(json.dumps([self.level, self.sign]), encoding="utf-8")

    def load(self, folder: Path) -> None:
        """Read what `save` wrote."""
        self.level, self.sign = json.loads((folder / "edges.json").read_text(encoding="utf-8"))

    def score(self, items: Sequence[Item], context: Context) -> Iterator[ScoreRecord]:
        """Yield P(fake) for each item."""
        for item in items:
            try:
                distance = self.sign * (self._sharpness(item) - self.level)
                yield ScoreRecord(item=item.id, fake=float(1 / (1 + np.exp(-np.clip(distance, -50, 50)))))
            except MediaError as error:
                yield ScoreRecord(item=item.id, status="error", reason=str(error))

    def _sharpness(self, item: Item) -> float:
        if item.location is None:
            raise MediaError(f"{item.id}: no file on this machine")
        return float(np.abs(np.diff(read_image(item.location).astype(np.float64), axis=1)).mean())
