"""Cross-modal synthesis as a system under test: a face and a sound that were both made, put together into a clip."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from fauxbench import Artifact, Context, Failure, FitTask, Generator, GeneratorCard, Request
from fauxbench.generators._lips_still import TalkingStill
from fauxbench.generators._lips_sync import LipPainter

LIPS: Mapping[str, type[LipPainter] | type[TalkingStill]] = {"puppet": TalkingStill, "lipsync": LipPainter}


class CrossModal(Generator):
    """The last link of a chain: lets `request.target`, a face that was made, say `request.audio`, made too.

    Which systems make them, the suite says (`parts`), or the card. This one is `puppet` or `lipsync` by another kind:
    nothing in the clip is real.
    """

    def __init__(self, card: GeneratorCard, parameters: Mapping[str, Any]) -> None:
        super().__init__(card, parameters)
        name = str(parameters["lips"])
        table = tomllib.loads((Path(__file__).parents[1] / name / "card.toml").read_text(encoding="utf-8"))
        inner = GeneratorCard.model_validate(table)
        self.inner = LIPS[name](inner, inner.fill({"steps": parameters["steps"]}))

    def fit(self, task: FitTask, context: Context) -> None:
        """Let what moves the lips learn; see there."""
        self.inner.fit(task, context)

    def save(self, folder: Path) -> None:
        """Write what it learned."""
        self.inner.save(folder)

    def load(self, folder: Path) -> None:
        """Read what `save` wrote; weights of `puppet` or `lipsync` themselves will do."""
        self.inner.load(folder)

    def generate(self, requests: Sequence[Request], context: Context) -> Iterator[Artifact | Failure]:
        """Yield one clip a request, as long as its sound."""
        yield from self.inner.generate(requests, context)
