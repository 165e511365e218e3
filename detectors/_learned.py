"""What every built-in detector shares: decoding once, the threshold, files of weights, scores with windows."""

import json
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fauxbench import Context, Detector, DetectorCard, InputError, Item, ScoreRecord
from fauxbench.detectors._choice import Scores, auc, best_threshold, learned_from, log_loss, probability
from fauxbench.detectors._reading import Decoded, Reading, decode, each, rows_of

CONFIG = "config.json"


class LearnedDetector(Detector):
    """Learns from items read as windows; P(fake) is the logistic function of the mean logit over an item's windows.

    The threshold maximises balanced accuracy on validation.
    """

    kept: ClassVar[tuple[str, ...]] = ()
    """Parameters that decide how items are read and what the model looks like: they are saved with the weights."""
    whole: ClassVar[bool] = False
    """Whether the model sees the windows of an item together, always as many of them."""

    def __init__(self, card: DetectorCard, parameters: Mapping[str, Any]) -> None:
        super().__init__(card, parameters)
        self.card: DetectorCard = card
        self.threshold = 0.5
        self.config: dict[str, Any] = {}
        """What is saved beside the weights: settings, what was learned from, what was chosen and how."""

    def setting(self, name: str) -> Any:  # noqa: ANN401 - of whatever type the parameter has
        """Return a parameter as the detector was trained with it."""
        return self.config.get(name, self.parameters[name])

    @property
    def most(self) -> int:
        """Rows that an item can give."""
        return 1

    @abstractmethod
    def read(self, item: Item) -> Reading:
        """Return the windows of an item.

        Raises:
            Missing: It lacks what the detector looks at.
            MediaError: It cannot be decoded.
        """

    @abstractmethod
    def learn(self, train: Decoded, validation: Decoded, context: Context) -> tuple[Scores, dict[str, Any]]:
        """Learn from `train`; return P(fake) of the validation items, and facts to be saved."""

    @abstractmethod
    def logits(self, arrays: Mapping[str, NDArray[Any]], context: Context) -> NDArray[np.float64]:
        """Return the logits (rows, T) of rows."""

    @abstractmethod
    def write(self, folder: Path) -> None:
        """Write what was learned."""

    @abstractmethod
    def read_weights(self, folder: Path) -> None:
        """Read what `write` wrote; `config` is there already."""

    def describe(self) -> dict[str, Any]:
        """Return what else is to be saved of how the model is made."""
        return {}

    def fit(self, train: Sequence[Item], validation: Sequence[Item], context: Context) -> None:
        """Learn from `train`, choose checkpoint and threshold on `validation`.

        Raises:
            ValueError: Train or validation does not hold readable real and fake items.
            FauxbenchError: Training diverged.
        """
        name, target, self.config = self.card.name, self.card.target, {}
        learn, check = (
            decode(
                items,
                self.read,
                whole=self.whole,
                most=self.most,
                target=target,
                scratch=context.scratch,
                what=f"{name}: {split}",
            )
            for split, items in (("train", train), ("validation", validation))
        )
        context.progress(0.0, f"{len(learn)} train and {len(check)} validation items")
        scores, facts = self.learn(learn, check, context)
        self.threshold = best_threshold(scores, check.truth)
        self.config = {
            **{one: self.parameters[one] for one in self.kept},
            **self.describe(),
            **facts,
            "detector": name,
            "version": self.card.version,
            "target": target,
            "threshold": self.threshold,
            "chosen_on": "validation",
            "chosen_by": self.parameters.get("choose_by", "log_loss"),
            "log_loss": log_loss(scores, check.truth),
            "auc": auc(scores, check.truth),
            "train": learn.counts,
            "validation": check.counts,
            "learned_from": learned_from(train, target),
            "unreadable": [learn.unreadable, check.unreadable],
        }

    def save(self, folder: Path) -> None:
        """Write `weights.safetensors` and `config.json`."""
        if not self.config:
            raise InputError(f"{self.card.name}: nothing to save; call fit or load first")
        folder.mkdir(parents=True, exist_ok=True)
        self.write(folder)
        (folder / CONFIG).write_text(json.dumps(self.config, indent=2, sort_keys=True), encoding="utf-8")

    def load(self, folder: Path) -> None:
        """Read what `save` wrote."""
        self.config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        self.read_weights(folder)
        self.threshold = self.config["threshold"]

    def score(self, items: Sequence[Item], context: Context) -> Iterator[ScoreRecord]:
        """Yield one ScoreRecord for each item, in order; it depends on the item alone."""
        if not self.config:
            raise InputError(f"{self.card.name}: call fit or load first")
        for done, (item, reading) in enumerate(each(items, self.read), 1):
            if isinstance(reading, Reading):
                logits = self.logits(rows_of(reading, self.whole), context).ravel()
                yield _scored(item, reading, logits)
            else:
                yield reading
            context.progress(done / len(items), f"{done} of {len(items)} items")


def _scored(item: Item, reading: Reading, logits: NDArray[np.float64]) -> ScoreRecord:
    if not np.isfinite(logits).all():
        return ScoreRecord(item=item.id, status="error", reason="the model's output is not finite")
    frames = tuple(zip(reading.times, probability(logits).tolist(), strict=True)) if reading.times else ()
    return ScoreRecord(item=item.id, fake=float(probability(logits.mean())), frames=frames)
