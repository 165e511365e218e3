"""LPIPS: how far two pictures are apart to a network's eye, as the package `lpips` defines it (Zhang et al. 2018).

Version 0.1 with linear layers. The trunk is torchvision's, read from a checked file and never downloaded; the linear
layers come with the package, and are checked too. Pictures are uint8, so that the scales [0, 1], [0, 255] and [-1, 1]
cannot be taken for one another; the network sees x / 127.5 - 1.
"""

import importlib
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..canonical import digest_of_file
from ..cards import InstrumentCard
from ..errors import InputError, IntegrityError, WeightsMissingError
from ..media.content import Picture
from .base import Instrument

LEAST = 32
"""Side of the smallest picture, in pixels: what is left after the deepest pooling of both trunks."""
LINEAR = {
    "alex": "df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0",
    "vgg": "a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868",
}
"""sha256 of the linear layers of version 0.1 in the package."""


class Perceptual(Instrument):
    """`compare(a, b)`: the LPIPS distance of two pictures; it extracts nothing of one picture alone."""

    def __init__(self, card: InstrumentCard, weights: Path | None = None, device: str = "cpu") -> None:
        super().__init__(card, weights, device)
        if weights is None:
            raise WeightsMissingError(f"{card.name}: needs a file of weights, see fauxbench doctor")
        state = torch.load(weights, map_location="cpu", weights_only=True)
        self.network = build(card.name.removeprefix("lpips-"), state).to(device)

    def extract(self, pictures: Iterable[Picture]) -> Mapping[str, NDArray[Any]]:
        """Refuse: there is nothing to extract.

        Raises:
            InputError: Always.
        """
        raise InputError(f"{self.card.name} compares two pictures; it has no features of one")

    def compare(self, a: Picture, b: Picture) -> float:
        """Return the distance of two pictures; see `fauxbench.lpips`."""
        both = torch.stack([self._planes(a, b), self._planes(b, a)])
        with torch.inference_mode(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            return float(self.network(both[:1], both[1:]))

    def _planes(self, picture: Picture, other: Picture) -> Tensor:
        if picture.dtype != np.uint8:
            raise InputError(f"lpips: expected uint8 pictures, found {picture.dtype}: its scale cannot be known")
        if picture.ndim != 3 or picture.shape[2] != 3 or picture.shape != other.shape:
            raise InputError(f"lpips: expected two (H, W, 3) of one size, found {picture.shape} and {other.shape}")
        if min(picture.shape[:2]) < LEAST:
            raise InputError(
                f"lpips: a picture of {picture.shape[1]} x {picture.shape[0]}, both sides must be at least {LEAST}"
            )
        planes = torch.from_numpy(np.array(picture)).to(self.device).permute(2, 0, 1)
        return planes.float() / 127.5 - 1


def build(net: str, state: Mapping[str, Tensor]) -> torch.nn.Module:
    """Return the package's network with a trunk from torchvision's state.

    Args:
        net: `alex` or `vgg`.
        state: torchvision's, `features.0.weight` and so on; what belongs to its classifier is left.

    Raises:
        InputError: The package is not installed.
        IntegrityError: The package's linear layers are not those of version 0.1.
        RuntimeError: The state does not fit the trunk.
    """
    try:
        package = importlib.import_module("lpips")
    except ImportError as error:
        raise InputError("lpips: the package `lpips` is not installed: pip install lpips") from error
    linear = Path(str(package.__file__)).with_name("weights") / "v0.1" / f"{net}.pth"
    found = digest_of_file(linear) if linear.is_file() else "nothing"
    if found != LINEAR[net]:
        raise IntegrityError(f"{linear}: not the linear layers of version 0.1: sha256 {found}; install lpips 0.1.4")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it asks torchvision for no weights in words that are out of use
        network: torch.nn.Module = package.LPIPS(
            net=net, version="0.1", pretrained=False, pnet_rand=True, verbose=False
        )
    network.load_state_dict(torch.load(linear, map_location="cpu", weights_only=True), strict=False)
    trunk: Any = network.net
    own = {name: f"features.{name.partition('.')[2]}" for name in trunk.state_dict()}
    trunk.load_state_dict({name: state[theirs] for name, theirs in own.items()}, strict=True)
    return network.eval().requires_grad_(False)
