import pytest
from hypothesis import given
from hypothesis import strategies as st

from fauxbench.harness.datasets.splits import split_identities
from fauxbench.harness.errors import InputError
from fauxbench.harness.media.item import Split

SHARES = {"train": 0.5, "validation": 0.2, "test": 0.3}
SIZES = st.dictionaries(st.text(max_size=8), st.integers(1, 30), min_size=3, max_size=80)


@st.composite
def shares(draw: st.DrawFn) -> dict[str, float]:
    weights = draw(st.lists(st.integers(1, 10), min_size=3, max_size=3))
    return {name: weight / sum(weights) for name, weight in zip(SHARES, weights, strict=True)}


@given(SIZES, shares(), st.integers(0, 2**32))
def test_every_identity_is_in_one_split_and_every_split_has_one(
    sizes: dict[str, int], wanted: dict[str, float], seed: int
) -> None:
    found = split_identities(sizes, wanted, seed)
    assert set(found) == set(sizes)
    assert set(found.values()) == set(Split)


@given(SIZES, shares(), st.integers(0, 2**32))
def test_sizes_come_near_the_shares(sizes: dict[str, int], wanted: dict[str, float], seed: int) -> None:
    found = split_identities(sizes, wanted, seed)
    total, largest = sum(sizes.values()), max(sizes.values())
    if len(sizes) < 10 or largest * 10 > total:
        return  # so few, or one so large, that no cut is near
    for split, share in wanted.items():
        filled = sum(size for name, size in sizes.items() if found[name] == split)
        assert abs(filled - share * total) <= 2 * largest, (split, filled, share * total)


@given(SIZES, st.integers(0, 99), st.randoms())
def test_the_order_of_listing_does_not_matter(sizes: dict[str, int], seed: int, random: object) -> None:
    names = list(sizes)
    random.shuffle(names)  # type: ignore[attr-defined]
    assert split_identities({n: sizes[n] for n in names}, SHARES, seed) == split_identities(sizes, SHARES, seed)


def test_the_cut_is_published() -> None:
    people = {f"p{number:02d}": 10 for number in range(12)}
    found = split_identities(people, SHARES, 0)
    assert {s: sorted(n for n in found if found[n] is s) for s in Split} == {
        Split.TRAIN: GOLDEN_TRAIN,
        Split.VALIDATION: GOLDEN_VALIDATION,
        Split.TEST: GOLDEN_TEST,
    }
    assert found != split_identities(people, SHARES, 1)


GOLDEN_TRAIN = ["p01", "p04", "p05", "p06", "p07", "p11"]
GOLDEN_VALIDATION = ["p03", "p08", "p10"]
GOLDEN_TEST = ["p00", "p02", "p09"]


def test_a_split_without_a_share_gets_nothing() -> None:
    found = split_identities({"a": 5, "b": 1}, {"train": 0, "validation": 0, "test": 1}, 0)
    assert set(found.values()) == {Split.TEST}


@pytest.mark.parametrize("count", [0, 1, 2])
def test_too_few_identities_are_refused(count: int) -> None:
    with pytest.raises(InputError, match=f"{count} identities cannot be split into train, validation, test"):
        split_identities({str(n): 5 for n in range(count)}, SHARES, 0)
