from collections import Counter

import pytest

from fauxbench.harness.datasets.layouts.ours import CARVED, SHARES, our_split, place_of
from fauxbench.harness.media.item import Split


def test_the_published_places_never_change() -> None:
    assert place_of("fakeavceleb", "id00001") == pytest.approx(PLACES["fakeavceleb", "id00001"], abs=1e-15)
    assert place_of("celebdf-v2", "id0") == pytest.approx(PLACES["celebdf-v2", "id0"], abs=1e-15)


PLACES = {("fakeavceleb", "id00001"): 0.9235235417750369, ("celebdf-v2", "id0"): 0.49816697446464175}


@pytest.mark.parametrize("shares", [SHARES, CARVED])
def test_the_shares_are_kept_and_a_split_depends_on_nothing_else(shares: dict[Split, float]) -> None:
    found = Counter(our_split("x", [f"id{n}"], shares) for n in range(4000))
    for split, share in shares.items():
        assert found[split] / 4000 == pytest.approx(share, abs=0.03)
    assert sum(found.values()) == 4000


def test_an_item_of_people_in_two_splits_is_in_none() -> None:
    people: dict[Split | None, str] = {our_split("x", [f"id{n}"]): f"id{n}" for n in range(50)}
    train, test = people[Split.TRAIN], people[Split.TEST]
    assert our_split("x", [train, test]) is None
    assert our_split("x", [train, train]) is Split.TRAIN
