"""The second look of studio-face: a part of the face laid straight, and a small network for what is fine in it.

Lids, brows and lips move by a pixel or two while the head moves by ten. So the picture is sampled anew, eyes and mouth
always in the same place (the way of Jaderberg et al. 2015, Spatial transformer networks, section 3, with an affine
map through three points), at about its own resolution: noise and blur stay visible too.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from .networks import Convolution, Residual, Stage

DETAIL = 32
"""Numbers that the second look gives."""
HEIGHT, WIDTH = 72, 56
"""Pixels of the part that is laid straight."""
EYES, MOUTH = 20, 53
"""Rows of it in which the eyes and the mouth come to lie; the eyes a quarter of the width from its edges."""
SPOTS = 3
"""Points that lay it straight: left eye in the picture, right eye, middle of the mouth."""


class Detail(nn.Module):
    """Pictures (N, 3, H, W) and where eyes and mouth are (N, 6) to (N, 32), about unit variance in training.

    Args:
        width: Channels relative to the shipped network.
    """

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        a, b, c = (max(8, 4 * round(width * channels / 4)) for channels in (24, 40, 40))
        self.net = nn.Sequential(Convolution(3, a, size=5, stride=2), Residual(a), Stage(a, b, 1), Stage(b, c, 1))
        self.gather = nn.Conv2d(c, 2 * c, (9, 7), groups=c, bias=False)
        self.hidden = 2 * c
        self.bend = nn.Sequential(nn.BatchNorm1d(self.hidden), nn.ReLU())
        self.mix = nn.Linear(self.hidden, DETAIL, bias=False)
        self.norm = nn.BatchNorm1d(DETAIL, affine=False)

    def gathered(self, pictures: Tensor, spots: Tensor) -> Tensor:
        """Return (N, hidden) of the straightened part, before it is brought to few numbers."""
        bent: Tensor = self.bend(self.gather(self.net(straightened(pictures, spots))).flatten(1))
        return bent

    def forward(self, pictures: Tensor, spots: Tensor) -> Tensor:
        """Return the numbers of the second look."""
        told: Tensor = self.norm(self.mix(self.gathered(pictures, spots)))
        return told


def upright(spots: Tensor) -> Tensor:
    """Return the affine maps (N, 2, 3) from the straightened part to the picture, both in [-1, 1].

    Args:
        spots: (N, 6) x and y of the eyes and of the middle of the mouth, in shares of the picture.
    """
    at = 2.0 * spots.view(-1, SPOTS, 2) - 1.0
    middle = 0.5 * (at[:, 0] + at[:, 1])
    across, down = at[:, 1] - at[:, 0], at[:, 2] - middle
    rows = 0.5 * HEIGHT / (MOUTH - EYES)
    return torch.stack([across, rows * down, middle + (rows - EYES / (MOUTH - EYES)) * down], 2)


def straightened(pictures: Tensor, spots: Tensor) -> Tensor:
    """Return (N, 3, HEIGHT, WIDTH): eyes and mouth of every picture in the same place."""
    shape = [len(pictures), pictures.shape[1], HEIGHT, WIDTH]
    where = functional.affine_grid(upright(spots), shape, align_corners=False)
    drawn = functional.grid_sample(pictures, where, mode="bilinear", padding_mode="border", align_corners=False)
    return drawn.contiguous(memory_format=torch.channels_last)
