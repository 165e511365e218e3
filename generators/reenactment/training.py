"""How finishing is learned: every face is moved away and back, its mouth and eyes blurred, and must be repaired."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from fauxbench import Context
from fauxbench.generators._faces_reader import initialise
from fauxbench.generators._training import Average, Training, build_quietly, rising_and_falling, set_rate
from fauxbench.generators._training_pictures import Batches, as_floats
from fauxbench.generators.reenactment.motion import POINTS, Rig, carried
from fauxbench.generators.reenactment.networks import Finisher

_INIT, _ORDER, _DRAW = range(3)
PARTS = (
    (("mouth_left", "mouth_right", "lip_upper", "lip_lower"), 0.13, 0.10),
    (("left_eye", "lid_upper_left", "lid_lower_left"), 0.10, 0.07),
    (("right_eye", "lid_upper_right", "lid_lower_right"), 0.10, 0.07),
)
"""What is hidden in training: points around whose middle it lies, its half width and height in shares of the side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What of the training can be chosen."""

    width: int
    batch: int
    learning_rate: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Cut-out faces and what is known of them."""

    faces: Tensor
    """(N, 3, 64, 64) uint8."""
    points: Tensor
    """(N, P, 2) float32 in shares of the side."""
    acts: Tensor
    """(N, K) float32 in deviations from the mean."""


class Finishing(Training):
    """Self-supervised: a face is moved as if it did what another face does, moved back, and hidden where acts show.

    What to paint there, the network learns from the acts alone; whose face it is, from all around.
    """

    def __init__(self, known: Known, rig: Rig, recipe: Recipe, context: Context) -> None:
        """Take faces with points and acts; seed and device are the context's."""
        self.known, self.recipe, self.device = known, recipe, torch.device(context.device)
        self.slopes = torch.from_numpy(np.ascontiguousarray(rig.slopes)).float()
        self.net: Finisher = build_quietly(Finisher, acts=known.acts.shape[1], width=recipe.width)
        initialise(self.net, context.torch_rng(_INIT))
        nn.init.zeros_(self.net.told.weight)
        nn.init.normal_(self.net.last.weight, 0.0, 0.01, generator=context.torch_rng(_INIT, 1))
        self.net.to(self.device)
        self.mean = Average(self.net, 0.99)
        self.networks = {"finisher": self.net, "mean": self.mean.network}
        self.optimisers = {"finisher": torch.optim.Adam(self.net.parameters(), recipe.learning_rate, (0.9, 0.99))}
        self.draws = context.torch_rng(_DRAW)
        self.randoms = {"draws": self.draws}
        self.batches = Batches(known.faces, flip=False, rng=context.torch_rng(_ORDER))

    def update(self, step: int, share: float) -> dict[str, float]:
        """Update on faces that were harmed and are known whole."""
        set_rate(list(self.optimisers.values()), self.recipe.learning_rate * rising_and_falling(share))
        n = len(self.known.faces)
        chosen = torch.randint(n, (self.recipe.batch,), generator=self.draws)
        others = torch.randint(n, (self.recipe.batch,), generator=self.draws)
        faces, acts = as_floats(self.known.faces[chosen]), self.known.acts[chosen]
        harmed, hidden = self._harmed(faces, chosen, others)
        made = self.net(harmed.to(self.device), acts.to(self.device))
        faces, hidden = faces.to(self.device), hidden.to(self.device)
        away = ((made - faces).abs() * (1 + 4 * hidden)).mean()
        edges = torch.stack([(made.diff(dim=d) - faces.diff(dim=d)).abs().mean() for d in (2, 3)]).sum()
        loss = away + edges
        optimiser = self.optimisers["finisher"]
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        self.mean.follow(self.net, step)
        return {"face": float(away.detach()), "edges": float(edges.detach())}

    def _harmed(self, faces: Tensor, chosen: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
        """Return faces moved as `others` and back, with parts hidden, and where."""
        points = self.known.points[chosen]
        step = (self.known.acts[others] - self.known.acts[chosen]).clamp(-4, 4) @ self.slopes
        there = step.reshape(points.shape)
        moved = carried(faces, points, there)
        back = carried(moved, points + there, -there)
        mask = parts_of(points, faces.shape[-1])
        strength = (1.5 * torch.rand(len(faces), 1, 1, 1, generator=self.draws)).clamp(max=1.0)  # a third altogether
        hidden = mask * strength
        return torch.lerp(back, veiled(back), hidden), mask

    @torch.no_grad()
    def sample(self) -> Tensor:
        """Return rows of a face, as it is harmed, and as it is repaired with its own acts and with those of others."""
        chosen = torch.arange(8) * (len(self.known.faces) // 8)
        faces = as_floats(self.known.faces[chosen])
        hidden = parts_of(self.known.points[chosen], faces.shape[-1])
        harmed = torch.lerp(faces, veiled(faces), hidden)
        net, rows = self.mean.network, [faces, harmed]
        for turn in (0, 1, 2):
            acts = self.known.acts[chosen.roll(turn)]
            rows.append(net(harmed.to(self.device), acts.to(self.device)).cpu())
        return torch.stack(rows, 0).flatten(0, 1)

    def finished(self) -> nn.Module:
        """Return the running mean of the network."""
        return self.mean.network.cpu().eval()


def parts_of(points: Tensor, side: int) -> Tensor:
    """Return soft masks (N, 1, S, S) of mouth and eyes at points (N, P, 2) in shares of the side."""
    line = (torch.arange(side) + 0.5) / side
    y, x = torch.meshgrid(line, line, indexing="ij")
    mask = torch.zeros(len(points), side, side)
    for names, half, high in PARTS:
        places = [POINTS.index(name) for name in names]
        middle = points[:, places].mean(1)[:, :, None, None]
        radius = ((x - middle[:, 0]) / half) ** 2 + ((y - middle[:, 1]) / high) ** 2
        mask = torch.maximum(mask, torch.sigmoid(6 * (1 - radius)))
    return mask[:, None]


def veiled(faces: Tensor) -> Tensor:
    """Return faces so blurred that colours are left and acts are not."""
    small = torch.nn.functional.avg_pool2d(faces, 8)
    return torch.nn.functional.interpolate(small, size=faces.shape[-2:], mode="bilinear", align_corners=False)
