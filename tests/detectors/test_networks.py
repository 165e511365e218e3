import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn

from fauxbench import Detector, InputError
from fauxbench.detectors._choice import auc
from fauxbench.detectors._separable import SeparableNetwork, initialise
from fauxbench.harness.registry import DETECTORS, load_class

from .conftest import build


def test_the_small_network_is_small_and_says_a_half_before_training():
    network = SeparableNetwork(width=16, blocks=4)
    initialise(network, torch.Generator().manual_seed(0))
    assert sum(p.numel() for p in network.parameters()) < 300_000
    assert torch.equal(network(torch.randn(2, 3, 33, 47)), torch.zeros(2, 1))


def test_no_strided_pointwise_convolution():
    # its backward pass in channels-last order has written past its memory on CPUs
    convolutions = [m for m in SeparableNetwork(width=4, blocks=6).modules() if isinstance(m, nn.Conv2d)]
    assert all(m.stride == (1, 1) for m in convolutions if m.kernel_size == (1, 1))


def rng():
    return torch.Generator().manual_seed(0)


def test_efficientnet_says_a_half_before_training():
    network = build("efficientnet").build(rng()).eval()
    assert torch.equal(network(torch.randn(2, 3, 32, 32)), torch.zeros(2, 1))


def test_pretrained_weights_that_are_not_there_are_never_replaced():
    with pytest.raises(InputError, match="no file 'yes' on this machine"):
        build("efficientnet", pretrained="yes").build(rng())


def test_pretrained_weights_are_taken_but_for_the_head(tmp_path):
    torch.manual_seed(5)
    given = timm.create_model("test_efficientnet", pretrained=False, num_classes=10)
    save_file(given.state_dict(), tmp_path / "w.safetensors")
    network = build("efficientnet", pretrained=str(tmp_path / "w.safetensors")).build(rng())
    own = network.backbone.state_dict()
    assert all(torch.equal(own[n], v) for n, v in given.state_dict().items() if not n.startswith("classifier"))
    assert own["classifier.weight"].shape[0] == 1


@pytest.mark.parametrize("content", ["text", "other"])
def test_pretrained_weights_that_do_not_fit(content, tmp_path):
    path = tmp_path / "w.safetensors"
    if content == "text":
        path.write_text("not weights")
    else:
        save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(InputError, match=r"not a safetensors file|does not fit"):
        build("efficientnet", pretrained=str(path)).build(rng())


def test_an_unknown_backbone_is_refused():
    with pytest.raises(InputError, match=r"has no 'efficientnet_x9'.*efficientnet_b0"):
        build("efficientnet", backbone="efficientnet_x9").build(rng())


def test_colours_are_given_in_the_scale_of_the_backbone():
    network = build("efficientnet").build(rng())
    white = (torch.ones(1, 3, 4, 4) + 1) / 2
    facts = network.backbone.default_cfg
    seen = []
    network.backbone.forward = lambda x: seen.append(x) or torch.zeros(1, 1)
    network(torch.ones(1, 3, 4, 4))
    expected = (white - torch.tensor(facts["mean"])[:, None, None]) / torch.tensor(facts["std"])[:, None, None]
    assert torch.allclose(seen[0], expected)


def test_a_backbone_with_positions_takes_the_size_asked_for():
    network = build("timm", backbone="test_vit", size=48).build(rng()).eval()
    assert torch.equal(network(torch.randn(2, 3, 48, 48)), torch.zeros(2, 1))


def test_weights_named_by_their_digest_are_looked_for_in_the_store(tmp_path, monkeypatch):
    monkeypatch.setenv("FAUXBENCH_STORE", str(tmp_path))
    place = tmp_path / "weights" / "timm"
    place.mkdir(parents=True)
    torch.manual_seed(6)
    given = timm.create_model("test_efficientnet", pretrained=False, num_classes=10)
    save_file(given.state_dict(), place / "test_efficientnet.safetensors")
    part = DETECTORS.find("timm:test_efficientnet", tmp_path)
    assert part.card.name == "timm-test_efficientnet"
    assert "pretrained weights, sha256" in part.card.title
    detector = load_class(part.spec, Detector)(part.card, part.card.fill({}))
    own = detector.build(rng()).backbone.state_dict()
    assert torch.equal(own["conv_stem.weight"], given.state_dict()["conv_stem.weight"])
    assert str(tmp_path) not in str(part.card.fill({}))  # a path would be part of the fingerprint
    (place / "test_efficientnet.safetensors").unlink()
    with pytest.raises(InputError, match=r"weights of test_efficientnet with sha256:\w+ are not on this machine"):
        detector.build(rng())
    assert "from scratch" in DETECTORS.find("timm:test_efficientnet", tmp_path).card.title


def test_mixed_precision_trains_and_scores_in_full(easy_of, context):
    train, validation, test = easy_of("cnn")
    detector = build("cnn", size=32, width=8, blocks=3, steps=30, batch=16, precision="bfloat16")
    detector.fit(train, validation, context)
    assert detector.config["precision"] == "bfloat16"
    scores = [record.fake for record in detector.score(test, context)]
    assert auc(np.array(scores), np.array([i.visual_fake for i in test])) > 0.9
