"""How a swap learns: every person's warped faces back to what they were, through one encoder."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from fauxbench import Context
from fauxbench.generators._faces_cut import oval
from fauxbench.generators._faces_reader import initialise
from fauxbench.generators._training import Average, Training, build_quietly, rising_and_falling, set_rate
from fauxbench.generators._training_pictures import Batches, as_floats
from fauxbench.generators.faceswap.networks import Swapper

PER_PERSON = 4
"""Faces of each person in an update."""
WARP = 5 / 256
"""Deviation of the warp at each of 5 x 5 places, in shares of the side."""
_INIT, _ORDER, _DRAW = range(3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What of the training can be chosen."""

    width: int
    code: int
    whole: bool
    people: int
    batch: int
    learning_rate: float


class PeopleBatches(Batches):
    """Batches of a few faces each of some people; people, not pictures, come equally often."""

    def __init__(self, pictures: Tensor, people: Tensor, rng: torch.Generator) -> None:
        """Take (N, 3, 64, 64) uint8 and (N,) the number of each face's person."""
        super().__init__(pictures, flip=False, rng=rng)
        self.people = people
        self.own = [torch.nonzero(people == person).flatten() for person in range(int(people.max()) + 1)]

    def pick(self, people: int) -> Tensor:
        """Return the numbers of `PER_PERSON` faces of each of `people` people, as far as there are that many."""
        people = min(people, len(self.own))
        while len(self.pool) < people:
            self.pool = torch.cat([self.pool, torch.randperm(len(self.own), generator=self.rng)])
        chosen, self.pool = self.pool[:people], self.pool[people:]
        draws = [
            own[torch.randint(len(own), (PER_PERSON,), generator=self.rng)] for own in (self.own[p] for p in chosen)
        ]
        return torch.cat(draws)


class Swapping(Training):
    """The autoencoders of faceswap (2017), by the absolute error and that of the gradients, eyes and mouth heavier."""

    batches: PeopleBatches

    def __init__(self, faces: Tensor, people: Tensor, recipe: Recipe, context: Context) -> None:
        """Take (N, 3, 64, 64) uint8 `faces` and (N,) `people`; seed and device are the context's."""
        self.recipe, self.device = recipe, torch.device(context.device)
        self.net: Swapper = build_quietly(
            Swapper, width=recipe.width, code=recipe.code, people=recipe.people, whole=recipe.whole
        )
        initialise(self.net, context.torch_rng(_INIT))
        self.net.to(self.device)
        self.mean = Average(self.net, 0.99)
        self.networks = {"swapper": self.net, "mean": self.mean.network}
        own = [p for name, p in self.net.named_parameters() if ".own_" in name]
        rest = [p for name, p in self.net.named_parameters() if ".own_" not in name]
        groups: list[dict[str, Any]] = [{"params": rest}, {"params": own, "factor": 4.0}]
        self.optimisers = {"swapper": torch.optim.Adam(groups, recipe.learning_rate, (0.5, 0.999))}
        self.draws = context.torch_rng(_DRAW)
        self.randoms = {"draws": self.draws}
        self.batches = PeopleBatches(faces, people, context.torch_rng(_ORDER))
        self.weight = _weight().to(self.device)

    def update(self, step: int, share: float) -> dict[str, float]:
        """Update on warped faces of a few people."""
        set_rate(list(self.optimisers.values()), self.recipe.learning_rate * rising_and_falling(share))
        chosen = self.batches.pick(max(1, self.recipe.batch // PER_PERSON))
        faces, people = as_floats(self.batches.pictures[chosen]), self.batches.people[chosen]
        faces = moved(tinted(faces, self.draws), self.draws)
        warped = warp(faces, self.draws).to(self.device)
        faces, people = faces.to(self.device), people.to(self.device)
        codes = self.net.encoder(warped)
        grouped = codes.reshape(-1, PER_PERSON, codes.shape[1])
        # half of the codes keep the batch's own mean off, half that of all pictures so far, as when it is asked
        own = self.net.means[people].reshape(grouped.shape)
        mean = torch.lerp(own, grouped.mean(1, keepdim=True), 0.5 if step > 20 else 1.0)
        made = self.net.decode((grouped - mean).flatten(0, 1), people)
        away = ((made - faces).abs() * self.weight).mean()
        steps = [((made - faces).diff(dim=d).abs() * self.weight.narrow(d - 2, 1, 63)).mean() for d in (2, 3)]
        edges = steps[0] + steps[1]
        loss = away + edges
        optimiser = self.optimisers["swapper"]
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        with torch.no_grad():
            for person, found in zip(people[::PER_PERSON].tolist(), grouped.detach().mean(1), strict=True):
                self.net.means[person].lerp_(found, 0.1 if step > 20 else 1.0)
        self.mean.follow(self.net, step)
        return {"face": float(away.detach()), "edges": float(edges.detach())}

    @torch.no_grad()
    def sample(self) -> Tensor:
        """Return rows of a face, itself again, and the next three people in its place."""
        net = self._measured()
        firsts = torch.stack([own[0] for own in self.batches.own[:8]])
        faces, people = as_floats(self.batches.pictures[firsts]).to(self.device), self.batches.people[firsts]
        codes = net.encoder(faces) - net.means[people]
        rows = [faces, *(net.decode(codes, ((people + k) % self.recipe.people).to(self.device)) for k in range(4))]
        return torch.stack(rows, 1).flatten(0, 1)[:40]

    def finished(self) -> nn.Module:
        """Return the running mean of the networks, with the codes' means measured over all faces."""
        return self._measured().cpu().eval()

    @torch.no_grad()
    def _measured(self) -> Swapper:
        net: Swapper = self.mean.network  # type: ignore[assignment]
        pictures, people = self.batches.pictures, self.batches.people
        codes = torch.cat([net.encoder(as_floats(part).to(self.device)) for part in torch.split(pictures, 64)])
        for person in range(self.recipe.people):
            if (people == person).any():
                net.means[person] = codes[people.to(self.device) == person].mean(0)
        net.means[-1] = codes.mean(0)
        return net


def _weight() -> Tensor:
    """Return (64, 64) weights: eyes three times, mouth twice, as in faceswap, and little for what is not laid back."""
    weight = torch.ones(64, 64)
    weight[21:33, 12:52] = 3.0
    weight[42:56, 18:46] = 2.0
    return weight * (0.02 + 0.98 * torch.from_numpy(oval()))


def tinted(faces: Tensor, rng: torch.Generator) -> Tensor:
    """Return faces in another light, the same over a face."""
    gain = (
        1
        + 0.16 * (torch.rand(len(faces), 3, 1, 1, generator=rng) - 0.5)
        + 0.2 * (torch.rand(len(faces), 1, 1, 1, generator=rng) - 0.5)
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
