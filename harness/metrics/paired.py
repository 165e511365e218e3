"""Metrics that compare a picture with the one it was made from: SSIM, MS-SSIM, PSNR and LPIPS."""

import math
from abc import abstractmethod
from collections import Counter
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from ..media.content import Picture
from ..stats.intervals import cluster_bootstrap
from ..stats.score import Measurement
from .arrays import LEVELS, two_pictures
from .base import Compare, Evidence, Metric
from .sets import cluster_name, flags_of

WINDOW, SIGMA = 11, 1.5
EDGE = WINDOW // 2
STRIPE = 128
"""Rows at once: what fits the processor's cache is three times as fast."""
SCALES = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Powers of the five scales of MS-SSIM, fine to coarse."""
C1, C2 = (0.01 * LEVELS) ** 2, (0.03 * LEVELS) ** 2
PSNR_CAP = 100.0
"""dB that identical pictures get, and that no picture exceeds."""


def ssim(a: ArrayLike, b: ArrayLike) -> float:
    """Structural similarity of two pictures.

    Gaussian window 11 x 11, sigma 1.5, K1 0.01, K2 0.03, L 255, population covariance, mean over the positions where
    the whole window fits, then over channels; no downsampling, no padding. In float64.

    Args:
        a: (H, W) or (H, W, C) samples in [0, 255], H and W >= 11.
        b: The same shape.

    Returns:
        The similarity in [-1, 1]; 1 for equal pictures.

    Raises:
        InputError: Different shapes, a side below 11, NaN or infinity, samples on another scale than 0 to 255.

    References:
        Wang, Bovik, Sheikh, Simoncelli 2004, Image Quality Assessment, section III, equation 13.
    """
    x, y = two_pictures(a, b)
    height, width = x.shape[:2]
    if min(height, width) < WINDOW:
        raise InputError(f"ssim: a picture of {width} x {height} is smaller than the window of {WINDOW}")
    return float(_mean_index(x, y).mean())


def ms_ssim(a: ArrayLike, b: ArrayLike) -> float:
    """Multi-scale structural similarity of two pictures, five scales.

    Contrast and structure at each scale, luminance at the coarsest, to the powers 0.0448, 0.2856, 0.3001, 0.2363 and
    0.1333; from scale to scale the mean of 2 x 2 samples, the last row or column of an odd side counted twice. Window
    and constants as in `ssim`. Each channel by itself, then their mean; a scale whose mean is negative counts as 0,
    because its power would not be a real number. In float64.

    Args:
        a: (H, W) or (H, W, C) samples in [0, 255], H and W >= 176: the window must fit the coarsest scale.
        b: The same shape.

    Returns:
        The similarity in [0, 1]; 1 for equal pictures.

    Raises:
        InputError: Different shapes, a side below 176, NaN or infinity, samples on another scale than 0 to 255.

    References:
        Wang, Simoncelli, Bovik 2003, Multi-scale structural similarity for image quality assessment, equation 7 and
        section 3.2.
    """
    x, y = two_pictures(a, b)
    least = WINDOW * 2 ** (len(SCALES) - 1)
    if min(x.shape[:2]) < least:
        raise InputError(f"ms-ssim: a picture of {x.shape[1]} x {x.shape[0]}, both sides must be at least {least}")
    found = np.ones(1)
    for place, weight in enumerate(SCALES):
        last = place == len(SCALES) - 1
        found = found * np.clip(_mean_index(x, y, luminance=last), 0, None) ** weight
        if not last:
            x, y = _halved(x), _halved(y)
    return float(np.mean(found))


def _halved(samples: NDArray[Any]) -> NDArray[np.float64]:
    """Means of 2 x 2 samples; the edge is repeated where a side is odd."""
    height, width = samples.shape[:2]
    padding = [(0, height % 2), (0, width % 2), *[(0, 0)] * (samples.ndim - 2)]
    even = np.pad(samples.astype(np.float64), padding, mode="edge")
    rows = even[0::2] + even[1::2]
    return np.asarray((rows[:, 0::2] + rows[:, 1::2]) / 4)


def _mean_index(x: NDArray[Any], y: NDArray[Any], *, luminance: bool = True) -> NDArray[np.float64]:
    """(C,) mean of the index of each channel over the positions where the window fits."""
    height, width = x.shape[:2]
    x, y = x.reshape(height, width, -1), y.reshape(height, width, -1)
    work = np.empty((6, min(height, STRIPE + 2 * EDGE), width))
    totals = np.zeros(x.shape[2])
    for top in range(0, height - 2 * EDGE, STRIPE):
        rows = slice(top, top + STRIPE + 2 * EDGE)
        for channel in range(x.shape[2]):
            totals[channel] += _sum_of_index(x[rows, :, channel], y[rows, :, channel], work, luminance=luminance)
    return np.asarray(totals / ((height - 2 * EDGE) * (width - 2 * EDGE)))


def _sum_of_index(one: NDArray[Any], two: NDArray[Any], work: NDArray[np.float64], *, luminance: bool) -> float:
    """Sum of the index over the positions of one channel where the window fits; without luminance, of its other part.

    Everything happens in the six planes of `work`: fresh memory would cost more than the arithmetic.
    """
    import cv2

    x, y, mean_x, mean_y, product, covariance = (plane[: len(one)] for plane in work)
    x[:], y[:] = one, two
    cv2.GaussianBlur(x, (WINDOW, WINDOW), SIGMA, dst=mean_x)
    cv2.GaussianBlur(y, (WINDOW, WINDOW), SIGMA, dst=mean_y)
    np.multiply(x, y, out=product)
    cv2.GaussianBlur(product, (WINDOW, WINDOW), SIGMA, dst=covariance)
    x *= x
    y *= y
    x += y
    variances = y
    cv2.GaussianBlur(x, (WINDOW, WINDOW), SIGMA, dst=variances)
    np.multiply(mean_x, mean_y, out=product)
    mean_x *= mean_x
    mean_y *= mean_y
    squares = mean_x
    squares += mean_y
    covariance -= product
    variances -= squares
    for term, factor, constant in ((product, 2, C1), (covariance, 2, C2), (squares, 1, C1), (variances, 1, C2)):
        term *= factor
        term += constant
    if luminance:
        covariance *= product
        variances *= squares
    covariance /= variances
    return float(covariance[EDGE:-EDGE, EDGE:-EDGE].sum())


def psnr(a: ArrayLike, b: ArrayLike) -> float:
    """Peak signal to noise ratio of two pictures, 10 log10(255² / MSE), the error taken over all channels together.

    Args:
        a: (H, W) or (H, W, C) samples in [0, 255].
        b: The same shape.

    Returns:
        dB; at most 100, which equal pictures get.

    Raises:
        InputError: Different shapes, no pixels, NaN or infinity, samples on another scale than 0 to 255.

    References:
        Huynh-Thu, Ghanbari 2008, Scope of validity of PSNR in image/video quality assessment, equation 1.
    """
    x, y = two_pictures(a, b)
    error = float(np.mean(np.square(x.astype(np.float64) - y)))
    return PSNR_CAP if error == 0 else min(PSNR_CAP, 10 * math.log10(LEVELS**2 / error))


class PairedMean(Metric):
    """Mean of a value per pair, with a bootstrap over clusters. Pairs of different size are counted as failures."""

    @abstractmethod
    def of_pair(self, synthetic: Picture, real: Picture) -> float:
        """Return the value of one pair; raise InputError where there is none."""

    def value_of(self, evidence: Evidence) -> Compare | None:
        """Return the function that gives the value of a pair, or None if the evidence lacks what it needs."""
        return self.of_pair

    def measure(self, evidence: Evidence) -> Measurement:
        """Return the mean over pairs; the value of each is in `items`."""
        value_of = self.value_of(evidence)
        if value_of is None:
            return Measurement(value=None, n=0, reason="no network that compares pictures")
        values: dict[str, float] = {}
        clusters: list[str] = []
        failures: Counter[str] = Counter()
        for pair in evidence.pairs:
            if pair.synthetic.shape != pair.real.shape:
                failures["size differs"] += 1
                continue
            try:
                values[pair.id] = value_of(pair.synthetic, pair.real)
            except InputError:
                failures["unusable picture"] += 1
                continue
            clusters.append(pair.cluster)
        if not values:
            reason = (
                f"no usable pair among {failures.total()}" if failures else "no pairs: nothing was made from a picture"
            )
            return Measurement(value=None, n=0, failures=MappingProxyType(dict(failures)), reason=reason)
        array = np.fromiter(values.values(), np.float64, len(values))
        interval = cluster_bootstrap(
            array, clusters, np.random.default_rng(evidence.seed), cluster=cluster_name(clusters)
        )
        flags = flags_of(self.card, len(values))
        if interval is None:
            flags = (*flags, "no interval: a single cluster")
        return Measurement(
            value=float(array.mean()),
            interval=interval,
            n=len(values),
            n_real=len(values),
            items=MappingProxyType(values),
            flags=flags,
            failures=MappingProxyType(dict(failures)),
        )


class SSIM(PairedMean):
    """`ssim`: mean structural similarity."""

    def of_pair(self, synthetic: Picture, real: Picture) -> float:
        """Return the similarity of one pair."""
        return ssim(synthetic, real)


class MSSSIM(PairedMean):
    """`ms_ssim`: mean multi-scale structural similarity; pairs below 176 pixels are counted as failures."""

    def of_pair(self, synthetic: Picture, real: Picture) -> float:
        """Return the similarity of one pair."""
        return ms_ssim(synthetic, real)


class LPIPS(PairedMean):
    """`lpips`: mean learned perceptual distance, by the network that comes with the evidence."""

    def of_pair(self, synthetic: Picture, real: Picture) -> float:
        """Refuse: without a network there is no value."""
        raise InputError("lpips: needs a network that compares pictures")

    def value_of(self, evidence: Evidence) -> Compare | None:
        """Return the network's own comparison."""
        return evidence.compare


class PSNR(PairedMean):
    """`psnr`: mean peak signal to noise ratio, capped at 100 dB."""

    def of_pair(self, synthetic: Picture, real: Picture) -> float:
        """Return the ratio of one pair."""
        return psnr(synthetic, real)
