import numpy as np
import pytest

from fauxbench.harness.stats.compare import Replicated
from fauxbench.harness.stats.groups import best_group, evidence, mark_best, rank_intervals
from fauxbench.harness.store.schema import Replicates, Row, SeedValue, comparability_key

BLOCKS, DRAWS, N = 20, 500, 100


def candidates(rng, means, noise=0.5):
    """DRAWS times k systems that met the same items: delete-a-block replicates of their means."""
    common = rng.standard_normal((DRAWS, 1, N))
    items = common + noise * rng.standard_normal((DRAWS, len(means), N)) + np.asarray(means)[:, None]
    sums = items.reshape(DRAWS, len(means), BLOCKS, N // BLOCKS).sum(-1)
    left = (sums.sum(-1, keepdims=True) - sums) / (N - N // BLOCKS)
    for draw in range(DRAWS):
        yield {str(i): Replicated(items[draw, i].mean(keepdims=True), left[draw, i][None]) for i in range(len(means))}


@pytest.mark.parametrize("means", [[0.0] * 5, [0.0, 0.0, 0.1, 0.2, 1.0], [0.0, 0.05]])
def test_the_true_best_is_inside_the_group(means):
    found = [best_group(one, lower=True) for one in candidates(np.random.default_rng(1), means)]
    assert np.mean(["0" in group for group in found]) >= 0.94


def test_clearly_worse_systems_are_outside():
    found = [best_group(one, lower=True) for one in candidates(np.random.default_rng(2), [0.0, 0.0, 0.5, 1.0])]
    assert np.mean([group == {"0", "1"} for group in found]) > 0.9


def test_higher_is_better_turns_the_group_round():
    found = [best_group(one, lower=False) for one in candidates(np.random.default_rng(3), [0.0, 0.0, 0.5, 1.0])]
    assert np.mean([group == {"3"} for group in found]) > 0.9


def test_one_candidate_is_the_best_and_none_is_none():
    assert best_group({"a": Replicated(np.ones(1), np.ones((1, 5)))}, lower=True) == {"a"}
    assert best_group({}, lower=True) == frozenset()


def test_identical_copies_stand_or_fall_together():
    rng = np.random.default_rng(4)
    worse = Replicated(np.array([2.0]), 2.0 + 0.01 * rng.standard_normal((1, BLOCKS)))
    good = Replicated(np.array([1.0]), 1.0 + 0.01 * rng.standard_normal((1, BLOCKS)))
    group = best_group({"a": good, "b": worse, "copy of a": good, "copy of b": worse}, lower=True)
    assert group == {"a", "copy of a"}


def test_without_variation_a_worse_value_is_outside():
    sides = {name: Replicated(np.full(1, v), np.full((1, BLOCKS), v)) for name, v in (("a", 1.0), ("b", 2.0))}
    assert best_group(sides, lower=True) == {"a"}


def row(system, value=1.0, **given):
    protocol = given.pop("protocol", {"metric": "fid"})
    fields = {
        "id": system,
        "section": "realism",
        "system": system,
        "role": "system",
        "kind": "fully_synthetic",
        "metric": "fid",
        "value": value,
        "n": 100,
        "expected": 100,
        "direction": "lower",
        "protocol": protocol,
        "comparability": comparability_key(protocol),
        "reason": "lost" if value is None else None,
        "seeds": (SeedValue(seed=0, value=value),),
    }
    return Row(**(fields | given))


def stored(*rows, blocks=BLOCKS):
    rng = np.random.default_rng(5)
    return Replicates(
        rows={r.id: (tuple((r.value + 0.01 * rng.standard_normal(blocks)).tolist()),) for r in rows if r.value}
    )


def test_mark_best():
    rows = (
        row("good"),
        row("bad", 3.0),
        row("lost", None),
        row("patchy", 0.5, n=94),
        row("copier", 0.1),
        row("real", 0.01, role="control"),
        row("other", 0.2, protocol={"metric": "fid", "n": 5}),
        row("slice", 0.2, slice={"condition": "240p"}),
        row("unloved", 0.2, direction="none"),
    )
    marked = {r.system: r.best for r in mark_best(rows, stored(*rows), unranked={"copier"})}
    assert marked == {
        "good": True,
        "bad": False,
        "lost": None,
        "patchy": None,
        "copier": None,
        "real": None,
        "other": True,
        "slice": True,
        "unloved": None,
    }


def test_mark_best_forgets_an_old_mark_and_skips_rows_without_replicates():
    rows = (row("good", best=True), row("bare", 0.1, best=True))
    assert [r.best for r in mark_best(rows, stored(rows[0]))] == [True, None]


def test_rows_cut_otherwise_than_most_are_not_ranked():
    rows = (row("a"), row("b", 2.0), row("c", 0.1))
    replicates = Replicates(rows=stored(*rows[:2]).rows | stored(rows[2], blocks=19).rows)
    assert [r.best for r in mark_best(rows, replicates)] == [True, False, None]


def test_evidence_takes_the_seeds_that_have_a_value():
    one = row("a", seeds=(SeedValue(seed=0, value=1.0), SeedValue(seed=1, value=None), SeedValue(seed=2, value=3.0)))
    found = evidence(one, Replicates(rows={"a": ((1.0, 2.0), (), (3.0, 4.0))}))
    assert found.values.tolist() == [1.0, 3.0]
    assert found.replicates.tolist() == [[1.0, 2.0], [3.0, 4.0]]


@pytest.mark.parametrize(
    ("one", "replicates", "message"),
    [
        (row("a", None), {}, "lost"),
        (row("a"), {}, "no replicates"),
        (row("a"), {"a": ((),)}, "no replicates"),
        (row("a"), {"a": ((1.0,), (1.0,))}, "2 sets of replicates for 1"),
    ],
)
def test_evidence_that_is_not_there(one, replicates, message):
    with pytest.raises(ValueError, match=message):
        evidence(one, Replicates(rows=replicates))


def test_rank_intervals_of_blocks_hold_together():
    held, means = [], [0.0, 0.0, 0.5, 1.0]
    for number, one in enumerate(candidates(np.random.default_rng(6), means)):
        if number == 100:
            break
        found = rank_intervals(one, np.random.default_rng(number), lower=True)
        held.append([found[name][0] <= low <= high <= found[name][1] for name, low, high in RANKS])
    assert np.mean(np.all(held, axis=1)) >= 0.9
    assert found["3"] == (4, 4)


RANKS = (("0", 1, 2), ("1", 1, 2), ("2", 3, 3), ("3", 4, 4))


def test_ranks_of_other_blocks_are_refused():
    sides = {"a": Replicated(np.ones(1), np.ones((1, 20))), "b": Replicated(np.ones(1), np.ones((1, 19)))}
    with pytest.raises(ValueError, match="different numbers of blocks"):
        rank_intervals(sides, np.random.default_rng(0), lower=True)
    assert rank_intervals({}, np.random.default_rng(0), lower=True) == {}
