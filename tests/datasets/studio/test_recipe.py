import subprocess
import sys

import numpy as np
import pytest

from fauxbench.harness.datasets.studio import (
    POINTS,
    RESERVED_PEOPLE,
    StudioRecipe,
    factors,
    person_factors,
    picture_factors,
    render_pictures,
)


def pictures(**fields):
    return list(render_pictures(StudioRecipe(**fields)))


def test_pictures_come_person_major_with_all_their_facts():
    made = pictures(people=2, per_person=3, size=32)
    assert [(p.identity, p.index) for p in made] == [(f"studio-{n:05d}", i) for n in range(2) for i in range(3)]
    for picture in made:
        assert picture.pixels.shape == (32, 32, 3)
        assert picture.pixels.dtype == np.uint8
        assert list(picture.factors) == list(factors.factor_names())
        assert list(picture.points) == list(POINTS)


@pytest.mark.parametrize("size", [32, 64])
def test_a_picture_does_not_depend_on_its_batch(size):
    many = pictures(people=3, per_person=3, size=size, seed=5)
    alone = pictures(people=1, per_person=2, size=size, seed=5, first_person=2)
    for one, other in zip(many[6:8], alone, strict=True):
        assert one.factors == other.factors
        assert np.array_equal(one.pixels, other.pixels)
        assert one.points == other.points


def test_seeds_and_people_give_other_pictures():
    base = pictures(people=1, per_person=2, size=32)
    other = pictures(people=1, per_person=1, size=32, seed=1)
    assert not np.array_equal(base[0].pixels, base[1].pixels)
    assert not np.array_equal(base[0].pixels, other[0].pixels)


def test_a_person_is_the_same_in_all_pictures_and_the_state_is_not():
    first, second = (picture_factors(0, 7, i) for i in (0, 1))
    assert first[0] == second[0] == person_factors(0, 7)
    assert first[1] != second[1]
    assert first[2] != second[2]


def test_person_and_picture_streams_do_not_share_randomness():
    assert person_factors(0, 1) != person_factors(1, 0)
    rng = np.random.default_rng([0, 7, 0])
    assert factors.sample_person(rng) == person_factors(0, 7)


def test_max_yaw_is_kept():
    for picture in pictures(people=2, per_person=4, size=32, max_yaw=5.0):
        assert abs(picture.factors["yaw"]) <= 5.0


def test_default_population_leaves_the_reserved_people_alone():
    assert StudioRecipe(people=10, per_person=1, size=32).first_person == 0
    assert RESERVED_PEOPLE == 1_000_000
    reserved = pictures(people=1, per_person=1, size=32, first_person=RESERVED_PEOPLE)
    assert reserved[0].identity == "studio-1000000"


@pytest.mark.parametrize(
    "fields",
    [{"people": 0}, {"per_person": 0}, {"size": 8}, {"seed": -1}, {"first_person": -1}, {"max_yaw": 50.0}],
)
def test_recipe_refuses_what_it_cannot_render(fields):
    with pytest.raises(ValueError, match=next(iter(fields))):
        StudioRecipe(**{"people": 1, "per_person": 1, "size": 64} | fields)


def test_importing_the_package_does_not_import_torch():
    code = (
        "import sys, fauxbench.harness.datasets.studio as s; s.person_factors(0, 0); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
