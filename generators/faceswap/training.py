"""How a swap learns: warped faces back to what they were, told whose by other pictures, and swaps by whom they show."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from fauxbench import Context
from fauxbench.generators._faces_codes import Searcher, directions, dropped, narrow
from fauxbench.generators._faces_eigen import VERSIONS, versions
from fauxbench.generators._faces_reader import initialise
from fauxbench.generators._training import Average, Training, build_quietly, rising_and_falling, set_rate
from fauxbench.generators._training_pictures import Batches, as_floats
from fauxbench.generators.faceswap.networks import IDENTITY, Swapper, of_others

PER_PERSON = 4
"""Faces of each person in an update."""
APART, SHARP = 0.2, 8.0
"""Weight of telling people apart, and how sharply."""
SAME, KEPT, HIDDEN = 0.3, 0.02, 0.05
"""Weights: a swap shows the source; it keeps the target's code; the code does not say whose it is."""
_INIT, _ORDER, _DRAW, _WARP = range(4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What of the training can be chosen."""

    numbers: int
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
        """Return numbers (P, K) of `PER_PERSON` faces of each of `people` people, different ones where there are."""
        people = min(people, len(self.own))
        while len(self.pool) < people:
            self.pool = torch.cat([self.pool, torch.randperm(len(self.own), generator=self.rng)])
        chosen, self.pool = self.pool[:people], self.pool[people:]
        return torch.stack([self._some(self.own[person]) for person in chosen])

    def _some(self, own: Tensor) -> Tensor:
        rounds = -(-PER_PERSON // len(own))
        order = [torch.randperm(len(own), generator=self.rng) for _ in range(rounds)]
        return own[torch.cat(order)[:PER_PERSON]]


class Swapping(Training):
    """The autoencoders of faceswap (2017), by the square of the error in the numbers of `_faces_eigen`.

    Where layers are made of pictures, three more things are asked, as in Chen et al. 2020 (SimSwap, arXiv:2106.06340):
    people are told apart, a swap is told to be of its source, and its code stays that of its target.
    """

    batches: PeopleBatches

    def __init__(self, faces: Tensor, people: Tensor, recipe: Recipe, context: Context) -> None:
        """Take (N, 3, 64, 64) uint8 `faces` and (N,) `people`; seed and device are the context's."""
        self.recipe, self.device = recipe, torch.device(context.device)
        shape = {name: getattr(recipe, name) for name in ("numbers", "width", "code", "people", "whole")}
        self.net: Swapper = build_quietly(Swapper, **shape)
        self.searcher: Searcher = build_quietly(Searcher, code=recipe.code, told=IDENTITY)
        for path, network in enumerate((self.net, self.searcher)):
            initialise(network, context.torch_rng(_INIT, path))
        self.net.eigen.learn(faces, mirror=not recipe.whole)
        self.aims, self.seen = versions(self.net.eigen, faces, context.torch_rng(_WARP), mirror=not recipe.whole)
        if not recipe.whole:
            self.net.begin(self.aims.flatten(0, 1), _with_mirrored(people))
        for network in (self.net, self.searcher):
            network.to(self.device)
        self.mean = Average(self.net, 0.99)
        self.networks = {"swapper": self.net, "searcher": self.searcher, "mean": self.mean.network}
        self.optimisers = {
            name: torch.optim.Adam(network.parameters(), recipe.learning_rate, (0.9, 0.99), fused=True)
            for name, network in (("swapper", self.net), ("searcher", self.searcher))
        }
        self.draws = context.torch_rng(_DRAW)
        self.randoms = {"draws": self.draws}
        self.batches = PeopleBatches(faces, people, context.torch_rng(_ORDER))

    def update(self, step: int, share: float) -> dict[str, float]:
        """Update on warped faces of a few people."""
        set_rate(list(self.optimisers.values()), self.recipe.learning_rate * rising_and_falling(share))
        chosen = self.batches.pick(max(1, self.recipe.batch // PER_PERSON))
        aims, seen, shown = self._drawn(chosen)
        people = self.batches.people[chosen.flatten()]
        with narrow(self.device):
            codes, own = self.net.encoder(seen).float(), self.net.own(shown)
            others = of_others(own.reshape(*chosen.shape, IDENTITY), chosen.to(self.device))
            said = self.net.trusted(*(part.flatten(0, 1) for part in others))
            told = {"face": functional.mse_loss(self.net.decode(codes, said, people).float(), aims)}
            if not self.recipe.whole and len(chosen) > 1:
                told |= self._between(codes, own, said)
        self._step("swapper", torch.stack([_WEIGHTS[name] * part for name, part in told.items()]).sum())
        if not self.recipe.whole:
            told["found"] = functional.mse_loss(self.searcher(codes.detach()), directions(said.detach()))
            self._step("searcher", told["found"])
        self.mean.follow(self.net, step)
        return {name: float(part.detach()) for name, part in told.items()}

    def _drawn(self, chosen: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return numbers of faces: as they should be drawn, as the encoder sees them, as they say who it is.

        Args:
            chosen: (P, K) faces. A person in the mirror is another person: all of one are mirrored, or none.
        """
        count = len(self.aims)
        sides = torch.randint(2, (len(chosen), 1), generator=self.draws).expand(chosen.shape).flatten()
        which = torch.randint(count // 2, (2, chosen.numel()), generator=self.draws) * 2 + sides
        aims, seen = (part[which[0], chosen.flatten()] for part in (self.aims, self.seen))
        shown = self.aims[which[1], chosen.flatten()]
        seen, shown = dropped(seen, self.draws), dropped(shown, self.draws)
        return aims.to(self.device), seen.to(self.device), shown.to(self.device)

    def _between(self, codes: Tensor, own: Tensor, said: Tensor) -> dict[str, Tensor]:
        """Return how far people are confused, swaps show others than their sources, and codes change or betray."""
        groups = own.reshape(-1, PER_PERSON, IDENTITY)
        people, each = len(groups), torch.arange(len(groups), device=own.device)
        likeness = directions(own) @ directions(groups.mean(1)).T / IDENTITY
        mine = each.repeat_interleave(PER_PERSON)
        likeness = torch.where(
            mine[:, None] == each[None], (directions(own) * directions(said)).mean(1, keepdim=True), likeness
        )
        source = said.detach().roll(PER_PERSON * (people // 2), 0)
        swapped = self.net.decode(codes, source, mine)
        still = [p for net in (self.net.identity, self.net.encoder) if net for p in net.parameters()]
        for parameter in still:
            parameter.requires_grad_(False)
        shown, code = self.net.own(swapped), self.net.encoder(swapped)
        for parameter in still:
            parameter.requires_grad_(True)
        return {
            "apart": functional.cross_entropy(SHARP * likeness, mine),
            "same": 1 - (directions(shown) * directions(source)).mean(),
            "kept": functional.mse_loss(code.float(), codes.detach()),
            "hidden": self.searcher(codes).float().square().mean(),
        }

    def _step(self, name: str, loss: Tensor) -> None:
        self.optimisers[name].zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimisers[name].step()

    @torch.no_grad()
    def sample(self) -> Tensor:
        """Return rows of a face, itself again, and the next three people in its place."""
        net: Swapper = self.mean.network  # type: ignore[assignment]
        own = self.batches.own[:8]
        firsts = torch.stack([pictures[0] for pictures in own])
        faces, people = as_floats(self.batches.pictures[firsts]).to(self.device), self.batches.people[firsts]
        shown = [net.eigen.numbers(as_floats(self.batches.pictures[p[:8]]).to(self.device)) for p in own]
        said = torch.stack([net.trusted(net.own(part).mean(0), len(part)) for part in shown])
        codes = net.encoder(net.eigen.numbers(faces))
        rows = [net.eigen.draw(net.decode(codes, said.roll(-k, 0), people.roll(-k))) for k in range(4)]
        return torch.stack([faces, *rows], 1).flatten(0, 1)[:40]

    def finished(self) -> nn.Module:
        """Return the running mean of the networks."""
        return self.mean.network.cpu().eval()


def _with_mirrored(people: Tensor) -> Tensor:
    """Return whose each of all versions is; every second version is of mirrored people, who are others."""
    count = int(people.max()) + 1
    return torch.cat([people + count * (version % 2) for version in range(VERSIONS)])


_WEIGHTS = {"face": 1.0, "apart": APART, "same": SAME, "kept": KEPT, "hidden": HIDDEN}
