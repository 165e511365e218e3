import hashlib

import numpy as np
import pytest
import torch
import torchvision

from fauxbench import InputError
from fauxbench import lpips as distance
from fauxbench.harness import instruments
from fauxbench.harness.errors import IntegrityError, WeightsMissingError
from fauxbench.harness.instruments import instrument_card, load_instrument, perceptual
from fauxbench.harness.metrics import load_metric
from fauxbench.harness.metrics.base import Evidence, Pair
from fauxbench.harness.metrics.perceptual import comparer
from fauxbench.harness.run import default_store
from fauxbench.harness.store.store import weights_folder

package = pytest.importorskip("lpips", reason="the package lpips is not installed")
REAL_WEIGHTS = weights_folder(default_store()) / "alexnet-owt-7be5be79.pth"


@pytest.fixture(scope="module")
def state():
    """A random trunk, every layer scaled so that it answers with a spread of about 1; zeros would agree with all."""
    torch.manual_seed(5)
    net = torchvision.models.alexnet(weights=None).eval()
    batch = torch.rand(4, 3, 64, 64) * 4 - 2
    with torch.no_grad():
        for layer in net.features:
            out = layer(batch)
            if isinstance(layer, torch.nn.Conv2d):
                layer.weight /= out.std()
                layer.bias /= out.std()
                out = layer(batch)
            batch = out
    return {name: value for name, value in net.state_dict().items() if name.startswith("features")}


@pytest.fixture
def weights(state, tmp_path, monkeypatch):
    path = tmp_path / "alexnet-owt-7be5be79.pth"
    torch.save(state, path)
    content = path.read_bytes()
    card = instrument_card("lpips-alex")
    locked = card.weights.model_copy(
        update={"sha256": hashlib.sha256(content).hexdigest(), "size": len(content), "file": path.name}
    )
    monkeypatch.setattr(instruments, "instrument_card", lambda name: card.model_copy(update={"weights": locked}))
    comparer.cache_clear()
    yield tmp_path
    comparer.cache_clear()


@pytest.fixture
def pictures(rng):
    a = rng.integers(0, 256, (48, 56, 3), dtype=np.uint8)
    return a, np.uint8(np.clip(a + rng.normal(0, 20, a.shape), 0, 255)), rng.integers(0, 256, a.shape, dtype=np.uint8)


def test_identities_without_the_true_weights(weights, pictures):
    a, near, far = pictures
    assert distance(a, a, weights=weights) == 0
    assert distance(a, near, weights=weights) == pytest.approx(distance(near, a, weights=weights), rel=1e-5)
    assert 0 < distance(a, near, weights=weights) < distance(a, far, weights=weights)
    assert distance(torch.from_numpy(a), torch.from_numpy(near), weights=weights) == distance(a, near, weights=weights)


def test_is_the_packages_own_number_on_its_own_scale(weights, state, pictures):
    a, near, _ = pictures
    theirs = perceptual.build("alex", state)
    x, y = (torch.from_numpy(p).permute(2, 0, 1)[None].float() for p in (a, near))
    expected = float(theirs(x / 255, y / 255, normalize=True))  # the package's word for [0, 1]
    assert distance(a, near, weights=weights) == pytest.approx(expected, rel=1e-5)
    for wrong in (theirs(x / 255, y / 255), theirs(x, y)):
        assert abs(float(wrong) - expected) > 1e-2 * expected


def test_is_the_equation(weights, state, pictures):
    """Unit length in every place, squared difference, weighted sum of channels, mean of places, sum of layers."""
    a, near, _ = pictures
    net = torchvision.models.alexnet(weights=None).eval()
    net.load_state_dict(state, strict=False)
    linear = torch.load(package.__path__[0] + "/weights/v0.1/alex.pth", map_location="cpu", weights_only=True)
    shift, scale = torch.tensor([-0.030, -0.088, -0.188]), torch.tensor([0.458, 0.448, 0.450])
    x, y = (((torch.from_numpy(p).float() / 127.5 - 1 - shift) / scale).permute(2, 0, 1)[None] for p in (a, near))
    total = 0.0
    with torch.no_grad():
        for place, layer in enumerate(net.features[:12]):
            x, y = layer(x), layer(y)
            if place in (1, 4, 7, 9, 11):
                u, v = (z / (z.square().sum(1, keepdim=True).sqrt() + 1e-10) for z in (x, y))
                lin = linear[f"lin{(1, 4, 7, 9, 11).index(place)}.model.1.weight"]
                assert (lin >= 0).all()
                total += float(((u - v) ** 2 * lin).sum(1).mean())
    assert distance(a, near, weights=weights) == pytest.approx(total, rel=1e-4)


@pytest.mark.parametrize("change", [lambda p: p / 255, lambda p: p.astype(np.float32), lambda p: p / 127.5 - 1])
def test_other_types_are_refused(weights, pictures, change):
    with pytest.raises(InputError, match="expected uint8 pictures"):
        distance(change(pictures[0]), change(pictures[1]), weights=weights)


def test_wrong_shapes_are_refused(weights, pictures):
    a = pictures[0]
    with pytest.raises(InputError, match="of one size"):
        distance(a, a[:-1], weights=weights)
    with pytest.raises(InputError, match="at least 32"):
        distance(a[:31], a[:31], weights=weights)
    with pytest.raises(InputError, match="no net 'squeeze'"):
        distance(a, a, weights=weights, net="squeeze")


def test_weights_are_never_downloaded(tmp_path, pictures):
    comparer.cache_clear()
    with pytest.raises(WeightsMissingError, match="alexnet-owt-7be5be79"):
        distance(pictures[0], pictures[0], weights=tmp_path)
    (tmp_path / "alexnet-owt-7be5be79.pth").write_bytes(b"<html>not found</html>")
    with pytest.raises(IntegrityError, match="an HTML page"):
        distance(pictures[0], pictures[0], weights=tmp_path)


def test_a_changed_package_is_refused(state, monkeypatch):
    monkeypatch.setitem(perceptual.LINEAR, "alex", "0" * 64)
    with pytest.raises(IntegrityError, match="not the linear layers"):
        perceptual.build("alex", state)


def test_the_digests_are_those_in_the_files_names():
    for name in ("lpips-alex", "lpips-vgg"):
        locked = instrument_card(name).weights
        assert locked.sha256.startswith(locked.file.removesuffix(".pth").rpartition("-")[2])


def test_it_has_no_features(weights):
    with pytest.raises(InputError, match="no features of one"):
        load_instrument("lpips-alex", weights).extract([])


def test_metric_is_the_mean_over_pairs(weights, pictures):
    a, near, far = pictures
    pairs = [Pair(id=str(i), cluster=str(i), synthetic=p, real=a) for i, p in enumerate((near, far))]
    found = load_metric("lpips").measure(Evidence(pairs=iter(pairs), compare=comparer("lpips-alex", weights)))
    assert found.value == pytest.approx(np.mean([distance(p, a, weights=weights) for p in (near, far)]))
    assert "no network" in load_metric("lpips").measure(Evidence(pairs=iter(pairs))).reason


@pytest.mark.skipif(not REAL_WEIGHTS.is_file(), reason=f"weights of lpips-alex missing: {REAL_WEIGHTS}")
def test_noise_has_the_distance_of_the_true_network(rng):
    """Grows with noise, and stays below 1: the published network's range on natural noise."""
    grey = np.full((64, 64, 3), 128, np.uint8)
    noise = [np.uint8(np.clip(grey + rng.normal(0, s, grey.shape), 0, 255)) for s in (4, 16, 64)]
    values = [distance(grey, n, weights=REAL_WEIGHTS.parent) for n in noise]
    assert values == sorted(values)
    assert 0 < values[0] < values[-1] < 2
