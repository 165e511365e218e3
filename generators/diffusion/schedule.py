"""Noise schedules and samplers, which are those of the library `diffusers`."""

from typing import Any

import torch
from torch import Tensor

from fauxbench import InputError
from fauxbench.generators.diffusion.networks import Denoiser

TIMES = 1000
"""Steps of the noising: Ho et al. 2020 (arXiv:2006.11239), section 4."""


def library() -> Any:  # noqa: ANN401 - a module
    """Return the module `diffusers`.

    Raises:
        InputError: It is not installed.
    """
    try:
        import diffusers
    except ImportError as error:
        message = f"diffusion needs the library diffusers ({error}): pip install 'fauxbench[diffusion]'"
        raise InputError(message) from error
    diffusers.utils.logging.set_verbosity_error()
    return diffusers


def scheduler(predict: str, sampler: str = "ddpm") -> Any:  # noqa: ANN401 - of an untyped library
    """Return a scheduler over a cosine schedule (Nichol and Dhariwal 2021, arXiv:2102.09672, section 3.2).

    Args:
        predict: What the network gives: `epsilon` (Ho et al. 2020), `v_prediction` (Salimans and Ho 2022) or `sample`.
        sampler: `ddpm`, or `ddim` (Song et al. 2020, arXiv:2010.02502).
    """
    made = library().DDPMScheduler if sampler == "ddpm" else library().DDIMScheduler
    return made(
        num_train_timesteps=TIMES,
        beta_schedule="squaredcos_cap_v2",
        prediction_type=predict,
        clip_sample=True,
        timestep_spacing="trailing",
    )


@torch.no_grad()
def sample(network: Denoiser, noise: Tensor, steps: int, rng: torch.Generator, *, predict: str, sampler: str) -> Tensor:
    """Return pictures (N, 3, side, side) in [-1, 1] out of `noise` of that shape; `rng` draws what DDPM adds."""
    schedule = scheduler(predict, sampler)
    schedule.set_timesteps(steps)
    x = noise
    for time in schedule.timesteps:
        found = network(x, time.expand(len(x)).to(x.device))
        x = schedule.step(found, time, x, generator=rng).prev_sample
    return x.clamp(-1.0, 1.0)
