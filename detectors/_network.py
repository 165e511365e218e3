"""Detectors with a network: what they share, and those that look at pictures one by one."""

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from fauxbench import Context, InputError, Item, open_clip
from fauxbench.detectors._choice import Scores
from fauxbench.detectors._learned import LearnedDetector
from fauxbench.detectors._reading import Decoded, Reading, evenly, file_of, picture_of
from fauxbench.detectors._training import INIT, augmented, normalise, predict, train_network


class NetworkDetector(LearnedDetector):
    """A network that gives a logit for each window; a subclass reads items, prepares tensors and builds the network.

    P(fake) of an item is the logistic function of the mean logit over its windows. Of `checks` checkpoints, the one
    with the best validation score is kept, and the threshold is then chosen on validation too.
    """

    _network: nn.Module | None = None

    @abstractmethod
    def build(self, rng: torch.Generator) -> nn.Module:
        """Return the untrained network; positive logits mean fake.

        torch's global generator is seeded while it runs, and put back afterwards.
        """

    @abstractmethod
    def rebuild(self, config: Mapping[str, Any]) -> nn.Module:
        """Return a network that takes the weights of a detector saved with `config`."""

    @abstractmethod
    def prepare(self, rows: Mapping[str, Tensor], rng: torch.Generator | None) -> tuple[Tensor, ...]:
        """Return what the network takes for decoded rows (rows, T, ...), augmented if there is a generator."""

    def learn(self, train: Decoded, validation: Decoded, context: Context) -> tuple[Scores, dict[str, Any]]:
        """Train, and return P(fake) of the validation items at the best checkpoint and what is to be remembered."""
        network = self._build(context.torch_rng(INIT))
        network.to(context.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        best = train_network(
            network,
            self.prepare,
            train,
            validation,
            parameters=self.parameters,
            name=self.card.name,
            context=context,
        )
        self._network = network.to("cpu")
        return best["scores"], {"step": best["step"], "precision": self.parameters["precision"]}

    def _build(self, rng: torch.Generator) -> nn.Module:
        # Constructors of layers draw from torch's global generator: it is borrowed, seeded, and put back as it was.
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(int(torch.randint(0, 1 << 62, (1,), generator=rng)))
            return self.build(rng)

    def logits(self, arrays: Mapping[str, NDArray[Any]], context: Context) -> NDArray[np.float64]:
        """Return the logits (rows, T) of rows."""
        return predict(self._ready().to(context.device), self.prepare, arrays)

    def _ready(self) -> nn.Module:
        if self._network is None:
            raise InputError(f"{self.card.name}: call fit or load first")
        return self._network

    def write(self, folder: Path) -> None:
        """Write the weights."""
        state = {name: value.contiguous() for name, value in self._ready().state_dict().items()}
        save_file(state, folder / "weights.safetensors")

    def read_weights(self, folder: Path) -> None:
        """Read what `write` wrote."""
        with torch.random.fork_rng(devices=[]):  # constructors of layers draw from the global generator
            self._network = self.rebuild(self.config)
        self._network.load_state_dict(load_file(folder / "weights.safetensors"))
        self._network.to(memory_format=torch.channels_last)


class PictureDetector(NetworkDetector):
    """A network that looks at pictures one by one: (N, 3, size, size) in [-1, 1] to logits (N, 1).

    A picture of any size is cut to its centred square and resized to the parameter `size` with an antialiased Lanczos
    filter, up or down. Of a clip, the `frames` frames that divide it evenly are looked at.
    """

    kept: ClassVar[tuple[str, ...]] = ("size", "frames")

    @property
    def most(self) -> int:
        """Rows that an item can give."""
        return int(self.setting("frames"))

    def read(self, item: Item) -> Reading:
        """Return the picture, or frames of the clip, (T, size, size, 3) uint8."""
        size = int(self.setting("size"))
        if item.modality == "image":
            return Reading(arrays={"frames": picture_of(item, size)[None]})
        clip = open_clip(file_of(item))
        frames, places = evenly(clip.frames(), int(self.setting("frames")), size)
        return Reading(arrays={"frames": frames}, times=tuple(place / clip.fps for place in places))

    def prepare(self, rows: Mapping[str, Tensor], rng: torch.Generator | None) -> tuple[Tensor, ...]:
        """Return pictures (rows, 3, size, size)."""
        frames = rows["frames"]
        if rng is not None:
            frames = augmented(frames, flip=self.parameters["flip"], shift=self.parameters["shift"], rng=rng)
        return (normalise(frames[:, 0]),)

    def heat_map(self, item: Item, context: Context) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
        """Return the picture (or middle frame) as the network sees it, and how much each place speaks for fake.

        Grad-CAM (Selvaraju et al. 2017, section 3) of the last feature map, by captum.

        Returns:
            (size, size, 3) uint8 and (size, size) in [0, 1]; all 0 where nothing speaks for fake.

        Raises:
            InputError: The extra `explain` is not installed.
        """
        from fauxbench.detectors._explain import grad_cam

        frames = self.read(item).arrays["frames"]
        middle = frames[len(frames) // 2][None].copy()
        network = self._ready().to(context.device).eval()
        inputs = self.prepare({"frames": torch.from_numpy(middle[None])}, None)[0].to(context.device)
        return middle[0], grad_cam(network, self.last_map(network, inputs), inputs)

    def last_map(self, network: nn.Module, inputs: Tensor) -> nn.Module:
        """Return the last layer of the network whose output is still a map of the picture."""
        from fauxbench.detectors._explain import last_map

        return last_map(network, inputs)
