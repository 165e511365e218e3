"""How well an embedding tells same from different, and a network reads factors: plain numpy, all in float64."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def pair_scores(embeddings: Array, labels: Array) -> tuple[Array, Array]:
    """Return the cosines of all genuine and of all impostor pairs.

    Args:
        embeddings: (N, D), of any length but zero.
        labels: (N,) who or what each row is of.
    """
    unit = embeddings.astype(np.float64)
    unit = unit / np.linalg.norm(unit, axis=1, keepdims=True)
    cosines = unit @ unit.T
    above = np.triu(np.ones(cosines.shape, dtype=bool), 1)
    same = labels[:, None] == labels[None, :]
    return cosines[above & same], cosines[above & ~same]


def equal_error_rate(genuine: Array, impostor: Array) -> tuple[float, float]:
    """Return the rate at which as many genuine pairs are refused as impostors accepted, and the threshold there.

    A pair is accepted at or above the threshold. Between two thresholds the rates are interpolated linearly, as on
    the convex line from one operating point to the next.

    Raises:
        ValueError: There are no genuine or no impostor pairs.
    """
    if not len(genuine) or not len(impostor):
        raise ValueError(f"{len(genuine)} genuine and {len(impostor)} impostor pairs; both are needed")
    scores = np.concatenate([genuine, impostor]).astype(np.float64)
    kinds = np.concatenate([np.ones(len(genuine)), np.zeros(len(impostor))])
    order = np.argsort(scores, kind="stable")
    scores, kinds = scores[order], kinds[order]
    last = np.append(np.flatnonzero(np.diff(scores)), len(scores) - 1)  # thresholds just above each distinct score
    refused = np.append(0.0, np.cumsum(kinds)[last] / len(genuine))
    accepted = np.append(1.0, 1.0 - np.cumsum(1.0 - kinds)[last] / len(impostor))
    k = int(np.argmax(refused >= accepted))
    gap_before, gap_after = accepted[k - 1] - refused[k - 1], refused[k] - accepted[k]
    part = gap_before / (gap_before + gap_after)
    rate = refused[k - 1] + part * (refused[k] - refused[k - 1])
    return float(rate), float(scores[last[k - 1]])


def verification(embeddings: Array, labels: Array) -> dict[str, float]:
    """Return the equal error rate, its threshold, and how many pairs of either kind it rests on."""
    genuine, impostor = pair_scores(embeddings, labels)
    rate, threshold = equal_error_rate(genuine, impostor)
    return {
        "eer": rate,
        "threshold": threshold,
        "genuine": float(len(genuine)),
        "impostor": float(len(impostor)),
    }


def regression(predicted: Array, true: Array, names: Sequence[str]) -> dict[str, dict[str, float]]:
    """Return by factor: mean absolute error in the factor's unit, that of always saying the mean, and R squared."""
    error = predicted.astype(np.float64) - true
    away = true - true.mean(axis=0, keepdims=True)
    out = {}
    for place, name in enumerate(names):
        power = float(np.sum(away[:, place] ** 2))
        out[name] = {
            "mae": float(np.abs(error[:, place]).mean()),
            "mae_of_the_mean": float(np.abs(away[:, place]).mean()),
            "r2": 1.0 - float(np.sum(error[:, place] ** 2)) / power if power > 0 else 0.0,
        }
    return out


def found_offsets(distances: Array, reach: int) -> Array:
    """Return the offset (N,) at the least distance of each clip's curve (N, 2 * reach + 1), from -reach to reach."""
    return np.asarray(np.argmin(distances, axis=1) - reach)


def offset_shares(found: Array, true: Array) -> dict[str, float]:
    """Return the share of clips whose offset is found exactly, and within one frame, and the mean absolute error."""
    away = np.abs(found - true)
    return {
        "exact": float(np.mean(away == 0)),
        "within_one_frame": float(np.mean(away <= 1)),
        "mean_absolute_error_frames": float(np.mean(away)),
        "clips": float(len(away)),
    }


def is_monotone(values: Sequence[float], *, slack: float = 0.0) -> bool:
    """Whether values never fall by more than `slack`."""
    return bool(np.all(np.diff(np.asarray(values, dtype=np.float64)) >= -slack))


def gaussian_distance(a: Array, b: Array) -> float:
    """Return the squared Fréchet distance between Gaussians fitted to two sets of features (N, D), (M, D)."""
    roots, means = [], []
    for rows in (a.astype(np.float64), b.astype(np.float64)):
        means.append(rows.mean(axis=0))
        roots.append(np.asarray(np.linalg.qr((rows - means[-1]) / np.sqrt(len(rows) - 1), mode="r")))
    # the trace of the root of the product of covariances is the nuclear norm of the product of their roots
    cross = float(np.linalg.svd(roots[0] @ roots[1].T, compute_uv=False).sum())
    power = sum(float(np.sum(root**2)) for root in roots)
    return float(np.sum((means[0] - means[1]) ** 2) + power - 2.0 * cross)


Curve = Mapping[str, Sequence[float]]
"""Of a calibration: `level`, what was done, and `value`, what the instrument said."""
