import json
import warnings

import numpy as np
import pytest
import torch

from fauxbench import FitTask, InputError, Output, Request
from fauxbench.generators.diffusion.model import Diffusion
from fauxbench.generators.diffusion.networks import Denoiser, initialise
from fauxbench.generators.diffusion.pipeline import check_pipeline
from fauxbench.generators.diffusion.schedule import TIMES, sample, scheduler


class Knowing(torch.nn.Module):
    """Says what a perfect network would say of a world with one picture in it."""

    def __init__(self, picture, predict):
        super().__init__()
        self.picture, self.predict = picture, predict
        self.kept = scheduler(predict).alphas_cumprod

    def forward(self, x, times):
        a = self.kept[times][:, None, None, None]
        noise = (x - a.sqrt() * self.picture) / (1 - a).sqrt()
        answers = {
            "epsilon": noise,
            "sample": self.picture,
            "v_prediction": a.sqrt() * noise - (1 - a).sqrt() * self.picture,
        }
        return answers[self.predict]


@pytest.mark.parametrize("sampler", ["ddim", "ddpm"])
@pytest.mark.parametrize("predict", ["epsilon", "v_prediction", "sample"])
def test_who_knows_the_picture_gets_it_back(predict, sampler):
    rng = torch.Generator().manual_seed(0)
    picture = torch.rand(1, 3, 8, 8, generator=rng) * 1.6 - 0.8
    noise = torch.randn(1, 3, 8, 8, generator=rng)
    found = sample(Knowing(picture, predict), noise, 20, rng, predict=predict, sampler=sampler)
    assert float((found - picture).abs().max()) < 0.02


def test_times_reach_from_hardly_noisy_to_noise():
    kept = scheduler("epsilon").alphas_cumprod
    assert len(kept) == TIMES
    assert kept[0] > 0.999
    assert kept[-1] < 1e-4
    assert bool((kept[1:] < kept[:-1]).all())


@pytest.mark.parametrize("side", [32, 64])
def test_an_untrained_denoiser_says_nothing_and_hears_the_time(side):
    network = Denoiser(width=8, side=side)
    initialise(network, torch.Generator().manual_seed(0))
    x = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(1))
    assert torch.equal(network(x, torch.tensor([3, 900])), torch.zeros_like(x))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.05)
    early, late = (network(x, torch.full((2,), time)) for time in (3, 900))
    assert early.shape == x.shape
    assert not torch.allclose(early, late)


@pytest.fixture(scope="module")
def pipeline_folder(tmp_path_factory):
    from diffusers import DDIMScheduler, DDPMPipeline, UNet2DModel

    torch.manual_seed(0)
    unet = UNet2DModel(
        sample_size=16, block_out_channels=(8, 8), layers_per_block=1, norm_num_groups=4,
        down_block_types=("DownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "UpBlock2D"),
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("pipeline") / "tiny"
    DDPMPipeline(unet=unet, scheduler=DDIMScheduler()).save_pretrained(folder, safe_serialization=True)
    return folder


def pictures_of(artifacts):
    return {a.request_id: a.media.pixels for a in artifacts}


REQUESTS = [Request(id="a", seed=1), Request(id="b", seed=2)]


def test_a_pipeline_made_elsewhere_is_a_system(pipeline_folder, build, blobs, context, tmp_path):
    system: Diffusion = build("diffusion", pipeline=str(pipeline_folder), sampler_steps=2)
    told = []
    system.fit(FitTask(train=blobs, output=Output(width=24, height=24)), context)
    system.save(tmp_path / "w")
    assert {f.name for f in (tmp_path / "w").iterdir()} == {"config.json"}
    loaded = build("diffusion", sampler_steps=2)
    loaded.load(tmp_path / "w")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library's own
        made = pictures_of(loaded.generate(REQUESTS, context))
        again = pictures_of(loaded.generate(REQUESTS[::-1], context))
        direct = build("diffusion", sampler_steps=2)
        direct.load(pipeline_folder)  # as weights that are handed in
        plain = pictures_of(direct.generate(REQUESTS, context))
    assert told == []
    assert {p.shape for p in made.values()} == {(24, 24, 3)}
    assert {p.shape for p in plain.values()} == {(16, 16, 3)}
    assert all(np.array_equal(made[name], again[name]) for name in made)
    assert not np.array_equal(made["a"], made["b"])
    config = pipeline_folder / "scheduler" / "scheduler_config.json"
    before = config.read_bytes()
    config.write_bytes(before + b" ")
    with pytest.raises(InputError, match="was changed since it was looked at"):
        build("diffusion").load(tmp_path / "w")
    config.write_bytes(before)


def test_pipelines_that_would_run_code_or_pickles_are_refused(pipeline_folder, tmp_path, build):
    assert check_pipeline(pipeline_folder) == "DDPMPipeline"
    with pytest.raises(InputError, match=r"no model_index\.json in "):
        check_pipeline(tmp_path)
    (tmp_path / "unet").mkdir()
    (tmp_path / "unet" / "diffusion_pytorch_model.bin").write_bytes(b"\x80\x04")
    index = json.loads((pipeline_folder / "model_index.json").read_text())
    for changed, words in (
        (index, r"diffusion_pytorch_model\.bin: a pickle, which is never loaded"),
        ({**index, "unet": ["my_unet", "Evil"]}, r"'unet' of 'my_unet' is not part of diffusers"),
        ({**index, "_class_name": "Evil"}, r"class 'Evil' is not part of"),
        ([1], r"does not describe a pipeline"),
    ):
        (tmp_path / "model_index.json").write_text(json.dumps(changed))
        with pytest.raises(InputError, match=words):
            check_pipeline(tmp_path)
    (tmp_path / "model_index.json").write_text("{")
    with pytest.raises(InputError, match="does not describe a pipeline"):
        build("diffusion").load(tmp_path)
