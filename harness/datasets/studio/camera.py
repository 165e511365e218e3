"""The camera: perspective, lens blur, tone curve, noise, JPEG."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from .rig import Columns

Tensor = torch.Tensor

HEAD_HEIGHT = 23.8
_CENTRE = (0.0, -1.2, 0.0)
_FILM = 12.0  # half the height of 35 mm film, millimetres
_MAX_BLUR = 0.004  # of the picture's height
_STRIP = 1 << 16  # pixels developed at a time, so that they stay in the processor's cache


@dataclass(frozen=True, slots=True, eq=False)
class Camera:
    """The cameras of a batch, for a picture of `height` x `width` pixels.

    Attributes:
        distance: (B,) from the centre of the head, centimetres.
        focal: (B,) in pixels.
        centre: (B, 2) where the optical axis meets the picture.
        target: (B, 3) the point of the world looked at.
    """

    distance: Tensor
    focal: Tensor
    centre: Tensor
    target: Tensor

    def project(self, points: Tensor) -> Tensor:
        """Return (B, ..., 3): x, y in pixels and depth in [0, 1) of (B, ..., 3) points."""
        view = (-1,) + (1,) * (points.dim() - 2)
        p = points - self.target.view(-1, *(1,) * (points.dim() - 2), 3)
        inverse = 1.0 / (self.distance.view(view) - p[..., 2]).clamp(min=5.0)
        scale = self.focal.view(view) * inverse
        x = self.centre[:, 0].view(view) + p[..., 0] * scale - 0.5
        y = self.centre[:, 1].view(view) - p[..., 1] * scale - 0.5
        near = (self.distance.view(view) - 32.0).clamp(min=5.0)
        return torch.stack([x, y, (1.0 - near * inverse).clamp(0.0, 0.999)], -1)

    def eye(self) -> Tensor:
        """Return (B, 3) the position of the lens."""
        return torch.cat([self.target[:, :2], self.target[:, 2:] + self.distance[:, None]], 1)


def camera(c: Columns, head_centre: Tensor, height: int, width: int) -> Camera:
    """Aim the cameras of a batch at the heads' centres (B, 3)."""
    half = _FILM / c["focal_length"]
    distance = HEAD_HEIGHT / (c["head_size"] * 2 * half)
    x = width / 2 + c["offset_x"] * height
    y = (0.47 - c["offset_y"]) * height
    return Camera(distance, height / (2 * half), torch.stack([x, y], 1), head_centre)


@lru_cache(maxsize=4)
def _grain(size: int) -> Tensor:
    values = np.random.default_rng(20250202).standard_normal(size, dtype=np.float32)
    return torch.tensor(values)


def _noise(scene: Mapping[str, float], shape: tuple[int, int, int], device: torch.device) -> Tensor:
    """Return (3, H, W) noise of unit variance, independent between colours."""
    count = shape[0] * shape[1] * shape[2]
    table = _grain(1 << max(18, (2 * count - 1).bit_length()))
    start = (int(scene["noise_seed"]) * 7919) % (table.shape[0] - count)
    return table[start : start + count].view(shape).to(device)


def _blur_plane(plane: Tensor, weight: np.ndarray) -> Tensor:
    """Blur (C, H, W) along both axes, the edges repeated."""
    kernel = weight.astype(np.float32)
    if plane.device.type == "cpu":
        source = plane.contiguous().numpy()
        done = [cv2.sepFilter2D(p, -1, kernel, kernel, borderType=cv2.BORDER_REPLICATE) for p in source]
        return torch.from_numpy(np.stack(done))
    reach, taps = len(weight) // 2, torch.from_numpy(kernel).to(plane.device)
    wide = F.pad(plane[None], (reach, reach, reach, reach), mode="replicate").movedim(0, 1)
    return F.conv2d(F.conv2d(wide, taps.view(1, 1, 1, -1)), taps.view(1, 1, -1, 1))[:, 0]


def gaussian_blur(x: Tensor, sigma: Tensor, radius: int) -> Tensor:
    """Blur (B, C, H, W) pictures, each with its own standard deviation (B,) in pixels, over at most `radius` pixels."""
    out = torch.empty_like(x)
    for k, s in enumerate(sigma.tolist()):
        reach = min(radius, max(1, round(2.2 * s)))
        weight = np.exp(-0.5 * (np.arange(-reach, reach + 1) / max(s, 0.05)) ** 2)
        out[k] = _blur_plane(x[k], weight / weight.sum())
    return out


def _tone(x: Tensor) -> Tensor:
    """Return display values of linear light: a filmic curve that holds the gamma (Hejl and Burgess-Dawson, 2010)."""
    x = (x - 0.002).clamp_(min=0.0)
    above = torch.addcmul(0.5 * x, x, x, value=6.2)
    return above.div_(torch.add(above, x, alpha=1.2).add_(0.06))


class _Dials(NamedTuple):
    """Settings of the cameras of a batch, each (B, 1, 1, 1)."""

    gain: Tensor
    saturation: Tensor
    contrast: Tensor
    grain: Tensor
    vignette: Tensor


def _dials(c: Columns) -> _Dials:
    values = (
        0.8 * 2.0 ** c["exposure"],
        c["saturation"],
        0.35 * c["contrast"],
        c["noise"] * (4.8 / 255.0),
        0.2 * c["vignette"],
    )
    return _Dials(*(v.view(-1, 1, 1, 1) for v in values))


def _gain(far: Tensor, d: _Dials) -> Tensor:
    """Return (B, 1, H, W) exposure and vignette."""
    return (1.0 - d.vignette * far).clamp_(min=0.1).mul_(d.gain)


def _display(x: Tensor, gain: Tensor, d: _Dials) -> tuple[Tensor, Tensor]:
    """Return display values (n, 3, h, w) without noise, and the strength of the noise (n, 1, h, w)."""
    x = _tone(x * gain)
    grey = (0.3 * x[:, 0:1]).add_(x[:, 1:2], alpha=0.59).add_(x[:, 2:3], alpha=0.11)
    x = torch.lerp(grey, x, d.saturation)
    bent = (-2.0 * d.contrast * x).add_(3.0 * d.contrast).mul_(x).add_(1.0 - d.contrast)
    return bent.mul_(x), (-0.6 * grey).add_(1.0).mul_(grey).add_(0.45).mul_(d.grain)


def _expose(x: Tensor, strength: Tensor, noise: Tensor) -> Tensor:
    """Return (n, h, w, 3) uint8: display values with noise, slightly correlated between colours by demosaicing."""
    noise = torch.add(0.75 * noise, noise[:, 1:2], alpha=0.6)
    levels = noise.mul_(strength).add_(x).clamp_(0, 1).mul_(255.0).add_(0.5)
    if levels.device.type == "cpu":  # several times as fast
        planes = levels.numpy().astype(np.uint8)
        return torch.from_numpy(np.stack([cv2.merge(tuple(picture)) for picture in planes]))
    return levels.to(torch.uint8).permute(0, 2, 3, 1)


def _far(height: int, width: int, device: torch.device) -> Tensor:
    """Return (H, W) squared distances from the middle, 1 at the upper edge."""
    yy = torch.linspace(-1, 1, height, device=device)[:, None]
    xx = torch.linspace(-1, 1, width, device=device)[None] * (width / height)
    return xx * xx + yy * yy


def _sigma(c: Columns, height: int, sharp: float) -> tuple[Tensor, int]:
    """Return the standard deviations (B,) of the lenses' blur in pixels, and the farthest reach."""
    return c["blur"] * _MAX_BLUR * height + sharp, max(1, round(2.2 * (_MAX_BLUR * height + sharp)))


def develop(linear: Tensor, c: Columns, scenes: Sequence[Mapping[str, float]], sharp: float = 0.25) -> Tensor:
    """Turn linear light into pictures: blur, vignette, tone, noise; JPEG comes after.

    Args:
        linear: (B, 3, H, W).
        c: Scenes.
        scenes: The same as dictionaries.
        sharp: Standard deviation in pixels of the sharpest lens, which also smooths edges.

    Returns:
        (B, H, W, 3) uint8.
    """
    height, width = linear.shape[2:]
    x = gaussian_blur(linear, *_sigma(c, height, sharp))
    far, dials = _far(height, width, x.device), _dials(c)
    out = torch.empty((len(scenes), height, width, 3), dtype=torch.uint8, device=x.device)
    pictures = max(1, _STRIP // (width * height))
    for k in range(0, len(scenes), pictures):
        which = slice(k, k + pictures)
        noise = torch.stack([_noise(scene, (3, height, width), x.device) for scene in scenes[which]])
        own = _Dials(*(d[which] for d in dials))
        shown, strength = _display(x[which], _gain(far, own), own)
        out[which] = _expose(shown, strength, noise)
    return out


class Plate(NamedTuple):
    """The developed background of a scene, which the frames of a clip share.

    Attributes:
        shown: (1, 3, H, W) display values without noise.
        strength: (1, 1, H, W) of the noise.
        gain: (1, 1, H, W) exposure and vignette.
    """

    shown: Tensor
    strength: Tensor
    gain: Tensor


def plate(linear: Tensor, c: Columns, sharp: float) -> Plate:
    """Develop the background (1, 3, H, W) of one scene."""
    height, width = linear.shape[2:]
    x = gaussian_blur(linear, *_sigma(c, height, sharp))
    dials = _dials(c)
    gain = _gain(_far(height, width, x.device), dials)
    return Plate(*_display(x, gain, dials), gain)


def develop_frame(
    linear: Tensor, covered: Tensor, back: Plate, c: Columns, scene: Mapping[str, float], sharp: float
) -> Tensor:
    """Develop one frame as `develop` does, but take from the plate whatever lies beside the foreground.

    Args:
        linear: (1, 3, H, W).
        covered: (H, W) bool, where the foreground is.
        back: The scene's background, developed.
        c: The scene.
        scene: The same as a dictionary.
        sharp: See `develop`.

    Returns:
        (1, H, W, 3) uint8.
    """
    height, width = linear.shape[2:]
    sigma, reach = _sigma(c, height, sharp)
    reach = min(reach, max(1, round(2.2 * float(sigma[0])))) + 1
    dials = _dials(c)
    noise = _noise(scene, (3, height, width), linear.device)[None]
    out = torch.empty((1, height, width, 3), dtype=torch.uint8, device=linear.device)
    rows = max(1, _STRIP // width)
    for top in range(0, height, rows):
        strip = slice(top, min(top + rows, height))
        around = slice(max(0, strip.start - reach), min(height, strip.stop + reach))
        seen = covered[around].any(0).nonzero()
        left, right = 0, 0
        if seen.shape[0]:
            left, right = max(0, int(seen[0]) - reach), min(width, int(seen[-1]) + reach + 1)
            wide = slice(max(0, left - reach), min(width, right + reach))
            x = gaussian_blur(linear[:, :, around, wide], sigma, reach)
            x = x[:, :, strip.start - around.start :, left - wide.start :][:, :, : strip.stop - top, : right - left]
            shown, strength = _display(x, back.gain[:, :, strip, left:right], dials)
            out[:, strip, left:right] = _expose(shown, strength, noise[:, :, strip, left:right])
        for side in (slice(0, left), slice(right, width)):
            if side.stop > side.start:
                shown, strength = back.shown[:, :, strip, side], back.strength[:, :, strip, side]
                out[:, strip, side] = _expose(shown, strength, noise[:, :, strip, side])
    return out


def jpeg(pixels: Tensor, quality: Sequence[float]) -> Tensor:
    """Pass pictures (B, H, W, 3) through JPEG, each at its quality; 100 and above leaves it out."""
    device, out = pixels.device, []
    for picture, q in zip(pixels.cpu().numpy(), quality, strict=True):
        if q >= 100.0:
            out.append(picture)
            continue
        done, code = cv2.imencode(".jpg", picture[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, round(q)])
        if not done:
            raise RuntimeError(f"JPEG encoding failed for a picture of shape {picture.shape}; give a size below 65500")
        out.append(np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR))[:, :, ::-1])
    return torch.from_numpy(np.stack(out)).to(device)
