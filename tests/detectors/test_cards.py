from pathlib import Path

import pytest

from fauxbench import DetectorCard
from fauxbench.harness.cards import read_card

CARDS = sorted((Path(__file__).parents[2] / "detectors").glob("*/card.toml"))


@pytest.mark.parametrize("path", CARDS, ids=lambda p: p.parent.name)
def test_cards_are_legal_and_named_after_their_folder(path):
    card = read_card(path, DetectorCard)
    assert card.name == path.parent.name
    assert card.reference
    filled = card.fill({})
    assert card.fill(filled) == filled  # every default lies within its own bounds
    for name, parameter in card.parameters.items():
        assert parameter.description, name
        assert isinstance(parameter.default, str | bool) or parameter.low is not None, name
