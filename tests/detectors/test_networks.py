import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn

from fauxbench import InputError
from fauxbench.detectors.cnn.network import SeparableNetwork, initialise

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
