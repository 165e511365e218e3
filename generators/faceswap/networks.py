"""The networks of a swap: one encoder for everybody, and for each person a decoder, or an own part of one."""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

SLOPE = 0.1


class Encoder(nn.Module):
    """Faces (N, 3, 64, 64) in [-1, 1] to codes (N, code): four strided convolutions of 5 x 5 and a full layer."""

    def __init__(self, *, width: int, code: int) -> None:
        super().__init__()
        channels = [3, width, 2 * width, 4 * width, 8 * width]
        layers: list[nn.Module] = []
        for before, after in pairwise(channels):
            layers += [nn.Conv2d(before, after, 5, 2, 2), nn.LeakyReLU(SLOPE, inplace=True)]
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(8 * width * 16, code))

    def forward(self, faces: Tensor) -> Tensor:
        """Return codes."""
        codes: Tensor = self.layers(faces)
        return codes


class Decoder(nn.Module):
    """Codes (N, code) to faces (N, 3, 64, 64) in [-1, 1], of one of `people`.

    Every person owns a map of 8 x 8 and, in each layer, a scale and an offset for every channel; `people` 1 is a whole
    decoder for one person.
    """

    def __init__(self, *, width: int, code: int, people: int) -> None:
        super().__init__()
        self.channels = [4 * width, 4 * width, 2 * width, width]
        self.first = nn.Linear(code, 4 * width * 64)
        self.own_map = nn.Parameter(torch.zeros(people, 4 * width, 8, 8))
        self.own_scale = nn.Parameter(torch.zeros(people, sum(self.channels)))
        self.own_offset = nn.Parameter(torch.zeros(people, sum(self.channels)))
        pairs = pairwise(self.channels)
        self.grow = nn.ModuleList(nn.Conv2d(before, 4 * after, 3, 1, 1) for before, after in pairs)
        self.last = nn.Conv2d(width, 3, 5, 1, 2)

    def forward(self, codes: Tensor, people: Tensor) -> Tensor:
        """Return faces; `people` (N,) int64 says whose."""
        scales = torch.split(self.own_scale[people], self.channels, 1)
        offsets = torch.split(self.own_offset[people], self.channels, 1)
        x = self.first(codes).unflatten(1, (self.channels[0], 8, 8)) + self.own_map[people]
        for place, (scale, offset) in enumerate(zip(scales, offsets, strict=True)):
            x = functional.leaky_relu(x * (1 + scale[:, :, None, None]) + offset[:, :, None, None], SLOPE)
            if place < len(self.grow):
                x = functional.pixel_shuffle(self.grow[place](x), 2)
        return torch.tanh(self.last(x))


class Swapper(nn.Module):
    """Encoder, decoders, and the mean code of everybody, which is taken off before decoding.

    What all pictures of a person share is thereby not in what a decoder is told: who it is to be, the decoder knows.
    """

    means: Tensor
    """(people + 1, code); the last is the mean of all, for targets whom nobody knows."""

    def __init__(self, *, width: int, code: int, people: int, whole: bool) -> None:
        super().__init__()
        self.whole = whole
        self.encoder = Encoder(width=width, code=code)
        owners, each = (people, 1) if whole else (1, people)
        self.decoders = nn.ModuleList(Decoder(width=width, code=code, people=each) for _ in range(owners))
        self.register_buffer("means", torch.zeros(people + 1, code))

    def decode(self, codes: Tensor, people: Tensor) -> Tensor:
        """Return faces (N, 3, 64, 64) of `people` (N,) from codes whose own person's mean was taken off."""
        if not self.whole:
            faces: Tensor = self.decoders[0](codes, people)
            return faces
        out = codes.new_empty(len(codes), 3, 64, 64)
        nobody = torch.zeros_like(people)
        for person in torch.unique(people).tolist():
            chosen = people == person
            out[chosen] = self.decoders[person](codes[chosen], nobody[chosen])
        return out
