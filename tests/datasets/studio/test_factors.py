from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fauxbench.harness.datasets.studio.factors import (
    EXPRESSIONS,
    PERSON,
    SCENE,
    STATE,
    factor_names,
    markdown_table,
    sample_person,
    sample_scene,
    sample_state,
)

SEEDS = st.integers(0, 2**31 - 1)


def inside(table, values):
    assert list(values) == [f.name for f in table]
    for factor in table:
        assert factor.low <= values[factor.name] <= factor.high, factor.name
        assert type(values[factor.name]) is float


@settings(max_examples=60, deadline=None)
@given(SEEDS)
def test_samples_fill_their_tables_and_stay_in_range(seed):
    rng = np.random.default_rng(seed)
    person = sample_person(rng)
    inside(PERSON, person)
    inside(STATE, sample_state(rng))
    inside(SCENE, sample_scene(rng, person))
    inside(SCENE, sample_scene(rng))


def test_names_are_unique_and_ranges_are_not_empty():
    names = factor_names()
    assert len(set(names)) == len(names)
    for factor in (*PERSON, *STATE, *SCENE):
        assert factor.low < factor.high
        assert factor.description


@pytest.mark.parametrize(("low", "high"), [(0.0, 0.0), (0.0, 30.0), (30.0, 45.0)])
def test_yaw_keeps_to_the_range_asked_for(low, high):
    rng = np.random.default_rng(1)
    yaws = np.array([abs(sample_state(rng, min_yaw=low, max_yaw=high)["yaw"]) for _ in range(200)])
    assert yaws.min() >= low
    assert yaws.max() <= high


def test_yaw_range_outside_the_rig_is_refused():
    with pytest.raises(ValueError, match="yaw range"):
        sample_state(np.random.default_rng(0), max_yaw=60.0)


def test_same_generator_state_gives_the_same_person():
    assert sample_person(np.random.default_rng([3, 4])) == sample_person(np.random.default_rng([3, 4]))
    assert sample_person(np.random.default_rng([3, 4])) != sample_person(np.random.default_rng([3, 5]))


def test_population_has_the_correlations_that_people_have():
    rng = np.random.default_rng(0)
    people = [sample_person(rng) for _ in range(800)]

    def column(name):
        return np.array([p[name] for p in people])

    assert np.corrcoef(column("age"), column("grey"))[0, 1] > 0.5
    assert np.corrcoef(column("age"), column("wrinkles"))[0, 1] > 0.8
    assert np.corrcoef(column("masculinity"), column("beard_growth"))[0, 1] > 0.8
    assert np.corrcoef(column("melanin"), column("iris_melanin"))[0, 1] > 0.3
    assert column("melanin").std() > 0.2


def test_expressions_are_made_of_action_units_of_the_state():
    units = {f.name: f for f in STATE}
    for mixture in EXPRESSIONS.values():
        for unit, weight in mixture.items():
            assert units[unit].low <= weight <= units[unit].high


def test_markdown_table_has_one_row_per_factor():
    assert markdown_table(STATE).count("\n") == len(STATE) + 2


def test_manual_shows_the_tables_as_they_are():
    manual = Path(__file__).parents[3] / "docs" / "studio.md"
    if not manual.exists():
        pytest.skip("the manual is not part of an installed package")
    text = manual.read_text(encoding="utf-8")
    for table in (PERSON, STATE, SCENE):
        assert markdown_table(table) in text, "run docs/images/make_studio_sheet.py"
