"""Faces drawn from a code and labels: what an editor of attributes and a reenactment learn, and how."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from fauxbench import Context
from fauxbench.generators._faces_codes import (
    Decoder,
    Encoder,
    Searcher,
    begin_straight,
    dropped,
    narrow,
    ridge,
    set_line,
)
from fauxbench.generators._faces_eigen import Eigen, versions
from fauxbench.generators._faces_reader import initialise
from fauxbench.generators._training import Average, Training, build_quietly, rising_and_falling, set_rate
from fauxbench.generators._training_pictures import Batches, as_floats

_INIT, _ORDER, _DRAW, _WARP = range(4)
HIDDEN, SHOWN, READ = 0.1, 0.1, 0.5
"""Weights: the code does not hold the labels; a changed face shows what was asked for; labels are read."""


class Drawer(nn.Module):
    """An encoder of faces, a decoder that is told their labels, and a reader of them, on the numbers of faces."""

    def __init__(self, *, numbers: int, width: int, code: int, labels: int) -> None:
        super().__init__()
        self.eigen = Eigen(numbers=numbers)
        self.encoder = Encoder(numbers=numbers, width=width, code=code)
        self.decoder = Decoder(numbers=numbers, width=width, code=code, told=labels)
        self.reader = Encoder(numbers=numbers, width=width, code=labels)

    def forward(self, numbers: Tensor, labels: Tensor) -> Tensor:
        """Return numbers (N, K) of faces with `labels` (N, L), each in [-1, 1]."""
        drawn: Tensor = self.decoder(self.encoder(numbers), labels)
        return drawn

    @torch.no_grad()
    def begin(self, numbers: Tensor, labels: Tensor) -> None:
        """Set the straight lines by regression of numbers (N, K) on labels (N, L), and of labels on numbers.

        What is deep in the networks learns the rest.
        """
        seen, shown, count = numbers.mean(0), labels.mean(0), self.encoder.straight.out_features
        drawn, read = ridge(labels, numbers).T, ridge(numbers, labels).T
        one = torch.eye(numbers.shape[1])
        set_line(self.reader.straight, read, seen, shown)
        set_line(self.encoder.straight, (one - drawn @ read)[:count], seen, torch.zeros(count))
        set_line(
            self.decoder.straight,
            torch.cat([one[:, :count], drawn], 1),
            torch.cat([seen.new_zeros(count), shown]),
            seen,
        )
        begin_straight(self.encoder, self.decoder, self.reader)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What of the training can be chosen."""

    numbers: int
    width: int
    code: int
    batch: int
    learning_rate: float


class Drawing(Training):
    """Lample et al. 2017 (Fader networks, arXiv:1706.00409) with numbers as labels; changes are read as in StarGAN.

    The reader learns from faces as they are, and judges those that were changed.
    """

    def __init__(
        self, faces: Tensor, labels: Tensor, groups: tuple[tuple[int, ...], ...], recipe: Recipe, context: Context
    ) -> None:
        """Take what is known.

        Args:
            faces: (N, 3, 64, 64) uint8.
            labels: (N, L) float32 in [-1, 1].
            groups: Labels that are changed together; without any, all are changed to those of another face.
            recipe: What can be chosen.
            context: Seed and device.
        """
        self.labels, self.groups, self.recipe = labels, groups, recipe
        self.device, count = torch.device(context.device), labels.shape[1]
        shape = {name: getattr(recipe, name) for name in ("numbers", "width", "code")}
        self.net: Drawer = build_quietly(Drawer, **shape, labels=count)
        self.searcher: Searcher = build_quietly(Searcher, code=recipe.code, told=count)
        for path, network in enumerate((self.net, self.searcher)):
            initialise(network, context.torch_rng(_INIT, path))
        self.net.eigen.learn(faces, mirror=False)
        self.aims, self.seen = versions(self.net.eigen, faces, context.torch_rng(_WARP), mirror=False)
        self.net.begin(self.aims.flatten(0, 1), labels.repeat(len(self.aims), 1))
        for network in (self.net, self.searcher):
            network.to(self.device)
        self.mean = Average(self.net, 0.99)
        self.networks = {"drawer": self.net, "searcher": self.searcher, "mean": self.mean.network}
        self.optimisers = {
            name: torch.optim.Adam(network.parameters(), recipe.learning_rate, (0.9, 0.99), fused=True)
            for name, network in (("drawer", self.net), ("searcher", self.searcher))
        }
        self.draws = context.torch_rng(_DRAW)
        self.randoms = {"draws": self.draws}
        self.batches = Batches(faces, flip=False, rng=context.torch_rng(_ORDER))

    def update(self, step: int, share: float) -> dict[str, float]:
        """Update the drawer on faces as they are and as they are asked to be, then the searcher."""
        set_rate(list(self.optimisers.values()), self.recipe.learning_rate * rising_and_falling(share))
        chosen = torch.randint(len(self.labels), (self.recipe.batch,), generator=self.draws)
        which = torch.randint(len(self.aims), (self.recipe.batch,), generator=self.draws)
        labels = self.labels[chosen]
        aims, seen = self.aims[which, chosen], dropped(self.seen[which, chosen], self.draws)
        given = (aims, seen, labels, self._asked(labels))
        aims, seen, labels, asked = (part.to(self.device) for part in given)
        with narrow(self.device):
            codes = self.net.encoder(seen).float()
            drawn, other = (self.net.decoder(codes, told).float() for told in (labels, asked))
            told = {
                "face": functional.mse_loss(drawn, aims),
                "read": functional.mse_loss(self.net.reader(seen).float(), labels),
                "shown": self._shown(aims + other - drawn, asked, labels),
                "hidden": self.searcher(codes).float().square().mean(),
            }
        self._step("drawer", told["face"] + READ * told["read"] + SHOWN * told["shown"] + HIDDEN * told["hidden"])
        told["found"] = functional.mse_loss(self.searcher(codes.detach()), labels)
        self._step("searcher", told["found"])
        self.mean.follow(self.net, step)
        return {name: float(value.detach()) for name, value in told.items()}

    def _shown(self, changed: Tensor, asked: Tensor, labels: Tensor) -> Tensor:
        """Return how far what is read off changed faces is from what was asked, where anything was."""
        still = list(self.net.reader.parameters())
        for parameter in still:
            parameter.requires_grad_(False)
        read = self.net.reader(changed).float()
        for parameter in still:
            parameter.requires_grad_(True)
        missed: Tensor = ((read - asked).square() * (asked != labels)).mean()
        return missed

    def _step(self, name: str, loss: Tensor) -> None:
        self.optimisers[name].zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimisers[name].step()

    def _asked(self, labels: Tensor) -> Tensor:
        """Return labels of which one group's, drawn, is as high or as low as it gets; or those of another face."""
        n = len(labels)
        if not self.groups:
            return labels[torch.randperm(n, generator=self.draws)]
        which = torch.randint(len(self.groups), (n,), generator=self.draws)
        ends = 2.0 * torch.randint(2, (n,), generator=self.draws) - 1.0
        ends = ends * (0.6 + 0.4 * torch.rand(n, generator=self.draws))
        member = torch.zeros(len(self.groups), labels.shape[1], dtype=torch.bool)
        for row, places in enumerate(self.groups):
            member[row, list(places)] = True
        return torch.where(member[which], ends[:, None], labels)

    @torch.no_grad()
    def sample(self) -> Tensor:
        """Return rows of eight faces: as they are, drawn, and drawn with what can be asked for."""
        net: Drawer = self.mean.network  # type: ignore[assignment]
        chosen = torch.arange(8) * (len(self.labels) // 8)
        faces, labels = as_floats(self.batches.pictures[chosen]).to(self.device), self.labels[chosen].to(self.device)
        numbers = net.eigen.numbers(faces)
        rows = [faces, net.eigen.draw(net(numbers, labels))]
        for turn, places in enumerate(self.groups or ((), (), ())):
            asked = labels.clone() if places else labels.roll(turn + 1, 0)
            asked[:, list(places)] = 1.0
            rows.append(net.eigen.draw(net(numbers, asked)))
        return torch.cat(rows)

    def finished(self) -> nn.Module:
        """Return the running mean of the drawer."""
        return self.mean.network.cpu().eval()
