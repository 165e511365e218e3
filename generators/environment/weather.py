"""The weather of a camera: haze, rain, dirt on the lens, and too little light. Nothing is drawn here but by `seed`."""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Light = NDArray[np.float64]
Values = dict[str, float | int]


def haze(pixels: Picture, *, density: float, brightness: float, seed: int) -> Picture:
    """Return the picture in haze: Koschmieder's law with air light, thicker towards the top, where things are far.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        density: Optical depth at the top, at least 0; half of it at the bottom, with slow patches in between.
        brightness: Linear light of the haze, 0 to 1.
        seed: Decides the patches.
    """
    height, width = pixels.shape[:2]
    patches = np.random.default_rng(seed).normal(1.0, 0.25, (4, 4))
    uneven = cv2.resize(np.clip(patches, 0.3, 1.7), (width, height), interpolation=cv2.INTER_CUBIC)
    depth = density * uneven * np.linspace(1.0, 0.5, height)[:, None]
    clear = np.exp(-np.maximum(depth, 0.0))[:, :, None]
    air = brightness * np.array([0.97, 0.99, 1.0])
    return _to_bytes(_to_light(pixels) * clear + air * (1.0 - clear))


def rain(pixels: Picture, *, drops: float, slant: float, seed: int) -> Picture:
    """Return the picture in rain: bright streaks, blurred along their fall, and a little less contrast behind them.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        drops: Streaks in a square of a tenth of the shorter side, at least 0.
        slant: Degrees from the vertical.
        seed: Decides where they fall.
    """
    height, width = pixels.shape[:2]
    side, rng = min(height, width), np.random.default_rng(seed)
    count = rng.poisson(drops * height * width / (0.1 * side) ** 2)
    veil = np.zeros((height, width), np.float32)
    fall = np.array([math.sin(math.radians(slant)), math.cos(math.radians(slant))])
    for start, long, bright in zip(
        rng.uniform((-0.2 * width, -0.2 * height), (1.2 * width, height), (count, 2)),
        rng.uniform(0.05, 0.16, count) * side,
        rng.uniform(0.1, 0.45, count),
        strict=True,
    ):
        ends = [tuple(round(float(v) * 16) for v in place) for place in (start, start + fall * long)]
        thick = max(1, round(side / 180))
        drawn = np.zeros_like(veil)
        cv2.line(drawn, ends[0], ends[1], float(bright), thick, cv2.LINE_8, 4)
        veil = np.maximum(veil, drawn)
    soft = cv2.GaussianBlur(veil, (0, 0), max(0.4, side / 400))[:, :, None].astype(np.float64)
    light = _to_light(pixels)
    behind = light + 0.04 * min(drops, 4.0) * (light.mean((0, 1)) - light)
    return _to_bytes(behind + soft * (0.75 - 0.5 * behind))


def lens_dirt(pixels: Picture, *, spots: int, depth: float, seed: int) -> Picture:
    """Return the picture through a dirty lens: unsharp drops that smear what is behind, and grey specks.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        spots: How many, at least 0.
        depth: How much of the picture they take, 0 to 1.
        seed: Decides where they are.
    """
    height, width = pixels.shape[:2]
    side, rng = min(height, width), np.random.default_rng(seed)
    light = _to_light(pixels)
    smeared = cv2.GaussianBlur(light, (0, 0), 0.05 * side, borderType=cv2.BORDER_REPLICATE)
    y, x = np.mgrid[0:height, 0:width]
    for _ in range(spots):
        at, size = rng.uniform((0, 0), (width, height)), rng.uniform(0.02, 0.09) * side
        stretch, dark = rng.uniform(0.7, 1.4), rng.uniform() < 0.5
        radius = np.hypot((x - at[0]) / stretch, (y - at[1]) * stretch) / size
        share = (depth / (1.0 + np.exp(np.clip((radius - 1.0) / 0.15, -50, 50))))[:, :, None]
        light = light + share * ((0.45 * smeared if dark else 0.9 * smeared + 0.06) - light)
    return _to_bytes(light)


def low_light(pixels: Picture, *, stops: float, noise: float, seed: int) -> Picture:
    """Return the picture in too little light: darker, cooler, with photon and sensor noise, and half brightened again.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        stops: By how much the light is less, at least 0.
        noise: Deviation of a mid grey's noise in linear light before it is brightened, at least 0.
        seed: Decides the noise.
    """
    rng = np.random.default_rng(seed)
    dim = _to_light(pixels) * 2.0**-stops * np.array([0.94, 1.0, 1.08])
    dim = dim + rng.normal(0.0, 1.0, dim.shape) * noise * np.sqrt(dim / 0.2 + 0.1) * 2.0 ** (-stops / 2)
    return _to_bytes(dim * 2.0 ** (stops / 2))


def _to_light(pixels: Picture) -> Light:
    v = np.arange(256) / 255.0
    return np.asarray(np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)[pixels])


def _to_bytes(light: Light) -> Picture:
    light = np.clip(light, 0.0, 1.0)
    encoded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1.0 / 2.4) - 0.055)
    return np.asarray(np.rint(255.0 * encoded), dtype=np.uint8)


WEATHER: Mapping[str, Callable[..., Picture]] = MappingProxyType(
    {"haze": haze, "rain": rain, "lens_dirt": lens_dirt, "low_light": low_light}
)
"""Edits by name; each is called with the parameters that `draw` gives."""


def draw(name: str, severity: int, rng: np.random.Generator) -> Values:
    """Return the parameters of an edit at a severity from 1, barely visible, to 5, extreme; they alone repeat it."""
    rung = severity - 1
    seed = int(rng.integers(1 << 31))
    if name == "haze":
        density = rng.uniform(0.8, 1.2) * (0.2, 0.4, 0.7, 1.1, 1.8)[rung]
        return {"density": float(density), "brightness": float(rng.uniform(0.55, 0.85)), "seed": seed}
    if name == "rain":
        drops = rng.uniform(0.8, 1.2) * (0.15, 0.35, 0.7, 1.3, 2.4)[rung]
        return {"drops": float(drops), "slant": float(rng.uniform(-25, 25)), "seed": seed}
    if name == "lens_dirt":
        depth = rng.uniform(0.85, 1.0) * (0.25, 0.4, 0.6, 0.8, 1.0)[rung]
        return {"spots": (3, 6, 10, 16, 26)[rung], "depth": float(depth), "seed": seed}
    stops = rng.uniform(0.85, 1.15) * (0.7, 1.4, 2.2, 3.0, 4.0)[rung]
    return {"stops": float(stops), "noise": (0.01, 0.02, 0.03, 0.045, 0.06)[rung], "seed": seed}
