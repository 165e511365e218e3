from pathlib import Path

import pytest

from fauxbench import GeneratorCard, InputError
from fauxbench.harness.cards import read_card

CARDS = sorted((Path(__file__).parents[2] / "generators").glob("*/card.toml"))


@pytest.mark.parametrize("path", CARDS, ids=lambda p: p.parent.name)
def test_cards_are_legal_and_named_after_their_folder(path):
    card = read_card(path, GeneratorCard)
    assert card.name == path.parent.name
    assert card.reference
    filled = card.fill({})
    assert card.fill(filled) == filled  # every default lies within its own bounds
    for name, parameter in card.parameters.items():
        assert parameter.description, name
        assert isinstance(parameter.default, str | bool) or parameter.low is not None, name


@pytest.mark.parametrize(
    ("name", "given"), [("dcgan", {"width": 1}), ("dcgan", {"ema": 1.0}), ("environment", {"edit": "x"})]
)
def test_values_out_of_range_are_refused(name, given):
    card = read_card(CARDS[0].parents[1] / name / "card.toml", GeneratorCard)
    with pytest.raises(InputError, match=next(iter(given))):
        card.fill(given)
