"""Inception-v3 with the weights of 5 December 2015: the network behind FID, KID and the Inception score.

The blocks are those of pytorch-fid; weights are read from a checked file, never downloaded. Resize protocols, which
give numbers that must not be compared with each other:

* `clean` (default): bicubic, antialiased, in float, cut to [0, 255], then (x - 128) / 128, as clean-fid does (Parmar
  et al. 2022).
* `pytorch-fid`: bilinear without antialiasing, then x / 127.5 - 1, as pytorch-fid does.
* `tf1`: bilinear of TensorFlow 1, corners not aligned and pixels not centred, then (x - 128) / 128, as torch-fidelity
  and the first implementation do.

Precision `bf16`: weights and activations in bfloat16; several times as fast where the processor multiplies such
matrices, and another number: never to be compared with `fp32`. In both, batch norms are folded into the convolutions
and averages taken after products (`inception_order.py`), which moves features by less than 1e-5 of their standard
deviation.

Decoding and resizing run one batch ahead of the network, in a thread of their own.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
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
from ..errors import WeightsMissingError
from ..media.content import Picture
from . import check_options
from .ahead import ahead
from .base import Instrument
from .inception_order import fold, join_activations, pool_last

SIZE = 299
FEATURES, CLASSES = 2048, 1008


class Inception2015(Instrument):
    """`features` (N, 2048) after the last pooling and `logits` (N, 1008) without the bias, float32.

    Every batch is filled up to one size, so that an item's numbers do not depend on what else is measured with it.
    """

    batch = 8

    def __init__(
        self,
        card: InstrumentCard,
        weights: Path | None = None,
        device: str = "cpu",
        *,
        resize: str = "clean",
        precision: str = "fp32",
    ) -> None:
        super().__init__(card, weights, device)
        check_options("inception-2015", {"resize": resize, "precision": precision})
        if weights is None:
            raise WeightsMissingError(f"{card.name}: needs a file of weights, see fauxbench doctor")
        self.resize = resize
        self.dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        state = torch.load(weights, map_location="cpu", weights_only=True)
        self.trunk, self.head = build(state)
        fold(self.trunk)
        pool_last(self.trunk)
        self.trunk.to(device=device, dtype=self.dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
        if torch.device(device).type == "cpu":
            join_activations(self.trunk)
        self.head = self.head.to(device)

    def extract(self, pictures: Iterable[Picture]) -> Mapping[str, NDArray[Any]]:
        """Return the features and logits of each picture."""
        features, logits = [], []
        for batch, count in ahead(self._batches(pictures)):
            with torch.inference_mode(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
                pooled = self.trunk(batch).flatten(1).float()
                features.append(pooled[:count].cpu().numpy())
                logits.append((pooled @ self.head.T)[:count].cpu().numpy())
        empty = np.empty((0, FEATURES), np.float32), np.empty((0, CLASSES), np.float32)
        return {"features": np.concatenate(features or empty[:1]), "logits": np.concatenate(logits or empty[1:])}

    def _batches(self, pictures: Iterable[Picture]) -> Iterator[tuple[Tensor, int]]:
        rest = iter(pictures)
        while chosen := list(islice(rest, self.batch)):
            batch = torch.zeros(self.batch, 3, SIZE, SIZE, device=self.device).to(memory_format=torch.channels_last)
            for row, picture in enumerate(chosen):
                batch[row] = prepare(torch.from_numpy(np.array(picture)).to(self.device), self.resize)
            yield batch.to(self.dtype), len(chosen)


def prepare(picture: Tensor, resize: str) -> Tensor:
    """Turn (H, W, 3) uint8 into (3, 299, 299) float32 about [-1, 1], by one of the resize protocols."""
    planes = picture.permute(2, 0, 1)[None].float()
    if resize == "pytorch-fid":
        scaled = functional.interpolate(planes / 255, size=(SIZE, SIZE), mode="bilinear", align_corners=False)
        return (2 * scaled - 1)[0]
    if resize == "tf1":
        down, across = (tf1_matrix(side, SIZE).to(planes.device) for side in planes.shape[2:])
        return (down @ planes @ across.T - 128)[0] / 128
    resized = functional.interpolate(planes, size=(SIZE, SIZE), mode="bicubic", align_corners=False, antialias=True)
    return ((resized.clamp(0, 255) - 128) / 128)[0]


@lru_cache(maxsize=64)
def tf1_matrix(old: int, new: int) -> Tensor:
    """Return the (new, old) matrix of TensorFlow 1's bilinear resize along one side.

    Row i takes from position i · old / new, with the pixel there and the next one, and never beyond the last.
    """
    place = torch.arange(new, dtype=torch.float32) * (old / new)
    below = place.floor().long()
    share = place - below
    matrix = torch.zeros(new, old)
    rows = torch.arange(new)
    matrix[rows, below] += 1 - share
    matrix[rows, (below + 1).clamp(max=old - 1)] += share
    return matrix


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
