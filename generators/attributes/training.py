"""The game of an attribute editor: changed faces must look real, show what was asked for, and change back."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from fauxbench import Context
from fauxbench.generators._faces_reader import disturbed, initialise
from fauxbench.generators._training import Average, Training, build_quietly, rising_and_falling, set_rate
from fauxbench.generators._training_pictures import Batches, as_floats
from fauxbench.generators.attributes.networks import Changer, Critic

_INIT, _ORDER, _DRAW, _HARM = range(4)
BACK, SHOWN, LITTLE = 10.0, 4.0, 1.0
"""Weights of changing back, as in the paper; of the attributes, here numbers and not classes; of what is added."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What of the training can be chosen."""

    width: int
    batch: int
    learning_rate: float


class Changing(Training):
    """Choi et al. 2018 (arXiv:1711.09020), section 3, with a hinge in place of the gradient penalty."""

    def __init__(self, faces: Tensor, labels: Tensor, recipe: Recipe, context: Context) -> None:
        """Take (N, 3, 64, 64) uint8 `faces` and (N, K) `labels` in [-1, 1]; seed and device are the context's."""
        self.faces, self.labels, self.recipe = faces, labels, recipe
        self.device = torch.device(context.device)
        count = labels.shape[1]
        self.changer: Changer = build_quietly(Changer, attributes=count, width=recipe.width)
        self.critic: Critic = build_quietly(Critic, attributes=count, width=recipe.width)
        for path, network in enumerate((self.changer, self.critic)):
            initialise(network, context.torch_rng(_INIT, path))
            network.to(self.device)
        nn.init.normal_(self.changer.last.weight, 0.0, 0.01, generator=context.torch_rng(_INIT, 2))
        self.mean = Average(self.changer, 0.99)
        self.networks = {"changer": self.changer, "critic": self.critic, "mean": self.mean.network}
        self.optimisers = {
            name: torch.optim.Adam(network.parameters(), recipe.learning_rate, (0.5, 0.99))
            for name, network in (("changer", self.changer), ("critic", self.critic))
        }
        self.draws, self.harms = context.torch_rng(_DRAW), context.torch_rng(_HARM)
        self.randoms = {"draws": self.draws, "harms": self.harms}
        self.batches = Batches(faces, flip=False, rng=context.torch_rng(_ORDER))

    def update(self, step: int, share: float) -> dict[str, float]:
        """Update the critic, then the changer on the same changes."""
        rate = self.recipe.learning_rate * rising_and_falling(share)
        set_rate(list(self.optimisers.values()), rate)
        chosen = torch.randint(len(self.faces), (self.recipe.batch,), generator=self.draws)
        faces, labels = as_floats(self.faces[chosen]), self.labels[chosen]
        faces, _ = disturbed_a_little(faces, self.harms)
        asked = self._asked(labels)
        faces, labels, asked = (part.to(self.device) for part in (faces, labels, asked))
        changed = self.changer(faces, asked - labels)
        judged = self._judge(faces, labels, changed.detach())
        scores, seen = self.critic(changed)
        back = self.changer(changed, labels - asked)
        real = -scores.mean()
        shown = functional.smooth_l1_loss(seen, asked, beta=0.2)
        again = (back - faces).abs().mean()
        added = (changed - faces).abs().mean()
        loss = real + SHOWN * shown + BACK * again + LITTLE * added
        optimiser = self.optimisers["changer"]
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        self.mean.follow(self.changer, step)
        told = {"real": real, "shown": shown, "back": again, "added": added}
        return {**judged, **{name: float(value.detach()) for name, value in told.items()}}

    def _judge(self, faces: Tensor, labels: Tensor, changed: Tensor) -> dict[str, float]:
        scores, seen = self.critic(faces)
        fakes, _ = self.critic(changed)
        apart = functional.relu(1 - scores).mean() + functional.relu(1 + fakes).mean()
        read = functional.smooth_l1_loss(seen, labels, beta=0.2)
        optimiser = self.optimisers["critic"]
        optimiser.zero_grad(set_to_none=True)
        (apart + 2 * SHOWN * read).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        return {"critic": float(apart.detach()), "read": float(read.detach())}

    def _asked(self, labels: Tensor) -> Tensor:
        """Return labels of which one, drawn, is as high or as low as it gets, for most of the faces."""
        n, count = labels.shape
        which = torch.randint(count, (n,), generator=self.draws)
        ends = 2.0 * torch.randint(2, (n,), generator=self.draws) - 1.0
        ends = ends * (0.6 + 0.4 * torch.rand(n, generator=self.draws))
        return labels.scatter(1, which[:, None], ends[:, None])

    @torch.no_grad()
    def sample(self) -> Tensor:
        """Return rows of eight faces: as they are, and each attribute at its highest."""
        chosen = torch.arange(8) * (len(self.faces) // 8)
        faces, labels = as_floats(self.faces[chosen]).to(self.device), self.labels[chosen].to(self.device)
        rows = [faces]
        for which in range(labels.shape[1]):
            asked = labels.clone()
            asked[:, which] = 1.0
            rows.append(self.mean.network(faces, asked - labels))
        return torch.cat(rows)

    def finished(self) -> nn.Module:
        """Return the running mean of the changer."""
        return self.mean.network.cpu().eval()


def disturbed_a_little(faces: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return faces moved, turned and tinted as `disturbed` does, half as far."""
    moved, points = disturbed(faces, torch.zeros(len(faces), 1, 2), rng)
    keep = (torch.rand(len(faces), 1, 1, 1, generator=rng) < 0.5).float()
    return keep * faces + (1 - keep) * moved, points
