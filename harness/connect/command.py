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
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ..canonical import JSON
from ..cards import GeneratorCard
from ..contracts import Artifact, Context, FitTask, Generator, Request
from ..errors import Failure, FauxbenchError, InputError, MediaError
from ..media.content import FileMedia
from .outputs import checked_file, frames_of
from .process import PATIENCE, Ended, Program
from .spec import CommandSpec
from .wire import (
    PROTOCOL,
    facts_of,
    failure_of,
    item_with_file,
    names_of,
    output_record,
    quoted,
    read_object,
    request_record,
    stop_after,
)

COMPARED = ("name", "version", "technique", "kind", "modality", "uses")
"""What a program's own card must not say otherwise than the suite."""
TAIL_LINES = 5
"""Lines of standard error in a message."""


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
        with self._start() as program:
            talk = _Talk(program, self.spec.heartbeat, context)
            try:
                self._greet(talk, place, None, context)
                program.send([json.dumps(order), '{"type": "end"}'], last=True)
                for answer in talk.answers():
                    if answer.get("type") == "fitted":
                        break
                    talk.refuse_in_fit(answer)
                else:
                    raise Ended("crashed", "the program ended before it said fitted")  # noqa: TRY301
            except Ended as error:
                raise _explained(error, program) from error
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
            with self._start() as program:
                yield from self._conversation(program, requests, place, context)
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def _start(self) -> Program:
        try:
            return Program(self.spec.argv, self.spec.folder, self.spec.environment)
        except (OSError, ValueError) as error:
            raise InputError(f"{self.spec.argv[0]}: cannot be started in {self.spec.folder}: {error}") from error

    def _greet(self, talk: "_Talk", place: Path, weights: Path | None, context: Context) -> None:
        hello: dict[str, JSON] = {
            "type": "hello",
            "protocol": PROTOCOL,
            "system": f"{self.card.name}@{self.card.version}",
            "parameters": dict(self.parameters),
            "scratch": str(place),
            "weights": str(weights) if weights else None,
            "device": context.device,
            "seed": context.seed,
        }
        talk.program.send([json.dumps(hello)])
        for answer in talk.answers():
            if answer.get("type") != "hello":
                what = answer.get("problem") or f"found type {answer.get('type')!r:.40}"
                raise InputError(f"the first answer of '{self.spec.argv[0]}' must be hello; {what}")
            if answer.get("protocol") != PROTOCOL:
                found = f"{answer.get('protocol')!r:.40}"
                raise InputError(f"'{self.spec.argv[0]}' speaks protocol {found}; this fauxbench speaks {PROTOCOL}")
            _compare_cards(self.card, answer.get("card"))
            return
        raise Ended("crashed", "the program ended before it said hello")

    def _conversation(
        self, program: Program, requests: Sequence[Request], place: Path, context: Context
    ) -> Iterator[Artifact | Failure]:
        talk = _Talk(program, self.spec.heartbeat, context)
        try:
            self._greet(talk, place, self._weights, context)
        except Ended as error:
            raise _explained(error, program) from error
        orders = ({"type": "generate", **request_record(request, item_with_file)} for request in requests)
        program.send([*map(json.dumps, orders), '{"type": "end"}'], last=True)
        waiting = {request.id: None for request in requests}
        ending: Ended | None = None
        try:
            for answer in talk.answers():
                made = self._answered(answer, place, talk.number)
                if made.request_id in waiting:
                    del waiting[made.request_id]
                    talk.done = not waiting
                yield made
                _remove(made)
        except Ended as error:
            ending = error
        if not waiting:
            return  # all is there; how it ends is its own affair
        ending = ending or _ending(program, len(requests) - len(waiting), len(requests))
        program.close()
        for request_id in waiting:
            yield Failure(
                request_id=request_id, kind=ending.kind, message=str(ending), traceback=program.tail() or None
            )

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


class _Talk:
    """The listening half of a conversation: limits, heartbeats and progress."""

    def __init__(self, program: Program, heartbeat: float, context: Context) -> None:
        self.program = program
        self.heartbeat = heartbeat
        self.context = context
        self.number = 0
        """Of the last line."""
        self.done = False
        """Nothing more is expected: the program has a little time for ending."""
        limit = context.time_limit
        self._deadline = time.monotonic() + stop_after(limit) if limit else None

    def answers(self) -> Iterator[dict[str, JSON]]:
        """Yield what the program says, but for heartbeats and progress; bad lines as `{"problem": ...}`.

        Raises:
            Ended: It was silent or busy for too long.
        """
        while True:
            line = self._line()
            if line is None:
                return
            self.number += 1
            try:
                answer = read_object(line)
            except ValueError as error:
                yield {"problem": str(error)}
                continue
            if answer.get("type") == "progress":
                self._report(answer)
            elif answer.get("type") != "heartbeat":
                yield {name: value for name, value in answer.items() if name != "problem"}

    def _line(self) -> bytes | None:
        left = self._deadline - time.monotonic() if self._deadline else self.heartbeat
        try:
            return self.program.line(PATIENCE if self.done else min(left, self.heartbeat))
        except Ended as error:
            if left >= self.heartbeat or error.kind != "timeout":
                raise
            limit = f"its time limit of {self.context.time_limit:g} s"
            raise Ended("timeout", f"no end before {limit}; it was ended") from error

    def _report(self, answer: Mapping[str, JSON]) -> None:
        fraction, message = answer.get("fraction"), str(answer.get("message") or "")
        if isinstance(fraction, int | float) and 0 <= fraction <= 1:
            self.context.progress(float(fraction), message)

    def refuse_in_fit(self, answer: Mapping[str, JSON]) -> None:
        """Raise what an answer means that is not `fitted`."""
        if answer.get("type") == "failure":
            raise Ended("error", f"training failed: {str(answer.get('message') or 'no reason given')[:1000]}")
        what = answer.get("problem") or f"found type {answer.get('type')!r:.40}"
        raise Ended("invalid", f"line {self.number} of standard output: expected fitted, failure or progress; {what}")


def _remove(made: Artifact | Failure) -> None:
    """Free the disk of an output that has been read."""
    if isinstance(made, Artifact) and isinstance(made.media, FileMedia):
        made.media.path.unlink(missing_ok=True)


def _ending(program: Program, done: int, asked: int) -> Ended:
    """Return why a program that closed its output had not answered everything."""
    status = program.status()
    if status == 0:
        return Ended("missing", f"the program ended after {done} of {asked} items")
    named = f"signal {status - 128}" if status > 128 else f"exit status {status}"
    return Ended("crashed", f"the program ended with {named} after {done} of {asked} items")


def _explained(error: Ended, program: Program) -> FauxbenchError:
    """Return an error that ends the unit, with the end of what the program printed."""
    if error.kind == "crashed":
        error = Ended(error.kind, f"{error} ({_named_status(program)})")
    program.close()
    tail = " | ".join(program.tail().splitlines()[-TAIL_LINES:])
    return InputError(f"{error}; the end of its standard error: {tail or 'nothing'}")


def _named_status(program: Program) -> str:
    status = program.status()
    return f"signal {status - 128}" if status > 128 else f"exit status {status}"


def _compare_cards(card: GeneratorCard, said: JSON) -> None:
    if said is None:
        return
    if not isinstance(said, dict):
        raise InputError(f"hello: card: expected a JSON object, found {said!r:.80}")
    ours = card.model_dump(mode="json")
    for name in COMPARED:
        if name in said and said[name] != ours[name]:
            raise InputError(
                f"the program says {name} {said[name]!r:.80}, the suite {ours[name]!r}; correct one of them"
            )
