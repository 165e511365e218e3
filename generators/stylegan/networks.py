"""Mapping, synthesis and critic of the style-based generator."""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d, interpolate, leaky_relu

from fauxbench.generators._training_layers import EqualConv, EqualLinear, draw_equal, pixel_norm, with_deviation

SLOPE = 0.2
MAPPING_RATE = 0.01
"""How much slower the mapping network learns: Karras et al. 2018 (arXiv:1812.04948), appendix C."""


def channels(side: int, width: int) -> int:
    """Return the channels at one side: `width` at 32 px, halved where the side doubles, at most four times `width`."""
    return max(4, min(32 * width // side, 4 * width))


class Modulated(nn.Module):
    """A convolution whose inputs are scaled by a style: Karras et al. 2019 (arXiv:1912.04958), equations 1 to 3.

    Scaling the inputs and dividing the outputs is the same as scaling the weights for each picture, and needs one
    convolution for the whole batch.
    """

    def __init__(self, before: int, after: int, kernel: int, style: int, *, demodulate: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(after, before, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(after))
        self.style = EqualLinear(style, before, gain=1.0, bias=1.0)
        self.scale = 1.0 / math.sqrt(before * kernel * kernel)
        self.demodulate = demodulate

    def forward(self, x: Tensor, w: Tensor, noise: Tensor | None = None) -> Tensor:
        """Return (N, after, H, W) for `x` (N, before, H, W), styles `w` (N, style), `noise` (N, 1, H, W) scaled."""
        style = self.style(w)
        weight = self.weight * self.scale
        x = conv2d(x * style[:, :, None, None], weight, padding=weight.shape[-1] // 2)
        if self.demodulate:
            lengths = style.square() @ weight.square().sum((2, 3)).t()
            x = x * torch.rsqrt(lengths + 1e-8)[:, :, None, None]
        if noise is not None:
            x = x + noise
        return x + self.bias[:, None, None]


class Layer(nn.Module):
    """One modulated convolution with noise and a leaky rectifier, after a doubling of the side if asked for."""

    def __init__(self, before: int, after: int, style: int, *, doubles: bool) -> None:
        super().__init__()
        self.convolution = Modulated(before, after, 3, style)
        self.noise = nn.Parameter(torch.zeros(()))
        self.doubles = doubles

    def forward(self, x: Tensor, w: Tensor, rng: torch.Generator) -> Tensor:
        """Return the features; `rng`, on the CPU, draws the noise."""
        if self.doubles:
            x = interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        drawn = torch.randn(len(x), 1, *x.shape[2:], generator=rng).to(x.device)
        x = self.convolution(x, w, drawn * self.noise)
        return leaky_relu(x, SLOPE) * math.sqrt(2.0)


class Artist(nn.Module):
    """Generator network: latents to styles (mapping), styles and noise to pictures (synthesis).

    Karras et al. 2018, section 2: a learned constant, styles at each layer, noise with a learned strength. Karras et
    al. 2019, sections 2.2 and 4.1: modulated convolutions and RGB skips instead of adaptive normalisation and growing.

    Attributes:
        centre: (style,) running mean of the styles, towards which truncation pulls.
    """

    centre: Tensor

    def __init__(self, *, latent: int, width: int, mapping: int, side: int) -> None:
        super().__init__()
        self.latent = latent
        sides = [4 << k for k in range(side.bit_length() - 2)]
        sizes = [channels(s, width) for s in sides]
        self.mapping = nn.ModuleList(EqualLinear(latent, latent, rate=MAPPING_RATE) for _ in range(mapping))
        self.constant = nn.Parameter(torch.zeros(1, sizes[0], 4, 4))
        self.first = Layer(sizes[0], sizes[0], latent, doubles=False)
        self.blocks = nn.ModuleList(
            nn.ModuleList([Layer(before, after, latent, doubles=True), Layer(after, after, latent, doubles=False)])
            for before, after in pairwise(sizes)
        )
        self.to_rgb = nn.ModuleList(Modulated(size, 3, 1, latent, demodulate=False) for size in sizes)
        self.register_buffer("centre", torch.zeros(latent))

    @property
    def layers(self) -> int:
        """How many styles a picture takes."""
        return 1 + 2 * len(self.blocks)

    def styles(self, z: Tensor) -> Tensor:
        """Return styles (N, latent) for latents (N, latent)."""
        w = pixel_norm(z)
        for layer in self.mapping:
            w = leaky_relu(layer(w), SLOPE)
        return w

    def forward(self, w: Tensor, rng: torch.Generator) -> Tensor:
        """Return pictures (N, 3, side, side), about [-1, 1], for styles `w` (N, layers, latent)."""
        x = self.first(self.constant.expand(len(w), -1, -1, -1), w[:, 0], rng)
        pictures: Tensor = self.to_rgb[0](x, w[:, 0])
        for place, block in enumerate(self.blocks):
            for k, layer in enumerate(block.children()):
                x = layer(x, w[:, 2 * place + k + 1], rng)
            pictures = interpolate(pictures, scale_factor=2, mode="bilinear", align_corners=False)
            pictures = pictures + self.to_rgb[place + 1](x, w[:, 2 * place + 2])
        return pictures


class Critic(nn.Module):
    """Discriminator network: pictures (N, 3, side, side) to logits (N,), positive = real.

    Karras et al. 2019, section 4.1: residual blocks, and the standard deviation of the minibatch at 4 x 4.
    """

    def __init__(self, *, width: int, side: int) -> None:
        super().__init__()
        sizes = [channels(4 << k, width) for k in range(side.bit_length() - 2)][::-1]
        self.from_rgb = EqualConv(3, sizes[0], 1)
        self.blocks = nn.ModuleList(
            nn.ModuleList(
                [EqualConv(before, before, 3), EqualConv(before, after, 3), EqualConv(before, after, 1, gain=1.0)]
            )
            for before, after in pairwise(sizes)
        )
        self.first = EqualConv(sizes[-1] + 1, sizes[-1], 3)
        self.second = EqualLinear(sizes[-1] * 16, sizes[-1])
        self.last = EqualLinear(sizes[-1], 1, gain=1.0)

    def forward(self, pictures: Tensor) -> Tensor:
        """Return logits (N,), positive = real."""
        x = leaky_relu(self.from_rgb(pictures), SLOPE)
        for block in self.blocks:
            first, second, skip = block.children()
            beside = skip(avg_pool2d(x, 2))
            x = leaky_relu(second(avg_pool2d(leaky_relu(first(x), SLOPE), 2)), SLOPE)
            x = (x + beside) / math.sqrt(2.0)
        x = leaky_relu(self.first(with_deviation(x)), SLOPE)
        logits: Tensor = self.last(leaky_relu(self.second(x.flatten(1)), SLOPE))
        return logits.flatten()


@torch.no_grad()
def initialise(network: nn.Module, rng: torch.Generator) -> None:
    """Draw every weight and the constant from N(0, 1)."""
    draw_equal(network, rng)
    for module in network.modules():
        if isinstance(module, Modulated):
            module.weight.copy_(torch.randn(module.weight.shape, generator=rng))
        if isinstance(module, Artist):
            module.constant.copy_(torch.randn(module.constant.shape, generator=rng))
