"""What users give metrics: arrays, lists or torch tensors, on any device."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError

LEVELS = 255.0
"""Range of the samples of pictures."""


def array_of(values: ArrayLike) -> NDArray[Any]:
    """Return values as a numpy array, of the type they have; torch is not imported for it.

    A tensor may be on any device and may want gradients; bfloat16, which numpy lacks, becomes float32.
    """
    tensor: Any = values
    if not hasattr(tensor, "detach"):
        return np.asarray(values)
    tensor = tensor.detach().cpu()
    return np.asarray((tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor).numpy())


def two_pictures(a: ArrayLike, b: ArrayLike) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return two pictures of one shape, (H, W) or (H, W, C), with samples in [0, 255].

    Raises:
        InputError: Different shapes, channels first, NaN or infinity, or samples on another scale.
    """
    x, y = array_of(a), array_of(b)
    if x.shape != y.shape:
        raise InputError(f"pictures: expected the same shape, found {x.shape} and {y.shape}")
    if x.ndim not in (2, 3) or not x.size:
        raise InputError(f"pictures: expected (H, W) or (H, W, C), found {x.shape}")
    if x.ndim == 3 and x.shape[2] > 4 >= x.shape[0]:
        raise InputError(f"pictures: found {x.shape}, channels first; move them last: (H, W, C)")
    for samples in (x, y):
        if np.issubdtype(samples.dtype, np.floating) and not np.isfinite(samples).all():
            raise InputError("pictures: found NaN or infinity")
        if samples.dtype != np.uint8 and not 0 <= float(samples.min()) <= float(samples.max()) <= LEVELS:
            found = f"{float(samples.min()):g} to {float(samples.max()):g}"
            raise InputError(f"pictures: found samples from {found}, expected the scale of 0 to 255")
    if all(np.issubdtype(s.dtype, np.floating) for s in (x, y)) and _unit_scale(x, y):
        raise InputError("pictures: found samples in [0, 1], expected the scale of 0 to 255; multiply by 255")
    return x, y


def _unit_scale(x: NDArray[Any], y: NDArray[Any]) -> bool:
    """Whether samples are on the scale of 0 to 1: nothing above 1, and fractions in between."""
    return max(float(x.max()), float(y.max())) <= 1 and bool((x % 1).any() or (y % 1).any())
