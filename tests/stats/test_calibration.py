"""The claims of docs/statistics.md: how often the comparisons call different what is, and what is not."""

import numpy as np
import pytest
from tests.stats.simulation import CASES, check, draws_of, one_seed_each, share_found

NAMES = [case.name for case in CASES]


def within(share, low, high, count):
    """Whether a share of `count` draws fits the bounds, with three standard errors of that many draws to spare."""
    slack = 3 * np.sqrt(high * (1 - high) / count) if count < 500 else 0.0
    return low - slack <= share <= high + slack


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_false_findings_and_power_in_few_draws(case):
    count = 60
    null, _, found, plain = check(case, count, 200)
    assert within(null, 0.02, 0.08, count)
    assert within(found, 0.74, 0.86, count)
    assert plain is None or plain > 0.08


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_false_findings_and_power(case):
    null, _, found, plain = check(case, 500, 100)
    assert within(null, 0.02, 0.08, 500)
    assert within(found, 0.74, 0.86, 500)
    assert plain is None or plain > 0.12


def test_one_seed_of_each_recipe_speaks_of_checkpoints():
    found = draws_of(one_seed_each, 60, 300)
    assert {one.about for one in found} == {"checkpoint"}
    assert share_found(found) > 0.12  # what differs are these checkpoints, not their recipe
