import hashlib

import numpy as np
import pytest
import torch
from PIL import Image

from fauxbench.harness import instruments
from fauxbench.harness.errors import InputError
from fauxbench.harness.instruments import inception, instrument_card, load_instrument
from fauxbench.harness.instruments.inception import prepare
from fauxbench.harness.instruments.inception_order import PooledLast

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
def weights(tmp_path_factory, pictures, calibrate):
    return calibrate(pictures, tmp_path_factory.mktemp("weights") / "inception.pth")


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
    return lambda resize="clean", **more: load_instrument("inception-2015", weights.parent, resize=resize, **more)


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
        assert np.abs(found - np.stack(planes).clip(0, 255)).max() < 0.02
        assert np.stack(planes).max() > 256 or picture.shape[0] == 299  # cut where bicubic overshoots


@pytest.mark.parametrize("size", SIZES)
def test_tf1_resize_takes_from_uncentred_positions(rng, size):
    picture = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
    found = prepare(torch.from_numpy(picture), "tf1").numpy() * 128 + 128
    for row, column in ((0, 0), (7, 201), (298, 298), (150, 3)):
        y, x = np.float32(row) * np.float32(size[0] / 299), np.float32(column) * np.float32(size[1] / 299)
        top, left = int(y), int(x)
        down, right = min(top + 1, size[0] - 1), min(left + 1, size[1] - 1)
        v, u = y - top, x - left
        lines = [picture[t, left] * (1 - u) + picture[t, right] * u for t in (top, down)]
        np.testing.assert_allclose(found[:, row, column], lines[0] * (1 - v) + lines[1] * v, atol=2e-3)
    same = rng.integers(0, 256, (299, 299, 3), dtype=np.uint8)
    np.testing.assert_array_equal(prepare(torch.from_numpy(same), "tf1").permute(1, 2, 0) * 128 + 128, same)


def test_bf16_is_near_and_says_so(load, pictures):
    exact, rough = (load(precision=p).extract(pictures) for p in ("fp32", "bf16"))
    for name in ("features", "logits"):
        assert rough[name].dtype == np.float32
        off, size = (np.sqrt(np.mean(np.square(x))) for x in (rough[name] - exact[name], exact[name]))
        assert 0 < off / size < 0.05, name


def test_folding_batch_norms_and_pooling_last_change_nothing_but_rounding(weights):
    trunk, _ = inception.build(torch.load(weights, weights_only=True))
    batch = torch.rand(1, 3, 299, 299) * 2 - 1
    with torch.inference_mode():
        before = trunk(batch)
        inception.fold(trunk)
        inception.pool_last(trunk)
        assert sum(isinstance(m, PooledLast) for m in trunk.modules()) == 8
        assert not [m for m in trunk.modules() if isinstance(m, torch.nn.BatchNorm2d)]
        assert float((trunk(batch) - before).abs().max() / before.std()) < 1e-5


def test_unknown_protocols_are_refused(load):
    with pytest.raises(InputError, match="found resize 'lanczos', legal: clean, pytorch-fid, tf1"):
        load("lanczos")
    with pytest.raises(InputError, match="found precision 'fp16', legal: fp32, bf16"):
        load(precision="fp16")


def test_weights_that_hold_code_are_refused(tmp_path):
    class Evil:
        def __reduce__(self):
            return (tmp_path.joinpath("touched").touch, ())

    path = tmp_path / "evil.pth"
    torch.save({"fc.weight": Evil()}, path)
    with pytest.raises(Exception, match=r"(?i)weights_only|weights only"):
        inception.Inception2015(instrument_card("inception-2015"), path)
    assert not (tmp_path / "touched").exists()
