"""Statistics of features in files: `mu` and `sigma` in an .npz, as pytorch-fid writes and reads them."""

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from ..stats.intervals import jackknife_interval
from ..stats.score import Measurement
from .base import Features
from .frechet import Moments, frechet_of_moments, frechet_to_statistics
from .sets import cluster_name, matrix, one_set

ASYMMETRY = 1e-6
"""Of the largest value of a covariance: more is no rounding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """Mean and unbiased covariance of features; how many items they are of is not known."""

    mean: NDArray[np.float64]
    """(D,)"""
    covariance: NDArray[np.float64]
    """(D, D)"""
    instrument: str | None = None
    """Of the features, where fauxbench wrote the file; other tools do not say."""
    options: Mapping[str, str] | None = None
    """Protocol of the instrument, likewise."""

    @property
    def moments(self) -> Moments:
        """The same as Moments; the count is a stand-in and does not enter a distance."""
        return Moments.from_statistics(self.mean, self.covariance, 2)


def is_statistics(path: Path) -> bool:
    """Whether a file claims to be statistics."""
    return path.suffix.lower() == ".npz" and path.is_file()


def read_statistics(path: Path) -> Statistics:
    """Read `mu` (D,) and `sigma` (D, D) from an .npz; nothing in it is unpickled.

    Raises:
        InputError: Not such a file, or arrays that are no mean and covariance.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            mean, covariance = (np.asarray(stored[name], dtype=np.float64) for name in ("mu", "sigma"))
            instrument = str(stored["instrument"]) if "instrument" in stored.files else None
            options = json.loads(str(stored["options"])) if "options" in stored.files else None
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        message = f"{path}: no statistics (mu, sigma) as pytorch-fid writes them: {error}"
        raise InputError(message) from error
    size = mean.shape[0] if mean.ndim == 1 else 0
    if not size or covariance.shape != (size, size):
        raise InputError(f"{path}: expected mu (D,) and sigma (D, D), found {mean.shape} and {covariance.shape}")
    if not (np.isfinite(mean).all() and np.isfinite(covariance).all()):
        raise InputError(f"{path}: found NaN or infinity in mu or sigma")
    if np.abs(covariance - covariance.T).max() > ASYMMETRY * np.abs(covariance).max():
        raise InputError(f"{path}: sigma is not symmetric, so it is no covariance")
    return Statistics(mean=mean, covariance=covariance, instrument=instrument, options=options)


def write_statistics(path: Path, features: ArrayLike, instrument: str, options: Mapping[str, str]) -> None:
    """Write `mu` and `sigma` of (N, D) features, N >= 2, as pytorch-fid reads them.

    N, the instrument and its protocol stand beside them, where other tools do not look.

    Raises:
        InputError: Wrong features, or the file cannot be written.
    """
    moments = Moments.of(matrix(features, "features"))
    arrays = {"mu": moments.mean, "sigma": moments.covariance, "n": np.array(moments.count)}
    arrays |= {"instrument": np.array(instrument), "options": np.array(json.dumps(dict(options)))}
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
        part.replace(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from error


def measure_to_statistics(features: Features, statistics: Statistics) -> Measurement:
    """Fréchet distance of features from statistics; the interval leaves blocks of the features out alone.

    It is about the expectation at this N, with the statistics as they are: what they would be for other items is not
    known.
    """
    rows = features.arrays["features"]
    if rows.ndim != 2 or len(rows) < 2 or rows.shape[1] != len(statistics.mean):
        found = f"found {rows.shape}, statistics of {len(statistics.mean)}"
        return Measurement(value=None, n=len(rows), reason=f"features do not fit the statistics: {found}")
    value = frechet_to_statistics(rows, statistics.mean, statistics.covariance)
    flags: tuple[str, ...] = ("against statistics: how many items they are of is not known",)
    dealt, count = one_set(features)
    if not count or len(rows) - int(np.bincount(dealt).max()) < 2:
        return Measurement(value=value, n=len(rows), flags=(*flags, "no interval: too few clusters"))
    replicates = [frechet_to_statistics(rows[dealt != j], statistics.mean, statistics.covariance) for j in range(count)]
    interval = jackknife_interval(
        value,
        replicates,
        shares=np.bincount(dealt, minlength=count) / len(rows),
        about="at-n",
        cluster=cluster_name(features.clusters),
        floor=0.0,
    )
    return Measurement(value=value, interval=interval, n=len(rows), flags=flags)


def measure_statistics(a: Statistics, b: Statistics) -> Measurement:
    """Fréchet distance of two statistics; it has no interval and no N."""
    if len(a.mean) != len(b.mean):
        reason = f"one side has {len(a.mean)} dimensions, the other {len(b.mean)}"
        return Measurement(value=None, n=0, reason=reason)
    flags = ("no interval: statistics alone on both sides",)
    return Measurement(value=frechet_of_moments(a.moments, b.moments), n=0, flags=flags)
