"""Doing the next thing while this one is in work: one thread, one step ahead."""

import threading
from collections.abc import Iterable, Iterator
from queue import Full, Queue
from typing import Generic, TypeVar

T = TypeVar("T")
WAIT = 0.1
"""Seconds between looks at whether anyone still wants the next item."""


def ahead(items: Iterable[T], depth: int = 1) -> Iterator[T]:
    """Yield items in order while a thread makes the next ones.

    Useful where making them and using them both leave Python's lock: decoding and resizing beside a network. An error
    in the making is raised here, after the items before it. When the reader stops, so does the thread.

    Args:
        items: Read in the thread, and nowhere else.
        depth: Finished items that may wait.
    """
    maker = _Maker(items, depth)
    maker.start()
    try:
        yield from maker.results()
    finally:
        maker.unwanted.set()
        maker.join()


class _Maker(threading.Thread, Generic[T]):
    def __init__(self, items: Iterable[T], depth: int) -> None:
        super().__init__(name="ahead", daemon=True)
        self.items = items
        self.waiting: Queue[tuple[bool, T | None]] = Queue(maxsize=depth)
        """Whether it is the end, and the item."""
        self.unwanted = threading.Event()
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            for item in self.items:
                if not self._hand_over((False, item)):
                    return
        except BaseException as error:  # noqa: BLE001 - it is raised again on the other side
            self.error = error
        self._hand_over((True, None))

    def _hand_over(self, what: tuple[bool, T | None]) -> bool:
        """Wait for room; return False if nobody wants it any more."""
        while not self.unwanted.is_set():
            try:
                self.waiting.put(what, timeout=WAIT)
            except Full:
                continue
            return True
        return False

    def results(self) -> Iterator[T]:
        while True:
            end, item = self.waiting.get()
            if end:
                if self.error is not None:
                    raise self.error
                return
            yield item  # type: ignore[misc]
