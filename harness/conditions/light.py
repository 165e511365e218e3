"""Light: exposure, colour temperature, a light from one side, and gamma."""

import math

import numpy as np
from numpy.typing import NDArray

from ..media.content import Picture

DAYLIGHT = 6500.0
"""Kelvin; the white of sRGB, at which nothing changes."""
_WAVELENGTHS = (610e-9, 550e-9, 465e-9)
"""Metres; where red, green and blue are taken to lie."""
_SECOND_RADIATION = 1.438777e-2
"""hc/k in metre kelvin."""


def adjust_light(
    pixels: Picture,
    *,
    exposure: float = 0.0,
    warmth: float = 0.0,
    gradient: float = 0.0,
    direction: float = 0.0,
    gamma: float = 1.0,
) -> Picture:
    """Return the picture under another light.

    Exposure, warmth and gradient multiply linear light (IEC 61966-2-1 decoding of sRGB); gamma then bends the encoded
    values.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        exposure: Stops; light is multiplied by 2 ** exposure.
        warmth: Shift of the light's colour from 6500 K in mired (1e6 / kelvin), -100 to 300; above 0 is warmer (a
            light bulb: 200). The brightness of grey is kept.
        gradient: In [0, 1]; light grows by this share towards `direction` and falls by it on the opposite edge.
        direction: Degrees in the picture plane: 0 is from the right, 90 from the top.
        gamma: Exponent of the encoded values, above 0; above 1 darkens the middle tones.

    Raises:
        ValueError: A parameter is outside its range.
    """
    if not (-100.0 <= warmth <= 300.0 and 0.0 <= gradient <= 1.0 and gamma > 0.0):
        raise ValueError(f"warmth={warmth}, gradient={gradient}, gamma={gamma}; legal: -100 to 300, 0 to 1, above 0")
    light = _decode()[pixels] * (2.0**exposure * white_gains(1e6 / (1e6 / DAYLIGHT + warmth)))
    if gradient > 0.0:
        light = light * _ramp(pixels.shape[0], pixels.shape[1], gradient, direction)[:, :, None]
    encoded = _encode(np.clip(light, 0.0, 1.0))
    return np.rint(255.0 * encoded**gamma).astype(np.uint8)


def white_gains(temperature: float) -> NDArray[np.float64]:
    """Return the gains (3,) of red, green and blue: Planck's law at `temperature` against daylight, same luminance."""
    gains = np.array([_planck(w, temperature) / _planck(w, DAYLIGHT) for w in _WAVELENGTHS])
    return gains / float(gains @ np.array([0.2126, 0.7152, 0.0722]))


def _planck(wavelength: float, temperature: float) -> float:
    return 1.0 / math.expm1(_SECOND_RADIATION / (wavelength * temperature))


def _ramp(height: int, width: int, gradient: float, direction: float) -> NDArray[np.float64]:
    """Return factors (H, W): 1 in the middle, 1 + gradient at the side that the light comes from."""
    angle = math.radians(direction)
    x = np.linspace(-1.0, 1.0, width)[None, :] * math.cos(angle)
    y = np.linspace(1.0, -1.0, height)[:, None] * math.sin(angle)
    return 1.0 + gradient * (x + y) / (abs(math.cos(angle)) + abs(math.sin(angle)))


def _decode() -> NDArray[np.float64]:
    """Return linear light for each of the 256 sRGB values."""
    v = np.arange(256) / 255.0
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def _encode(light: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1.0 / 2.4) - 0.055)
