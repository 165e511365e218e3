import hashlib

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from fauxbench.harness import instruments
from fauxbench.harness.errors import InputError
from fauxbench.harness.instruments import inception, instrument_card, load_instrument
from fauxbench.harness.instruments.inception import network, prepare

pytestmark = pytest.mark.slow
SIZES = ((48, 64), (320, 300), (299, 299))


@pytest.fixture(scope="module")
def pictures():
    rng = np.random.default_rng(5)
    out = []
    for height, width in SIZES:
        small = np.uint8(rng.integers(0, 256, (height // 4, width // 4, 3)))
        fine = rng.integers(-40, 40, (height, width, 3))
        blurred = np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC), dtype=int)
        out.append(np.uint8(np.clip(blurred + fine, 0, 255)))
    return out


@pytest.fixture(scope="module")
def weights(tmp_path_factory, pictures):
    """Random weights with BatchNorm calibrated on the pictures; without that, every input gives features of 1e-8."""
    torch.manual_seed(3)
    net = network()
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight)
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
            nn.init.constant_(module.bias, 2)  # mostly linear: else rounding grows with depth as in no trained network
    net.transform_input = False
    with torch.no_grad():
        net.train()(torch.stack([prepare(torch.from_numpy(p), "clean") for p in pictures]))
    path = tmp_path_factory.mktemp("weights") / "inception.pth"
    torch.save(net.state_dict(), path)
    return path


@pytest.fixture(scope="module")
def card(weights):
    content = weights.read_bytes()
    locked = instrument_card("inception-2015").weights.model_copy(
        update={"file": weights.name, "sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
    )
    return instrument_card("inception-2015").model_copy(update={"weights": locked})


@pytest.fixture
def load(card, weights, monkeypatch):
    monkeypatch.setattr(instruments, "instrument_card", lambda name: card)
    monkeypatch.setattr(inception.Inception2015, "batch", 3)
    return lambda resize=None: load_instrument("inception-2015", weights.parent, resize=resize)


@pytest.fixture
def peer(weights, monkeypatch):
    """pytorch-fid's own network, with the same weights in place of its download."""
    import pytorch_fid.inception as theirs

    monkeypatch.setattr(theirs, "load_state_dict_from_url", lambda *a, **k: torch.load(weights, weights_only=True))
    net = theirs.InceptionV3((3,)).eval()

    def features(pictures):
        with torch.inference_mode():
            planes = [torch.from_numpy(p).permute(2, 0, 1)[None].float() / 255 for p in pictures]
            return np.concatenate([net(p)[0].flatten(1).numpy() for p in planes])

    return features


def apart(a, b):
    """Largest difference, in standard deviations of the features over pictures."""
    return float(np.abs(a - b).max() / b.std())


def test_features_are_pytorch_fids_under_its_resize_and_not_under_ours(load, peer, pictures):
    expected = peer(pictures)
    assert expected.std(axis=0).mean() > 1e-3
    same = load("pytorch-fid").extract(pictures)["features"]
    assert apart(same, expected) < 1e-4
    clean = load().extract(pictures)["features"]
    assert apart(clean[:2], expected[:2]) > 1e-2


def test_logits_are_the_features_through_the_head_without_bias(load, weights, pictures):
    found = load().extract(pictures)
    head = torch.load(weights, weights_only=True)["fc.weight"].double().numpy()
    np.testing.assert_allclose(found["logits"], found["features"].astype(np.float64) @ head.T, rtol=1e-4, atol=1e-4)
    assert found["logits"].shape == (3, 1008)


def test_an_items_numbers_do_not_depend_on_its_neighbours(load, pictures):
    instrument = load()
    together = instrument.extract(pictures)
    alone = instrument.extract(pictures[1:2])
    np.testing.assert_array_equal(alone["features"][0], together["features"][1])
    assert instrument.extract([])["features"].shape == (0, 2048)


def test_clean_resize_is_bicubic_of_pillow_in_float(pictures):
    for picture in pictures:
        planes = [
            np.asarray(
                Image.fromarray(picture[:, :, c].astype(np.float32)).resize((299, 299), Image.Resampling.BICUBIC)
            )
            for c in range(3)
        ]
        found = prepare(torch.from_numpy(picture), "clean").numpy() * 128 + 128
        assert np.abs(found - np.stack(planes)).max() < 0.02


def test_unknown_resize_is_refused(load):
    with pytest.raises(InputError, match="legal: clean, pytorch-fid"):
        load("tf1")


def test_weights_that_hold_code_are_refused(tmp_path):
    class Evil:
        def __reduce__(self):
            return (tmp_path.joinpath("touched").touch, ())

    path = tmp_path / "evil.pth"
    torch.save({"fc.weight": Evil()}, path)
    with pytest.raises(Exception, match=r"(?i)weights_only|weights only"):
        inception.Inception2015(instrument_card("inception-2015"), path)
    assert not (tmp_path / "touched").exists()
