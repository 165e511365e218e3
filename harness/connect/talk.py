"""A conversation with a program in JSON lines: hello, limits, heartbeats, progress, and how it ends."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ..canonical import JSON
from ..cards import PartCard
from ..contracts import Context, Detector, Generator
from ..errors import FauxbenchError, InputError
from .process import PATIENCE, Ended, Program
from .spec import CommandSpec
from .wire import PROTOCOL, read_object, stop_after

TAIL_LINES = 5
"""Lines of standard error in a message."""


def start(spec: CommandSpec) -> Program:
    """Start the program of a command.

    Raises:
        InputError: It cannot be started.
    """
    try:
        return Program(spec.argv, spec.folder, spec.environment)
    except (OSError, ValueError) as error:
        raise InputError(f"{spec.argv[0]}: cannot be started in {spec.folder}: {error}") from error


class Talk:
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

    def greet(self, system: Generator | Detector, place: Path, weights: Path | None, compared: Sequence[str]) -> None:
        """Say hello and hear it.

        Args:
            system: Whose card and parameters the program is told.
            place: Its scratch folder.
            weights: Folder of what it has learned, if there is one.
            compared: What its own card, if it sends one, must not say otherwise.

        Raises:
            Ended: The program ended first.
            InputError: It answers something else, or calls itself something else than the suite does.
        """
        hello: dict[str, JSON] = {
            "type": "hello",
            "protocol": PROTOCOL,
            "system": f"{system.card.name}@{system.card.version}",
            "parameters": dict(system.parameters),
            "scratch": str(place),
            "weights": str(weights) if weights else None,
            "device": self.context.device,
            "seed": self.context.seed,
        }
        self.program.send([json.dumps(hello)])
        for answer in self.answers():
            if answer.get("type") != "hello":
                what = answer.get("problem") or f"found type {answer.get('type')!r:.40}"
                raise InputError(f"the first answer of '{self.program.name}' must be hello; {what}")
            if answer.get("protocol") != PROTOCOL:
                found = f"{answer.get('protocol')!r:.40}"
                raise InputError(f"'{self.program.name}' speaks protocol {found}; this fauxbench speaks {PROTOCOL}")
            _compare_cards(system.card, answer.get("card"), compared)
            return
        raise Ended("crashed", "the program ended before it said hello")


def ending(program: Program, done: int, asked: int) -> Ended:
    """Return why a program that closed its output had not answered everything."""
    status = program.status()
    if status == 0:
        return Ended("missing", f"the program ended after {done} of {asked} items")
    named = f"signal {status - 128}" if status > 128 else f"exit status {status}"
    return Ended("crashed", f"the program ended with {named} after {done} of {asked} items")


def explained(error: Ended, program: Program) -> FauxbenchError:
    """Return an error that ends the unit, with the end of what the program printed."""
    if error.kind == "crashed":
        error = Ended(error.kind, f"{error} ({_named_status(program)})")
    program.close()
    tail = " | ".join(program.tail().splitlines()[-TAIL_LINES:])
    return InputError(f"{error}; the end of its standard error: {tail or 'nothing'}")


def _named_status(program: Program) -> str:
    status = program.status()
    return f"signal {status - 128}" if status > 128 else f"exit status {status}"


def _compare_cards(card: PartCard, said: JSON, compared: Sequence[str]) -> None:
    if said is None:
        return
    if not isinstance(said, dict):
        raise InputError(f"hello: card: expected a JSON object, found {said!r:.80}")
    ours = card.model_dump(mode="json")
    for name in compared:
        if name in said and said[name] != ours[name]:
            raise InputError(
                f"the program says {name} {said[name]!r:.80}, the suite {ours[name]!r}; correct one of them"
            )
