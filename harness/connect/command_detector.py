"""A detector that is a program: JSON lines on its standard input and output, as with generators.

To the program, one JSON object a line:

    {"type": "hello", "protocol": 1, "system", "parameters", "scratch", "weights", "device", "seed"}
    {"type": "fit", "train": [ITEM...], "validation": [ITEM...], "weights"}       if it `fits`; an ITEM here has `fake`
    {"type": "score", "id", "modality", "language", "file"}                       one for each item, truth untold
    {"type": "end"}                                                               then standard input closes

From it:

    {"type": "hello", "protocol": 1, "card": {...}}              card is optional
    {"type": "fitted", "threshold": 0.5}                         after the weights folder is filled; threshold optional
    {"type": "score", "id", "fake": 0.9, "frames": [[0.0, 0.8], ...]}             P(fake), 1 = fake; frames optional
    {"type": "score", "id", "missing": "no face"}
    {"type": "failure", "id", "message"}
    {"type": "progress", "fraction", "message"}, {"type": "heartbeat"}
"""

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ..canonical import JSON
from ..cards import DetectorCard
from ..contracts import Context, Detector, ScoreRecord
from ..media.item import Item
from .process import Ended, Program
from .spec import CommandSpec
from .talk import Talk, ending, explained, start
from .verdicts import probability, record_of
from .wire import item_with_file

COMPARED = ("name", "version", "modality", "target")
"""What a program's own card must not say otherwise than its description."""
THRESHOLD = "threshold.json"


class CommandDetector(Detector):
    """A detector that is a program."""

    def __init__(
        self, card: DetectorCard, parameters: Mapping[str, JSON], spec: CommandSpec, *, threshold: float = 0.5
    ) -> None:
        super().__init__(card, parameters)
        self.spec = spec
        self.threshold = threshold
        self._weights: Path | None = None

    def fit(self, train: Sequence[Item], validation: Sequence[Item], context: Context) -> None:
        """Have the program fill a folder with weights.

        Raises:
            FauxbenchError: It failed, ended or was overdue; the message has the end of its standard error.
        """
        place = Path(tempfile.mkdtemp(prefix="fit-", dir=context.scratch))
        weights = place / "weights"
        weights.mkdir()
        order: dict[str, JSON] = {
            "type": "fit",
            "train": [self._told(item) for item in train],
            "validation": [self._told(item) for item in validation],
            "weights": str(weights),
        }
        with start(self.spec) as program:
            talk = Talk(program, self.spec.heartbeat, context)
            try:
                talk.greet(self, place, None, COMPARED)
                program.send([json.dumps(order), '{"type": "end"}'], last=True)
                self._hear_fitted(talk)
            except Ended as error:
                raise explained(error, program) from error
        self._weights = weights

    def _hear_fitted(self, talk: Talk) -> None:
        for answer in talk.answers():
            if answer.get("type") == "fitted":
                try:
                    self.threshold = probability(answer.get("threshold", self.threshold), "fitted: threshold")
                except ValueError as error:
                    raise Ended("invalid", str(error)) from error
                return
            talk.refuse_in_fit(answer)
        raise Ended("crashed", "the program ended before it said fitted")

    def _told(self, item: Item) -> dict[str, JSON]:
        fake = {"visual": item.visual_fake, "audio": item.audio_fake, "any": item.visual_fake or item.audio_fake}
        assert isinstance(self.card, DetectorCard)
        return {**item_with_file(item), "fake": fake[self.card.target]}

    def save(self, folder: Path) -> None:
        """Copy what the program wrote, and keep the threshold beside it."""
        if self._weights is not None:
            shutil.copytree(self._weights, folder, dirs_exist_ok=True)
        (folder / THRESHOLD).write_text(json.dumps({"threshold": self.threshold}), encoding="utf-8")

    def load(self, folder: Path) -> None:
        """Remember the folder; the program reads it."""
        self._weights = folder
        if (folder / THRESHOLD).is_file():
            self.threshold = json.loads((folder / THRESHOLD).read_text(encoding="utf-8"))["threshold"]

    def score(self, items: Sequence[Item], context: Context) -> Iterator[ScoreRecord]:
        """Ask the program about all items; yield a record for each, in order, and errors for what it did not answer.

        Raises:
            InputError: The program does not start, does not greet, or calls itself something else.
        """
        if not items:
            return
        place = Path(tempfile.mkdtemp(prefix="command-", dir=context.scratch))
        try:
            with start(self.spec) as program:
                yield from self._conversation(program, items, place, context)
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def _conversation(
        self, program: Program, items: Sequence[Item], place: Path, context: Context
    ) -> Iterator[ScoreRecord]:
        talk = Talk(program, self.spec.heartbeat, context)
        try:
            talk.greet(self, place, self._weights, COMPARED)
        except Ended as error:
            raise explained(error, program) from error
        here = [item for item in items if item.location is not None]
        orders = [json.dumps({"type": "score", **item_with_file(item)}) for item in here]
        program.send([*orders, '{"type": "end"}'], last=True)
        found: dict[str, ScoreRecord] = {}
        waiting = {item.id for item in here}
        ended: Ended | None = None
        problem = ""
        try:
            for answer in talk.answers():
                name = answer.get("id")
                if not isinstance(name, str) or name not in waiting:
                    problem = problem or str(answer.get("problem") or f"line {talk.number} answers nothing asked")
                    continue
                said = {"failure": answer} if answer.get("type") == "failure" else answer
                found[name] = record_of(name, said)
                waiting.discard(name)
                talk.done = not waiting
        except Ended as error:
            ended = error
        if waiting:
            ended = ended or ending(program, len(found), len(here))
        for item in items:
            yield found.get(item.id) or _unanswered(item, ended, problem)


def _unanswered(item: Item, ended: Ended | None, problem: str) -> ScoreRecord:
    if item.location is None:
        return ScoreRecord(item=item.id, status="missing", reason="no file on this machine")
    reason = f"{ended}; {problem}" if problem else str(ended)
    return ScoreRecord(item=item.id, status="error", reason=reason)
