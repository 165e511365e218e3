import dataclasses
import json
import pickle

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from fauxbench import Artifact, FitTask, InputError, Output, Request, crop_square, read_image, resize
from fauxbench.generators import _training

SMALL = Output(width=16, height=16)
TINY = {
    "gan": {"width": 8, "latent": 8, "batch": 8},
    "dcgan": {"width": 4, "latent": 8, "batch": 4},
    "vae": {"width": 4, "latent": 4, "batch": 4},
    "progan": {"width": 4, "latent": 8, "batch": 4},
    "stylegan": {"width": 4, "latent": 8, "batch": 4, "mapping": 2},
    "diffusion": {"width": 8, "batch": 4, "sampler_steps": 3},
}
NAMES = sorted(TINY)
SIDES = {"progan": 16, "stylegan": 16}
every = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(autouse=True)
def _small_grids(monkeypatch):
    """Grids of the training cost more than the training itself at these sizes."""
    monkeypatch.setattr("fauxbench.generators.diffusion.training.SHOWN_STEPS", 1)
    monkeypatch.setattr("fauxbench.generators.diffusion.training.GRID_PICTURES", 4)
    monkeypatch.setattr("fauxbench.generators.dcgan.training.SETTLE_BATCHES", 2)


def requests(*numbers, **fields):
    return [Request(id=f"r{n}", seed=n, **fields) for n in numbers]


def pictures_of(artifacts):
    return {a.request_id: a.media.pixels for a in artifacts}


@pytest.fixture(scope="module")
def kept():
    """Weights of one fit of each system, as bytes of files, so that a fit is not repeated for every test."""
    return {}


@pytest.fixture
def fit(build, blobs, context):
    def fit(name, *, steps=6, context=context, **given):
        generator = build(name, steps=steps, **{**TINY[name], **given})
        generator.fit(FitTask(train=blobs, output=SMALL), context)
        return generator

    return fit


@pytest.fixture
def weights(fit, kept, tmp_path):
    def weights(name):
        folder = tmp_path / f"weights-{name}"
        folder.mkdir()
        if name not in kept:
            fit(name).save(folder)
            kept[name] = {file.name: file.read_bytes() for file in folder.iterdir()}
        for file, data in kept[name].items():
            (folder / file).write_bytes(data)
        return folder

    return weights


@pytest.fixture
def fitted(weights, build):
    def fitted(name, **given):
        generator = build(name, **{**TINY[name], **given})
        generator.load(weights(name))
        return generator

    return fitted


@every
def test_every_request_is_answered_by_its_seed_alone(name, fitted, context):
    generator = fitted(name)
    together = pictures_of(generator.generate(requests(*range(4)), context))
    assert sorted(together) == [f"r{i}" for i in range(4)]
    assert {(p.shape, p.dtype) for p in together.values()} == {((16, 16, 3), np.dtype(np.uint8))}
    apart = pictures_of(generator.generate(requests(3, 1), context))
    assert all(np.array_equal(together[key], apart[key]) for key in apart)
    assert not np.array_equal(together["r3"], together["r1"])
    asked = pictures_of(generator.generate(requests(1, output=Output(width=20, height=12)), context))
    assert asked["r1"].shape == (12, 20, 3)
    assert list(generator.generate([], context)) == []


@every
def test_what_is_saved_is_what_was_learned(name, fit, build, context, tmp_path):
    generator = fit(name)
    generator.save(tmp_path / "w")
    assert {p.name for p in (tmp_path / "w").iterdir()} == {"weights.safetensors", "config.json"}
    loaded = build(name)  # what was saved counts, not the architecture of the one that loads
    loaded.parameters = {**loaded.parameters, **{k: v for k, v in TINY[name].items() if k == "sampler_steps"}}
    loaded.load(tmp_path / "w")
    before, after = (pictures_of(g.generate(requests(1, 2), context)) for g in (generator, loaded))
    assert all(np.array_equal(before[key], after[key]) for key in before)
    config = json.loads((tmp_path / "w" / "config.json").read_text())
    assert (config["system"], config["train"], config["unreadable"], config["steps"]) == (name, 24, 0, 6)
    assert config["curve"][-1][0] == 6


class Interrupted(Exception):
    pass


@every
def test_an_interrupted_training_ends_the_same_to_the_bit(name, fit, context, tmp_path, monkeypatch):
    monkeypatch.setattr(_training, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(_training, "REPORT_EVERY", 1)
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    told = []

    def interrupt(fraction, message):
        told.append(message)
        if "step 4 of 9" in message:
            raise Interrupted

    def note(fraction, message):
        told.append(message)

    whole = fit(name, steps=9)
    torch.manual_seed(99)  # the global generator must not matter, and is left alone
    before = torch.random.get_rng_state()
    with pytest.raises(Interrupted):
        fit(name, steps=9, context=dataclasses.replace(context, checkpoints=folder, progress=interrupt))
    told.clear()
    again = fit(name, steps=9, context=dataclasses.replace(context, checkpoints=folder, progress=note))
    assert torch.equal(before, torch.random.get_rng_state())
    assert not any("step 4 of" in word and "after" not in word for word in told)  # it did go on, and not begin anew
    assert any("goes on after step 4 of 9" in word for word in told)
    for key, value in whole._network.state_dict().items():
        assert torch.equal(value, again._network.state_dict()[key]), key
    assert whole._config == again._config
    other = fit(name, steps=9, context=dataclasses.replace(context, seed=4, checkpoints=folder))
    states = [torch.cat([v.double().flatten() for v in g._network.state_dict().values()]) for g in (whole, other)]
    assert not torch.equal(*states)  # a checkpoint of another seed is none of ours


@pytest.mark.parametrize("damage", [b"", b"\x80\x04pickle", b"\0" * 200])
def test_a_damaged_checkpoint_is_not_gone_on_from(damage, fit, context, tmp_path):
    (tmp_path / "training.safetensors").write_bytes(damage)
    told = []
    watched = dataclasses.replace(context, checkpoints=tmp_path, progress=lambda f, m: told.append(m))
    fit("gan", steps=2, context=watched)
    assert not any("goes on" in word for word in told)


@every
def test_it_tells_losses_and_shows_pictures_as_it_goes(name, fit, context):
    told, shown = [], []
    watched = dataclasses.replace(
        context, progress=lambda f, m: told.append((f, m)), show=lambda p, n: shown.append((n, p))
    )
    fit(name, steps=20, context=watched)
    assert [f for f, _ in told] == sorted(f for f, _ in told)
    assert told[-1][0] == 1.0
    assert "step 20 of 20: " in told[-1][1]
    assert any(character.isdigit() for character in told[-1][1].partition(": ")[2])
    assert shown[-1][0] == "step-0000020"
    assert len(shown) >= 10
    side = SIDES.get(name, 32)
    for _, picture in shown:
        assert picture.dtype == np.uint8
        assert picture.shape[1:] == (8 * side, 3), name


@every
def test_showing_pictures_changes_nothing(name, fit, context, monkeypatch):
    first = fit(name)
    monkeypatch.setattr(_training, "SHOWN_AT", ())
    second = fit(name)
    for key, value in first._network.state_dict().items():
        assert torch.equal(value, second._network.state_dict()[key]), key


@every
def test_half_precision_is_enough(name, fitted, weights, build, context, tmp_path):
    folder = tmp_path / "half"
    folder.mkdir()
    whole = load_file(weights(name) / "weights.safetensors")
    state = {k: v.half() if v.is_floating_point() else v for k, v in whole.items()}
    save_file(state, folder / "weights.safetensors")
    (folder / "config.json").write_bytes((tmp_path / f"weights-{name}" / "config.json").read_bytes())
    generator = build(name, **TINY[name])
    generator.load(folder)
    assert all(v.dtype in {torch.float32, torch.int64} for v in generator._network.state_dict().values())
    assert isinstance(next(iter(generator.generate(requests(1), context))), Artifact)


def told(folder, **fields):
    """Change what the config says."""
    file = folder / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **fields}))


def shaped(folder, **fields):
    told(folder, shape={**json.loads((folder / "config.json").read_text())["shape"], **fields})


def pickled(folder):
    (folder / "weights.safetensors").rename(folder / "weights.pt")
    (folder / "weights.pt").write_bytes(pickle.dumps({"a": 1}))


def cut(folder):
    file = folder / "weights.safetensors"
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def reshaped(folder):
    file = folder / "weights.safetensors"
    state = load_file(file)
    save_file({**state, next(k for k, v in state.items() if v.dim() > 1): torch.zeros(3, 3)}, file)


def lacking(folder):
    file = folder / "weights.safetensors"
    save_file(dict(list(load_file(file).items())[1:]), file)


SPOILS = {
    "none": (lambda f: (f / "weights.safetensors").unlink(), r"no weights\.safetensors in "),
    "a pickle instead": (pickled, r"'weights\.pt' is a pickle, which is never loaded"),
    "a pickle by that name": (
        lambda f: (f / "weights.safetensors").write_bytes(pickle.dumps({"a": 1})),
        r"a pickle, which is never loaded",
    ),
    "cut off": (cut, r"not safetensors .*damaged"),
    "a tensor of another shape": (reshaped, r"1 tensors do not fit .*expected .*found \(3, 3\)"),
    "a tensor missing": (lacking, r"1 tensors do not fit .*found None"),
    "another width told": (lambda f: shaped(f, width=12), r"tensors do not fit"),
    "an impossible width": (lambda f: shaped(f, width=10**9), r"config\.json: .*width: found 1000000000, legal"),
    "an impossible side": (lambda f: told(f, side=33), r"config\.json: side, shape or output"),
    "another system": (lambda f: told(f, system="other"), r"expected weights of '.*', found those of 'other'"),
    "no JSON": (lambda f: (f / "config.json").write_text("{"), r"config\.json: not JSON"),
    "no config": (lambda f: (f / "config.json").unlink(), r"no config\.json in "),
}


@every
@pytest.mark.parametrize("how", SPOILS)
def test_weights_that_do_not_fit_are_refused_in_one_line(name, how, weights, build):
    folder = weights(name)
    spoil, words = SPOILS[how]
    spoil(folder)
    generator = build(name, **TINY[name])
    with pytest.raises(InputError, match=words) as caught:
        generator.load(folder)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="call fit or load first"):
        list(generator.generate(requests(1), None))


REFITS = {
    "gan": {"steps": 500, "width": 32, "batch": 16, "learning_rate": 0.002, "ema": 0.9},
    "dcgan": {"steps": 80, "width": 8, "batch": 16, "learning_rate": 0.002, "ema": 0.9, "fall": False},
    "vae": {"steps": 80, "width": 8, "batch": 16, "ema": 0.9},
    "progan": {"steps": 100, "width": 8, "learning_rate": 0.004, "ema": 0.9},
    "stylegan": {"steps": 80, "width": 8, "learning_rate": 0.004, "ema": 0.9},
    "diffusion": {"steps": 150, "width": 8, "batch": 16, "learning_rate": 0.004, "sampler_steps": 8},
}


def profile(pictures):
    """Return what a training learns first: the mean picture, coarsely, as (8, 8, 3)."""
    return np.mean(list(pictures), axis=0).reshape(8, 2, 8, 2, 3).mean((1, 3))


@pytest.mark.slow
@every
def test_a_short_refit_goes_the_right_way(name, fit, blobs, context):
    real = profile([resize(crop_square(read_image(one.location)), 16, 16) for one in blobs])
    apart = []
    for steps in (1, REFITS[name]["steps"]):
        generator = fit(name, **{**REFITS[name], "steps": steps})
        made = pictures_of(generator.generate(requests(*range(12)), context)).values()
        apart.append(float(np.abs(profile(made) - real).mean()))
    assert apart[1] < 0.7 * apart[0], apart
