"""Upright faces as a few numbers: eigenfaces.

Turk and Pentland 1991, Eigenfaces for recognition. Networks that work on these numbers, and not on pixels, learn as
much in a minute as convolutions do in an hour, and a face of 64 pixels shows little that 200 numbers cannot hold.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from fauxbench.generators._faces_cut import FACE, box, oval
from fauxbench.generators._training_pictures import as_floats

LUMA, CHROMA = 48, 24
"""Sides at which brightness and colour are kept."""
FLAT = 0.5
"""How far the numbers are brought to one size: 0 not at all, 1 all the way; in between what is fine counts more."""
_TO_YCC = ((0.299, 0.587, 0.114), (-0.169, -0.331, 0.5), (0.5, -0.419, -0.081))
VERSIONS = 6
"""Of each face, made once: moved, tinted and warped each in its own way."""
WARP = 5 / 256
"""Deviation of the warp at each of 5 x 5 places, in shares of the side."""
_BATCH = 256


class Eigen(nn.Module):
    """Faces (N, 3, 64, 64) in [-1, 1] to numbers (N, K) and back, as far as the numbers hold them."""

    basis: Tensor
    """(K, D), rows of length 1."""
    middle: Tensor
    """(D,)."""
    size: Tensor
    """(K,) what one unit of each number is."""
    inside: Tensor
    """(D,) places of a flat face that are kept."""
    weight: Tensor
    """(D,) how much each place counts; 0 where nothing is kept."""

    def __init__(self, *, numbers: int) -> None:
        super().__init__()
        weight = _weights()
        self.register_buffer("inside", torch.nonzero(weight > 0.02).flatten(), persistent=False)
        self.register_buffer("weight", weight[weight > 0.02], persistent=False)
        self.register_buffer("ycc", torch.tensor(_TO_YCC), persistent=False)
        self.register_buffer("rgb", torch.linalg.inv(torch.tensor(_TO_YCC)), persistent=False)
        self.register_buffer("basis", torch.zeros(numbers, len(self.weight)))
        self.register_buffer("middle", torch.zeros(len(self.weight)))
        self.register_buffer("size", torch.ones(numbers))

    def vectors(self, faces: Tensor) -> Tensor:
        """Return faces as weighted vectors (N, D)."""
        planes = torch.einsum("cd,ndhw->nchw", self.ycc, faces)
        luma = functional.interpolate(planes[:, :1], size=(LUMA, LUMA), mode="bilinear", antialias=True)
        chroma = functional.interpolate(planes[:, 1:], size=(CHROMA, CHROMA), mode="bilinear", antialias=True)
        return torch.cat([luma.flatten(1), chroma.flatten(1)], 1)[:, self.inside] * self.weight

    def numbers(self, faces: Tensor) -> Tensor:
        """Return what a face is in numbers (N, K)."""
        return ((self.vectors(faces) - self.middle) @ self.basis.T) / self.size

    def draw(self, numbers: Tensor) -> Tensor:
        """Return faces (N, 3, 64, 64) of numbers; outside of what is kept they are grey."""
        flat = numbers.new_zeros(len(numbers), LUMA**2 + 2 * CHROMA**2)
        flat[:, self.inside] = (numbers * self.size @ self.basis + self.middle) / self.weight
        luma = flat[:, : LUMA**2].reshape(-1, 1, LUMA, LUMA)
        chroma = flat[:, LUMA**2 :].reshape(-1, 2, CHROMA, CHROMA)
        planes = [functional.interpolate(part, size=(FACE, FACE), mode="bicubic") for part in (luma, chroma)]
        return torch.einsum("cd,ndhw->nchw", self.rgb, torch.cat(planes, 1))

    @torch.no_grad()
    def learn(self, faces: Tensor, *, mirror: bool) -> None:
        """Find the basis of (N, 3, 64, 64) uint8 faces, and of their mirror images if those are wanted."""
        sides = (faces, faces.flip(3)) if mirror else (faces,)
        vectors = torch.cat([self.vectors(as_floats(part)) for side in sides for part in torch.split(side, _BATCH)])
        self.middle.copy_(vectors.mean(0))
        apart = vectors - self.middle
        spread, basis = leading(apart.T @ apart / len(apart), len(self.size))
        self.basis.copy_(basis * _signs(basis))
        scale = spread.clamp(min=1e-9).sqrt()
        middle = float(scale.square().mean().sqrt())
        self.size.copy_((middle ** (1 - FLAT) * scale**FLAT).clamp(min=1e-3 * middle))


def leading(spread: Tensor, count: int, rounds: int = 12) -> tuple[Tensor, Tensor]:
    """Return the largest eigenvalues (K,) and their directions (K, D) of a covariance (D, D), by orthogonal iteration.

    Golub and Van Loan 2013, Matrix computations, section 8.2. Directions in which nothing varies are 0.
    """
    more = min(count + 32, len(spread))
    begun = torch.randn(len(spread), more, generator=torch.Generator().manual_seed(0))
    turn = torch.linalg.qr(begun)[0]
    for _ in range(rounds):
        turn = torch.linalg.qr(spread @ turn)[0]
    small, within = torch.linalg.eigh((turn.T @ spread @ turn).double())
    kept = torch.argsort(small, descending=True)[:count]
    values, basis = torch.zeros(count), torch.zeros(count, len(spread))
    values[: len(kept)] = small[kept].clamp(min=0).float()
    basis[: len(kept)] = (turn @ within[:, kept].float()).T
    return values, basis * (values > 1e-7 * values[0])[:, None]


def _signs(basis: Tensor) -> Tensor:
    """Return signs that make the largest entry of each row positive: solvers differ in them."""
    largest = basis.gather(1, basis.abs().argmax(1, keepdim=True))
    return torch.where(largest < 0, -1.0, 1.0)


def _weights() -> Tensor:
    """Return how much each place counts: eyes and mouth more, as in faceswap, and colour as much as brightness."""
    whole: NDArray[np.float32] = np.ones((FACE, FACE), np.float32)
    whole[20:32, 12:52] = 1.6
    whole[39:53, 17:47] = 1.4
    whole *= (0.25 + 0.75 * oval()) * box()
    planes = torch.from_numpy(whole)[None, None]
    luma = functional.interpolate(planes, size=(LUMA, LUMA), mode="bilinear", antialias=True).flatten()
    chroma = functional.interpolate(planes, size=(CHROMA, CHROMA), mode="bilinear", antialias=True).flatten()
    return torch.cat([luma, 1.5 * chroma, 1.5 * chroma])


@torch.no_grad()
def versions(eigen: Eigen, faces: Tensor, rng: torch.Generator, *, mirror: bool) -> tuple[Tensor, Tensor]:
    """Return numbers (V, N, K) of `VERSIONS` versions of each face, moved and tinted, and of the same ones warped.

    Every second one is mirrored, if that is allowed; of each version, the odd ones.
    """
    aims, seen = [], []
    for version in range(VERSIONS):
        parts = [as_floats(part) for part in torch.split(faces, _BATCH)]
        parts = [part.flip(3) if mirror and version % 2 else part for part in parts]
        whole = [moved(tinted(part, rng), rng) for part in parts]
        aims.append(torch.cat([eigen.numbers(part) for part in whole]))
        seen.append(torch.cat([eigen.numbers(warp(part, rng)) for part in whole]))
    return torch.stack(aims), torch.stack(seen)


def tinted(faces: Tensor, rng: torch.Generator) -> Tensor:
    """Return faces in another light, the same over a face."""
    gain = (
        1
        + 0.08 * (torch.rand(len(faces), 3, 1, 1, generator=rng) - 0.5)
        + 0.1 * (torch.rand(len(faces), 1, 1, 1, generator=rng) - 0.5)
    )
    return ((faces + 1) * gain - 1).clamp(-1, 1)


def moved(faces: Tensor, rng: torch.Generator) -> Tensor:
    """Return faces turned by up to 6 degrees, enlarged by up to 6 % and moved by up to 4 %: both input and aim."""
    n = len(faces)
    angle, scale = 0.1 * _even(n, rng), torch.exp(0.06 * _even(n, rng))
    cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
    shift = 0.08 * torch.stack([_even(n, rng), _even(n, rng)], 1)
    theta = torch.stack([torch.stack([cos, -sin, shift[:, 0]], 1), torch.stack([sin, cos, shift[:, 1]], 1)], 1)
    field = functional.affine_grid(theta, list(faces.shape), align_corners=False)
    return functional.grid_sample(faces, field, padding_mode="border", align_corners=False)


def _even(n: int, rng: torch.Generator) -> Tensor:
    return 2 * torch.rand(n, generator=rng) - 1


def warp(faces: Tensor, rng: torch.Generator) -> Tensor:
    """Return faces through a smooth random warp: 5 x 5 places move by Gaussian steps, what lies between follows."""
    n, side = len(faces), faces.shape[-1]
    steps = 2 * WARP * torch.randn(n, 2, 5, 5, generator=rng)
    flow = functional.interpolate(steps, size=(side, side), mode="bicubic", align_corners=True)
    still = functional.affine_grid(torch.eye(2, 3).expand(n, 2, 3), list(faces.shape), align_corners=False)
    return functional.grid_sample(faces, still + flow.permute(0, 2, 3, 1), padding_mode="border", align_corners=False)
