from pathlib import Path

import pytest
from pydantic import ValidationError

from fauxbench.harness.cards import DetectorCard, GeneratorCard, MetricCard, Parameter, did_you_mean, read_card
from fauxbench.harness.errors import InputError

CARD = """
name = "mine"
version = "1"
title = "A system"
technique = "gan"
kind = "fully_synthetic"

[parameters.steps]
default = 100
description = "How long."
low = 1
high = 1000

[parameters.rate]
default = 0.5
description = "How fast."
low = 0.0

[parameters.mode]
default = "a"
description = "Which."
choices = ["a", "b"]

[parameters.flip]
default = true
description = "Whether."
"""


@pytest.fixture
def card(tmp_path: Path) -> GeneratorCard:
    (tmp_path / "card.toml").write_text(CARD)
    return read_card(tmp_path / "card.toml", GeneratorCard)


def test_parameters_are_filled_and_keep_their_types(card: GeneratorCard) -> None:
    assert card.fill({}) == {"steps": 100, "rate": 0.5, "mode": "a", "flip": True}
    found = card.fill({"rate": 2, "flip": False, "steps": 1000, "mode": "b"})
    assert found == {"steps": 1000, "rate": 2.0, "mode": "b", "flip": False}
    assert type(found["rate"]) is float


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"step": 5}, "mine has no parameter 'step'; did you mean 'steps'?; it has: flip, mode, rate, steps"),
        ({"steps": "5"}, "mine.steps: found '5', expected int (default 100)"),
        ({"steps": 5.0}, "mine.steps: found 5.0, expected int"),
        ({"steps": True}, "mine.steps: found True, expected int"),
        ({"steps": 0}, "mine.steps: found 0, legal: 1.0 to 1000"),
        ({"steps": [1]}, "expected int"),
        ({"rate": "fast"}, "mine.rate: found 'fast', expected float"),
        ({"rate": True}, "mine.rate: found True, expected float"),
        ({"rate": float("nan")}, "mine.rate: found nan"),
        ({"rate": float("inf")}, "mine.rate: found inf"),
        ({"mode": "c"}, "mine.mode: found 'c', legal: a, b"),
        ({"flip": 1}, "mine.flip: found 1, expected bool"),
        ({"flip": None}, "mine.flip: found None, expected bool"),
    ],
)
def test_wrong_parameters_are_said(card: GeneratorCard, given: dict[str, object], words: str) -> None:
    with pytest.raises(InputError) as caught:
        card.fill(given)
    assert words in str(caught.value)


def test_a_parameter_without_bounds_takes_any_finite_number() -> None:
    assert Parameter(default=0.0, description="").check("x", -1e300) == -1e300
    with pytest.raises(InputError):
        Parameter(default=0.0, description="").check("x", float("-inf"))


WRONG = {
    "not TOML": ("name = ", "not TOML"),
    "no text": (b"\xff\xfe\x00", "not TOML"),
    "an unknown key": (CARD.replace("technique", "tecnique"), "technique: Field required"),
    "an unknown kind": (CARD.replace("fully_synthetic", "fake"), "kind: Input should be 'fully_synthetic'"),
    "a name with a space": (CARD.replace('"mine"', '"my part"'), "name: String should match"),
    "a number for a version": (CARD.replace('"1"', "1"), "version: Input should be a valid string"),
    "a parameter without a default": (CARD.replace("default = 100", ""), "parameters.steps.default: Field required"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_card_is_one_message_with_its_path(case: str, tmp_path: Path) -> None:
    text, words = WRONG[case]
    path = tmp_path / "card.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError) as caught:
        read_card(path, GeneratorCard)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)


def test_no_card(tmp_path: Path) -> None:
    for path in (tmp_path / "card.toml", tmp_path):
        with pytest.raises(InputError, match=f"no card: {path}"):
            read_card(path, DetectorCard)


def test_cards_do_not_change(card: GeneratorCard) -> None:
    with pytest.raises(ValidationError):
        card.name = "other"  # type: ignore[misc]


def test_the_nearest_word() -> None:
    assert did_you_mean("dcgn", ["cnn", "dcgan"]) == "; did you mean 'dcgan'?"
    assert did_you_mean("xyz", ["cnn", "dcgan"]) == ""
    assert did_you_mean("x", []) == ""


def test_names_are_honest() -> None:
    base = {"name": "fd", "version": "1", "title": "", "form": "set", "direction": "lower", "purpose": "distribution"}
    card = MetricCard.model_validate({**base, "display": {"inception-2015": "fid"}, "reference": "", "entry": ""})
    assert [card.shown_as(name) for name in ("inception-2015", "spectrum", None)] == ["fid", "fd[spectrum]", "fd"]
