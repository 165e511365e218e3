"""What a unit takes."""

import json
import subprocess
import sys

import pytest

from fauxbench.harness.execute.usage import Usage

PROGRAM = """
import json
from fauxbench.harness.execute.usage import Usage
before = bytearray(b"x") * (60 << 20)
usage = Usage()
del before
small = Usage().record()["memory"]
held = bytearray(b"x") * (90 << 20)
print(json.dumps([small, Usage().record()["memory"], usage.record()["memory"], len(held)]))
"""
"""Run in a process of its own: of a large one the system may take back at any moment what was not used for long."""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says it for a part of a process")
def test_memory_is_that_of_the_unit_and_not_of_what_ran_before() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    small, *large, _ = json.loads(done.stdout)
    assert small < 60 << 20
    assert all(one - small > 60 << 20 for one in large)


def test_time_is_that_of_the_processor() -> None:
    usage = Usage()
    sum(i * i for i in range(200_000))
    assert 0 < float(usage.record()["processor"] or 0) < 60
