"""The network that tells noise from picture."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, pixel_shuffle, pixel_unshuffle, scaled_dot_product_attention, silu

PATCH = 2
"""Side of the squares of pixels that are folded into channels first: a quarter of the work."""
GROUPS = 4
"""Of channels, normalised together."""


class Block(nn.Module):
    """Two convolutions beside a skip, the second scaled and shifted by the time.

    Nichol and Dhariwal 2021 (arXiv:2102.09672), section 2.3.
    """

    def __init__(self, before: int, after: int, time: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(GROUPS, before)
        self.first = nn.Conv2d(before, after, 3, padding=1)
        self.time = nn.Linear(time, 2 * after)
        self.inner = nn.GroupNorm(GROUPS, after)
        self.second = nn.Conv2d(after, after, 3, padding=1)
        self.skip: nn.Module = nn.Conv2d(before, after, 1) if before != after else nn.Identity()

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        """Return (N, after, H, W)."""
        scale, shift = self.time(time)[:, :, None, None].chunk(2, 1)
        inside = self.first(silu(self.norm(x)))
        inside = self.second(silu(self.inner(inside) * (1.0 + scale) + shift))
        out: Tensor = self.skip(x) + inside
        return out


class Attention(nn.Module):
    """Every place looks at every other."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(GROUPS, channels)
        self.ask = nn.Conv2d(channels, 3 * channels, 1)
        self.out = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, C, H, W)."""
        query, key, value = self.ask(self.norm(x)).flatten(2).transpose(1, 2).chunk(3, 2)
        seen = scaled_dot_product_attention(query, key, value).transpose(1, 2).reshape(x.shape)
        out: Tensor = x + self.out(seen)
        return out


class Denoiser(nn.Module):
    """Noisy pictures (N, 3, side, side) and times (N,) in [0, 1000) to what the scheduler asks for, of the same shape.

    A small U of residual blocks, after Ho et al. 2020 (arXiv:2006.11239), appendix B, over folded pixels.
    """

    def __init__(self, *, width: int, side: int) -> None:
        super().__init__()
        self.side = side
        sizes = (width, 2 * width, 3 * width)
        time = 4 * width
        self.width = width
        self.time = nn.Sequential(nn.Linear(width, time), nn.SiLU(), nn.Linear(time, time), nn.SiLU())
        self.first = nn.Conv2d(3 * PATCH**2, width, 3, padding=1)
        before = (width, *sizes[:-1])
        self.down = nn.ModuleList(Block(b, a, time) for b, a in zip(before, sizes, strict=True))
        self.lower = nn.ModuleList(nn.Conv2d(size, size, 3, stride=2, padding=1) for size in sizes[:-1])
        self.middle = Block(sizes[-1], sizes[-1], time)
        self.look = Attention(sizes[-1])
        self.up = nn.ModuleList(
            Block(below + size, size, time) for below, size in zip((*sizes[1:], sizes[-1]), sizes, strict=True)
        )
        self.norm = nn.GroupNorm(GROUPS, width)
        self.last = nn.Conv2d(width, 3 * PATCH**2, 3, padding=1)

    def forward(self, x: Tensor, times: Tensor) -> Tensor:
        """Return (N, 3, side, side)."""
        time = self.time(self._waves(times))
        x = self.first(pixel_unshuffle(x, PATCH))
        kept = []
        for place, block in enumerate(self.down):
            x = block(x, time)
            kept.append(x)
            if place < len(self.lower):
                x = self.lower[place](x)
        x = self.look(self.middle(x, time))
        for place in reversed(range(len(self.up))):
            x = self.up[place](torch.cat([x, kept[place]], 1), time)
            if place:
                x = interpolate(x, scale_factor=2, mode="nearest")
        return pixel_shuffle(self.last(silu(self.norm(x))), PATCH)

    def _waves(self, times: Tensor) -> Tensor:
        half = self.width // 2
        speeds = torch.exp(-math.log(10_000.0) * torch.arange(half, device=times.device) / half)
        angles = times.to(torch.float32)[:, None] * speeds
        return torch.cat([angles.sin(), angles.cos()], 1)


@torch.no_grad()
def initialise(network: Denoiser, rng: torch.Generator) -> None:
    """Draw weights with variance 1 / inputs; the last layer of each block, of attention and of the whole is zero."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            inputs = module.weight[0].numel()
            nn.init.normal_(module.weight, 0.0, 1.0 / math.sqrt(inputs), generator=rng)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    ends: list[nn.Conv2d] = [network.last, network.look.out]
    ends += [module.second for module in network.modules() if isinstance(module, Block)]
    for end in ends:
        nn.init.zeros_(end.weight)
