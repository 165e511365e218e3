"""How the denoiser learns."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from fauxbench import Context
from fauxbench.generators._training import GRID_PICTURES, Average, Training, build_quietly, rising_and_falling, set_rate
from fauxbench.generators._training_pictures import Batches
from fauxbench.generators.diffusion.networks import Denoiser, initialise
from fauxbench.generators.diffusion.schedule import TIMES, sample, scheduler

SHOWN_STEPS = 20

_INIT, _NOISE, _ORDER, _SHOW, _TIME = range(5)


class Denoising(Training):
    """Ho et al. 2020 (arXiv:2006.11239), algorithm 1, with the target that `predict` names."""

    def __init__(self, pictures: Tensor, parameters: Mapping[str, Any], context: Context) -> None:
        """Take (N, 3, side, side) uint8 `pictures` and the parameters of the card."""
        self.parameters = parameters
        self.device = torch.device(context.device)
        self.schedule = scheduler(parameters["predict"])
        self.denoiser: Denoiser = build_quietly(Denoiser, width=parameters["width"], side=pictures.shape[-1])
        initialise(self.denoiser, context.torch_rng(_INIT))
        self.denoiser.to(self.device, memory_format=torch.channels_last)
        self.mean = Average(self.denoiser, parameters["ema"])
        self.networks = {"denoiser": self.denoiser, "mean": self.mean.network}
        rule = torch.optim.AdamW(self.denoiser.parameters(), parameters["learning_rate"], weight_decay=0.0, fused=True)
        self.optimisers = {"denoiser": rule}
        self.noise, self.times = context.torch_rng(_NOISE), context.torch_rng(_TIME)
        self.randoms = {"noise": self.noise, "times": self.times}
        self.batches = Batches(pictures, flip=parameters["flip"], rng=context.torch_rng(_ORDER))
        self.shown = torch.randn(GRID_PICTURES // 2, *pictures.shape[1:], generator=context.torch_rng(_SHOW))

    def update(self, step: int, share: float) -> dict[str, float]:
        """Learn from one batch at random times."""
        parameters, batch = self.parameters, self.parameters["batch"]
        set_rate([self.optimisers["denoiser"]], parameters["learning_rate"] * rising_and_falling(share))
        real = self.batches.draw(batch)
        noise = torch.randn(real.shape, generator=self.noise)
        # Times spread evenly over the batch, from a random start: the loss varies less.
        start = torch.rand(1, generator=self.times)
        times = ((start + torch.arange(batch) / batch) % 1.0 * TIMES).long().clamp(max=TIMES - 1)
        noisy = self.schedule.add_noise(real, noise, times)
        wanted = {"epsilon": noise, "sample": real}.get(parameters["predict"])
        wanted = self.schedule.get_velocity(real, noise, times) if wanted is None else wanted
        noisy = noisy.to(self.device, memory_format=torch.channels_last)
        loss = (self.denoiser(noisy, times.to(self.device)) - wanted.to(self.device)).square().mean()
        self.optimisers["denoiser"].zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.denoiser.parameters(), 1.0)
        self.optimisers["denoiser"].step()
        self.mean.follow(self.denoiser, step)
        return {"loss": float(loss.detach())}

    def sample(self) -> Tensor:
        """Return pictures out of the same noise each time."""
        denoiser: Denoiser = self.mean.network  # type: ignore[assignment]
        rng = torch.Generator().manual_seed(0)
        noise = self.shown.to(self.device)
        return sample(denoiser, noise, SHOWN_STEPS, rng, predict=self.parameters["predict"], sampler="ddim")

    def finished(self) -> nn.Module:
        """Return the mean of the denoiser."""
        return self.mean.network.to("cpu").eval()
