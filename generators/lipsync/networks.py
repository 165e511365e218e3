"""The networks: who listens, who paints, and the two judges of the training."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from fauxbench.generators._lips_ears import Listener

CODE = 12
"""Numbers that say what a mouth does."""
SYNC_FRAMES = 5
SYNC_ROWS, SYNC_COLUMNS = 20, 24


class Watcher(nn.Module):
    """Parts of faces (N, 3, 48, 64) to what the mouth does (N, 12): the listener's teacher, of no use afterwards."""

    def __init__(self, width: int) -> None:
        super().__init__()
        w = width
        self.body = nn.Sequential(
            *(nn.Conv2d(3, w, 4, 2, 1), nn.SiLU(inplace=True)),
            *(nn.Conv2d(w, 2 * w, 4, 2, 1), nn.SiLU(inplace=True)),
            *(nn.Conv2d(2 * w, 3 * w, 4, 2, 1), nn.SiLU(inplace=True)),
            *(nn.Flatten(), nn.Linear(3 * w * 48, 64), nn.SiLU(inplace=True), nn.Linear(64, CODE)),
        )

    def forward(self, faces: Tensor) -> Tensor:
        """Return the codes."""
        return torch.tanh(self.body(faces))


class Painter(nn.Module):
    """A face whose lower part is hidden, the same person at another time, and a code, to the whole face.

    The U-Net of Prajwal et al. 2020 (skips from the picture's side alone), with the code scaling and shifting every
    layer on the way up.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        w = width
        self.first = nn.Conv2d(7, w, 3, 1, 1)
        self.down = nn.ModuleList(nn.Conv2d(a, b, 4, 2, 1) for a, b in ((w, 2 * w), (2 * w, 3 * w), (3 * w, 4 * w)))
        self.deep = nn.Conv2d(4 * w, 4 * w, 3, 1, 1)
        self.sizes = [4 * w, 3 * w, 2 * w, w]
        self.told = nn.Sequential(nn.Linear(CODE, 64), nn.SiLU(inplace=True), nn.Linear(64, 2 * sum(self.sizes)))
        self.up = nn.ModuleList(nn.Conv2d(a, b, 3, 1, 1) for a, b in ((7 * w, 3 * w), (5 * w, 2 * w), (3 * w, w)))
        self.last = nn.Conv2d(w, 3, 3, 1, 1)

    def forward(self, seen: Tensor, reference: Tensor, hidden: Tensor, code: Tensor) -> Tensor:
        """Return (N, 3, 48, 64); outside of what is hidden, what was seen.

        Args:
            seen: (N, 3, 48, 64) in [-1, 1].
            reference: (N, 3, 48, 64) in [-1, 1].
            hidden: (1, 1, 48, 64) in [0, 1].
            code: (N, 12).
        """
        kept_back = seen * (1 - hidden)
        plane = hidden.expand(len(seen), 1, -1, -1)
        x = functional.silu(self.first(torch.cat([kept_back, reference, plane], 1)))
        kept = []
        for layer in self.down:
            kept.append(x)
            x = functional.silu(layer(x))
        styles = self.told(code).split([2 * size for size in self.sizes], 1)
        x = _styled(self.deep(x), styles[0])
        for layer, style in zip(self.up, styles[1:], strict=True):
            x = functional.interpolate(x, scale_factor=2.0)
            x = _styled(layer(torch.cat([x, kept.pop()], 1)), style)
        made = reference + 2 * torch.tanh(self.last(x))
        return kept_back + hidden * made


def _styled(x: Tensor, style: Tensor) -> Tensor:
    scale, offset = style[:, :, None, None].chunk(2, 1)
    return functional.silu(x * (1 + scale) + offset)


class Talker(nn.Module):
    """What is kept of a training: who listens and who paints."""

    def __init__(self, *, width: int, ears: int) -> None:
        super().__init__()
        self.listener = Listener(ears, CODE)
        self.painter = Painter(width)


class Expert(nn.Module):
    """Whether five frames of a mouth and their sound go together, after SyncNet; its own, and no judge of results."""

    def __init__(self) -> None:
        super().__init__()
        self.look = nn.Sequential(
            *(nn.Conv2d(3 * SYNC_FRAMES, 32, 3, 1, 1), nn.SiLU(inplace=True)),
            *(nn.Conv2d(32, 48, 3, 2, 1), nn.SiLU(inplace=True)),
            *(nn.Conv2d(48, 64, 3, 2, 1), nn.SiLU(inplace=True), nn.Flatten(), nn.Linear(64 * 30, 64)),
        )
        self.listen = nn.Sequential(
            *(nn.Conv2d(1, 24, 3, 2, 1), nn.SiLU(inplace=True)),
            *(nn.Conv2d(24, 48, 3, 2, 1), nn.SiLU(inplace=True)),
            *(nn.Conv2d(48, 64, 3, 2, 1), nn.SiLU(inplace=True), nn.Flatten(), nn.Linear(64 * 25, 64)),
        )
        self.scale = nn.Parameter(torch.tensor(2.5))

    def see(self, windows: Tensor) -> Tensor:
        """Return (N, 64) of length 1 for (N, 5, 3, 48, 64)."""
        flat = windows[:, :, :, 8:48, 8:56].flatten(0, 1)
        small = functional.avg_pool2d(flat, 2)
        return functional.normalize(self.look(small.reshape(len(windows), -1, SYNC_ROWS, SYNC_COLUMNS)), dim=1)

    def hear(self, windows: Tensor) -> Tensor:
        """Return (N, 64) of length 1 for (N, 1, 40, 36), what is heard around the middle frame."""
        return functional.normalize(self.listen(windows), dim=1)


class Critic(nn.Module):
    """Parts of faces (N, 3, 48, 64) to a map of how real each place looks."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        w = width
        self.body = nn.Sequential(
            *(nn.Conv2d(3, w, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True)),
            *(nn.Conv2d(w, 2 * w, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True)),
            *(nn.Conv2d(2 * w, 4 * w, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True), nn.Conv2d(4 * w, 1, 3, 1, 1)),
        )

    def forward(self, faces: Tensor) -> Tensor:
        """Return (N, 1, 6, 8)."""
        found: Tensor = self.body(faces)
        return found
