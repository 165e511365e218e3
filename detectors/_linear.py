"""Detectors of features and a linear model."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from fauxbench import Context, InputError
from fauxbench.detectors._choice import Scores, pooled, ranking_loss
from fauxbench.detectors._learned import LearnedDetector
from fauxbench.detectors._reading import Decoded

STRENGTHS = tuple(10.0**power for power in range(-4, 4))
"""Inverse strengths of the penalty that are tried."""


class LinearDetector(LearnedDetector):
    """Standardised features and a logistic regression with an L2 penalty, whose strength validation chooses.

    `read` gives one array `features` (T, D). Each item counts the same however many windows it has, and so does each
    class. Nothing is random.
    """

    _model: Mapping[str, NDArray[np.float64]] | None = None
    """`mean`, `spread` and `weights` (D,), `bias` (1,)."""

    def learn(self, train: Decoded, validation: Decoded, context: Context) -> tuple[Scores, dict[str, Any]]:
        """Fit one model for each strength and keep the one that is best on validation."""
        rows = np.asarray(train.arrays["features"][:, 0], dtype=np.float64)
        mean, spread = rows.mean(axis=0), rows.std(axis=0)
        spread[spread < 1e-9] = 1.0
        weight = 1.0 / np.bincount(train.owners)[train.owners]
        best: dict[str, Any] = {"loss": float("inf")}
        for place, strength in enumerate(STRENGTHS, 1):
            weights, bias = _fitted((rows - mean) / spread, train.row_truth, weight, strength)
            self._model = {"mean": mean, "spread": spread, "weights": weights, "bias": np.array([bias])}
            scores = pooled(self.logits(validation.arrays, context), validation.owners)
            loss = ranking_loss(scores, validation.truth, self.parameters["choose_by"])
            if loss < best["loss"]:
                best = {"loss": loss, "model": self._model, "scores": scores, "strength": strength}
            context.progress(place / len(STRENGTHS), f"penalty 1/{strength:g}: validation {loss:.3f}")
        self._model = best["model"]
        return best["scores"], {"strength": best["strength"]}

    def logits(self, arrays: Mapping[str, NDArray[Any]], context: Context) -> NDArray[np.float64]:
        """Return the logits (rows, 1); each depends on its row alone, to the last bit."""
        if self._model is None:
            raise InputError(f"{self.card.name}: call fit or load first")
        features = np.asarray(arrays["features"][:, 0], dtype=np.float64)
        shares = (features - self._model["mean"]) / self._model["spread"] * self._model["weights"]
        return np.array([[float(row.sum()) + float(self._model["bias"][0])] for row in shares]).reshape(-1, 1)

    def write(self, folder: Path) -> None:
        """Write the model."""
        if self._model is None:
            raise InputError(f"{self.card.name}: nothing to save; call fit or load first")
        save_file({name: np.ascontiguousarray(v) for name, v in self._model.items()}, folder / "weights.safetensors")

    def read_weights(self, folder: Path) -> None:
        """Read what `write` wrote."""
        self._model = load_file(folder / "weights.safetensors")


def _fitted(
    rows: NDArray[np.float64], fake: NDArray[np.bool_], weight: NDArray[np.float64], strength: float
) -> tuple[NDArray[np.float64], float]:
    """Return weights (D,) and bias of a logistic regression."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=strength, class_weight="balanced", max_iter=2000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one that has not settled is judged on validation like the others
        model.fit(rows, fake, sample_weight=weight)
    return np.asarray(model.coef_[0], dtype=np.float64), float(model.intercept_[0])
