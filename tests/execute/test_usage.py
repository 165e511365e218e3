"""What a unit takes."""

import sys

import numpy as np
import pytest

from fauxbench.harness.execute.usage import Usage


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says it for a part of a process")
def test_memory_is_that_of_the_unit_and_not_of_what_ran_before() -> None:
    before = np.ones(60 << 17)  # 60 MiB
    total = float(before.sum())
    usage = Usage()
    del before
    small = Usage().record()["memory"]
    held = np.ones(90 << 17)
    large = Usage().record()["memory"], usage.record()["memory"]
    assert total > 0
    assert held[-1] == 1
    assert small is not None
    assert all(one is not None and one - small > 60 << 20 for one in large)


def test_time_is_that_of_the_processor() -> None:
    usage = Usage()
    sum(i * i for i in range(200_000))
    assert 0 < float(usage.record()["processor"] or 0) < 60
