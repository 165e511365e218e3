"""Files that a system hands back: looked at before anything reads them."""

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..canonical import JSON
from ..errors import MediaError
from ..media.content import Frames
from ..media.images import read_image


def checked_file(place: Path, name: JSON, largest: int) -> Path:
    """Return the path of an output, which must be a whole regular file inside the scratch folder.

    Raises:
        MediaError: It is outside, missing, no file, empty or too large.
    """
    if not isinstance(name, str) or not name:
        raise MediaError(f"file: expected a path inside the scratch folder, found {name!r:.80}")
    try:
        path = Path(os.path.realpath(place / name))
        if not path.is_relative_to(place.resolve()):
            how = "a link leads to" if (place / name).absolute().is_relative_to(place) and ".." not in name else "it is"
            raise MediaError(f"{name!r:.200} is not inside the scratch folder: {how} {path}")
        found = path.stat()
    except OSError as error:
        raise MediaError(f"{name!r:.200}: {error.strerror or 'cannot be read'}") from error
    except ValueError as error:
        raise MediaError(f"{name!r:.200}: {error}") from error
    if not stat.S_ISREG(found.st_mode):
        raise MediaError(f"{name!r:.200} is no regular file")
    if not found.st_size:
        raise MediaError(f"{name!r:.200} is empty")
    if found.st_size > largest:
        raise MediaError(f"{name!r:.200} has {found.st_size} bytes, more than the {largest} that the suite allows")
    return path


def frames_of(paths: Sequence[Path]) -> Frames:
    """Return masks in files as (H, W) uint8 frames; they can be read until the next answer is asked for."""

    def frames() -> Iterator[NDArray[np.uint8]]:
        for path in paths:
            yield read_image(path)[..., 0]

    return frames
