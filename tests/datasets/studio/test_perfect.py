import numpy as np
import pytest

from fauxbench.harness.datasets.studio.factors import PERSON, SCENE, STATE
from fauxbench.harness.datasets.studio.perfect import HAIR, PERFORMED, parts, perfect
from fauxbench.harness.datasets.studio.recipe import StudioRecipe, picture_factors, render_pictures


def factors(person: int, index: int = 0) -> dict[str, float]:
    body, state, scene = picture_factors(0, person, index)
    return {**body, **state, **scene}


A, B = factors(1), factors(2)


def test_a_swap_takes_the_face_and_leaves_hair_expression_and_place() -> None:
    made = perfect(A, source=B)
    taken = {name for name in made if made[name] != A[name]}
    assert taken <= {f.name for f in PERSON} - set(HAIR)
    assert all(made[f.name] == B[f.name] for f in PERSON if f.name not in HAIR)
    assert all(made[f.name] == A[f.name] for f in (*STATE, *SCENE))


def test_a_reenactment_takes_pose_and_expression_alone() -> None:
    made = perfect(A, driver=B)
    assert all(made[name] == B[name] for name in PERFORMED)
    assert all(made[name] == A[name] for name in made if name not in PERFORMED)


@pytest.mark.parametrize(("strength", "smile", "age"), [(1.0, 1.0, 80.0), (-1.0, 0.0, 18.0), (0.0, 0.5, 49.0)])
def test_an_attribute_is_what_was_asked_and_age_brings_its_lines(strength: float, smile: float, age: float) -> None:
    assert perfect(A, attributes={"smile": strength}) == {**A, "smile": smile}
    old = perfect(A, attributes={"age": strength})
    assert old["age"] == pytest.approx(age)
    assert np.sign(old["wrinkles"] - A["wrinkles"]) in {0.0, np.sign(age - A["age"])}
    assert {name for name in old if old[name] != A[name]} <= {"age", "wrinkles", "eye_bags"}


def test_what_is_not_known_has_no_perfect_result() -> None:
    assert perfect({"smile": 1.0}, source=B) is None
    assert perfect(A, attributes={"nose": 1.0}) is None


def test_a_swap_with_oneself_is_the_picture_itself() -> None:
    from fauxbench.harness.datasets.studio.render import render

    (picture,) = render_pictures(StudioRecipe(people=1, per_person=1, size=32))
    person, state, scene = parts(perfect(picture.factors, source=picture.factors))
    again = render([person], [state], [scene], 32).pixels.numpy()[0]
    assert np.array_equal(again, picture.pixels)
