"""What the built-in systems share that learn from pictures and paint pictures out of noise."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from fauxbench import (
    Artifact,
    Context,
    Failure,
    FitTask,
    Generator,
    GeneratorCard,
    ImageMedia,
    InputError,
    MediaError,
    Output,
    Request,
)
from fauxbench.generators._training import Training, train
from fauxbench.generators._training_pictures import as_bytes, cover, train_pictures
from fauxbench.generators._training_state import digest_of_pictures, load_weights, read_config, save_weights

LARGEST = 1024
"""Side of a network, in pixels, above which a config is not believed."""


class Painter(Generator):
    """A network that learns from train pictures and makes one picture a request, out of the request's seed.

    The network is square: `network_side` says of which side. Train pictures are cut to their centred square and resized
    to it. A picture asked for in another size is enlarged to cover it and cut to its centre.

    Attributes:
        sides: Sides that the network can have, in pixels, ascending.
        architecture: The parameters that say what the network looks like; weights carry them with them.
    """

    sides: ClassVar[tuple[int, ...]] = (32, 64, 128)
    architecture: ClassVar[tuple[str, ...]] = ("width",)

    def __init__(self, card: GeneratorCard, parameters: Mapping[str, Any]) -> None:
        super().__init__(card, parameters)
        self.card: GeneratorCard = card
        self.parameters: Mapping[str, Any] = parameters
        self._network: nn.Module | None = None
        self._config: dict[str, Any] = {}

    @abstractmethod
    def _build(self, side: int, shape: Mapping[str, Any]) -> nn.Module:
        """Return a network with any weights; `shape` holds the values of `architecture`."""

    @abstractmethod
    def _training(self, pictures: Tensor, context: Context) -> Training:
        """Return a training that has not begun; `pictures` are (N, 3, side, side) uint8."""

    @abstractmethod
    def _paint(self, network: Any, request: Request, rng: torch.Generator, device: str) -> Tensor:  # noqa: ANN401
        """Return one picture (3, side, side) in [-1, 1]; all randomness comes from `rng`, on the CPU."""

    def _sides(self) -> tuple[int, ...]:
        """Return the sides to choose from with these parameters."""
        return self.sides

    def fit(self, task: FitTask, context: Context) -> None:
        """Learn from the train pictures.

        Raises:
            InputError: No train picture can be read.
            FauxbenchError: Training diverged.
        """
        pictures, unreadable = train_pictures(self.card.name, task, self._sides())
        side = pictures.shape[-1]
        context.progress(0.0, f"{len(pictures)} pictures at {side} px, {unreadable} unreadable")
        recipe = {
            "system": [self.card.name, self.card.version],
            "parameters": dict(self.parameters),
            "seed": context.seed,
            "pictures": digest_of_pictures(pictures),
            "device": context.device.partition(":")[0],
        }
        training = self._training(pictures, context)
        steps = int(self.parameters["steps"])
        curve = train(training, name=self.card.name, steps=steps, recipe=recipe, context=context)
        self._network = training.finished()
        self._config = {
            "system": self.card.name,
            "side": side,
            "shape": {name: self.parameters[name] for name in self.architecture},
            "output": [task.output.width or side, task.output.height or side],
            "train": len(pictures),
            "unreadable": unreadable,
            "steps": steps,
            "curve": [[step, losses] for step, losses in curve],
        }

    def save(self, folder: Path) -> None:
        """Write `weights.safetensors` and `config.json`, which tells what the network looks like and how it learned."""
        save_weights(folder, self._fitted(), self._config)

    def load(self, folder: Path) -> None:
        """Read what `save` wrote.

        Raises:
            InputError: Something is missing, damaged, a pickle, of another system or of another shape.
        """
        config = read_config(folder, self.card.name)
        side, shape = self._described(folder, config)
        with torch.random.fork_rng(devices=[]):  # constructors of layers draw from the global generator
            network = self._build(side, shape)
        load_weights(folder, network, self.card.name)
        self._config = config
        self._network = network.eval()

    @torch.inference_mode()
    def generate(self, requests: Sequence[Request], context: Context) -> Iterator[Artifact | Failure]:
        """Yield one picture a request; it depends on the request alone."""
        network = self._fitted().to(context.device)
        for done, request in enumerate(requests):
            rng = torch.Generator().manual_seed(request.seed % (1 << 63))
            # One by one: in a larger batch the last bits may depend on the place in it.
            try:
                picture = self._paint(network, request, rng, context.device).permute(1, 2, 0).cpu()
                yield self._artifact(request, picture)
            except MediaError as error:
                yield Failure(request_id=request.id, kind="unreadable", message=str(error))
            context.progress((done + 1) / len(requests), f"{done + 1} of {len(requests)} pictures")

    def _artifact(self, request: Request, picture: Tensor) -> Artifact | Failure:
        if not bool(torch.isfinite(picture).all()):
            message = f"{self.card.name}: the weights give NaN or infinity"
            return Failure(request_id=request.id, kind="invalid", message=message)
        asked = request.output or Output()
        width, height = asked.width or self._config["output"][0], asked.height or self._config["output"][1]
        pixels = cover(as_bytes(picture).numpy(), width, height)
        return Artifact(request_id=request.id, media=ImageMedia(pixels=pixels))

    def _described(self, folder: Path, config: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        """Return side and shape of the network that a config describes, found to be possible."""
        side, shape, output = config.get("side"), config.get("shape"), config.get("output")
        powers = [1 << k for k in range(3, LARGEST.bit_length())]
        sizes = output if isinstance(output, list) and len(output) == 2 else [None]
        if side not in powers or not isinstance(shape, dict) or not all(isinstance(s, int) and s > 0 for s in sizes):
            found = f"found {side!r}, {shape!r:.80}, {output!r:.80}"
            raise InputError(f"{folder}/config.json: side, shape or output are missing or wrong; {found}")
        missing = [name for name in self.architecture if name not in shape]
        if missing or set(shape) - set(self.architecture):
            raise InputError(
                f"{folder}/config.json: expected {', '.join(self.architecture)} in shape, found {shape!r:.200}"
            )
        try:
            filled = self.card.fill(shape)
        except InputError as error:
            raise InputError(f"{folder}/config.json: {error}") from error
        return int(side), {name: filled[name] for name in self.architecture}

    def _fitted(self) -> nn.Module:
        if self._network is None:
            raise InputError(f"{self.card.name}: call fit or load first")
        return self._network
