from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fauxbench.harness.stats.blocks import blocks, paired_blocks


def test_items_alone_are_dealt_by_order_modulo_count():
    assert blocks([f"i{i}" for i in range(45)]).tolist() == [i % 20 for i in range(45)]


def test_people_of_one_size_are_dealt_by_order_modulo_count():
    labels = [f"p{i // 10}" for i in range(400)]
    assert blocks(labels).tolist() == [(i // 10) % 20 for i in range(400)]


@given(st.lists(st.sampled_from("abcdefghijklmnopqrstuvwxyz"), min_size=1, max_size=200), st.integers(1, 25))
def test_clusters_stay_whole_and_no_block_is_empty(labels, count):
    dealt = blocks(labels, count)
    homes = {}
    assert all(homes.setdefault(label, block) == block for label, block in zip(labels, dealt, strict=True))
    assert len(set(dealt.tolist())) == min(count, len(set(labels)))


def test_uneven_clusters_are_balanced():
    labels = ["big"] * 30 + [f"s{i}" for i in range(90)]
    assert sorted(Counter(blocks(labels, 4).tolist()).values()) == [30, 30, 30, 30]


def test_shared_clusters_leave_both_sets_together():
    real = [f"p{i // 5}" for i in range(150)]
    synthetic = [f"p{i}" for i in (29, 3, 3, 17)] + [f"own{i}" for i in range(60)]
    of_synthetic, of_real, count = paired_blocks(synthetic, real)
    home = dict(zip(real, of_real.tolist(), strict=True))
    assert count == 20
    assert [int(b) for b in of_synthetic[:4]] == [home[f"p{i}"] for i in (29, 3, 3, 17)]
    np.testing.assert_array_equal(of_real, blocks(real))


@pytest.mark.parametrize("few", [1, 2, 7])
def test_few_clusters_give_few_blocks(few):
    assert int(blocks([f"p{i % few}" for i in range(50)]).max()) == few - 1
