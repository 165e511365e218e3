"""Our metrics beside the real packages, in one run; a peer that is not installed is skipped.

Run with `pytest tests/benchmarks/test_peer_speed.py --benchmark-only -n 0 -m "slow or not slow"`, when nothing else
runs.
`FAUXBENCH_PICTURES` sets how many pictures the tests of pictures read, 128 by default.
"""

import os
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image

from fauxbench import frechet_distance, inception_score, kernel_distance, measure, neighbour_scores
from fauxbench.harness.instruments import instrument_card
from fauxbench.harness.instruments.inception import Inception2015, network
from fauxbench.harness.media.images import read_image

D = 2048
PICTURES = int(os.environ.get("FAUXBENCH_PICTURES", "128"))


def features(n):
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, D)), rng.normal(0.1, 1.1, size=(n, D))


@pytest.mark.parametrize(("n", "at_least"), [(5000, 10), (1000, 50), (256, 500)])
def test_frechet_distance_beside_pytorch_fid(race, n, at_least):
    from pytorch_fid.fid_score import calculate_frechet_distance

    a, b = features(n)

    def theirs():
        return calculate_frechet_distance(a.mean(0), np.cov(a, rowvar=False), b.mean(0), np.cov(b, rowvar=False))

    race(f"Fréchet distance {n} x {D}, pytorch-fid", lambda: frechet_distance(a, b), theirs, at_least, rounds=1)


@pytest.mark.parametrize(("n", "at_least"), [(5000, 2), (1000, 10), (256, 100)])
def test_frechet_distance_beside_torch_fidelity(race, n, at_least):
    peer = pytest.importorskip("torch_fidelity.metric_fid", reason="torch-fidelity is not installed")
    a, b = features(n)

    def theirs():
        one, two = (peer.fid_features_to_statistics(torch.from_numpy(x)) for x in (a, b))
        return peer.fid_statistics_to_metric(one, two, False)

    race(f"Fréchet distance {n} x {D}, torch-fidelity", lambda: frechet_distance(a, b), theirs, at_least, rounds=1)


def test_neighbours_beside_prdc(race):
    peer = pytest.importorskip("prdc", reason="prdc is not installed")
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(10_000, 1000)), rng.normal(size=(10_000, 1000))
    tracemalloc.start()
    neighbour_scores(a[:4000], b[:4000], k=5)
    half = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # copies of both sets about the mean, and the distances looked at together: nothing of N x N
    assert half * 10_000 / 4000 < 1e9
    race(
        "precision, recall, density, coverage, 10,000 x 1,000, prdc",
        lambda: neighbour_scores(a, b, k=5),
        lambda: peer.compute_prdc(a, b, nearest_k=5),
        2.5,
        rounds=1,
    )


def draw_folders(base: Path, count: int) -> Path:
    """Make two folders of JPEG pictures of 256 x 256."""
    rng = np.random.default_rng(3)
    for name in ("real", "fake"):
        (base / name).mkdir()
        for i in range(count):
            small = np.uint8(rng.integers(0, 256, (32, 32, 3)))
            Image.fromarray(small).resize((256, 256), Image.Resampling.BICUBIC).save(base / name / f"{i:04d}.jpg")
    return base


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return draw_folders(tmp_path_factory.mktemp("pictures"), PICTURES)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Random weights of a useful size; how long a network takes does not depend on what it has learnt."""
    torch.manual_seed(0)
    net = network()
    for module in net.modules():
        if isinstance(module, torch.nn.Conv2d | torch.nn.Linear):
            torch.nn.init.kaiming_normal_(module.weight)
    path = tmp_path_factory.mktemp("weights") / "inception.pth"
    torch.save(net.state_dict(), path)
    return path


def extract(weights, folder: Path, **options):
    instrument = Inception2015(instrument_card("inception-2015"), weights, **options)
    return instrument.extract(read_image(path) for path in sorted(folder.iterdir()))


def has_amx() -> bool:
    flags = Path("/proc/cpuinfo")
    return flags.is_file() and "amx_bf16" in flags.read_text()


@pytest.mark.slow
@pytest.mark.parametrize(("precision", "at_least"), [("fp32", 1.8), ("bf16", 5)])
def test_inception_features_beside_pytorch_fid(race, folders, weights, monkeypatch, capsys, precision, at_least):
    import pytorch_fid.inception as peer
    from pytorch_fid.fid_score import get_activations

    if precision == "bf16" and not has_amx():
        pytest.skip("this processor has no amx_bf16")
    monkeypatch.setattr(peer, "load_state_dict_from_url", lambda *a, **k: torch.load(weights, weights_only=True))
    files = sorted((folders / "real").iterdir())
    found = {}

    def ours():
        found["ours"] = extract(weights, folders / "real", resize="pytorch-fid", precision=precision)["features"]

    def theirs():
        model = peer.InceptionV3((3,)).eval()
        found["theirs"] = get_activations(files, model, 16, D, "cpu", 0)

    race(f"Inception, {PICTURES} pictures, {precision}, pytorch-fid", ours, theirs, at_least, rounds=1)
    off = np.abs(found["ours"] - found["theirs"]).max() / found["theirs"].std()
    with capsys.disabled():
        print(f"features differ by at most {off:.1e} of their standard deviation")  # noqa: T201
    assert off < (1e-5 if precision == "fp32" else 1)


@pytest.fixture(scope="module")
def vgg(tmp_path_factory):
    """Random weights of VGG-16, the network that torch-fidelity's precision and recall read."""
    path = tmp_path_factory.mktemp("weights") / "vgg16.pth"
    torch.save(torchvision.models.vgg16().state_dict(), path)
    return path


@pytest.mark.slow
@pytest.mark.parametrize(("one_network", "at_least"), [(False, 2.5), (True, 1.8)], ids=["as it is", "one network"])
def test_five_metrics_beside_torch_fidelity(race, folders, weights, vgg, monkeypatch, one_network, at_least):
    """As it is, it looks at every picture with two networks; told to use one, it is still beaten."""
    peer = pytest.importorskip("torch_fidelity", reason="torch-fidelity is not installed")
    two = pytest.importorskip("torch_fidelity.feature_extractor_vgg16", reason="torch-fidelity is not installed")

    def second() -> torch.nn.Module:
        net = torchvision.models.vgg16()
        net.load_state_dict(torch.load(vgg, weights_only=True))
        return net

    monkeypatch.setattr(two, "torchvision_load_pretrained_vgg16", lambda **_: second())
    common = {"input1": str(folders / "fake"), "input2": str(folders / "real"), "cuda": False, "verbose": False}
    common |= {"batch_size": 16, "cache": False}
    first = {"feature_extractor": "inception-v3-compat", "feature_extractor_weights_path": str(weights)}
    scores = {"fid": True, "kid": True, "isc": True, "kid_subset_size": min(1000, PICTURES)}

    def ours():
        real, fake = (extract(weights, folders / name) for name in ("real", "fake"))
        a, b = fake["features"], real["features"]
        return frechet_distance(a, b), kernel_distance(a, b), inception_score(fake["logits"]), neighbour_scores(b, a)

    def theirs():
        if one_network:
            return peer.calculate_metrics(**common, **first, **scores, prc=True, feature_layer_prc="2048")
        return peer.calculate_metrics(**common, **first, **scores), peer.calculate_metrics(**common, prc=True)

    how = "one network" if one_network else "as it is"
    race(f"five metrics, {PICTURES} pictures a side, torch-fidelity {how}", ours, theirs, at_least, rounds=1)


@pytest.mark.slow
def test_second_call_on_unchanged_folders(benchmark, tmp_path, capsys):
    """Two folders of 1,000 pictures, an instrument that is in the package."""
    folders = draw_folders(tmp_path, 1000)

    def call():
        began = time.perf_counter()
        found = measure(folders / "real", folders / "fake", metrics=["fd", "kd"], store=tmp_path / "store", workers=1)
        return time.perf_counter() - began, found

    (first, found), (second, again) = call(), call()
    assert found == again
    benchmark.extra_info |= {"first": first, "second": second, "ratio": first / second}
    benchmark.pedantic(lambda: None, rounds=1)
    with capsys.disabled():
        print(f"\nmeasure: first {first:.2f} s, second {second:.2f} s, ratio {first / second:.0f}, at least 50")  # noqa: T201
    assert second < first / 50
