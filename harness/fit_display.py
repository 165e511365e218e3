"""What watches a training: a stopwatch for its trial, and a carrier of the pictures that it shows."""

import time
from collections.abc import Mapping
from pathlib import Path

from .cards import GeneratorCard
from .errors import Failure, MediaError
from .execute.display import Display
from .execute.step import PICTURES
from .media.images import read_image
from .media.item import Item, Kind, Modality
from .plan import Plan, Unit
from .safeguards.border import release_picture
from .store.store import Store


class Stopwatch(Display):
    """Tells from the progress of one unit how long the whole of it takes."""

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self._seen: list[tuple[float, float]] = []

    def progress(self, unit: Unit, fraction: float, message: str) -> None:
        """See Display."""
        if unit.id == self.unit.id and fraction > 0:
            self._seen.append((time.monotonic(), fraction))

    def whole(self) -> float | None:
        """Return the seconds that all of it takes at its own pace; None if too little was seen of it."""
        if len(self._seen) < 2 or self._seen[-1][1] - self._seen[0][1] < 0.3:
            return None
        (first, begun), (last, done) = self._seen[0], self._seen[-1]
        return (last - first) / (done - begun)


class Watched(Display):
    """Another display, and beside it the pictures of a training, brought over the border as they come."""

    def __init__(self, inner: Display, unit: Unit, card: GeneratorCard, target: Path | None, store: Store) -> None:
        """Bring the pictures of `unit` into the folder `target`; None where its data do not permit that."""
        self.inner = inner
        self.unit = unit
        self.card = card
        self.target = target
        self.source = store.checkpoints(str(unit.task["checkpoints"])) / PICTURES

    def begin(self, plan: Plan, cached: set[str], seconds: Mapping[str, float]) -> None:
        """See Display."""
        self.inner.begin(plan, cached, seconds)

    def started(self, unit: Unit) -> None:
        """See Display."""
        self.inner.started(unit)

    def progress(self, unit: Unit, fraction: float, message: str) -> None:
        """See Display."""
        self.inner.progress(unit, fraction, message)
        if unit.id == self.unit.id:
            self.release(self.source)

    def finished(self, unit: Unit, seconds: float, *, cached: bool) -> None:
        """See Display."""
        self.inner.finished(unit, seconds, cached=cached)

    def failed(self, unit: Unit, failure: Failure) -> None:
        """See Display."""
        self.inner.failed(unit, failure)

    def tick(self) -> None:
        """See Display."""
        self.inner.tick()

    def end(self) -> None:
        """See Display."""
        self.inner.end()

    def release(self, folder: Path) -> None:
        """Release what is new in a folder of pictures."""
        if self.target is None or not folder.is_dir():
            return
        name, kind = f"{self.card.name}@{self.card.version}", Kind(self.card.kind)
        for file in sorted(folder.glob("*.png")):
            if (self.target / file.name).exists():
                continue
            try:
                pixels = read_image(file)
            except MediaError:
                return  # the training has just ended, and its folder moved; what is left is released from there
            fake = kind.fakes(Modality.IMAGE).visual
            item = Item(id=f"{name} {file.stem}", modality=Modality.IMAGE, kind=kind, group=name, visual_fake=fake)
            release_picture(pixels, self.target / file.name, [item], str(self.unit.task["checkpoints"]))
