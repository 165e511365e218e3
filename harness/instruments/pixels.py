"""Resizing in float, antialiased, and never rounded back to bytes."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..media.content import Picture

Plane = NDArray[np.float32]


def resize_plane(plane: NDArray[np.generic], size: int, filter_: Image.Resampling) -> Plane:
    """Resize one channel (H, W) to (size, size) float32, the filter widened when shrinking; the shape is not kept."""
    image = Image.fromarray(np.ascontiguousarray(plane, dtype=np.float32))
    return np.asarray(image.resize((size, size), resample=filter_), dtype=np.float32)


def resize_planes(picture: Picture | Plane, size: int, filter_: Image.Resampling) -> Plane:
    """Resize (H, W, 3) samples to (size, size, 3) float32 on the scale that they have."""
    return np.stack([resize_plane(picture[:, :, channel], size, filter_) for channel in range(3)], axis=2)
