import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import conv2d

from fauxbench.generators._training import Average, rising_and_falling
from fauxbench.generators._training_layers import EqualConv, EqualLinear, draw_equal, pixel_norm, with_deviation
from fauxbench.generators._training_pictures import as_bytes, as_floats, cover, grid
from fauxbench.generators.progan import networks as progan
from fauxbench.generators.progan.training import phase
from fauxbench.generators.stylegan import networks as stylegan
from fauxbench.generators.vae.networks import Autoencoder, divergence, initialise, negative_likelihood


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def test_bytes_and_floats_are_each_others_inverse():
    every = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16)
    assert torch.equal(as_bytes(as_floats(every)), every)
    assert as_bytes(torch.tensor([-3.0, 3.0])).tolist() == [0, 255]


def test_a_grid_lays_pictures_out_by_rows():
    pictures = torch.linspace(-1, 1, 10)[:, None, None, None].expand(10, 3, 4, 4)
    sheet = grid(pictures)
    assert sheet.shape == (8, 32, 3)
    assert sheet[0, ::4, 0].tolist() == as_bytes(torch.linspace(-1, 1, 10))[:8].tolist()
    assert sheet[4, 4, 0] == 255
    assert (sheet[4:, 8:] == 255).all()  # blank


def test_cover_keeps_the_centre():
    pixels = np.zeros((4, 4, 3), np.uint8)
    assert cover(pixels, 10, 6).shape == (6, 10, 3)


def test_the_running_mean_follows_and_keeps_buffers():
    network = nn.BatchNorm1d(1, affine=True)
    mean = Average(network, 0.5)
    with torch.no_grad():
        network.weight.fill_(3.0)
        network.running_mean.fill_(7.0)
    mean.follow(network, 10**6)
    assert mean.network.weight.item() == pytest.approx(2.0)
    assert mean.network.running_mean.item() == 7.0
    zero = Average(network, 0.0)
    with torch.no_grad():
        network.weight.fill_(9.0)
    zero.follow(network, 5)
    assert zero.network.weight.item() == 9.0


def test_the_learning_rate_rises_stays_and_falls():
    assert rising_and_falling(0.01) == pytest.approx(0.5)
    assert rising_and_falling(0.3) == 1.0
    assert rising_and_falling(0.75) == pytest.approx(0.5)
    assert rising_and_falling(1.0) == pytest.approx(0.0)


@torch.no_grad()
def test_equalised_layers_keep_the_variance():
    layers = nn.ModuleList([EqualConv(64, 64, 3, gain=1.0), EqualLinear(256, 256, gain=1.0, rate=0.01)])
    draw_equal(layers, rng())
    x = torch.randn(8, 64, 16, 16, generator=rng(1))
    assert float(layers[0](x)[:, :, 1:-1, 1:-1].std()) == pytest.approx(1.0, rel=0.05)
    assert float(layers[1](torch.randn(512, 256, generator=rng(2))).std()) == pytest.approx(1.0, rel=0.05)


def test_pixel_norm_gives_every_pixel_length_one():
    x = pixel_norm(torch.randn(2, 16, 3, 3, generator=rng()) * 50)
    assert torch.allclose(x.square().mean(1), torch.ones(2, 3, 3), atol=1e-4)


def test_the_deviation_of_a_minibatch_is_a_map_and_tells_copies_from_variety():
    same = torch.ones(4, 2, 4, 4)
    assert float(with_deviation(same)[:, 2].max()) == pytest.approx(1e-4, rel=0.01)
    varied = torch.randn(8, 2, 4, 4, generator=rng())
    found = with_deviation(varied)
    assert found.shape == (8, 3, 4, 4)
    groups = varied.reshape(4, 2, 2, 4, 4)
    wanted = groups.var(0, unbiased=False).sqrt().mean((1, 2, 3))
    assert torch.allclose(found[:, 2, 0, 0], wanted.repeat(4), atol=1e-5)


def test_growth_passes_every_stage_and_fades_each_in():
    shares = [k / 1000 for k in range(1, 1001)]
    seen = [phase(share, 4) for share in shares]
    assert sorted({p.stage for p in seen}) == [0, 1, 2, 3]
    assert [p.stage for p in seen] == sorted(p.stage for p in seen)
    assert seen[-1] == (3, 1.0)
    for stage in (1, 2, 3):
        alphas = [p.alpha for p in seen if p.stage == stage]
        assert alphas == sorted(alphas)
        assert alphas[0] < 0.02
        assert alphas.count(1.0) == pytest.approx(len(alphas) / 2, abs=2)


@pytest.mark.parametrize("side", [16, 32])
def test_a_stage_begins_as_the_one_before_enlarged(side):
    artist, critic = progan.Artist(latent=8, width=4, side=side), progan.Critic(width=4, side=side)
    draw_equal(artist, rng())
    draw_equal(critic, rng(1))
    last = progan.stages(side) - 1
    z = torch.randn(4, 8, generator=rng(2))
    old, new = artist(z, last - 1, 1.0), artist(z, last, 0.0)
    assert new.shape == (4, 3, side, side)
    assert torch.allclose(new, old.repeat_interleave(2, 2).repeat_interleave(2, 3), atol=1e-5)
    assert torch.allclose(critic(new, last, 0.0), critic(old, last - 1, 1.0), atol=1e-4)
    assert torch.allclose(artist(5 * z, last, 1.0), artist(z, last, 1.0), atol=1e-4)  # on a sphere
    real = torch.randn(2, 3, side, side, generator=rng(3))
    assert torch.equal(progan.fade(real, 1.0), real)


def test_modulating_inputs_is_modulating_weights():
    layer = stylegan.Modulated(6, 5, 3, style=4)
    stylegan.initialise(layer, rng())
    x, w = torch.randn(2, 6, 8, 8, generator=rng(1)), torch.randn(2, 4, generator=rng(2))
    style = layer.style(w)
    for n in range(2):
        weight = layer.weight * layer.scale * style[n][None, :, None, None]
        weight = weight / (weight.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
        wanted = conv2d(x[n : n + 1], weight, padding=1)
        assert torch.allclose(layer(x, w)[n], wanted[0] + layer.bias[:, None, None], atol=1e-5)


def test_styles_steer_layers_and_noise_changes_with_its_strength():
    artist = stylegan.Artist(latent=8, width=4, mapping=2, side=16)
    stylegan.initialise(artist, rng())
    assert artist.layers == 5
    w = artist.styles(torch.randn(1, 8, generator=rng(1)))[:, None].expand(-1, 5, -1)
    assert torch.equal(artist(w, rng(2)), artist(w, rng(3)))  # strengths begin at zero
    with torch.no_grad():
        artist.blocks[0][0].noise.fill_(0.5)
    assert not torch.equal(artist(w, rng(2)), artist(w, rng(3)))
    other = w.clone()
    other[:, -1] += 1.0
    assert not torch.equal(artist(w, rng(2)), artist(other, rng(2)))


def test_the_divergence_is_that_of_the_distributions():
    mean, spread = torch.randn(3, 5, generator=rng()), torch.randn(3, 5, generator=rng(1))
    first = torch.distributions.Normal(mean, (0.5 * spread).exp())
    wanted = torch.distributions.kl_divergence(first, torch.distributions.Normal(0.0, 1.0)).sum(1)
    assert torch.allclose(divergence(mean, spread), wanted, atol=1e-5)


def test_the_likelihood_is_the_best_over_all_variances():
    real, decoded = torch.randn(4, 3, 2, 2, generator=rng()), torch.randn(4, 3, 2, 2, generator=rng(1))
    found = float(negative_likelihood(real, decoded))
    tries = []
    for variance in torch.linspace(0.2, 6.0, 400):
        normal = torch.distributions.Normal(decoded, variance.sqrt())
        nats = -normal.log_prob(real).sum((1, 2, 3)).mean()
        tries.append(float(nats) - 6.0 * (1.0 + math.log(2 * math.pi)))  # 12 numbers; the constant of the best
    assert min(tries) == pytest.approx(found, abs=0.01)


def test_latents_are_drawn_from_where_those_of_pictures_lie():
    coder = Autoencoder(latent=3, width=4, side=32)
    initialise(coder, torch.Generator().manual_seed(0))
    noise = torch.randn(5, 3, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(coder.drawn(noise), noise)  # the prior, before anything is known
    pictures = torch.rand(40, 3, 32, 32, generator=torch.Generator().manual_seed(2)) * 2 - 1
    coder.describe(torch.split(pictures, 16))
    mean, spread = coder.encode(pictures)
    expected = np.cov(mean.detach().double().numpy().T) + np.diag(spread.detach().double().exp().mean(0))
    many = coder.drawn(torch.randn(20_000, 3, generator=torch.Generator().manual_seed(3))).numpy()
    np.testing.assert_allclose(many.mean(0), mean.detach().numpy().mean(0), atol=0.05)
    np.testing.assert_allclose(np.cov(many.T), expected, atol=0.05 * np.abs(expected).max())
