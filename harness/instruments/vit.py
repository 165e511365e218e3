"""Vision transformers by timm, with locked weights: DINOv2 ViT-L/14 and CLIP ViT-L/14 at 336 pixels.

Weights are read from checked files, never downloaded. Pictures are squeezed to a square, bicubic:

* `dinov2-vitl14`: 224 pixels, antialiased, as the evaluation that named FD-DINOv2 does (Stein et al. 2023); `features`
  are the class token after the last norm. The table of positions is resampled as the published code does.
* `clip-vitl14-336`: 336 pixels, *not* antialiased and kept in float, as the published code of CMMD does; `features` are
  the 768 of the joint space, not brought to unit length.
"""

import warnings
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import timm
import torch
from numpy.typing import NDArray
from PIL import Image
from timm.models.vision_transformer import VisionTransformer, checkpoint_filter_fn
from torch import Tensor
from torch.nn import functional

from ..cards import InstrumentCard
from ..errors import WeightsMissingError
from ..media.content import Picture
from .base import Instrument
from .pixels import resize_planes

OFFSET = 0.1
"""Added to the number of patches by DINOv2's published code before it resamples the table of positions."""


class Transformer(Instrument):
    """Base of both; every batch is filled up to one size, so that an item's numbers do not depend on the others."""

    batch = 8
    architecture: ClassVar[str]
    """timm's name."""
    size: ClassVar[int]
    width: ClassVar[int]
    """Features of a picture."""
    mean: ClassVar[tuple[float, float, float]]
    deviation: ClassVar[tuple[float, float, float]]

    def __init__(self, card: InstrumentCard, weights: Path | None = None, device: str = "cpu") -> None:
        super().__init__(card, weights, device)
        if weights is None:
            raise WeightsMissingError(f"{card.name}: needs a file of weights, see fauxbench doctor")
        network: Any = timm.create_model(self.architecture, pretrained=False, **self.options())
        network.load_state_dict(self.state(weights, network), strict=True)
        self.network = network.eval().requires_grad_(False).to(device)

    @abstractmethod
    def options(self) -> dict[str, Any]:
        """Return what timm needs beside the name."""

    @abstractmethod
    def state(self, weights: Path, network: VisionTransformer) -> Mapping[str, Tensor]:
        """Read the file of weights as a state of timm's network; no code in it is run."""

    @abstractmethod
    def planes(self, picture: Picture) -> Tensor:
        """Return (3, size, size) float32 in [0, 1] or a little beyond."""

    def extract(self, pictures: Iterable[Picture]) -> Mapping[str, NDArray[Any]]:
        """Return the features of each picture, (N, width) float32."""
        rest, rows = iter(pictures), []
        mean, deviation = (torch.tensor(v)[:, None, None] for v in (self.mean, self.deviation))
        while chosen := list(islice(rest, self.batch)):
            batch = torch.zeros(self.batch, 3, self.size, self.size)
            for place, picture in enumerate(chosen):
                batch[place] = (self.planes(picture) - mean) / deviation
            with torch.inference_mode(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
                rows.append(self.network(batch.to(self.device))[: len(chosen)].float().cpu().numpy())
        return {"features": np.concatenate(rows) if rows else np.empty((0, self.width), np.float32)}


class DINOv2(Transformer):
    """`features` (N, 1024): the class token of ViT-L/14 at 224 pixels."""

    architecture = "vit_large_patch14_dinov2"
    size, width = 224, 1024
    mean, deviation = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

    def options(self) -> dict[str, Any]:
        """Return the size, and that there is no classifier."""
        return {"img_size": self.size, "num_classes": 0, "global_pool": "token"}

    def state(self, weights: Path, network: VisionTransformer) -> Mapping[str, Tensor]:
        """Read the published state; its table of positions for 518 pixels is resampled to ours."""
        published = torch.load(weights, map_location="cpu", weights_only=True)
        published["pos_embed"] = positions(published["pos_embed"], self.size // 14)
        found: Mapping[str, Tensor] = checkpoint_filter_fn(published, network)
        return found

    def planes(self, picture: Picture) -> Tensor:
        """Return the picture at 224 pixels, bicubic with antialiasing, in float."""
        resized = resize_planes(picture, self.size, Image.Resampling.BICUBIC)
        return torch.from_numpy(resized / np.float32(255)).permute(2, 0, 1)


def positions(table: Tensor, side: int) -> Tensor:
    """Resample a table of positions (1, 1 + S², C) to (1, 1 + side², C): bicubic, not antialiased, class token kept."""
    grid = table[:, 1:]
    old = round(grid.shape[1] ** 0.5)
    if old == side:
        return table
    square = grid.reshape(1, old, old, -1).permute(0, 3, 1, 2).float()
    scale = (side + OFFSET) / old
    square = functional.interpolate(square, scale_factor=(scale, scale), mode="bicubic", antialias=False)
    return torch.cat([table[:, :1], square.permute(0, 2, 3, 1).reshape(1, side * side, -1)], dim=1)


class CLIP(Transformer):
    """`features` (N, 768): the joint space of ViT-L/14 at 336 pixels."""

    architecture = "vit_large_patch14_clip_quickgelu_336"
    size, width = 336, 768
    mean, deviation = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)

    def options(self) -> dict[str, Any]:
        """Return the width of the joint space."""
        return {"num_classes": self.width}

    def state(self, weights: Path, network: VisionTransformer) -> Mapping[str, Tensor]:
        """Read the published archive: TorchScript's reader builds tensors and modules, and runs no Python."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the format is out of use; the file is what was published
            published = torch.jit.load(weights, map_location="cpu").state_dict()  # type: ignore[no-untyped-call]
        found = checkpoint_filter_fn({name: value.float() for name, value in published.items()}, network)
        return {name: value for name, value in found.items() if name in network.state_dict()}

    def planes(self, picture: Picture) -> Tensor:
        """Return the picture at 336 pixels, bicubic without antialiasing, in float."""
        samples = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float() / 255
        return functional.interpolate(samples, size=(self.size, self.size), mode="bicubic", align_corners=False)[0]
