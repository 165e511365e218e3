"""Inception-v3 with the weights of 5 December 2015: the network behind FID, KID and the Inception score.

The blocks are those of pytorch-fid; weights are read from a checked file, never downloaded. Resize protocols, which
give numbers that must not be compared with each other:

* `clean` (default): bicubic, antialiased, in float, then (x - 128) / 128, as clean-fid does (Parmar et al. 2022).
* `pytorch-fid`: bilinear without antialiasing, then x / 127.5 - 1, as pytorch-fid does.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision
from numpy.typing import NDArray
from pytorch_fid.inception import FIDInceptionA, FIDInceptionC, FIDInceptionE_1, FIDInceptionE_2
from torch import Tensor, nn
from torch.nn import functional

from ..cards import InstrumentCard
from ..errors import InputError, WeightsMissingError
from ..media.content import Picture
from .base import Instrument

SIZE = 299
FEATURES, CLASSES = 2048, 1008
RESIZES = ("clean", "pytorch-fid")


class Inception2015(Instrument):
    """`features` (N, 2048) after the last pooling and `logits` (N, 1008) without the bias, float32.

    Every batch is filled up to one size, so that an item's numbers do not depend on what else is measured with it.
    """

    batch = 16

    def __init__(
        self, card: InstrumentCard, weights: Path | None = None, device: str = "cpu", *, resize: str = "clean"
    ) -> None:
        super().__init__(card, weights, device)
        if resize not in RESIZES:
            raise InputError(f"{card.name}: found resize '{resize}', legal: {', '.join(RESIZES)}")
        if weights is None:
            raise WeightsMissingError(f"{card.name}: needs a file of weights, see fauxbench doctor")
        self.resize = resize
        state = torch.load(weights, map_location="cpu", weights_only=True)
        self.trunk, self.head = build(state)
        self.trunk.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.head = self.head.to(device)

    def extract(self, pictures: Iterable[Picture]) -> Mapping[str, NDArray[Any]]:
        """Return the features and logits of each picture."""
        features, logits = [], []
        for batch, count in self._batches(pictures):
            with torch.inference_mode(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
                pooled = self.trunk(batch).flatten(1)
                features.append(pooled[:count].float().cpu().numpy())
                logits.append((pooled @ self.head.T)[:count].float().cpu().numpy())
        empty = np.empty((0, FEATURES), np.float32), np.empty((0, CLASSES), np.float32)
        return {"features": np.concatenate(features or empty[:1]), "logits": np.concatenate(logits or empty[1:])}

    def _batches(self, pictures: Iterable[Picture]) -> Iterator[tuple[Tensor, int]]:
        rest = iter(pictures)
        while chosen := list(islice(rest, self.batch)):
            batch = torch.zeros(self.batch, 3, SIZE, SIZE, device=self.device).to(memory_format=torch.channels_last)
            for row, picture in enumerate(chosen):
                batch[row] = prepare(torch.from_numpy(np.ascontiguousarray(picture)).to(self.device), self.resize)
            yield batch, len(chosen)


def prepare(picture: Tensor, resize: str) -> Tensor:
    """Turn (H, W, 3) uint8 into (3, 299, 299) float32 about [-1, 1], by one of the resize protocols."""
    planes = picture.permute(2, 0, 1)[None].float()
    if resize == "pytorch-fid":
        scaled = functional.interpolate(planes / 255, size=(SIZE, SIZE), mode="bilinear", align_corners=False)
        return (2 * scaled - 1)[0]
    resized = functional.interpolate(planes, size=(SIZE, SIZE), mode="bicubic", align_corners=False, antialias=True)
    return ((resized - 128) / 128)[0]


def network() -> nn.Module:
    """Return the network without weights: torchvision's, with the blocks that pytorch-fid patches."""
    net = torchvision.models.inception_v3(num_classes=CLASSES, aux_logits=False, weights=None, init_weights=False)
    for name, channels in (("5b", (192, 32)), ("5c", (256, 64)), ("5d", (288, 64))):
        setattr(net, f"Mixed_{name}", FIDInceptionA(channels[0], pool_features=channels[1]))
    for name, width in (("6b", 128), ("6c", 160), ("6d", 160), ("6e", 192)):
        setattr(net, f"Mixed_{name}", FIDInceptionC(768, channels_7x7=width))
    net.Mixed_7b = FIDInceptionE_1(1280)
    net.Mixed_7c = FIDInceptionE_2(FEATURES)
    return net  # type: ignore[no-any-return]


def build(state: Mapping[str, Tensor]) -> tuple[nn.Module, Tensor]:
    """Return the trunk, pictures to (N, 2048, 1, 1), and the (1008, 2048) matrix from features to logits.

    Raises:
        RuntimeError: The state does not fit the network, name by name and shape by shape.
    """
    with torch.device("meta"):
        net = network()
    net.load_state_dict(state, strict=True, assign=True)
    parts: list[nn.Module] = []
    for name, child in net.named_children():
        if name == "avgpool":
            break
        parts.append(child)
    trunk = nn.Sequential(*parts, nn.AdaptiveAvgPool2d((1, 1))).eval().requires_grad_(False)
    return trunk, state["fc.weight"].detach()
