"""What a generator and a detector are, and what passes between them and the harness."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

import numpy as np

from .canonical import JSON
from .cards import DetectorCard, GeneratorCard
from .errors import Failure
from .media.content import Frames, Media, Picture
from .media.item import Item

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """The form asked for."""

    width: int | None = None
    height: int | None = None
    fps: float | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One thing to make. A generator reads the fields that its kind needs."""

    id: str
    seed: int
    target: Item | None = None
    """The picture or clip to alter."""
    references: tuple[Item, ...] = ()
    """Whose face or voice: one picture or many."""
    driver: Item | None = None
    """Whose motion."""
    audio: Item | None = None
    """The speech to fit the lips to."""
    text: str | None = None
    language: str | None = None
    """BCP 47."""
    attributes: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    output: Output | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """What a generator hands back. fauxbench encodes and records it."""

    request_id: str
    media: Media
    masks: Frames | None = None
    """Which pixels were changed: (H, W) uint8 frames, 255 = changed."""
    facts: Mapping[str, JSON] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What the harness gives a part to work with."""

    seed: int
    """Training seed in `fit`; in `generate` each Request has its own."""
    scratch: Path
    """A folder for temporary files; removed afterwards."""
    device: str = "cpu"
    time_limit: float | None = None
    """Seconds after which the harness ends the unit."""
    progress: Callable[[float, str], None] = lambda fraction, message: None
    """Call with the fraction done in [0, 1] and a short message, now and then."""
    checkpoints: Path | None = None
    """In `fit`: a folder that outlives an interruption. What is left there, the next try at the same fit finds."""
    show: Callable[[Picture, str], None] = lambda picture, name: None
    """In `fit`: call with a picture of how far it is, (H, W, 3) uint8 RGB, and a name for its file."""

    def rng(self, *path: int) -> np.random.Generator:
        """Return a numpy Generator that depends on the seed and `path` alone."""
        return np.random.default_rng([self.seed, *path])

    def torch_rng(self, *path: int) -> "torch.Generator":
        """Return a torch Generator (on the CPU) that depends on the seed and `path` alone."""
        import torch

        state = int(np.random.SeedSequence([self.seed, *path]).generate_state(1, np.uint64)[0] >> np.uint64(1))
        return torch.Generator().manual_seed(state)


@dataclass(frozen=True, slots=True, kw_only=True)
class FitTask:
    """What a generator may learn from: the train split, and references of those whom it will be asked to put in."""

    train: tuple[Item, ...]
    output: Output = Output()
    subjects: tuple[str, ...] = ()
    """Identities that a swap or a voice learns, in order."""
    references: tuple[Item, ...] = ()
    """Items of the subjects, of every split that will be asked for; none of them is ever a target."""


class Generator(ABC):
    """A system under test.

    A subclass is built as `Cls(card, parameters)`; `parameters` holds every parameter of the card, checked and filled
    with defaults. It runs in a worker process of its own.
    """

    def __init__(self, card: GeneratorCard, parameters: Mapping[str, JSON]) -> None:
        self.card = card
        self.parameters = parameters

    def fit(self, task: FitTask, context: Context) -> None:  # noqa: B027 - a system without training needs none
        """Learn from `task.train`; called once per training seed, before `generate`, if the card says `fits`."""

    def save(self, folder: Path) -> None:  # noqa: B027
        """Write what `fit` learned: safetensors and JSON, never pickle."""

    def load(self, folder: Path) -> None:  # noqa: B027
        """Read what `save` wrote."""

    @abstractmethod
    def generate(self, requests: Sequence[Request], context: Context) -> Iterator[Artifact | Failure]:
        """Yield one Artifact or Failure for each request, in any order, depending on nothing but the request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreRecord:
    """What a detector says of one Item."""

    item: str
    status: Literal["ok", "missing", "error"] = "ok"
    fake: float | None = None
    """P(fake) in [0, 1]; 1 = fake, always. None unless status is ok."""
    frames: tuple[tuple[float, float], ...] = ()
    """(seconds, P(fake)) per frame or window."""
    reason: str | None = None

    def record(self) -> dict[str, JSON]:
        """Return the ScoreRecord as a JSON object."""
        frames = [list(pair) for pair in self.frames]
        return {
            "item": self.item,
            "status": self.status,
            "fake": self.fake,
            "frames": frames,
            "reason": self.reason,
        }


class Detector(ABC):
    """Media in, P(fake) out. Built as `Cls(card, parameters)`, like a Generator."""

    threshold: float = 0.5
    """P(fake) from which an item counts as fake; `fit` chooses it on the validation split, `load` restores it."""

    def __init__(self, card: DetectorCard, parameters: Mapping[str, JSON]) -> None:
        self.card = card
        self.parameters = parameters

    def fit(self, train: Sequence[Item], validation: Sequence[Item], context: Context) -> None:  # noqa: B027
        """Learn from `train`; choose the checkpoint on `validation`, never on anything else."""

    def save(self, folder: Path) -> None:  # noqa: B027
        """Write what `fit` learned: safetensors and JSON, never pickle."""

    def load(self, folder: Path) -> None:  # noqa: B027
        """Read what `save` wrote."""

    @abstractmethod
    def score(self, items: Sequence[Item], context: Context) -> Iterator[ScoreRecord]:
        """Yield one ScoreRecord for each item, in order."""
