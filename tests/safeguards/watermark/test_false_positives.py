import numpy as np
import pytest
from tests.safeguards.watermark.examples import KEY, smooth

from fauxbench.harness.datasets.studio import StudioRecipe, render_pictures
from fauxbench.harness.safeguards.watermark import find_in_picture
from fauxbench.harness.safeguards.watermark.lattice import Evidence, decide
from fauxbench.harness.safeguards.watermark.picture import Secret, canonical


def chances(pictures, key):
    secret = Secret.of(key)
    return np.exp(-np.array([Evidence.of(secret.turns(canonical(picture))).odds for picture in pictures]))


def test_the_bound_holds_over_keys():
    pictures = [smooth(48, seed) for seed in range(3)]
    told = np.array([chances(pictures, np.random.default_rng(n).bytes(32)) for n in range(40)])
    assert told.min() > 1e-6
    assert np.mean(told <= 0.1) <= 0.1


@pytest.mark.slow
def test_no_mark_is_found_in_two_thousand_unmarked_pictures():
    secret, seen, found = Secret.of(KEY), 0, 0
    least = 1.0
    for one in render_pictures(StudioRecipe(people=2000, per_person=1, size=48, seed=11)):
        evidence = Evidence.of(secret.turns(canonical(one.pixels)))
        least = min(least, float(np.exp(-evidence.odds.max())))
        found += decide(evidence, KEY) is not None
        if seen % 10 == 0:  # in crops too, which takes longer
            found += find_in_picture(one.pixels, KEY) is not None
        seen += 1
    assert seen == 2000
    assert found == 0
    assert least > 1e-6  # 88,000 attempts, each with a bound of its own: none is anywhere near the edge
