"""A thumbnail: what a picture looks like from far away, for nearest neighbours. It needs no weights."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..media.content import Picture
from .base import Instrument
from .pixels import resize_planes

SIZE = 16


class Thumbnail(Instrument):
    """16 x 16 RGB by area averaging, in [0, 1]: `features` (N, 768) float32."""

    def extract(self, pictures: Iterable[Picture]) -> Mapping[str, NDArray[Any]]:
        """Return one thumbnail a picture."""
        rows = [resize_planes(picture, SIZE, Image.Resampling.BOX).ravel() / np.float32(255) for picture in pictures]
        return {"features": np.array(rows, dtype=np.float32).reshape(len(rows), SIZE * SIZE * 3)}
