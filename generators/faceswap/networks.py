"""The networks of a swap: one encoder for everybody, and for each person a decoder, or own layers of a common one."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from fauxbench.generators._faces_codes import Decoder, Encoder, begin_straight, set_line
from fauxbench.generators._faces_eigen import Eigen

IDENTITY = 64
"""Numbers that say who somebody is."""


class Swapper(nn.Module):
    """Encoder, decoders, and a network that looks at a person's pictures for what is that person's own.

    By default decoders have a common trunk; what is each person's own, the scales and offsets of every layer, is made
    of that person's pictures. So whoever it has pictures of, it can put in. With `whole`, each of `people` has a whole
    decoder of the old kind, and nobody else can be put in.
    """

    trust: Tensor
    """(64,) variance from person to person of each number of what is their own, where pictures of one vary by 1."""

    def __init__(self, *, numbers: int, width: int, code: int, people: int, whole: bool) -> None:
        super().__init__()
        self.whole = whole
        self.eigen = Eigen(numbers=numbers)
        self.encoder = Encoder(numbers=numbers, width=width, code=code)
        self.identity = None if whole else Encoder(numbers=numbers, width=width, code=IDENTITY)
        owners = people if whole else 1
        self.decoders = nn.ModuleList(
            Decoder(numbers=numbers, width=width, code=code, told=IDENTITY) for _ in range(owners)
        )

        self.register_buffer("trust", torch.ones(IDENTITY))

    def own(self, numbers: Tensor) -> Tensor:
        """Return what is each one's own (N, 64), of faces' numbers (N, K); nothing is told of people with decoders."""
        if self.identity is None:
            return numbers.new_zeros(len(numbers), IDENTITY)
        own: Tensor = self.identity(numbers).float()
        return own

    def trusted(self, own: Tensor, pictures: Tensor | int) -> Tensor:
        """Return what is to be believed of the mean of so many pictures' own: the less, the fewer they are."""
        return own * (pictures * self.trust / (pictures * self.trust + 1))

    @torch.no_grad()
    def begin(self, numbers: Tensor, people: Tensor) -> None:
        """Set the straight lines by what differs from person to person, and within one, of numbers (N, K).

        Prince and Elder 2007, Probabilistic linear discriminant analysis. A swap takes the target's own off and puts
        the source's on; what is deep in the networks learns the rest.
        """
        found = discriminants(numbers, people, IDENTITY)
        middle, count = numbers.mean(0), self.encoder.straight.out_features
        self.trust.copy_(found.ratio)
        one = torch.eye(numbers.shape[1])
        assert self.identity is not None
        set_line(self.identity.straight, found.read, middle, torch.zeros(IDENTITY))
        share = found.ratio / (found.ratio + 1)
        set_line(self.encoder.straight, (one - found.draw * share @ found.read)[:count], middle, torch.zeros(count))
        line: nn.Linear = self.decoders[0].straight  # type: ignore[assignment]
        set_line(line, torch.cat([one[:, :count], found.draw], 1), torch.zeros(count + IDENTITY), middle)
        begin_straight(self.encoder, self.identity, *self.decoders)

    def decode(self, codes: Tensor, own: Tensor, people: Tensor) -> Tensor:
        """Return numbers (N, K) from codes, by what is each one's own, or by the decoders of `people` (N,)."""
        if not self.whole:
            numbers: Tensor = self.decoders[0](codes, own)
            return numbers
        out = own.new_empty(len(codes), len(self.eigen.size))
        for person in torch.unique(people).tolist():
            chosen = people == person
            out[chosen] = self.decoders[person](codes[chosen], own[chosen]).to(out.dtype)
        return out


class Discriminants(NamedTuple):
    """What tells people apart, in coordinates in which pictures of one person vary by 1."""

    read: Tensor
    """(D, K) numbers to coordinates."""
    draw: Tensor
    """(K, D) coordinates to numbers."""
    ratio: Tensor
    """(D,) variance from person to person."""


def discriminants(numbers: Tensor, people: Tensor, count: int) -> Discriminants:
    """Return the directions in which people differ most, beside how pictures of one differ.

    Args:
        numbers: (N, K).
        people: (N,) int64.
        count: D; where there are fewer, the last ones are 0.
    """
    z = numbers.double() - numbers.double().mean(0)
    owners, person, each = torch.unique(people, return_inverse=True, return_counts=True)
    means = torch.zeros(len(owners), z.shape[1], dtype=z.dtype).index_add_(0, person, z) / each[:, None]
    within = z - means[person]
    ground = 1e-3 * z.square().mean() * torch.eye(z.shape[1], dtype=z.dtype)
    inner = within.T @ within / max(len(z) - len(owners), 1) + ground
    outer = means.T @ means / len(owners) - inner * (1 / each).mean()
    root = torch.linalg.cholesky(inner)
    white = torch.linalg.solve_triangular(root, outer, upper=False)
    spread, turn = torch.linalg.eigh(torch.linalg.solve_triangular(root, white.T, upper=False))
    kept = torch.argsort(spread, descending=True)[:count]
    kept = kept[spread[kept] > 1e-4]
    read, draw, ratio = torch.zeros(count, z.shape[1]), torch.zeros(z.shape[1], count), torch.zeros(count)
    read[: len(kept)] = torch.linalg.solve_triangular(root.T, turn[:, kept], upper=True).T.float()
    draw[:, : len(kept)] = (root @ turn[:, kept]).float()
    ratio[: len(kept)] = spread[kept].float()
    return Discriminants(read, draw, ratio)


def of_others(own: Tensor, pictures: Tensor) -> tuple[Tensor, Tensor]:
    """Return (P, K, D), for each of K pictures of P people the mean of what that person's other pictures say.

    And (P, K, 1), how many they are.

    Args:
        own: (P, K, D).
        pictures: (P, K) numbers of the pictures: the same picture twice is not another.
    """
    other = (pictures[:, :, None] != pictures[:, None, :]).float()
    alone = other.sum(2, keepdim=True) == 0  # of one picture there is no other: it speaks for itself
    other = torch.where(alone, torch.ones_like(other), other)
    count = other.sum(2, keepdim=True)
    return (other / count) @ own, count
