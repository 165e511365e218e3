"""Live progress: bars on a terminal, plain lines elsewhere, nothing when asked to be quiet."""

import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, TextIO

from ..errors import Failure
from ..plan import Plan, Unit

if TYPE_CHECKING:
    from rich.progress import TaskID


class Display:
    """What the coordinator tells a person; this one keeps it to itself."""

    def begin(self, plan: Plan, cached: set[str], seconds: Mapping[str, float]) -> None:
        """The run starts: which units are cached, and how many seconds each other one is expected to take."""

    def started(self, unit: Unit) -> None:
        """A worker has begun a unit."""

    def progress(self, unit: Unit, fraction: float, message: str) -> None:
        """A unit has got to `fraction`."""

    def finished(self, unit: Unit, seconds: float, *, cached: bool) -> None:
        """A unit is done."""

    def failed(self, unit: Unit, failure: Failure) -> None:
        """A unit did not come to its end."""

    def tick(self) -> None:
        """Nothing happened for a while."""

    def end(self) -> None:
        """The run is over, one way or another."""


class Clock:
    """Estimates the time left from what is done, corrected by how fast this machine turns out to be."""

    def __init__(self, plan: Plan, cached: set[str], seconds: Mapping[str, float]) -> None:
        self.began = time.monotonic()
        self.total = len(plan.units)
        self.done = len(cached)
        self.left = dict(seconds)
        self.fractions: dict[str, float] = {}
        self.expected = sum(seconds.values())

    def finish(self, unit: Unit) -> None:
        """Strike a unit off."""
        self.done += 1
        self.left.pop(unit.id, None)
        self.fractions.pop(unit.id, None)

    def remaining(self) -> float:
        """Return the seconds left."""
        left = sum(s * (1 - self.fractions.get(unit, 0.0)) for unit, s in self.left.items())
        past = self.expected - left
        elapsed = time.monotonic() - self.began
        pace = elapsed / past if past > 0.1 * self.expected and elapsed > 2 else 0.6
        return left * pace


def span(seconds: float) -> str:
    """Return a length of time as a person says it."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


class Plain(Display):
    """One line an event, for logs and pipes."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stderr

    def _say(self, text: str) -> None:
        self.stream.write(text + "\n")
        self.stream.flush()

    def begin(self, plan: Plan, cached: set[str], seconds: Mapping[str, float]) -> None:
        """See Display."""
        self.clock = Clock(plan, cached, seconds)
        self._said = time.monotonic()
        self._say(f"{len(plan.units)} units: {len(cached)} cached, {len(plan.units) - len(cached)} to do")

    def progress(self, unit: Unit, fraction: float, message: str) -> None:
        """See Display."""
        self.clock.fractions[unit.id] = fraction
        if time.monotonic() - self._said > 10:
            self._said = time.monotonic()
            self._say(f"... {unit.id}: {message} (about {span(self.clock.remaining())} left)")

    def finished(self, unit: Unit, seconds: float, *, cached: bool) -> None:
        """See Display."""
        self.clock.finish(unit)
        self._said = time.monotonic()
        took = "cached" if cached else f"{seconds:.1f} s"
        left = f", about {span(self.clock.remaining())} left" if self.clock.left else ""
        self._say(f"[{self.clock.done}/{self.clock.total}] {unit.id}: {took}{left}")

    def failed(self, unit: Unit, failure: Failure) -> None:
        """See Display."""
        self.clock.finish(unit)
        self._say(f"[{self.clock.done}/{self.clock.total}] {unit.id}: FAILED ({failure.kind}): {failure.message}")


class Rich(Display):
    """Bars on a terminal."""

    def begin(self, plan: Plan, cached: set[str], seconds: Mapping[str, float]) -> None:
        """See Display."""
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

        self.clock = Clock(plan, cached, seconds)
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[note]}"))
        self.bars: Progress = Progress(*columns, console=Console(stderr=True), transient=True)
        self.tasks: dict[str, TaskID] = {}
        self.bars.start()
        self.whole = self.bars.add_task("all units", total=len(plan.units), completed=len(cached), note="")

    def started(self, unit: Unit) -> None:
        """See Display."""
        self.tasks[unit.id] = self.bars.add_task(unit.id, total=1.0, note="")

    def progress(self, unit: Unit, fraction: float, message: str) -> None:
        """See Display."""
        self.clock.fractions[unit.id] = fraction
        if unit.id in self.tasks:
            self.bars.update(self.tasks[unit.id], completed=fraction, note=message)
        self.tick()

    def finished(self, unit: Unit, seconds: float, *, cached: bool) -> None:
        """See Display."""
        self._strike(unit)

    def failed(self, unit: Unit, failure: Failure) -> None:
        """See Display."""
        self._strike(unit)
        self.bars.console.print(f"{unit.id}: failed ({failure.kind}): {failure.message}", style="red", markup=False)

    def _strike(self, unit: Unit) -> None:
        self.clock.finish(unit)
        task = self.tasks.pop(unit.id, None)
        if task is not None:
            self.bars.remove_task(task)
        self.tick()

    def tick(self) -> None:
        """See Display."""
        note = f"{self.clock.done}/{self.clock.total}, about {span(self.clock.remaining())} left"
        self.bars.update(self.whole, completed=self.clock.done, note=note)

    def end(self) -> None:
        """See Display."""
        self.bars.stop()


def display_for(stream: TextIO | None = None) -> Display:
    """Return bars if standard error is a terminal, plain lines otherwise."""
    return Rich() if (stream or sys.stderr).isatty() else Plain(stream)
