"""Cutting a face out: by a template of five points, by its box, or by its box held steady through a clip."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ..errors import MediaError
from ..media.content import Picture
from .faces import Array, Face
from .protocol import FaceProtocol

TEMPLATE = np.array(
    [[0.34192, 0.46158], [0.65653, 0.45983], [0.50023, 0.64050], [0.37097, 0.82469], [0.63152, 0.82325]]
)
"""Where `POINTS` lie in a square around a frontal face, as shares of its side: the points of SphereFace (Liu et al.
2017), moved into the square of 112 pixels that became usual with ArcFace (Deng et al. 2019)."""

STEADY = 1.0
"""Seconds before and after, over which size and place of a steady box are evened."""


def transform_of(face: Face, protocol: FaceProtocol) -> Array:
    """Return the (2, 3) similarity that takes a picture's pixels to those of the face cut out, centres to centres.

    Raises:
        MediaError: Fewer than two of its five points are known, or they are in one place.
    """
    inner = protocol.size / (1 + 2 * protocol.margin)
    if protocol.align != "template":
        side = max(face.box[2] - face.box[0], face.box[3] - face.box[1])
        if side <= 0:
            raise MediaError("a box without area")
        scale = inner / side
        middle = np.array(face.centre) - 0.5  # boxes are edges, pixels are meant by their middles
        return np.column_stack([np.eye(2) * scale, (protocol.size - 1) / 2 - scale * middle])
    points = np.array(face.points[:5])
    known = np.isfinite(points).all(axis=1)
    goal = (TEMPLATE - 0.5) * inner + protocol.size / 2 - 0.5
    return similarity(points[known], goal[known])


def steadied(faces: Mapping[int, Face], times: Mapping[int, float]) -> dict[int, Face]:
    """Return the faces of one person in a clip with boxes, now squares, that follow the head and do not tremble.

    A finder's box changes its side by a tenth from frame to frame, where eyes and nose move by less than a pixel: size,
    and place beside eyes and nose, are the medians over `STEADY` seconds to both sides.

    Args:
        faces: Sample -> face.
        times: Sample -> seconds.
    """
    samples = sorted(faces)
    at = np.array([times[sample] for sample in samples])
    sides = np.array([max(f.box[2] - f.box[0], f.box[3] - f.box[1]) for f in map(faces.__getitem__, samples)])
    anchors = np.array([_anchor(faces[sample]) for sample in samples]).reshape(-1, 2)
    beside = (np.array([faces[sample].centre for sample in samples]).reshape(-1, 2) - anchors) / sides[:, None]
    found = {}
    for row, sample in enumerate(samples):
        near = np.abs(at - at[row]) <= STEADY
        half = float(np.median(sides[near])) / 2
        x, y = (float(v) for v in anchors[row] + 2 * half * np.median(beside[near], axis=0))
        found[sample] = replace(faces[sample], box=(x - half, y - half, x + half, y + half))
    return found


def _anchor(face: Face) -> Array:
    """Return the middle of eyes and nose, which speech does not move; without them, of the box."""
    points = np.array(face.points[:3], dtype=np.float64).reshape(-1, 2)
    known = len(points) == 3 and bool(np.isfinite(points).all())
    return np.asarray(points.mean(axis=0) if known else face.centre, dtype=np.float64)


def similarity(points: Array, goal: Array) -> Array:
    """Return the (2, 3) rotation, scale and shift that brings points (N, 2) nearest to others, in least squares.

    Raises:
        MediaError: Fewer than two points, or all in one place.

    References:
        Umeyama 1991, Least-squares estimation of transformation parameters between two point patterns, equations 40-42.
    """
    if len(points) < 2:
        raise MediaError(f"{len(points)} points of the face are known; two are needed")
    a, b = points - points.mean(axis=0), goal - goal.mean(axis=0)
    spread = float((a**2).sum())
    if spread < 1e-9:
        raise MediaError("the points of the face are in one place")
    u, s, v = np.linalg.svd(b.T @ a)
    sign = np.array([1.0, np.sign(np.linalg.det(u) * np.linalg.det(v)) or 1.0])
    turn = (u * sign) @ v
    scaled = float((s * sign).sum()) / spread * turn
    return np.column_stack([scaled, goal.mean(axis=0) - scaled @ points.mean(axis=0)])


def cut(picture: Picture, face: Face, protocol: FaceProtocol) -> tuple[Picture, float]:
    """Return a face cut out, (size, size, 3) uint8, and the share of it that lies outside of the picture (black there).

    Raises:
        MediaError: Its points or box do not say how.
    """
    import cv2

    change = transform_of(face, protocol)
    source, change = _shrunk(picture, change)
    side = protocol.size
    done = cv2.warpAffine(source, change, (side, side), flags=cv2.INTER_LINEAR)
    return np.asarray(done, dtype=np.uint8), _outside(change, source.shape[:2], side)


def _shrunk(picture: Picture, change: Array) -> tuple[Picture, Array]:
    """Bring a picture near to the scale that is wanted, by averaging: reading every third pixel would flicker."""
    import cv2

    times = int(1 / max(float(np.hypot(change[0, 0], change[1, 0])), 1e-6))
    if times < 2:
        return picture, change
    height, width = (side // times for side in picture.shape[:2])
    if min(height, width) < 1:
        return picture, change
    source = cv2.resize(picture[: height * times, : width * times], (width, height), interpolation=cv2.INTER_AREA)
    turned = change[:, :2] * times
    return np.asarray(source, dtype=np.uint8), np.column_stack(
        [turned, change[:, 2] + change[:, :2] @ np.full(2, (times - 1) / 2)]
    )


def _outside(change: Array, shape: tuple[int, ...], side: int) -> float:
    """Return the share of a square of pixels whose source lies outside of a picture."""
    grid = np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1).reshape(-1, 2)[::7].astype(np.float64)
    back = (grid - change[:, 2]) @ np.linalg.inv(change[:, :2]).T
    inside = (back > -1).all(axis=1) & (back[:, 0] < shape[1]) & (back[:, 1] < shape[0])
    return float(1 - inside.mean())
