import numpy as np
import pytest
from tests.safeguards.watermark.examples import KEY, mark_of

from fauxbench.harness.media.item import Kind
from fauxbench.harness.safeguards.watermark import Mark
from fauxbench.harness.safeguards.watermark.code import encode
from fauxbench.harness.safeguards.watermark.mark import derive, seal, unseal


@pytest.mark.parametrize("kind", list(Kind))
def test_what_is_sealed_opens(kind):
    mark = Mark(run="00000000", item="ffffffff", generator="0a0b", kind=kind)
    assert unseal(seal(mark, KEY), KEY) == mark


def test_a_block_of_another_key_or_with_one_wrong_bit_does_not_open():
    bits = seal(mark_of(1), KEY)
    assert unseal(bits, bytes(32)) is None
    for place in range(len(bits)):
        wrong = bits.copy()
        wrong[place] ^= 1
        assert unseal(wrong, KEY) is None


def test_no_coded_bit_is_constant_over_the_items_of_one_class():
    coded = np.array([encode(seal(mark_of(item), KEY)) for item in range(200)])
    deviation = np.abs(coded.mean(axis=0) - 0.5) / np.sqrt(0.25 / 200)
    assert deviation.max() < 4.5  # of 256 bits; 1 in 600 keys would fail
    assert 0.8 < np.mean(deviation**2) < 1.2  # as many ones as coins give, neither more nor less even
    pairs = np.corrcoef(coded.T)[np.triu_indices(256, 1)]
    assert np.abs(pairs).max() < 0.45


def test_items_that_differ_in_one_bit_share_half_of_the_coded_bits():
    a, b = (encode(seal(mark_of(item), KEY)) for item in (6, 7))
    assert 90 < np.count_nonzero(a != b) < 166


@pytest.mark.parametrize(
    "fields",
    [
        {"run": "123"},
        {"run": "0123ABCD"},
        {"item": "0123456g"},
        {"item": "012345678"},
        {"generator": ""},
        {"kind": "odd"},
    ],
)
def test_a_mark_that_cannot_be_carried_is_refused(fields):
    good = {"run": "0123abcd", "item": "00000001", "generator": "beef", "kind": Kind.FULLY_SYNTHETIC}
    with pytest.raises(ValueError, match=next(iter(fields))):
        Mark(**{**good, **fields})


@pytest.mark.parametrize("key", [b"", bytes(31), bytes(33), "a" * 32])
def test_a_key_that_is_not_32_bytes_is_refused(key):
    with pytest.raises(ValueError, match="32 secret bytes"):
        derive(key, "purpose", 8)


def test_streams_of_two_purposes_are_unlike():
    a, b = (np.unpackbits(np.frombuffer(derive(KEY, name, 512), np.uint8)) for name in ("one", "two"))
    assert 0.45 < np.mean(a == b) < 0.55
    assert derive(KEY, "one", 16) == derive(KEY, "one", 512)[:16]
