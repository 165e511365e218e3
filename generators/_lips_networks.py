"""The networks: mouths as eigen-numbers, who listens, who draws, and the two judges of the training."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from fauxbench.generators._faces_eigen import leading
from fauxbench.generators._faces_reader import Reader
from fauxbench.generators._lips_cut import COLUMNS, ROWS, spoken_part
from fauxbench.generators._lips_ears import POOLED, Listener

CODE = 5
"""Numbers that say what a mouth does: opening, width, rounding, parting, pressing; or what pixels and sound share."""
NUMBERS = 40
"""Eigen-numbers that movements of a mouth are held in, and as many for how a mouth looks."""
SYNC_FRAMES = 5
LOOKED = (ROWS // 2) * (COLUMNS // 2) + 2 * (ROWS // 4) * (COLUMNS // 4)
DRAWN = 3 * (ROWS // 2) * (COLUMNS // 2)
SMALLEST = 1e-3
"""Size below which a clip does not move."""
_TO_YCC = ((0.299, 0.587, 0.114), (-0.169, -0.331, 0.5), (0.5, -0.419, -0.081))
_WIDTH = 128


def vectors(mouths: Tensor) -> Tensor:
    """Return mouths (T, 3, 48, 64) uint8 as vectors (T, 1152): brightness at 24 x 32, colour at 12 x 16, lips alone."""
    weight = torch.from_numpy(spoken_part())[None, None]
    planes = torch.einsum("cd,ndhw->nchw", torch.tensor(_TO_YCC), mouths.float() / 127.5 - 1.0) * weight
    luma, chroma = functional.avg_pool2d(planes[:, :1], 2), functional.avg_pool2d(planes[:, 1:], 4)
    return torch.cat([luma.flatten(1), chroma.flatten(1)], 1)


def sizes(moves: Tensor) -> float:
    """Return how large the movements (T, D) of a clip are, their root mean square."""
    return max(float(moves.square().mean().sqrt()), SMALLEST)


class Drawer(nn.Module):
    """A code and how the mouth looks, to the numbers of its movement, in the clip's own size.

    A straight line from the code, and what two full layers add to it, which see looks, too.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.straight = nn.Linear(CODE, NUMBERS, bias=False)
        self.layers = nn.Sequential(
            *(nn.Linear(CODE + NUMBERS, width), nn.LayerNorm(width), nn.SiLU()),
            *(nn.Linear(width, width), nn.LayerNorm(width), nn.SiLU()),
        )
        self.last = nn.Linear(width, NUMBERS)

    def forward(self, codes: Tensor, looks: Tensor) -> Tensor:
        """Return numbers (N, 40) for codes (N, 5) and looks (N, 40)."""
        drawn: Tensor = self.straight(codes) + self.last(self.layers(torch.cat([codes, looks], 1)))
        return drawn


class Talker(nn.Module):
    """What is kept of a training: where faces are, who listens, how codes are read off pixels, and who draws."""

    looks: Tensor
    """(40, 1152) directions in which mouths of people differ."""
    middle: Tensor
    """(1152,) the mean mouth."""
    spread: Tensor
    """(40,) deviations of looks."""
    moves: Tensor
    """(40, 1152) directions in which the mouth of one clip moves."""
    reading: Tensor
    """(40, 5) from numbers of a movement, in the clip's own size, to codes."""
    brush: Tensor
    """(40, 2304) from numbers of a movement to what it changes of pixels, 24 x 32."""
    contrast: Tensor
    """(41,) from looks to the logarithm of the size of a clip's movements."""

    def __init__(self, *, width: int, ears: int, finder: bool) -> None:
        super().__init__()
        self.finder = Reader(points=5, factors=0) if finder else None
        self.listener = Listener(ears, CODE)
        self.drawer = Drawer(width)
        for name, shape in (
            *(("looks", (NUMBERS, LOOKED)), ("moves", (NUMBERS, LOOKED)), ("middle", (LOOKED,))),
            *(("reading", (NUMBERS, CODE)), ("brush", (NUMBERS, DRAWN)), ("contrast", (NUMBERS + 1,))),
        ):
            self.register_buffer(name, torch.zeros(shape))
        self.register_buffer("spread", torch.ones(NUMBERS))

    def hear(self, sound: Tensor) -> Tensor:
        """Return codes (N, 5) for sound (N, 1, 40, 36)."""
        codes: Tensor = self.listener(sound)
        return codes

    def look(self, vector: Tensor) -> Tensor:
        """Return how mouths (N, 1152) look, (N, 40)."""
        return ((vector - self.middle) @ self.looks.T) / self.spread

    def watch(self, mouths: Tensor) -> Tensor:
        """Return codes (T, 5) read off the frames (T, 3, 48, 64) uint8 of one clip, about their mean."""
        seen = vectors(mouths)
        moves = seen - seen.mean(0)
        return (moves / sizes(moves)) @ self.moves.T @ self.reading

    def paint(self, codes: Tensor, looks: Tensor) -> Tensor:
        """Return what codes (N, 5) change of a mouth that looks like that (N, 40): (N, 3, 48, 64), of 2."""
        size = torch.exp(looks @ self.contrast[:-1] + self.contrast[-1])
        return self.shown(self.drawer(codes, looks) * size[:, None])

    def shown(self, numbers: Tensor) -> Tensor:
        """Return what numbers of a movement (N, 40) change of pixels, (N, 3, 48, 64)."""
        small = (numbers @ self.brush).reshape(-1, 3, ROWS // 2, COLUMNS // 2)
        return functional.interpolate(small, size=(ROWS, COLUMNS), mode="bilinear")


def eigen(rows: Tensor, count: int = NUMBERS) -> tuple[Tensor, Tensor]:
    """Return the `count` largest variances (K,) of centred rows (N, D) and their directions (K, D)."""
    values, basis = leading(rows.T @ rows / len(rows), count)
    largest = basis.gather(1, basis.abs().argmax(1, keepdim=True))
    return values, basis * torch.where(largest < 0, -1.0, 1.0)


class Expert(nn.Module):
    """Whether five frames of a mouth and their sound go together, after SyncNet; its own, and no judge of results."""

    def __init__(self) -> None:
        super().__init__()
        self.look = _tower(SYNC_FRAMES * NUMBERS)
        self.listen = _tower(POOLED)
        self.scale = nn.Parameter(torch.tensor(2.5))

    def see(self, windows: Tensor) -> Tensor:
        """Return (N, 64) of length 1 for the numbers of five frames, (N, 5, 40)."""
        return functional.normalize(self.look(windows.flatten(1)), dim=1)

    def hear(self, sounds: Tensor) -> Tensor:
        """Return (N, 64) of length 1 for what is heard around the middle frame, (N, 360)."""
        return functional.normalize(self.listen(sounds), dim=1)


def _tower(numbers: int) -> nn.Sequential:
    return nn.Sequential(
        *(nn.Linear(numbers, _WIDTH), nn.LayerNorm(_WIDTH), nn.SiLU()),
        *(nn.Linear(_WIDTH, _WIDTH), nn.LayerNorm(_WIDTH), nn.SiLU(), nn.Linear(_WIDTH, 64)),
    )


class Critic(nn.Module):
    """Movements of five frames, (N, 5, 40), to how real they look, (N, 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *(nn.Linear(SYNC_FRAMES * NUMBERS, _WIDTH), nn.LeakyReLU(0.2)),
            *(nn.Linear(_WIDTH, _WIDTH), nn.LeakyReLU(0.2), nn.Linear(_WIDTH, 1)),
        )

    def forward(self, windows: Tensor) -> Tensor:
        """Return how real each looks."""
        found: Tensor = self.layers(windows.flatten(1))
        return found
