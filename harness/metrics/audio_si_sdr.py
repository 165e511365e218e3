"""Scale-invariant signal to distortion ratio."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from .arrays import array_of

CAP = 100.0
"""dB; a scaled copy would be infinite, and what has nothing of the reference minus infinity."""


def si_sdr(reference: ArrayLike, estimate: ArrayLike) -> float:
    """Scale-invariant signal to distortion ratio of an estimate, in dB.

    10 log10(|t|² / |t - e|²), where t is the reference scaled to come as near to the estimate e as it can. Means are
    taken off both first. In float64. It asks for samples in step: one sample of delay at 16 kHz turns a copy of speech
    into about 10 dB.

    Args:
        reference: (samples,) floats or integers, any scale.
        estimate: The same shape, any other scale.

    Returns:
        dB in [-100, 100]: cut there. A scaled copy, also upside down, is 100.

    Raises:
        InputError: Different or wrong shapes, NaN or infinity, or one of them constant: silence has no ratio.

    References:
        Le Roux, Wisdom, Erdogan, Hershey 2019, SDR - half-baked or well done?, equations 3 to 5.
    """
    s, e = array_of(reference), array_of(estimate)
    if s.ndim != 1 or s.shape != e.shape:
        raise InputError(f"si_sdr: expected two sounds of one length, (samples,), found {s.shape} and {e.shape}")
    s, e = _centred(s, "reference"), _centred(e, "estimate")
    target = (float(s @ e) / float(s @ s)) * s
    signal, noise = float(target @ target), float(np.sum((target - e) ** 2))
    if noise <= signal * 10 ** (-CAP / 10):
        return CAP
    if signal <= noise * 10 ** (-CAP / 10):
        return -CAP
    return 10 * math.log10(signal / noise)


def _centred(values: NDArray[np.generic], name: str) -> NDArray[np.float64]:
    samples = values.astype(np.float64)
    if not len(samples) or not np.isfinite(samples).all():
        raise InputError(f"si_sdr: the {name} is empty or holds NaN or infinity")
    if samples.min() == samples.max():
        raise InputError(f"si_sdr: the {name} is silence")
    samples = samples / np.abs(samples).max()
    return np.asarray(samples - samples.mean())
