"""Speed and memory of the studio: `pytest --benchmark-only -n 0 tests/benchmarks/test_studio_speed.py`.

Two processes of one thread each render at the same time. `extra_info` tells what both made in a second on the wall, and
what two free cores would make by the best CPU time of either process, which is fairer on a busy machine.
"""

import json
import subprocess
import sys

import pytest

CORES = 2
WORK = """
import json, math, resource, sys, time
import torch
from fauxbench.harness.datasets.studio.recipe import StudioRecipe, picture_factors, render_pictures
from fauxbench.harness.datasets.studio.render import render

torch.set_num_threads(1)

def pictures(size, people, each):
    return sum(1 for _ in render_pictures(StudioRecipe(people=people, per_person=each, size=size)))

def frames(height, width, count):
    person, state, scene = picture_factors(0, 3, 0)
    for first in range(0, count, 4):
        ks = range(first, min(first + 4, count))
        states = [state | {"jaw_open": 0.3 + 0.3 * math.sin(k), "yaw": 20.0 * math.sin(0.1 * k)} for k in ks]
        scenes = [scene | {"noise_seed": float(k), "jpeg_quality": 100.0} for k in ks]
        render([person] * len(states), states, scenes, (height, width))
    return count

job, rounds, numbers = globals()[sys.argv[1]], int(sys.argv[2]), [int(n) for n in sys.argv[3:]]
spent = []
for _ in range(rounds + 1):  # the first one warms up
    wall, cpu = time.perf_counter(), time.process_time()
    count = job(*numbers)
    spent.append((time.perf_counter() - wall, time.process_time() - cpu))
wall, cpu = (min(column) for column in zip(*spent[1:] or spent))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
print(json.dumps({"count": count, "wall": wall, "cpu": cpu, "peak": peak}))
"""


def start(job, rounds, *numbers):
    call = [sys.executable, "-c", WORK, job, str(rounds), *(str(n) for n in numbers)]
    return subprocess.Popen(call, stdout=subprocess.PIPE, text=True)


def finish(process):
    out, _ = process.communicate(timeout=1800)
    assert process.returncode == 0
    return json.loads(out)


def measure(benchmark, things, job, *numbers):
    """Run a job in two processes at a time; return what two free cores make in a second."""

    def both():
        return [finish(process) for process in [start(job, 3, *numbers) for _ in range(CORES)]]

    results = benchmark.pedantic(both, rounds=1)
    best = min(result["cpu"] / result["count"] for result in results)
    benchmark.extra_info |= {
        f"{things}_per_second": round(sum(result["count"] / result["wall"] for result in results), 1),
        f"{things}_per_second_by_cpu_time": round(CORES / best, 1),
        "cpu_milliseconds_each": round(1000 * best, 2),
    }
    return CORES / best


@pytest.mark.parametrize(("size", "people", "each"), [(32, 32, 8), (64, 32, 8), (96, 16, 8), (160, 4, 8)])
def test_pictures(benchmark, size, people, each):
    """The aim is 200 pictures a second at 64 pixels."""
    made = measure(benchmark, "pictures", "pictures", size, people, each)
    assert size != 64 or made >= 200


@pytest.mark.parametrize("size", [(240, 426), (480, 854), (720, 1280)])
def test_frames_of_a_clip(benchmark, size):
    """The aim is 8 frames a second at 720p: one person and one scene, a new state in every frame."""
    made = measure(benchmark, "frames", "frames", *size, 12)
    assert size[0] != 720 or made >= 8


def test_memory_is_flat_in_the_length_of_a_clip(benchmark):
    """Compare the peaks of processes that render 5 s and 20 s at 25 frames a second."""
    lengths = (5, 20)

    def peaks():
        return {seconds: finish(start("frames", 0, 240, 426, 25 * seconds))["peak"] for seconds in lengths}

    found = benchmark.pedantic(peaks, rounds=1)
    benchmark.extra_info |= {f"peak_mib_of_{seconds}_s": round(found[seconds] / 2**20, 1) for seconds in lengths}
    assert found[20] < 1.05 * found[5]
