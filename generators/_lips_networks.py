"""The networks: who listens, who paints, and the two judges of the training."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from fauxbench.generators._lips import hidden_part
from fauxbench.generators._lips_ears import Listener

CODE = 8
"""Numbers that say what a mouth does."""
SHOWN = 3
"""Of them, those that can be read off pixels, too; the others mean what the training makes of them."""
SLOW = 25
"""Frames of the moving mean that is taken off pixels: the head moves more slowly than the mouth."""
REACH = 3.0
"""Deviations that a code can be away from a clip's mean."""
LOOKED = 768
"""Places of a mouth that codes are read off: luma, 24 x 32."""
SYNC_FRAMES = 5
SYNC_ROWS, SYNC_COLUMNS = 20, 24


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
        self.told = nn.Sequential(
            nn.Linear(CODE + SHOWN, 64), nn.SiLU(inplace=True), nn.Linear(64, 2 * sum(self.sizes))
        )
        self.up = nn.ModuleList(nn.Conv2d(a, b, 3, 1, 1) for a, b in ((7 * w, 3 * w), (5 * w, 2 * w), (3 * w, w)))
        self.last = nn.Conv2d(w, 3, 3, 1, 1)

    def forward(self, seen: Tensor, reference: Tensor, hidden: Tensor, code: Tensor) -> Tensor:
        """Return (N, 3, 48, 64); outside of what is hidden, what was seen.

        Args:
            seen: (N, 3, 48, 64) in [-1, 1].
            reference: (N, 3, 48, 64) in [-1, 1].
            hidden: (1, 1, 48, 64) in [0, 1].
            code: (N, 11): what the mouth is to do, and what can be read of it off the reference.
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
    """What is kept of a training: who listens, who paints, and how codes are read off pixels."""

    basis: Tensor
    """(768, 3)."""

    def __init__(self, *, width: int, ears: int) -> None:
        super().__init__()
        self.listener = Listener(ears, CODE)
        self.painter = Painter(width)
        self.register_buffer("basis", torch.zeros(LOOKED, SHOWN))

    def hear(self, sound: Tensor) -> Tensor:
        """Return codes (N, 8) for sound (N, 1, 40, 36)."""
        codes: Tensor = self.listener(sound)
        return REACH * codes

    def watch(self, mouths: Tensor) -> Tensor:
        """Return what can be read (T, 3) off the frames (T, 3, 48, 64) uint8 of one clip, in its own deviations."""
        return codes_of(looked(mouths) @ self.basis)


def looked(mouths: Tensor) -> Tensor:
    """Return luma of the hidden part of frames (T, 3, 48, 64) uint8, (T, 768), about its moving mean over a second."""
    weights = mouths.new_tensor([0.299, 0.587, 0.114], dtype=torch.float32)[None, :, None, None]
    luma = (mouths.float() * weights).sum(1, keepdim=True) / 127.5
    hidden = torch.from_numpy(hidden_part()).to(mouths.device)[None, None]
    small = functional.avg_pool2d(luma * hidden, 2).flatten(1)
    rows = small.T[:, None]
    around = functional.pad(rows, (SLOW // 2, SLOW // 2), mode="replicate")
    return (rows - functional.avg_pool1d(around, SLOW, 1))[:, 0].T


def codes_of(found: Tensor) -> Tensor:
    """Return codes (T, 3) in deviations, within the reach; a clip that does not move has zeros."""
    size = found.square().mean().sqrt()
    return (found / size.clamp(min=1e-4)).clamp(-REACH, REACH) if float(size) > 1e-4 else torch.zeros_like(found)


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
