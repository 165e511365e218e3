"""How alike voices are, from vectors of speakers."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from .sets import matrix

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeakerSimilarity:
    """How alike synthetic voices are to those that they are to be."""

    target: Array
    """(N,) cosine with the voice it is to be, in [-1, 1]."""
    source: Array | None = None
    """(N,) cosine with the voice that it was made from."""

    @property
    def margin(self) -> Array | None:
        """(N,) target less source, in [-2, 2]: above 0, the voice is nearer to the target."""
        return None if self.source is None else self.target - self.source

    def accepted(self, threshold: float) -> float:
        """Share of the voices taken for the target's at a threshold, in [0, 1].

        The threshold is chosen on other voices, for instance where the instrument's equal error rate lies.
        """
        return float(np.mean(self.target >= threshold))


def speaker_similarity(
    embeddings: ArrayLike, targets: ArrayLike, sources: ArrayLike | None = None
) -> SpeakerSimilarity:
    """Cosine of vectors of speakers, row by row.

    Args:
        embeddings: (N, D) of the synthetic sounds, from one instrument.
        targets: (N, D) of real sounds of the speakers that they are to be: other sentences than those made.
        sources: (N, D) of the sounds that they were made from; without them nothing says how alike any two voices are.

    Raises:
        InputError: Different or wrong shapes, NaN or infinity, or a row of zeros.
    """
    given = {"embeddings": embeddings, "targets": targets}
    if sources is not None:
        given["sources"] = sources
    rows = {name: _unit(values, name) for name, values in given.items()}
    shapes = {name: array.shape for name, array in rows.items()}
    if len(set(shapes.values())) > 1:
        raise InputError(f"speaker similarity: expected one shape, found {shapes}")
    target = np.sum(rows["embeddings"] * rows["targets"], axis=1)
    source = np.sum(rows["embeddings"] * rows["sources"], axis=1) if sources is not None else None
    return SpeakerSimilarity(target=target, source=source)


def _unit(values: ArrayLike, name: str) -> Array:
    rows = matrix(values, name, 1).astype(np.float64)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    if not (lengths > 0).all():
        raise InputError(f"{name}: found a row of zeros, which has no direction")
    return np.asarray(rows / lengths)
