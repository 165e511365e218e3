"""Cutting a face out of a picture upright and at one size, and laying it back."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

FACE = 64
"""Pixels of the square that a cut-out face fills."""
UPRIGHT = np.array([[0.32, 0.40], [0.68, 0.40], [0.50, 0.57], [0.37, 0.71], [0.63, 0.71]]) * FACE
"""Where eyes, nose and corners of the mouth of a face come to lie, x and y in pixels of the square."""
CENTRE = np.array([[0.37, 0.46], [0.63, 0.46], [0.50, 0.58], [0.41, 0.68], [0.59, 0.68]])
"""Where they are taken to lie, in shares of a picture's square, when nothing tells: in the middle of a portrait."""

Array = NDArray[np.float64]
Picture = NDArray[np.uint8]
Plane = NDArray[np.float32]


def placement(points: Array) -> Array:
    """Return the affine (2, 3) that brings eyes, nose and mouth (5, 2), in pixels of a picture, to their places.

    Umeyama 1991: least squares over turns, moves and one scale. The nose counts half, because it leaves the line
    between eyes and mouth when a head turns.
    """
    weight = np.array([1.0, 1.0, 0.5, 1.0, 1.0])[:, None] / 4.5
    mine, theirs = (weight * points).sum(0), (weight * UPRIGHT).sum(0)
    x, y = points - mine, UPRIGHT - theirs
    power = float((weight * x * x).sum())
    along = float((weight * x * y).sum()) / max(power, 1e-9)
    across = float((weight[:, 0] * (x[:, 0] * y[:, 1] - x[:, 1] * y[:, 0])).sum()) / max(power, 1e-9)
    turn = np.array([[along, -across], [across, along]])
    return np.concatenate([turn, (theirs - turn @ mine)[:, None]], 1)


def cut(pixels: Picture, place: Array) -> Picture:
    """Return the face as (64, 64, 3) uint8; what lies outside the picture repeats its edge."""
    how = cv2.INTER_AREA if abs(np.linalg.det(place[:, :2])) < 0.5 else cv2.INTER_LINEAR
    flags = cv2.INTER_LINEAR if how == cv2.INTER_AREA else how
    scale = float(np.sqrt(abs(np.linalg.det(place[:, :2]))))
    if scale < 0.7:  # much smaller: blur first, so that nothing is aliased
        pixels = np.asarray(cv2.GaussianBlur(pixels, (0, 0), 0.4 / scale), dtype=np.uint8)
    return np.asarray(cv2.warpAffine(pixels, place, (FACE, FACE), flags=flags, borderMode=cv2.BORDER_REPLICATE))


def lay_back(pixels: Picture, face: Picture, mask: Plane, place: Array) -> tuple[Picture, Picture]:
    """Return the picture with a changed face in it, and where it was changed.

    Args:
        pixels: (H, W, 3) uint8, what the face was cut from.
        face: (64, 64, 3) uint8.
        mask: (64, 64) in [0, 1], how much of it counts.
        place: As it was cut.

    Returns:
        (H, W, 3) uint8 and the mask (H, W) uint8, 255 = altogether.
    """
    height, width = pixels.shape[:2]
    back = cv2.invertAffineTransform(place)
    flags = cv2.INTER_LINEAR
    if float(np.linalg.det(place[:, :2])) > 1.5:  # the face becomes smaller: average
        soft = 0.35 * float(np.sqrt(np.linalg.det(place[:, :2])))
        face = np.asarray(cv2.GaussianBlur(face, (0, 0), soft), dtype=np.uint8)
    laid = cv2.warpAffine(face, back, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    share = cv2.warpAffine(mask, back, (width, height), flags=flags, borderMode=cv2.BORDER_CONSTANT, borderValue=0.0)
    whole = np.rint(255.0 * np.clip(share, 0.0, 1.0)).astype(np.uint8)
    part = whole[:, :, None].astype(np.float64) / 255.0
    mixed = np.rint(part * laid + (1.0 - part) * pixels)
    return np.asarray(mixed, dtype=np.uint8), whole


def oval(top: float = 0.04, bottom: float = 0.98, half: float = 0.44, soft: float = 0.08, across: float = 0.5) -> Plane:
    """Return a soft oval (64, 64) in [0, 1] around an upright face; everything in shares of the side."""
    y, x = (np.mgrid[0:FACE, 0:FACE] + 0.5) / FACE
    middle, height = (top + bottom) / 2, (bottom - top) / 2
    radius = (np.abs((x - across) / half) ** 2.3 + np.abs((y - middle) / height) ** 2.3) ** (1 / 2.3)
    return np.asarray(np.clip((1.0 - radius) * half / soft, 0.0, 1.0), dtype=np.float32)


def box(soft: float = 0.10) -> Plane:
    """Return a soft square with round corners (64, 64) in [0, 1]: a whole head, with jaw, ears and neck."""
    y, x = (np.mgrid[0:FACE, 0:FACE] + 0.5) / FACE
    radius = (np.abs((x - 0.5) / 0.48) ** 6 + np.abs((y - 0.5) / 0.48) ** 6) ** (1 / 6)
    return np.asarray(np.clip((1.0 - radius) * 0.48 / soft, 0.0, 1.0), dtype=np.float32)


def head(turn: float = 0.0) -> Plane:
    """Return a soft oval (64, 64) in [0, 1] around a whole head: less of what is behind it than `box` takes along.

    Args:
        turn: Of the head, as `turned` says: its middle lies on the other side of the face than its nose.
    """
    return oval(top=0.0, bottom=0.99, half=0.48, across=0.5 - 0.9 * turn)


def turned(points: Array, place: Array) -> float:
    """Return how far the nose leaves the middle of eyes and mouth (5, 2), in sides of the square: a head's turn."""
    across = (points @ place[:, :2].T + place[:, 2])[:, 0] / FACE
    return float(across[2] - across[[0, 1, 3, 4]].mean())


def in_light_of(face: Plane, drawn: Plane, *, coarse: float, light: float, tint: float) -> Picture:
    """Return a face (64, 64, 3) uint8 whose coarse brightness and colour are moved towards those of a drawing.

    Burt and Adelson 1983, A multiresolution spline: two pictures are joined frequency by frequency. A drawing by a
    network is right in what is coarse, where light falls and how the head is turned, and lacks what is fine.

    Args:
        face: (64, 64, 3) in [-1, 1]; what is fine comes from it.
        drawn: The same, what is coarse comes from it.
        coarse: Standard deviation in pixels of the blur that parts coarse from fine.
        light: Share in [0, 1] of the brightness that is moved.
        tint: Share in [0, 1] of the colour that is moved.
    """
    low = cv2.GaussianBlur(drawn - face, (0, 0), coarse, borderType=cv2.BORDER_REPLICATE)
    bright = (low @ np.array([0.299, 0.587, 0.114], np.float32))[:, :, None]
    made = face + light * bright + tint * (low - bright)
    return np.asarray(np.rint(np.clip(127.5 * (made + 1), 0, 255)), dtype=np.uint8)


def match_colour(face: Picture, like: Picture, mask: Plane, share: float) -> Picture:
    """Return the face with mean and deviation of each channel moved towards those of `like`, over the mask.

    Reinhard et al. 2001, Color transfer between images, in RGB; `share` 0 changes nothing, 1 moves all the way.
    """
    if share <= 0:
        return face
    weight = mask.astype(np.float64)[:, :, None] / max(float(mask.sum(dtype=np.float64)), 1e-9)

    def told(picture: Picture) -> tuple[Array, Array]:
        mean = (weight * picture).sum((0, 1))
        return mean, np.sqrt((weight * (picture - mean) ** 2).sum((0, 1)))

    (mine, my_spread), (theirs, their_spread) = told(face), told(like)
    gain = np.clip(their_spread / np.maximum(my_spread, 1.0), 0.5, 2.0)
    moved = (face - mine) * (1 + share * (gain - 1)) + mine + share * (theirs - mine)
    return np.asarray(np.clip(np.rint(moved), 0, 255), dtype=np.uint8)


def in_place_of(face: Plane, before: Plane, after: Plane, kept: float) -> Picture:
    """Return a face (64, 64, 3) uint8 with one drawing taken off and another put on.

    What a network cannot draw of a face, its grain, its light, a strand of hair, stays around the face; inside, `kept`
    of it, because who somebody is lies in it too.

    Args:
        face: (64, 64, 3) in [-1, 1], as all three.
        before: What a network draws of it as it is.
        after: What it draws of it as it should be.
        kept: Share in [0, 1].
    """
    inner = oval(top=0.12, bottom=0.90, half=0.34, soft=0.10)[:, :, None]
    made = after + (1 - (1 - kept) * inner) * (face - before)
    return np.asarray(np.rint(np.clip(127.5 * (made + 1), 0, 255)), dtype=np.uint8)


def sides(pictures: Sequence[Picture]) -> list[tuple[int, int]]:
    """Return (height, width) of each picture."""
    return [(int(p.shape[0]), int(p.shape[1])) for p in pictures]
