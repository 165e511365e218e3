"""DCGAN as a system under test."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file

from fauxbench import (
    Artifact,
    Context,
    Failure,
    FitTask,
    Generator,
    GeneratorCard,
    ImageMedia,
    InputError,
    Item,
    MediaError,
    Output,
    Request,
    crop_square,
    read_image,
    resize,
)
from fauxbench.generators.dcgan.networks import Painter
from fauxbench.generators.dcgan.training import Recipe, train

SIDES = (32, 64, 128)
"""Sides that the networks are built for, in pixels."""
DEFAULT_SIDE = 64
"""Largest side when no size is asked for."""

Pictures = NDArray[np.uint8]


class DCGAN(Generator):
    """Deep convolutional GAN: pictures out of noise (Radford et al. 2015, arXiv:1511.06434).

    The networks are square with a side of 32, 64 or 128: the largest of these that is not above the smaller side asked
    for, or, where none is asked for, not above the smallest train picture nor 64. Train pictures are cut to their
    centred square and resized to that side. A picture of another size than the network's is enlarged to cover it and
    cut to its centre.
    """

    def __init__(self, card: GeneratorCard, parameters: Mapping[str, Any]) -> None:
        super().__init__(card, parameters)
        self._painter: Painter | None = None
        self._config: dict[str, Any] = {}

    def fit(self, task: FitTask, context: Context) -> None:
        """Learn from the train pictures.

        Raises:
            InputError: No train picture can be read.
            FauxbenchError: Training diverged.
        """
        pictures, unreadable = _decode(task.train)
        if not pictures:
            raise InputError(f"dcgan: none of the {len(task.train)} train pictures can be read; {unreadable[:1]}")
        side = network_side(task.output, pictures)
        squares = np.stack([resize(crop_square(p), side, side) for p in pictures])
        context.progress(0.0, f"{len(squares)} pictures at {side} px, {len(unreadable)} unreadable")
        self._painter = train(
            torch.from_numpy(squares).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last),
            Recipe(**self.parameters),
            context,
        )
        self._config = {
            "side": side,
            "latent": self.parameters["latent"],
            "width": self.parameters["width"],
            "output": [task.output.width or side, task.output.height or side],
            "train": len(squares),
            "unreadable": len(unreadable),
        }

    def save(self, folder: Path) -> None:
        """Write `weights.safetensors` and `config.json`."""
        painter = self._fitted()
        folder.mkdir(parents=True, exist_ok=True)
        state = {name: value.contiguous() for name, value in painter.state_dict().items()}
        save_file(state, folder / "weights.safetensors")
        (folder / "config.json").write_text(json.dumps(self._config, indent=2, sort_keys=True), encoding="utf-8")

    def load(self, folder: Path) -> None:
        """Read what `save` wrote."""
        self._config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        with torch.random.fork_rng(devices=[]):  # constructors of layers draw from the global generator
            painter = Painter(latent=self._config["latent"], width=self._config["width"], side=self._config["side"])
        painter.load_state_dict(load_file(folder / "weights.safetensors"))
        self._painter = painter.eval()

    @torch.inference_mode()
    def generate(self, requests: Sequence[Request], context: Context) -> Iterator[Artifact | Failure]:
        """Yield one picture a request; it depends on the request's seed and size alone."""
        painter = self._fitted().to(context.device)
        for done, request in enumerate(requests):
            rng = torch.Generator().manual_seed(request.seed % (1 << 63))
            z = torch.randn(1, self._config["latent"], generator=rng)
            # One by one: in a larger batch the last bits may depend on the place in it.
            picture = painter(z.to(context.device))[0].permute(1, 2, 0).cpu()
            yield self._artifact(request, picture)
            context.progress((done + 1) / len(requests), f"{done + 1} of {len(requests)} pictures")

    def _artifact(self, request: Request, picture: torch.Tensor) -> Artifact | Failure:
        if not bool(torch.isfinite(picture).all()):
            return Failure(request_id=request.id, kind="invalid", message="dcgan: the weights give NaN or infinity")
        pixels = picture.add(1.0).mul(127.5).round().clamp(0.0, 255.0).to(torch.uint8).numpy()
        asked = request.output or Output()
        width, height = asked.width or self._config["output"][0], asked.height or self._config["output"][1]
        return Artifact(request_id=request.id, media=ImageMedia(pixels=_cover(pixels, width, height)))

    def _fitted(self) -> Painter:
        if self._painter is None:
            raise InputError("dcgan: call fit or load first")
        return self._painter


def network_side(output: Output, pictures: Sequence[Pictures]) -> int:
    """Return the side of the networks, one of `SIDES`, for the size asked for and the train pictures at hand."""
    asked = [side for side in (output.width, output.height) if side is not None]
    limit = min(asked) if asked else min(DEFAULT_SIDE, *(min(p.shape[:2]) for p in pictures))
    return max((side for side in SIDES if side <= limit), default=SIDES[0])


def _cover(pixels: Pictures, width: int, height: int) -> Pictures:
    """Resize a square picture to cover (width, height) and cut it to its centre."""
    side = max(width, height)
    pixels = resize(pixels, side, side)
    top, left = (side - height) // 2, (side - width) // 2
    return pixels[top : top + height, left : left + width]


def _decode(items: Sequence[Item]) -> tuple[list[Pictures], list[str]]:
    """Return the pictures that can be read, and what is wrong with the others."""
    pictures: list[Pictures] = []
    wrong: list[str] = []
    for item in items:
        if item.location is None:
            wrong.append(f"{item.id}: no file on this machine")
            continue
        try:
            pictures.append(read_image(item.location))
        except MediaError as error:
            wrong.append(str(error))
    return pictures, wrong
