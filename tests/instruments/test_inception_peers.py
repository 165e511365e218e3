"""FID from pictures against the whole pipelines of peers, the same calibrated random network put into all of them."""

import warnings

import numpy as np
import pytest
import torch
from PIL import Image

from fauxbench import frechet_distance
from fauxbench.harness.instruments import instrument_card
from fauxbench.harness.instruments.inception import Inception2015, prepare

pytestmark = pytest.mark.slow
TOLERANCE = 1e-4
COUNT = 10


def picture(rng, size, coarse):
    small = np.uint8(rng.integers(0, 256, (size[0] // coarse + 1, size[1] // coarse + 1, 3)))
    smooth = np.asarray(Image.fromarray(small).resize(size[::-1], Image.Resampling.BICUBIC), dtype=int)
    return np.uint8(np.clip(smooth + rng.integers(-30, 30, (*size, 3)), 0, 255))


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    """Two folders of pictures of mixed sizes, and the pictures."""
    rng = np.random.default_rng(5)
    folder, found = tmp_path_factory.mktemp("sets"), {}
    for name, coarse in (("real", 8), ("fake", 5)):
        (folder / name).mkdir()
        found[name] = [picture(rng, ((40, 52), (128, 128), (420, 360))[i % 3], coarse) for i in range(COUNT)]
        for i, pixels in enumerate(found[name]):
            Image.fromarray(pixels).save(folder / name / f"{i:03d}.png")
    return folder, found


@pytest.fixture(scope="module")
def weights(sets, tmp_path_factory, calibrate):
    return calibrate(sets[1]["real"] + sets[1]["fake"], tmp_path_factory.mktemp("weights") / "inception.pth")


@pytest.fixture(scope="module")
def ours(sets, weights):
    """Our FID under each protocol."""
    found = {}
    for resize in ("clean", "pytorch-fid", "tf1"):
        instrument = Inception2015(instrument_card("inception-2015"), weights, resize=resize)
        instrument.batch = 2
        real, fake = (instrument.extract(sets[1][name])["features"] for name in ("real", "fake"))
        assert real.std(axis=0).mean() > 1e-2
        found[resize] = frechet_distance(real, fake)
    return found


def agrees_with_one_alone(ours, expected, right):
    assert ours[right] == pytest.approx(expected, rel=TOLERANCE)
    for name, value in ours.items():
        if name != right:
            assert abs(value - expected) > 100 * TOLERANCE * expected, name


def test_pytorch_fid(sets, weights, ours, monkeypatch):
    import pytorch_fid.fid_score as theirs
    import pytorch_fid.inception as blocks

    monkeypatch.setattr(blocks, "load_state_dict_from_url", lambda *a, **k: torch.load(weights, weights_only=True))
    model = blocks.InceptionV3((3,)).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        (mu1, s1), (mu2, s2) = (
            theirs.compute_statistics_of_path(str(sets[0] / name), model, 1, 2048, "cpu", 0) for name in sets[1]
        )
        expected = float(theirs.calculate_frechet_distance(mu1, s1, mu2, s2))
    agrees_with_one_alone(ours, expected, "pytorch-fid")


def test_clean_fid(sets, weights, ours):
    theirs = pytest.importorskip("cleanfid.fid", reason="clean-fid is not installed")
    trunk = Inception2015(instrument_card("inception-2015"), weights).trunk

    def model(batch):  # the network of clean-fid takes what its resize gives and centres it itself
        return trunk(((batch - 128) / 128).contiguous(memory_format=torch.channels_last)).flatten(1)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        features = [
            theirs.get_folder_features(
                str(sets[0] / name),
                model=model,
                num_workers=0,
                batch_size=2,
                device=torch.device("cpu"),
                mode="clean",
                verbose=False,
            )
            for name in sets[1]
        ]
        expected = float(theirs.fid_from_feats(*features))
    agrees_with_one_alone(ours, expected, "clean")


def test_torch_fidelity(sets, weights, ours):
    theirs = pytest.importorskip("torch_fidelity", reason="torch-fidelity is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = theirs.calculate_metrics(
            input1=str(sets[0] / "fake"),
            input2=str(sets[0] / "real"),
            fid=True,
            cuda=False,
            batch_size=1,
            feature_extractor_weights_path=str(weights),
            save_cpu_ram=True,
            cache=False,
            verbose=False,
        )
    agrees_with_one_alone(ours, found["frechet_inception_distance"], "tf1")


def test_tf1_resize_is_torch_fidelitys(sets):
    theirs = pytest.importorskip("torch_fidelity.interpolate_compat_tensorflow", reason="torch-fidelity is missing")
    for pixels in sets[1]["real"][:3]:
        planes = torch.from_numpy(pixels).permute(2, 0, 1)[None].float()
        expected = theirs.interpolate_bilinear_2d_like_tensorflow1x(planes, size=(299, 299), align_corners=False)
        found = prepare(torch.from_numpy(pixels), "tf1") * 128 + 128
        torch.testing.assert_close(found, expected[0], atol=2e-3, rtol=0)


def test_effect_of_bf16_on_the_distance(sets, weights, ours, capsys):
    instrument = Inception2015(instrument_card("inception-2015"), weights, precision="bf16")
    real, fake = (instrument.extract(sets[1][name])["features"] for name in ("real", "fake"))
    effect = frechet_distance(real, fake) / ours["clean"] - 1
    with capsys.disabled():
        print(f"\nbf16 moves the Fréchet distance by {effect:+.2e} of itself (random weights)")  # noqa: T201
    assert abs(effect) < 0.05
