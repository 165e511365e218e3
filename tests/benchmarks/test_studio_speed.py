"""Speed of the studio: `pytest tests/benchmarks --benchmark-only -p no:xdist`, on 2 cores with OMP_NUM_THREADS=2."""

import pytest

from fauxbench.harness.datasets.studio.recipe import StudioRecipe, picture_factors, render_pictures
from fauxbench.harness.datasets.studio.render import render


@pytest.mark.parametrize(("size", "people", "each"), [(32, 32, 8), (64, 32, 8), (160, 4, 8)])
def test_pictures(benchmark, size, people, each):
    """The aim is 200 pictures a second at 64 pixels."""
    recipe = StudioRecipe(people=people, per_person=each, size=size)
    count = benchmark.pedantic(lambda: sum(1 for _ in render_pictures(recipe)), rounds=3, warmup_rounds=1)
    assert count == people * each
    benchmark.extra_info["pictures_per_second"] = round(count / benchmark.stats.stats.mean, 1)


@pytest.mark.parametrize("size", [(240, 426), (480, 854), (720, 1280)])
def test_frames_of_a_clip(benchmark, size):
    """The aim is 8 frames a second at 720p: one person and one scene, a new state in every frame."""
    person, state, scene = picture_factors(0, 3, 0)
    states = [state | {"jaw_open": 0.05 * k, "yaw": 0.5 * k} for k in range(8)]
    scenes = [scene | {"noise_seed": float(k)} for k in range(8)]
    out = benchmark.pedantic(lambda: render([person] * 8, states, scenes, size), rounds=3, warmup_rounds=1)
    assert out.pixels.shape == (8, *size, 3)
    benchmark.extra_info["frames_per_second"] = round(8 / benchmark.stats.stats.mean, 2)
