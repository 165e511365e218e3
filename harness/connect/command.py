"""The `command` connector: a program in its own environment, JSON lines on its standard input and output.

To the program, one JSON object a line:

    {"type": "hello", "protocol": 1, "system", "parameters", "scratch", "weights", "device", "seed"}
    {"type": "fit", "train": [ITEM...], "subjects", "references", "output", "weights"}      if the system `fits`
    {"type": "generate", "id", "seed", "target", "references", "driver", "audio", "text", "language", "attributes",
     "output"}                                                                              one for each item
    {"type": "end"}                                                                         then standard input closes

From it:

    {"type": "hello", "protocol": 1, "card": {...}}         card is optional; what it says must agree with the suite
    {"type": "fitted"}                                      after the weights folder is filled
    {"type": "artifact", "id", "file", "masks", "facts"}    file: in the scratch folder; kept byte for byte
    {"type": "failure", "id", "kind", "message"}            one item that cannot be made
    {"type": "progress", "fraction", "message"}, {"type": "heartbeat"}

Standard error is free; its end is quoted when the program fails.
"""

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ..canonical import JSON
from ..cards import GeneratorCard
from ..contracts import Artifact, Context, FitTask, Generator, Request
from ..errors import Failure, MediaError
from ..media.content import FileMedia
from .outputs import checked_file, frames_of
from .process import Ended, Program
from .spec import CommandSpec
from .talk import Talk, ending, explained, start
from .wire import (
    facts_of,
    failure_of,
    item_with_file,
    names_of,
    output_record,
    quoted,
    request_record,
)

COMPARED = ("name", "version", "technique", "kind", "modality", "uses")
"""What a program's own card must not say otherwise than the suite."""


class CommandGenerator(Generator):
    """A system under test that is a program."""

    def __init__(self, card: GeneratorCard, parameters: Mapping[str, JSON], spec: CommandSpec) -> None:
        super().__init__(card, parameters)
        self.spec = spec
        self._weights: Path | None = None

    def fit(self, task: FitTask, context: Context) -> None:
        """Have the program fill a folder with weights.

        Raises:
            FauxbenchError: It failed, ended or was overdue; the message has the end of its standard error.
        """
        place = Path(tempfile.mkdtemp(prefix="fit-", dir=context.scratch))
        weights = place / "weights"
        weights.mkdir()
        order: dict[str, JSON] = {
            "type": "fit",
            "train": [item_with_file(item) for item in task.train],
            "subjects": list(task.subjects),
            "references": [item_with_file(item) for item in task.references],
            "output": output_record(task.output),
            "weights": str(weights),
        }
        with start(self.spec) as program:
            talk = Talk(program, self.spec.heartbeat, context)
            try:
                talk.greet(self, place, None, COMPARED)
                program.send([json.dumps(order), '{"type": "end"}'], last=True)
                for answer in talk.answers():
                    if answer.get("type") == "fitted":
                        break
                    talk.refuse_in_fit(answer)
                else:
                    raise Ended("crashed", "the program ended before it said fitted")  # noqa: TRY301
            except Ended as error:
                raise explained(error, program) from error
        self._weights = weights

    def save(self, folder: Path) -> None:
        """Copy what the program wrote."""
        if self._weights is not None:
            shutil.copytree(self._weights, folder, dirs_exist_ok=True)
            shutil.rmtree(self._weights.parent, ignore_errors=True)

    def load(self, folder: Path) -> None:
        """Remember the folder; the program reads it."""
        self._weights = folder

    def generate(self, requests: Sequence[Request], context: Context) -> Iterator[Artifact | Failure]:
        """Ask the program for all items and yield what it answers as it comes.

        A line that answers nothing is a Failure under the line's number.

        Raises:
            InputError: The program does not start, does not greet, or calls itself something else than the suite does.
        """
        if not requests:
            return
        place = Path(tempfile.mkdtemp(prefix="command-", dir=context.scratch))
        try:
            with start(self.spec) as program:
                yield from self._conversation(program, requests, place, context)
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def _conversation(
        self, program: Program, requests: Sequence[Request], place: Path, context: Context
    ) -> Iterator[Artifact | Failure]:
        talk = Talk(program, self.spec.heartbeat, context)
        try:
            talk.greet(self, place, self._weights, COMPARED)
        except Ended as error:
            raise explained(error, program) from error
        orders = ({"type": "generate", **request_record(request, item_with_file)} for request in requests)
        program.send([*map(json.dumps, orders), '{"type": "end"}'], last=True)
        waiting = {request.id: None for request in requests}
        ended: Ended | None = None
        try:
            for answer in talk.answers():
                made = self._answered(answer, place, talk.number)
                if made.request_id in waiting:
                    del waiting[made.request_id]
                    talk.done = not waiting
                yield made
                _remove(made)
        except Ended as error:
            ended = error
        if not waiting:
            return  # all is there; how it ends is its own affair
        ended = ended or ending(program, len(requests) - len(waiting), len(requests))
        program.close()
        for request_id in waiting:
            yield Failure(request_id=request_id, kind=ended.kind, message=str(ended), traceback=program.tail() or None)

    def _answered(self, answer: Mapping[str, JSON], place: Path, number: int) -> Artifact | Failure:
        """Return what a line means; one that means nothing is a Failure under its number."""
        line = f"line {number} of standard output"
        if answer.get("problem"):
            return Failure(request_id=line, kind="invalid", message=f"{answer['problem']}; print to standard error")
        request_id = answer.get("id")
        if answer.get("type") not in {"artifact", "failure"} or not isinstance(request_id, str):
            message = f"expected an artifact or a failure with an id, found {quoted(json.dumps(answer))}"
            return Failure(request_id=line, kind="invalid", message=message)
        if answer["type"] == "failure":
            return failure_of(request_id, answer)
        try:
            path = checked_file(place, answer.get("file"), self.spec.largest)
            masks = [checked_file(place, name, self.spec.largest) for name in names_of(answer.get("masks") or [])]
            return Artifact(
                request_id=request_id,
                media=FileMedia(path=path),
                masks=frames_of(masks) if masks else None,
                facts=facts_of(answer),
            )
        except (MediaError, ValueError) as error:
            return Failure(request_id=request_id, kind="invalid", message=str(error))


def _remove(made: Artifact | Failure) -> None:
    """Free the disk of an output that has been read."""
    if isinstance(made, Artifact) and isinstance(made.media, FileMedia):
        made.media.path.unlink(missing_ok=True)
