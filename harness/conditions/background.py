"""Background: what lies behind the person in the middle is replaced.

No network looks at the picture. The foreground is estimated: an upright ellipse around the centre, refined where asked
by GrabCut (Rother, Kolmogorov, Blake 2004), which separates colours inside from colours outside. It is right for
portraits whose head fills the middle and whose background differs from it in colour, and wrong for others.
"""

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from ..media.content import Picture
from ..media.images import resize

Backdrop = Literal["blur", "gradient", "texture"]
Foreground = Literal["grabcut", "ellipse"]

BACKDROPS: tuple[Backdrop, ...] = ("blur", "gradient", "texture")
FOREGROUNDS: tuple[Foreground, ...] = ("grabcut", "ellipse")

_GRABCUT_SIDE = 128
"""GrabCut looks at a copy with no longer side than this, in pixels: its time grows with the area."""
_GRABCUT_ROUNDS = 3
_PLAUSIBLE = (0.3, 0.9)
"""Share of the picture that a foreground may cover; outside it GrabCut has failed and the ellipse stands."""

Mask = NDArray[np.float64]
"""(H, W) in [0, 1]; 1 = foreground."""


def replace_background(
    pixels: Picture,
    *,
    backdrop: Backdrop = "blur",
    seed: int = 0,
    amount: float = 1.0,
    feather: float = 0.03,
    foreground: Foreground = "grabcut",
) -> Picture:
    """Return the picture with another background.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        backdrop: `blur`: the picture itself, heavily blurred; `gradient`: two colours; `texture`: smooth random clouds.
        seed: Decides colours and clouds.
        amount: In [0, 1]; share of the new background, the rest is the old one.
        feather: Softness of the edge as a share of the shorter side, at least 0.
        foreground: How the foreground is estimated.

    Raises:
        ValueError: A parameter is outside its range.
    """
    if backdrop not in BACKDROPS or foreground not in FOREGROUNDS:
        raise ValueError(f"backdrop={backdrop!r}, foreground={foreground!r}; legal: {BACKDROPS}, {FOREGROUNDS}")
    if not 0.0 <= amount <= 1.0 or feather < 0.0:
        raise ValueError(f"amount={amount}, feather={feather}; legal: 0 to 1, at least 0")
    kept = 1.0 - amount * (1.0 - estimate_foreground(pixels, method=foreground, feather=feather))
    behind = _backdrop(pixels, backdrop, np.random.default_rng(seed))
    mixed = kept[:, :, None] * pixels + (1.0 - kept[:, :, None]) * behind
    return np.rint(np.clip(mixed, 0.0, 255.0)).astype(np.uint8)


def estimate_foreground(pixels: Picture, *, method: Foreground = "grabcut", feather: float = 0.03) -> Mask:
    """Return a soft mask (H, W) in [0, 1] of what lies in front; see the module for how far to trust it."""
    height, width = pixels.shape[:2]
    scale = min(1.0, _GRABCUT_SIDE / max(height, width))
    small = resize(pixels, max(1, round(width * scale)), max(1, round(height * scale)))
    hard = _ellipse(small.shape[0], small.shape[1], 0.40, 0.48)
    if method == "grabcut":
        cut = _grabcut(small)
        hard = cut if _PLAUSIBLE[0] <= cut.mean() <= _PLAUSIBLE[1] else hard
    mask = cv2.resize(hard.astype(np.float64), (width, height), interpolation=cv2.INTER_LINEAR)
    sigma = feather * min(height, width)
    soft = cv2.GaussianBlur(mask, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE) if sigma > 0.05 else mask
    return np.clip(np.asarray(soft, dtype=np.float64), 0.0, 1.0)


def _ellipse(height: int, width: int, half_width: float, half_height: float) -> NDArray[np.bool_]:
    """Return an upright ellipse (H, W), a little below the centre, with half axes as shares of the sides."""
    y = (np.arange(height)[:, None] + 0.5) / height - 0.53
    x = (np.arange(width)[None, :] + 0.5) / width - 0.5
    return (x / half_width) ** 2 + (y / half_height) ** 2 <= 1.0


def _grabcut(pixels: Picture) -> NDArray[np.bool_]:
    height, width = pixels.shape[:2]
    trimap = np.full((height, width), cv2.GC_PR_BGD, dtype=np.uint8)
    trimap[_ellipse(height, width, 0.40, 0.50)] = cv2.GC_PR_FGD
    trimap[_ellipse(height, width, 0.22, 0.36)] = cv2.GC_FGD
    margin = max(1, round(0.04 * min(height, width)))
    trimap[:margin] = trimap[: 3 * height // 4, :margin] = trimap[: 3 * height // 4, -margin:] = cv2.GC_BGD
    cv2.setRNGSeed(0)  # GrabCut starts from a k-means that draws from OpenCV's own generator
    try:
        models = np.zeros((1, 65)), np.zeros((1, 65))
        cv2.grabCut(pixels, trimap, (0, 0, 0, 0), *models, _GRABCUT_ROUNDS, cv2.GC_INIT_WITH_MASK)
    except cv2.error:  # too few pixels of a kind, as in a picture a few pixels wide
        return np.zeros((height, width), dtype=np.bool_)
    return np.isin(trimap, (cv2.GC_FGD, cv2.GC_PR_FGD))


def _backdrop(pixels: Picture, backdrop: Backdrop, rng: np.random.Generator) -> NDArray[np.float64]:
    height, width = pixels.shape[:2]
    if backdrop == "blur":
        sigma = 0.12 * min(height, width)
        blurred = cv2.GaussianBlur(pixels.astype(np.float64), (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
        return np.asarray(blurred, dtype=np.float64)
    first, second = rng.uniform(20.0, 235.0, (2, 3))
    if backdrop == "gradient":
        angle = rng.uniform(0.0, 2.0 * np.pi)
        x, y = np.linspace(-0.5, 0.5, width)[None, :], np.linspace(-0.5, 0.5, height)[:, None]
        share = 0.5 + (x * np.cos(angle) + y * np.sin(angle)) / np.sqrt(2.0)
    else:
        share = _clouds(height, width, rng)
    mixed: NDArray[np.float64] = (1.0 - share[:, :, None]) * first + share[:, :, None] * second
    return mixed


def _clouds(height: int, width: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return smooth noise (H, W) in [0, 1]: grids of random numbers, finer and weaker, enlarged and added."""
    total = np.zeros((height, width), dtype=np.float64)
    for octave in range(4):
        grid = rng.uniform(-1.0, 1.0, (3 << octave, 3 << octave))
        total += 0.6**octave * cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
    total -= total.min()
    return total / max(float(total.max()), 1e-9)
