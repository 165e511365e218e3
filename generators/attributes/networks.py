"""The two networks of the attribute editor."""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

SLOPE = 0.1


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.one = nn.Conv2d(channels, channels, 3, 1, 1)
        self.two = nn.Conv2d(channels, channels, 3, 1, 1)
        self.norm = nn.InstanceNorm2d(channels, affine=True)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.two(functional.relu(self.norm(self.one(x))))
        return out


class Changer(nn.Module):
    """Faces (N, 3, 64, 64) and differences of attributes (N, K) to changed faces.

    After Choi et al. 2018 (StarGAN, arXiv:1711.09020), with the attributes as maps beside the picture; as differences,
    after Lin et al. 2019 (RelGAN, arXiv:1908.07269), so that nothing asked for is nothing changed; as
    something added to the face, of which there must be little, so that the rest of the person stays.
    """

    def __init__(self, *, attributes: int, width: int) -> None:
        super().__init__()
        w = width
        self.down = nn.Sequential(
            nn.Conv2d(3 + attributes, w, 3, 1, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(w, 2 * w, 4, 2, 1),
            nn.InstanceNorm2d(2 * w, affine=True),
            nn.ReLU(inplace=True),
            nn.Conv2d(2 * w, 4 * w, 4, 2, 1),
            nn.InstanceNorm2d(4 * w, affine=True),
            nn.ReLU(inplace=True),
        )
        self.deep = nn.Sequential(*(_Residual(4 * w) for _ in range(3)))
        self.up = nn.ModuleList([nn.Conv2d(4 * w, 2 * w, 3, 1, 1), nn.Conv2d(2 * w, w, 3, 1, 1)])
        self.last = nn.Conv2d(w + 3, 3, 5, 1, 2)

    def forward(self, faces: Tensor, difference: Tensor) -> Tensor:
        """Return changed faces, about in [-1, 1]."""
        maps = difference[:, :, None, None].expand(-1, -1, *faces.shape[2:])
        x = self.deep(self.down(torch.cat([faces, maps], 1)))
        for layer in self.up:
            x = functional.relu(layer(functional.interpolate(x, scale_factor=2.0)))
        return faces + torch.tanh(self.last(torch.cat([x, faces], 1)))


class Critic(nn.Module):
    """Faces (N, 3, 64, 64) to scores of their parts (N, h, w), positive = real, and attributes (N, K)."""

    def __init__(self, *, attributes: int, width: int) -> None:
        super().__init__()
        channels = [3, 2 * width, 4 * width, 8 * width, 8 * width]
        layers: list[nn.Module] = []
        for before, after in pairwise(channels):
            layers += [nn.Conv2d(before, after, 4, 2, 1), nn.LeakyReLU(SLOPE, inplace=True)]
        self.body = nn.Sequential(*layers)
        self.real = nn.Conv2d(channels[-1], 1, 3, 1, 1)
        self.attributes = nn.Linear(channels[-1] * 16, attributes)

    def forward(self, faces: Tensor) -> tuple[Tensor, Tensor]:
        """Return scores and attributes."""
        x = self.body(faces)
        return self.real(x)[:, 0], self.attributes(x.flatten(1))
