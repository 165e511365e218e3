"""What an instrument is: pictures in, numbers out, always the same ones."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ..cards import InstrumentCard
from ..media.content import Picture


class Instrument(ABC):
    """Fixed weights or a fixed transform. Built as `Cls(card, weights, device)`."""

    batch: int = 32
    """A constant of the protocol: floats do not forgive changing it."""

    def __init__(self, card: InstrumentCard, weights: Path | None = None, device: str = "cpu") -> None:
        self.card = card
        self.weights = weights
        self.device = device

    @abstractmethod
    def extract(self, pictures: Iterable[Picture]) -> Mapping[str, NDArray[Any]]:
        """Return one row a picture, in order, for each of the card's outputs, float32.

        `pictures` are (H, W, 3) uint8 RGB of any sizes, and are streamed: never hold them all.
        """
