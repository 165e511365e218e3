"""The camera: perspective, lens blur, tone curve, noise, JPEG."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

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
_STRIP = 1 << 15  # pixels developed at a time, so that they stay in the processor's cache


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


def _noise(scenes: Sequence[Mapping[str, float]], shape: tuple[int, int, int], device: torch.device) -> Tensor:
    """Return (B, 3, H, W) noise of unit variance, slightly correlated between colours as after demosaicing."""
    count = shape[0] * shape[1] * shape[2]
    table = _grain(1 << max(18, (2 * count - 1).bit_length()))
    room = table.shape[0] - count
    starts = [(int(scene["noise_seed"]) * 7919) % room for scene in scenes]
    noise = torch.stack([table[k : k + count].view(shape) for k in starts]).to(device)
    return 0.75 * noise + 0.6 * noise[:, 1:2]


def gaussian_blur(x: Tensor, sigma: Tensor, radius: int) -> Tensor:
    """Blur (B, C, H, W) pictures, each with its own standard deviation (B,) in pixels, over at most `radius` pixels."""
    out = torch.empty_like(x)
    for k, s in enumerate(sigma.tolist()):
        reach = min(radius, max(1, round(2.2 * s)))
        weight = np.exp(-0.5 * (np.arange(-reach, reach + 1) / max(s, 0.05)) ** 2)
        weight /= weight.sum()
        for dim in (1, 2):
            source = x[k] if dim == 1 else out[k]
            pad = (0, 0, reach, reach) if dim == 1 else (reach, reach, 0, 0)
            wide = F.pad(source[None], pad, mode="replicate")[0]
            size = source.shape[dim]
            total = wide.narrow(dim, 0, size) * float(weight[0])
            for step in range(1, 2 * reach + 1):
                total.add_(wide.narrow(dim, step, size), alpha=float(weight[step]))
            out[k] = total
    return out


def _tone(x: Tensor) -> Tensor:
    """Return display values of linear light: a filmic curve that holds the gamma (Hejl and Burgess-Dawson, 2010)."""
    x = (x - 0.002).clamp(min=0.0)
    return (x * (6.2 * x + 0.5)) / (x * (6.2 * x + 1.7) + 0.06)


def _finish(x: Tensor, falloff: Tensor, noise: Tensor, c: Sequence[Tensor]) -> Tensor:
    """Return display values (n, 3, h, w) uint8 of a strip; `c` are gain, saturation, contrast and noise."""
    gain, saturation, contrast, grain = (t.view(-1, 1, 1, 1) for t in c)
    x = _tone(x * (falloff * gain))
    grey = 0.3 * x[:, 0:1] + 0.59 * x[:, 1:2] + 0.11 * x[:, 2:3]
    x = grey + (x - grey) * saturation
    x = x + contrast * x * (1 - x) * (2 * x - 1)
    x = x + noise * (grain * (0.45 + grey * (1.0 - 0.6 * grey)))
    return (x.clamp_(0, 1) * 255.0 + 0.5).to(torch.uint8)


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
    reach = _MAX_BLUR * height + sharp
    x = gaussian_blur(linear, c["blur"] * _MAX_BLUR * height + sharp, max(1, round(2.2 * reach)))
    yy = torch.linspace(-1, 1, height, device=x.device)[:, None]
    xx = torch.linspace(-1, 1, width, device=x.device)[None] * (width / height)
    far = xx * xx + yy * yy
    noise = _noise(scenes, (3, height, width), x.device)
    dials = [0.8 * 2.0 ** c["exposure"], c["saturation"], 0.35 * c["contrast"], c["noise"] * (4.8 / 255.0)]
    out = torch.empty((len(scenes), height, width, 3), dtype=torch.uint8, device=x.device)
    rows, pictures = max(1, _STRIP // width), max(1, _STRIP // (width * height))
    for k in range(0, len(scenes), pictures):
        which = slice(k, k + pictures)
        vignette = 0.2 * c["vignette"][which].view(-1, 1, 1, 1)
        for top in range(0, height, rows):
            strip = slice(top, top + rows)
            falloff = (1.0 - vignette * far[strip]).clamp(min=0.1)
            done = _finish(x[which, :, strip], falloff, noise[which, :, strip], [d[which] for d in dials])
            out[which, strip] = done.permute(0, 2, 3, 1)
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
