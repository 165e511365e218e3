"""The network that finishes a moved face: mouths that open, lids that close, skin that was stretched."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class Finisher(nn.Module):
    """Moved faces (N, 3, 64, 64) and acts (N, K) to finished faces: a small U-Net that adds what is missing.

    The acts scale and shift every layer on the way up, as action units condition Pumarola et al. 2018 (GANimation,
    arXiv:1807.09251). It begins by adding nothing.
    """

    def __init__(self, *, acts: int, width: int = 16) -> None:
        super().__init__()
        w = width
        self.first = nn.Conv2d(3 + 2, w, 3, 1, 1)
        self.down = nn.ModuleList(nn.Conv2d(a, b, 4, 2, 1) for a, b in ((w, 2 * w), (2 * w, 4 * w), (4 * w, 4 * w)))
        self.deep = nn.Conv2d(4 * w, 4 * w, 3, 1, 1)
        self.sizes = [4 * w, 4 * w, 2 * w, w]
        self.told = nn.Linear(acts, 2 * sum(self.sizes))
        self.up = nn.ModuleList(nn.Conv2d(a, b, 3, 1, 1) for a, b in ((8 * w, 4 * w), (6 * w, 2 * w), (3 * w, w)))
        self.last = nn.Conv2d(w, 3, 3, 1, 1)

    def forward(self, faces: Tensor, acts: Tensor) -> Tensor:
        """Return finished faces, about in [-1, 1]."""
        line = torch.linspace(-1, 1, faces.shape[-1], device=faces.device)
        place = torch.stack(torch.meshgrid(line, line, indexing="ij"))[None].expand(len(faces), -1, -1, -1)
        x = functional.silu(self.first(torch.cat([faces, place], 1)))
        kept = []
        for layer in self.down:
            kept.append(x)
            x = functional.silu(layer(x))
        styles = self.told(acts).split([2 * size for size in self.sizes], 1)
        x = _styled(self.deep(x), styles[0])
        for layer, style in zip(self.up, styles[1:], strict=True):
            x = functional.interpolate(x, scale_factor=2.0)
            x = _styled(layer(torch.cat([x, kept.pop()], 1)), style)
        return faces + 2 * torch.tanh(self.last(x))


def _styled(x: Tensor, style: Tensor) -> Tensor:
    scale, offset = style[:, :, None, None].chunk(2, 1)
    return functional.silu(x * (1 + scale) + offset)
