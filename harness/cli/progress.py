"""Progress of verbs that run no plan, through the display that all others have: on stderr, with the time left."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager

Tell = Callable[[float, str], None]
"""Takes the share that is done, from 0 to 1, and a line about it."""


@contextmanager
def told(seconds: Mapping[str, float], *, quiet: bool) -> Iterator[Callable[[str], AbstractContextManager[Tell]]]:
    """Tell of steps that come one after another.

    Args:
        seconds: Step -> how long it may take; only what they are to each other matters once a tenth is done.
        quiet: Say nothing.

    Yields:
        What opens a step by its name and gives what is told of its progress.
    """
    from ..execute.display import Display, display_for
    from ..plan import Plan, Unit

    units = {name: Unit(id=name, kind="step", what=name, key={}, cost=cost) for name, cost in seconds.items()}
    display = Display() if quiet else display_for()
    display.begin(Plan(units=tuple(units.values())), set(), seconds)

    @contextmanager
    def step(name: str) -> Iterator[Tell]:
        unit, began = units[name], time.monotonic()
        display.started(unit)
        yield lambda done, message: display.progress(unit, done, message)
        display.finished(unit, time.monotonic() - began, cached=False)

    try:
        yield step
    finally:
        display.end()
