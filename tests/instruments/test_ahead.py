import threading
import time

import pytest

from fauxbench.harness.instruments.ahead import ahead


def test_order_is_kept_and_nothing_is_lost():
    assert list(ahead(range(100))) == list(range(100))
    assert list(ahead([], depth=3)) == []
    assert list(ahead([None, None])) == [None, None]


def test_making_and_using_overlap():
    def slow():
        for i in range(8):
            time.sleep(0.05)
            yield i

    began = time.perf_counter()
    for _ in ahead(slow()):
        time.sleep(0.05)
    assert time.perf_counter() - began < 0.05 * 8 * 2 * 0.85


def test_it_runs_no_further_ahead_than_it_may():
    made = []

    def items():
        for i in range(50):
            made.append(i)
            yield i

    reader = ahead(items(), depth=1)
    next(reader)
    time.sleep(0.1)
    assert len(made) <= 4
    reader.close()


def test_an_error_comes_after_what_was_made_before_it():
    def items():
        yield 1
        raise KeyError("broken")

    reader = ahead(items())
    assert next(reader) == 1
    with pytest.raises(KeyError, match="broken"):
        next(reader)


def test_a_reader_that_stops_leaves_no_thread():
    reader = ahead(iter(int, 1))
    next(reader)
    reader.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "ahead"]
