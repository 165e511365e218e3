"""Faces in pictures: one interface, whoever finds them."""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..canonical import JSON
from ..errors import InputError, MediaError
from ..media.content import Picture

Array = NDArray[np.float64]
POINTS = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")
"""The first five points of every face; left and right are those of the picture."""
LEAST = 20.0
"""Pixels of the smallest face that MTCNN looks for, as in its paper's code."""
STEP = 0.709
"""Between two sizes of its pyramid."""
BATCH_PIXELS = 1 << 23
"""Pixels that go through MTCNN at once; a constant, because sums depend on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """A face in a picture; pixels, x to the right and y downwards."""

    box: tuple[float, float, float, float]
    """Left, top, right, bottom; may reach beyond the picture."""
    probability: float
    """Of being a face, in [0, 1], by the finder's own account."""
    points: tuple[tuple[float, float], ...]
    """`POINTS`, then whatever else the finder knows; NaN where it does not know one of the five."""

    @property
    def size(self) -> float:
        """The shorter side of the box."""
        return min(self.box[2] - self.box[0], self.box[3] - self.box[1])

    @property
    def area(self) -> float:
        """Of the box."""
        return max(0.0, self.box[2] - self.box[0]) * max(0.0, self.box[3] - self.box[1])

    @property
    def centre(self) -> tuple[float, float]:
        """Of the box."""
        return (self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2


class FaceFinder(ABC):
    """Finds faces in pictures."""

    name: str

    @property
    @abstractmethod
    def identity(self) -> Mapping[str, JSON]:
        """Name, version and whatever else could change what is found."""

    @abstractmethod
    def find(self, pictures: Sequence[Picture], smallest: float) -> list[tuple[Face, ...]]:
        """Return the faces of each picture, the most probable first.

        Args:
            pictures: (H, W, 3) uint8 RGB, all of one size.
            smallest: Pixels; smaller faces need not be found.

        Raises:
            MediaError: The finder failed.
        """


class MTCNNFaces(FaceFinder):
    """MTCNN of facenet-pytorch, whose package carries the weights: boxes, probabilities, five points.

    References:
        Zhang, Zhang, Li, Qiao 2016, Joint Face Detection and Alignment using Multi-task Cascaded Convolutional
        Networks.
    """

    name = "mtcnn"

    def __init__(self, device: str = "cpu") -> None:
        try:
            from facenet_pytorch import MTCNN
        except ImportError as error:
            raise InputError("mtcnn: the extra 'faces' is not installed: pip install 'fauxbench[faces]'") from error
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._net: Any = MTCNN(keep_all=True, post_process=False, select_largest=False, device=device)

    @property
    def identity(self) -> Mapping[str, JSON]:
        """Name and versions."""
        return mtcnn_identity()

    def find(self, pictures: Sequence[Picture], smallest: float) -> list[tuple[Face, ...]]:
        """Return the faces of each picture; larger `smallest` leaves out the finest, dearest sizes of the pyramid.

        Sizes that remain are those of a full search, so a face that is found at all is found at the same place.
        """
        if not pictures:
            return []
        self._net.min_face_size = pyramid_base(smallest)
        each = max(1, BATCH_PIXELS // pictures[0][..., 0].size)
        found: list[tuple[Face, ...]] = []
        for first in range(0, len(pictures), each):
            found += self._batch(np.stack(pictures[first : first + each]))
        return found

    def _batch(self, stack: NDArray[np.uint8]) -> list[tuple[Face, ...]]:
        if min(stack.shape[1:3]) * 12 / self._net.min_face_size < 12:
            return [()] * len(stack)  # too small to hold a face of that size
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                told = self._net.detect(stack, landmarks=True)
            except (RuntimeError, IndexError, ValueError) as error:
                if len(stack) > 1:  # degenerate boxes in one picture end the whole batch
                    return [self._batch(one[None])[0] for one in stack]
                raise MediaError(f"mtcnn: {error}") from error
        return [_faces(*one) for one in zip(*told, strict=True)]


def mtcnn_identity() -> dict[str, JSON]:
    """Return name and versions of MTCNN, without loading it and whether or not it is there."""
    torch = ".".join(version("torch").split(".")[:2])
    there = find_spec("facenet_pytorch") is not None
    return {
        "name": MTCNNFaces.name,
        "facenet-pytorch": version("facenet-pytorch") if there else "not installed",
        "torch": torch,
    }


def pyramid_base(smallest: float) -> float:
    """Return the largest base of MTCNN's pyramid of sizes that is at most `smallest`: 20 pixels / 0.709^k."""
    steps = int(np.floor(np.log(max(smallest, LEAST) / LEAST) / -np.log(STEP) + 1e-9))
    return float(LEAST / STEP**steps)


def _faces(boxes: Any, chances: Any, points: Any) -> tuple[Face, ...]:  # noqa: ANN401 - arrays of objects, or None
    if boxes is None:
        return ()
    rows = zip(np.asarray(boxes, float), np.asarray(chances, float), np.asarray(points, float), strict=True)
    faces = [
        Face(
            box=(float(box[0]), float(box[1]), float(box[2]), float(box[3])),
            probability=float(chance),
            points=tuple((float(x), float(y)) for x, y in marks),
        )
        for box, chance, marks in rows
    ]
    return tuple(sorted(faces, key=lambda face: -face.probability))


def overlap(a: Sequence[float], b: Sequence[float]) -> float:
    """Return intersection over union of two boxes."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)
