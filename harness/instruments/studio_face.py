"""studio-face: a small network that tells rendered people apart and reads expression, pose and light off a picture.

It is trained on the studio (`training/face.py`) and knows nothing else: its numbers on the studio compare with each
other, and not with numbers on photographs. One trunk of residual blocks ends in 128 numbers; two linear maps read
from them who it is (after Chung et al. 2020, In defence of metric learning for speaker recognition, section 2.2:
angular prototypes) and where eyes and mouth are. There a second look (`face_detail.py`) reads what is too fine for the
trunk. What is seen, the studio's factors, is read from both by a third linear map.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from ..cards import InstrumentCard
from ..media.content import Picture
from .base import Instrument
from .face_detail import DETAIL, SPOTS, Detail
from .networks import Convolution, Stage, batches, read_weights

SIZE = 96
TOP, BOTTOM = 0.22, 0.82
"""Where the face lies in the middle square of a picture: from and to, and as wide as high."""
CORE, IDENTITY = 128, 96
FEATURES = CORE + DETAIL
"""The trunk's, then the second look's."""


class Seen(NamedTuple):
    """What the network says of a batch of pictures."""

    features: Tensor
    """(N, 160), about unit variance over the training pictures."""
    identity: Tensor
    """(N, 96) of length 1: the cosine says how alike two people are."""
    factors: Tensor
    """(N, K) in the units of the studio's factors."""


class FaceNet(nn.Module):
    """Pictures (N, 3, 96, 96) in [-1, 1] to `Seen`.

    Args:
        factors: Number of factors to regress, K.
        width: Channels relative to the shipped network.
    """

    centre: Tensor
    """(K,) mean of every factor over the training pictures."""
    spread: Tensor
    """(K,) standard deviation of every factor."""

    def __init__(self, factors: int, width: float = 1.0) -> None:
        super().__init__()
        a, b, c, d, e = (max(8, 4 * round(width * channels / 4)) for channels in (24, 40, 72, 128, 128))
        stem = Convolution(3, a, size=5, stride=2)
        self.trunk = nn.Sequential(stem, Stage(a, b, 1), Stage(b, c, 2), Stage(c, d, 2), Stage(d, e, 1))
        self.gather = nn.Conv2d(e, 2 * e, SIZE // 32, groups=e, bias=False)
        self.mix = nn.Sequential(nn.BatchNorm1d(2 * e), nn.ReLU(), nn.Linear(2 * e, CORE, bias=False))
        self.norm = nn.BatchNorm1d(CORE, affine=False)
        self.identity = nn.Linear(CORE, IDENTITY, bias=False)
        self.spots = nn.Linear(CORE, 2 * SPOTS)
        self.detail = Detail(width)
        self.factors = nn.Linear(FEATURES, factors)
        self.register_buffer("centre", torch.zeros(factors))
        self.register_buffer("spread", torch.ones(factors))

    def core(self, pictures: Tensor) -> Tensor:
        """Return the trunk's features (N, 128)."""
        told: Tensor = self.norm(self.mix(self.gather(self.trunk(pictures)).flatten(1)))
        return told

    def who(self, core: Tensor) -> Tensor:
        """Return the identity (N, 96) of length 1 that the trunk's features show."""
        return functional.normalize(self.identity(core), dim=1)

    def forward(self, pictures: Tensor) -> Seen:
        """Return features, identity and factors."""
        core = self.core(pictures)
        features = torch.cat([core, self.detail(pictures, self.spots(core))], 1)
        return Seen(features, self.who(core), self.factors(features) * self.spread + self.centre)


class StudioFace(Instrument):
    """`features` (N, 160), `identity` (N, 96) of length 1 and `factors` (N, K), float32.

    The names of the factors are in `factor_names`, their units in the tables of `datasets/studio/factors.py`. Every
    batch is filled up to one size, so that an item's numbers do not depend on what else is measured with it.
    """

    batch = 32

    def __init__(self, card: InstrumentCard, weights: Path | None = None, device: str = "cpu") -> None:
        super().__init__(card, weights, device)
        state, about = read_weights(card.name, weights)
        self.factor_names = tuple(about["factors"].split(","))
        self.net = FaceNet(len(self.factor_names), float(about["width"]))
        self.net.load_state_dict(state)
        self.net.eval().requires_grad_(False).to(device)

    def extract(self, pictures: Iterable[Picture]) -> Mapping[str, NDArray[Any]]:
        """Return features, identity and factors of each picture."""
        parts: list[Seen] = []
        for chosen in batches(map(prepare, pictures), self.batch):
            full = torch.zeros(self.batch, 3, SIZE, SIZE)
            full[: len(chosen)] = torch.stack(chosen)
            with torch.inference_mode(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
                seen = self._see(full.to(self.device))
            parts.append(Seen(*(part[: len(chosen)].float().cpu() for part in seen)))
        if not parts:
            sizes = (FEATURES, IDENTITY, len(self.factor_names))
            parts = [Seen(*(torch.zeros(0, size) for size in sizes))]
        return {name: torch.cat([getattr(part, name) for part in parts]).numpy() for name in Seen._fields}

    def _see(self, planes: Tensor) -> Seen:
        """Return what is seen; who it is, from the picture and its mirror image together."""
        seen = self.net(planes)
        both = 0.5 * (seen.features[:, :CORE] + self.net.core(planes.flip(3)))
        return Seen(seen.features, self.net.who(both), seen.factors)


def prepare(picture: Picture) -> Tensor:
    """Turn (H, W, 3) uint8 RGB into (3, 96, 96) float32 in [-1, 1]: the face's part, resized with antialiasing."""
    planes = torch.from_numpy(face(picture)).permute(2, 0, 1)[None].float()
    if planes.shape[2:] != (SIZE, SIZE):
        planes = functional.interpolate(planes, size=(SIZE, SIZE), mode="bilinear", align_corners=False, antialias=True)
    return planes[0] / 127.5 - 1.0


def face(picture: Picture) -> Picture:
    """Cut the part of a picture (H, W, 3) in which the studio, and most sets of faces, have the face."""
    height, width = picture.shape[:2]
    side = min(height, width)
    above, below = ((height - side) // 2 + round(share * side) for share in (TOP, BOTTOM))
    left = (width - (below - above)) // 2
    return np.ascontiguousarray(picture[above:below, left : left + below - above])
