"""What a worker is given to run one unit, and what it gives back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from ..canonical import JSON
from ..contracts import Context
from ..media.content import Picture
from ..media.mediaset import MediaSet, file_stem

PICTURES = "pictures"
"""Sub-folder of the pictures that a training shows as it goes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One unit, ready to run: its inputs exist."""

    kind: str
    key: Mapping[str, JSON]
    task: Mapping[str, JSON]
    inputs: Mapping[str, Path]
    """Role -> folder of the finished unit."""
    out: Path
    """A fresh folder for the results."""
    scratch: Path
    store: Path
    device: str
    time_limit: float
    progress: Callable[[float, str], None]
    checkpoints: Path | None = None
    """A folder that outlives an interruption; for units that train."""

    def set(self, role: str) -> MediaSet:
        """Open the MediaSet that another unit made."""
        return MediaSet.open(self.inputs[role] / "set")

    def context(self, seed: int) -> Context:
        """Return the Context for a part that runs inside this unit."""
        return Context(
            seed=seed,
            scratch=self.scratch,
            device=self.device,
            time_limit=self.time_limit,
            progress=self.progress,
            checkpoints=self.checkpoints,
            show=self.show,
        )

    def show(self, picture: Picture, name: str) -> None:
        """Keep a picture of how far a training is; in the store, because it is synthetic and unmarked."""
        if self.checkpoints is None:
            return
        from ..media.images import write_png

        folder = self.checkpoints / PICTURES
        folder.mkdir(exist_ok=True)
        part = folder / f".{file_stem(name)}.part"
        write_png(part, picture)
        part.replace(folder / f"{file_stem(name)}.png")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a unit made."""

    output: str
    """Digest over content: what later fingerprints contain."""
    facts: Mapping[str, JSON] = field(default_factory=lambda: MappingProxyType({}))
    """Small results that the coordinator reads without opening files."""
