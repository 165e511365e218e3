import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from fauxbench import FauxbenchError, FitTask, InputError, Output, Request
from fauxbench.generators._training import train
from fauxbench.generators._training_pictures import Batches, network_side
from fauxbench.generators.dcgan.networks import Artist, Critic, initialise
from fauxbench.generators.dcgan.training import Game, Recipe

from .conftest import item

TINY = {"width": 4, "steps": 5, "batch": 4, "latent": 8}
SMALL = Output(width=32, height=32)


def requests(*numbers, **fields):
    return [Request(id=f"r{n}", seed=n, **fields) for n in numbers]


def pictures_of(artifacts):
    return {a.request_id: a.media.pixels for a in artifacts}


@pytest.fixture
def fitted(build, blobs, context):
    generator = build("dcgan", **TINY)
    generator.fit(FitTask(train=blobs, output=SMALL), context)
    return generator


@pytest.mark.parametrize("side", [32, 64, 128])
def test_networks_follow_the_paper(side):
    artist, critic = Artist(latent=10, width=4, side=side), Critic(width=4, side=side)
    z = torch.randn(2, 10, generator=torch.Generator().manual_seed(0))
    pictures = artist(z)
    assert pictures.shape == (2, 3, side, side)
    assert pictures.abs().max() <= 1.0
    assert critic(pictures).shape == (2,)
    kinds = [type(m) for m in (*artist.modules(), *critic.modules())]
    assert not {nn.Linear, nn.MaxPool2d, nn.AvgPool2d} & set(kinds)
    norms = [[isinstance(m, nn.BatchNorm2d) for m in n.layers] for n in (artist, critic)]
    assert not any(norms[0][-2:])  # none at the output of the generator
    assert not any(norms[1][:2])  # nor at the input of the discriminator
    assert {m.negative_slope for m in critic.modules() if isinstance(m, nn.LeakyReLU)} == {0.2}


def test_initial_weights_have_the_papers_spread_and_leave_the_global_generator_alone():
    artist = Artist(latent=100, width=16, side=32)
    before = torch.random.get_rng_state()
    initialise(artist, torch.Generator().manual_seed(1))
    assert torch.equal(before, torch.random.get_rng_state())
    weights = torch.cat([m.weight.detach().flatten() for m in artist.modules() if isinstance(m, nn.ConvTranspose2d)])
    assert float(weights.std()) == pytest.approx(0.02, rel=0.02)
    assert float(weights.mean()) == pytest.approx(0.0, abs=2e-4)


def test_batches_show_every_picture_equally_often():
    pictures = torch.arange(5, dtype=torch.uint8)[:, None, None, None].expand(5, 3, 4, 4)
    drawn = Batches(pictures, flip=False, rng=torch.Generator().manual_seed(0))
    seen = torch.cat([drawn.draw(3)[:, 0, 0, 0] for _ in range(5)])
    values, counts = torch.unique(seen, return_counts=True)
    assert torch.allclose(values, torch.arange(5) / 127.5 - 1.0)
    assert counts.tolist() == [3] * 5


def test_flip_mirrors_about_half():
    pictures = torch.zeros(1, 3, 4, 4, dtype=torch.uint8)
    pictures[..., 0] = 255
    drawn = Batches(pictures, flip=True, rng=torch.Generator().manual_seed(0)).draw(200)
    assert 60 < int((drawn[:, 0, 0, 3] > 0).sum()) < 140


def test_every_request_is_answered_once_with_a_picture(fitted, context):
    artifacts = list(fitted.generate(requests(*range(7)), context))
    assert sorted(a.request_id for a in artifacts) == [f"r{i}" for i in range(7)]
    for pixels in pictures_of(artifacts).values():
        assert pixels.shape == (32, 32, 3)
        assert pixels.dtype == np.uint8
    assert list(fitted.generate([], context)) == []


def test_a_picture_depends_on_its_seed_alone(fitted, context):
    together = pictures_of(fitted.generate(requests(*range(9)), context))
    apart = pictures_of(fitted.generate(requests(7, 2), context))
    assert all(np.array_equal(together[name], apart[name]) for name in apart)
    assert not np.array_equal(together["r7"], together["r2"])
    other_name = next(iter(fitted.generate([Request(id="x", seed=7)], context)))
    assert np.array_equal(other_name.media.pixels, together["r7"])


@pytest.mark.parametrize("seed", [0, (1 << 64) - 1, -5, 1 << 80])
def test_any_integer_is_a_seed(fitted, context, seed):
    assert next(iter(fitted.generate([Request(id="x", seed=seed)], context))).media.pixels.shape == (32, 32, 3)


def test_training_repeats_to_the_bit_and_follows_its_seed(build, blobs, context, fitted):
    torch.manual_seed(99)  # the global generator must not matter, and is left alone
    before = torch.random.get_rng_state()
    again = build("dcgan", **TINY)
    again.fit(FitTask(train=blobs, output=SMALL), context)
    assert torch.equal(before, torch.random.get_rng_state())
    other = build("dcgan", **TINY)
    other.fit(FitTask(train=blobs, output=SMALL), dataclasses.replace(context, seed=4))
    first, second, third = (pictures_of(g.generate(requests(1), context))["r1"] for g in (fitted, again, other))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, third)


def test_saved_and_loaded_it_makes_the_same_pictures(fitted, build, context, tmp_path):
    fitted.save(tmp_path / "w")
    assert {p.name for p in (tmp_path / "w").iterdir()} == {"weights.safetensors", "config.json"}
    loaded = build("dcgan", width=8)  # what was saved counts, not the parameters of the one that loads
    loaded.load(tmp_path / "w")
    before, after = (pictures_of(g.generate(requests(1, 2), context)) for g in (fitted, loaded))
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_it_learns_where_it_is_bright(build, blobs, context):
    generator = build("dcgan", width=8, steps=120, fall=False)
    generator.fit(FitTask(train=blobs, output=SMALL), context)
    drawn = pictures_of(generator.generate(requests(*range(16)), context))
    mean = np.mean(list(drawn.values()), axis=(0, 3))
    border = np.concatenate([mean[:4].ravel(), mean[-4:].ravel()]).mean()
    assert mean[12:20, 12:20].mean() > border + 60
    assert border < 90


def test_progress_ends_at_one_and_tells_the_losses(build, blobs, context):
    told = []
    generator = build("dcgan", **TINY)
    generator.fit(FitTask(train=blobs), dataclasses.replace(context, progress=lambda f, m: told.append((f, m))))
    fractions = [f for f, _ in told]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert "critic" in told[-1][1]


@pytest.mark.parametrize(
    ("asked", "shapes", "side"),
    [
        ((None, None), [(100, 90), (70, 200)], 64),
        ((None, None), [(100, 90), (50, 200)], 32),
        ((None, None), [(20, 20)], 32),
        ((32, 32), [(500, 500)], 32),
        ((100, 70), [(500, 500)], 64),
        ((300, 300), [(40, 40)], 128),
        ((16, 16), [(40, 40)], 32),
        ((None, 64), [(40, 40)], 64),
    ],
)
def test_side_of_the_networks(asked, shapes, side):
    pictures = [np.zeros((*shape, 3), np.uint8) for shape in shapes]
    assert network_side(Output(width=asked[0], height=asked[1]), pictures, (32, 64, 128)) == side


def test_other_sizes_cover_and_cut(build, blobs, context):
    generator = build("dcgan", **TINY)
    generator.fit(FitTask(train=blobs, output=Output(width=50, height=36)), context)
    pixels = pictures_of(generator.generate(requests(1), context))["r1"]
    assert pixels.shape == (36, 50, 3)
    asked = pictures_of(generator.generate(requests(1, output=Output(width=20, height=24)), context))["r1"]
    assert asked.shape == (24, 20, 3)


def test_unreadable_train_pictures_are_left_out_and_none_is_an_error(build, blobs, context, tmp_path):
    bad = tmp_path / "bad.png"
    bad.write_text("not a picture")
    told = []
    generator = build("dcgan", **TINY)
    watched = dataclasses.replace(context, progress=lambda f, m: told.append(m))
    generator.fit(FitTask(train=(*blobs, item("bad", bad), item("gone", None)), output=SMALL), watched)
    assert "2 unreadable" in told[0]
    with pytest.raises(InputError, match="none of the 1 train pictures"):
        build("dcgan", **TINY).fit(FitTask(train=(item("bad", bad),)), context)


def test_divergence_is_an_error_that_says_what_to_do(context):
    recipe = Recipe(latent=8, width=4, batch=4, learning_rate=1e30, fall=False, ema=0.0, flip=False)
    game = Game(torch.zeros(4, 3, 32, 32, dtype=torch.uint8), recipe, context)
    with pytest.raises(FauxbenchError, match=r"diverged at step .*lower learning_rate"):
        train(game, name="dcgan", steps=20, recipe={}, context=context)


def test_without_training_it_says_so(build, context):
    with pytest.raises(InputError, match="fit or load"):
        list(build("dcgan").generate(requests(1), context))
