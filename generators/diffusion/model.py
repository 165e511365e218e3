"""Diffusion as a system under test: a small model of our own, or a pipeline made elsewhere."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from fauxbench import Artifact, Context, Failure, FitTask, GeneratorCard, ImageMedia, InputError, Output, Request
from fauxbench.generators._training_painter import Painter
from fauxbench.generators._training_pictures import as_bytes, cover
from fauxbench.generators._training_state import CONFIG, read_config
from fauxbench.generators.diffusion.networks import Denoiser
from fauxbench.generators.diffusion.pipeline import INDEX, check_pipeline, digest_of_pipeline, load_pipeline, paint
from fauxbench.generators.diffusion.schedule import sample
from fauxbench.generators.diffusion.training import Denoising


class Diffusion(Painter):
    """Denoising diffusion (Ho et al. 2020, arXiv:2006.11239), sampled by DDIM (Song et al. 2020) or DDPM.

    With the parameter `pipeline`, or weights that are a folder of `diffusers`, that pipeline is the system instead.
    """

    architecture = ("width", "predict")

    def __init__(self, card: GeneratorCard, parameters: Mapping[str, Any]) -> None:
        super().__init__(card, parameters)
        self._pipeline: Path | None = None

    def _build(self, side: int, shape: Mapping[str, Any]) -> nn.Module:
        return Denoiser(width=shape["width"], side=side)

    def _training(self, pictures: Tensor, context: Context) -> Denoising:
        return Denoising(pictures, self.parameters, context)

    def _paint(self, network: Denoiser, request: Request, rng: torch.Generator, device: str) -> Tensor:
        noise = torch.randn(1, 3, network.side, network.side, generator=rng).to(device)
        steps, sampler = self.parameters["sampler_steps"], self.parameters["sampler"]
        return sample(network, noise, steps, rng, predict=self._config["shape"]["predict"], sampler=sampler)[0]

    def fit(self, task: FitTask, context: Context) -> None:
        """Learn from the train pictures; a pipeline has learned already and is only looked at."""
        if not self.parameters["pipeline"]:
            super().fit(task, context)
            return
        folder = Path(self.parameters["pipeline"]).resolve()
        self._take(folder, [task.output.width, task.output.height])
        context.progress(1.0, f"{check_pipeline(folder)} from {folder.name}")

    def save(self, folder: Path) -> None:
        """Write weights and config; of a pipeline, where it lies and its digest."""
        if self._pipeline is None:
            super().save(folder)
            return
        folder.mkdir(parents=True, exist_ok=True)
        (folder / CONFIG).write_text(json.dumps(self._config, indent=1, sort_keys=True), encoding="utf-8")

    def load(self, folder: Path) -> None:
        """Read what `save` wrote, or take a folder of `diffusers`.

        Raises:
            InputError: As in `Painter.load`; or a pipeline was changed since it was looked at.
        """
        if (folder / INDEX).is_file():
            self._take(folder, [None, None])
            return
        config = read_config(folder, self.card.name)
        if "pipeline" not in config:
            super().load(folder)
            return
        place = Path(config["pipeline"])
        self._take(place, config["output"])
        if self._config["digest"] != config["digest"]:
            raise InputError(f"{place}: the pipeline was changed since it was looked at; give it another folder name")

    def _take(self, folder: Path, output: Sequence[int | None]) -> None:
        name = check_pipeline(folder)
        self._pipeline = folder
        self._config = {
            "system": self.card.name,
            "pipeline": str(folder),
            "class": name,
            "digest": digest_of_pipeline(folder),
            "output": list(output),
        }

    def generate(self, requests: Sequence[Request], context: Context) -> Iterator[Artifact | Failure]:
        """Yield one picture a request; it depends on the request alone."""
        if self._pipeline is None:
            yield from super().generate(requests, context)
            return
        pipeline = load_pipeline(self._pipeline, context.device)
        steps, prompt = self.parameters["sampler_steps"], self.parameters["prompt"]
        for done, request in enumerate(requests):
            rng = torch.Generator().manual_seed(request.seed % (1 << 63))
            picture = as_bytes(paint(pipeline, request, rng, steps=steps, prompt=prompt)).permute(1, 2, 0).numpy()
            asked, kept = request.output or Output(), self._config["output"]
            width = asked.width or kept[0] or picture.shape[1]
            height = asked.height or kept[1] or picture.shape[0]
            yield Artifact(request_id=request.id, media=ImageMedia(pixels=cover(picture, width, height)))
            context.progress((done + 1) / len(requests), f"{done + 1} of {len(requests)} pictures")
