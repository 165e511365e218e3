import warnings

import numpy as np
import pytest
import timm
import torch

from fauxbench.harness.errors import WeightsMissingError
from fauxbench.harness.instruments import instrument_card, load_instrument, vit
from fauxbench.harness.run import default_store
from fauxbench.harness.store.store import weights_folder

FOLDER = weights_folder(default_store())
NAMES = ("dinov2-vitl14", "clip-vitl14-336")


class SmallDINO(vit.DINOv2):
    """The same code around a small transformer."""

    architecture, width = "vit_small_patch14_dinov2", 384


class SmallCLIP(vit.CLIP):
    architecture, size, width = "vit_base_patch32_clip_quickgelu_224", 224, 512


class Archive(torch.nn.Module):
    """A state as a TorchScript archive, in OpenAI's names."""

    def __init__(self, state):
        super().__init__()
        for name, value in state.items():
            home, parts = self, name.split(".")
            for part in parts[:-1]:
                if not hasattr(home, part):
                    home.add_module(part, torch.nn.Module())
                home = getattr(home, part)
            home.register_buffer(parts[-1], value)

    def forward(self, x):
        return x


def openai_names(state):
    """Back from timm's names; the head is stored transposed."""
    out = {}
    for name, value in state.items():
        if name == "head.bias":
            continue
        new = name.replace("patch_embed.proj", "conv1").replace("norm_pre", "ln_pre")
        new = new.replace("blocks.", "transformer.resblocks.").replace("attn.qkv.", "attn.in_proj_")
        new = new.replace("attn.proj", "attn.out_proj").replace("mlp.fc1", "mlp.c_fc").replace("mlp.fc2", "mlp.c_proj")
        new = new.replace(".norm1", ".ln_1").replace(".norm2", ".ln_2")
        new = "ln_post" + new[4:] if new.startswith("norm.") else new
        if name == "head.weight":
            new, value = "proj", value.T.contiguous()
        elif name == "cls_token":
            new, value = "class_embedding", value[0, 0]
        elif name == "pos_embed":
            new, value = "positional_embedding", value[0]
        out[f"visual.{new}"] = value
    return out


def random_network(kind, **options):
    torch.manual_seed(2)
    network = timm.create_model(kind.architecture, pretrained=False, **options)
    with torch.no_grad():
        for weight in network.parameters():
            weight.copy_(torch.randn_like(weight) * (0.5 if weight.ndim < 2 else weight[0].numel() ** -0.5))
    return network.eval()


@pytest.fixture(scope="module")
def dino(tmp_path_factory):
    network = random_network(SmallDINO, num_classes=0, img_size=518)
    state = {**network.state_dict(), "mask_token": torch.zeros(1, 384)}
    path = tmp_path_factory.mktemp("weights") / "dino.pth"
    torch.save(state, path)
    return SmallDINO(instrument_card("dinov2-vitl14"), path), network


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    network = random_network(SmallCLIP, num_classes=512)
    path = tmp_path_factory.mktemp("weights") / "clip.pt"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        archive = torch.jit.script(Archive(openai_names(network.state_dict())))
        torch.jit.save(archive, str(path))
    return SmallCLIP(instrument_card("clip-vitl14-336"), path), network


@pytest.fixture
def pictures(rng):
    return [rng.integers(0, 256, size, dtype=np.uint8) for size in ((50, 70, 3), (224, 224, 3), (300, 260, 3))]


@pytest.mark.parametrize("which", ["dino", "clip"])
def test_one_row_a_picture_whatever_its_neighbours(which, request, pictures):
    instrument, _ = request.getfixturevalue(which)
    found = instrument.extract(iter(pictures))["features"]
    assert found.shape == (3, instrument.width)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(instrument.extract(pictures[1:2])["features"][0], found[1])
    assert np.abs(found[0] - found[2]).max() > 1e-3
    assert instrument.extract([])["features"].shape == (0, instrument.width)


def test_clip_is_the_network_on_the_published_picture(clip, pictures):
    instrument, network = clip
    picture = pictures[1]
    planes = torch.from_numpy(picture).permute(2, 0, 1).float() / 255
    mean, deviation = (torch.tensor(v)[:, None, None] for v in (instrument.mean, instrument.deviation))
    with torch.inference_mode():
        expected = network(((planes - mean) / deviation)[None])[0] - network.head.bias
    np.testing.assert_allclose(instrument.extract([picture])["features"][0], expected, rtol=1e-3, atol=1e-3)


def test_dino_has_the_position_table_of_the_published_code(dino):
    instrument, network = dino
    table = network.pos_embed
    found = instrument.network.pos_embed
    assert found.shape == (1, 257, 384)
    torch.testing.assert_close(found[:, 0], table[:, 0])
    corner = vit.positions(torch.ones(1, 1 + 37 * 37, 2), 16)
    torch.testing.assert_close(corner, torch.ones(1, 257, 2), atol=1e-5, rtol=0)
    assert vit.positions(table, 37) is table


def test_dino_is_near_timms_own_dynamic_size(dino, pictures):
    """timm resamples positions with antialiasing: near, and not the same."""
    instrument, network = dino
    other = timm.create_model(SmallDINO.architecture, num_classes=0, img_size=224).eval()
    other.load_state_dict(vit.checkpoint_filter_fn(dict(network.state_dict()), other))
    planes = instrument.planes(pictures[1])
    assert planes.shape == (3, 224, 224)
    mean, deviation = (torch.tensor(v)[:, None, None] for v in (instrument.mean, instrument.deviation))
    with torch.inference_mode():
        theirs = other(((planes - mean) / deviation)[None])[0].numpy()
    ours = instrument.extract([pictures[1]])["features"][0]
    assert np.abs(ours - theirs).max() > 0
    assert np.corrcoef(ours, theirs)[0, 1] > 0.5


@pytest.mark.parametrize("name", NAMES)
def test_weights_are_locked_and_never_downloaded(name, tmp_path):
    with pytest.raises(WeightsMissingError, match=instrument_card(name).weights.file):
        load_instrument(name, tmp_path)


def test_a_pickle_with_code_is_refused(tmp_path):
    class Evil:
        def __reduce__(self):
            return (tmp_path.joinpath("touched").touch, ())

    path = tmp_path / "evil.pth"
    torch.save({"pos_embed": Evil()}, path)
    for kind, card in ((vit.DINOv2, NAMES[0]), (vit.CLIP, NAMES[1])):
        small = type("Small", (kind,), {"architecture": SmallDINO.architecture})
        with pytest.raises(Exception, match=r"(?i)weights.only|constants.pkl|PytorchStreamReader|Torch"):
            small(instrument_card(card), path)
    assert not (tmp_path / "touched").exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_true_weights_load(name, pictures):
    path = FOLDER / instrument_card(name).weights.file
    if not path.is_file():
        pytest.skip(f"weights of {name} missing: {path}")
    found = load_instrument(name, FOLDER).extract(pictures)["features"]
    assert np.isfinite(found).all()
