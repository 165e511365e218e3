import math

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from fauxbench.harness.contracts import ScoreRecord
from fauxbench.harness.errors import InputError
from fauxbench.harness.stats.intake import Asked, intersected, pool, take

ASKED = [Asked(item=f"i{n}", fake=n >= 3, clusters=f"p{n % 3}") for n in range(6)]


def ok(item, score=0.5, **more):
    return ScoreRecord(item=item, fake=score, **more)


def scored(*, without=(), **changed):
    found = [ok(one.item, changed.get(one.item, 0.25)) for one in ASKED if one.item not in without]
    return found


def test_everything_there_is_taken_in_the_order_asked():
    found = take(reversed(scored(i2=0.75)), ASKED)
    assert found.items == tuple(one.item for one in ASKED)
    assert found.fake.tolist() == [0.25, 0.25, 0.75, 0.25, 0.25, 0.25]
    assert found.truth.tolist() == [False] * 3 + [True] * 3
    assert (found.failures, found.coverage, found.rule) == ({}, 1.0, "the detector's own")


@pytest.mark.parametrize("bad", [math.nan, math.inf, -0.1, 3.4, None])
@pytest.mark.parametrize(("policy", "left"), [("worst", 6), ("exclude", 5), ("intersect", 5)])
def test_a_score_that_is_no_probability_falls_under_the_policy(bad, policy, left):
    found = take(scored(i4=bad), ASKED, policy=policy)
    assert found.failures == {"invalid": 1}
    assert len(found.fake) == left
    assert found.coverage == pytest.approx(5 / 6)
    if policy == "worst":
        assert found.fake[4] == 0.0  # a fake that the detector could not judge counts as missed


def test_a_real_item_without_a_score_counts_as_a_false_alarm():
    assert take(scored(without=("i1",)), ASKED).fake[1] == 1.0


def test_unknown_items_and_duplicates_are_said():
    given = [*scored(), ok("stranger", 0.9), ok("i0", 0.25), ok("i5", 0.9)]
    found = take(given, ASKED, policy="exclude")
    assert found.failures == {"unknown": 1, "repeated": 1, "contradictory": 1}
    assert found.items == ("i0", "i1", "i2", "i3", "i4")


def test_what_a_detector_says_went_wrong_is_counted():
    given = [
        *scored(without=("i0", "i3")),
        ScoreRecord(item="i0", status="error"),
        ScoreRecord(item="i3", status="missing"),
    ]
    assert take(given, ASKED).failures == {"error": 1, "missing": 1}


def test_nothing_given_and_nothing_asked():
    found = take([], ASKED, policy="exclude")
    assert (len(found.fake), found.coverage, found.failures) == (0, 0.0, {"missing": 6})
    assert take([ok("i0")], []).failures == {"unknown": 1}


@pytest.mark.parametrize(
    ("rule", "value"), [("mean", 0.5), ("max", 0.9), ("top-2", 0.7), ("top-1", 0.9), ("top-9", 0.5)]
)
def test_pooling_rules(rule, value):
    assert pool([0.1, 0.5, 0.9, math.nan, 7.0], rule) == pytest.approx(value)
    assert pool([math.nan], rule) is None


@pytest.mark.parametrize("rule", ["median", "top-0", "top-", "Mean"])
def test_no_such_rule(rule):
    with pytest.raises(InputError, match="legal: mean, max, top-K"):
        pool([0.5], rule)


def test_clips_are_pooled_and_frames_keep_their_clips_clusters():
    frames = {"i0": ((0.0, 0.2), (1.0, 0.4)), "i5": ((0.0, 1.0), (1.0, math.nan), (2.0, 0.5))}
    given = [ok(one.item, 0.25, frames=frames.get(one.item, ())) for one in ASKED]
    clips = take(given, ASKED, rule="max")
    assert (clips.fake[0], clips.fake[1], clips.fake[5]) == (0.4, 0.25, 1.0)
    assert clips.rule == "max over frames"
    single = take(given, ASKED, level="frame")
    assert single.items == ("i0", "i0", "i1", "i2", "i3", "i4", "i5", "i5")
    assert single.clusters[1] == "p0"
    assert single.expected == 6


def test_methods_of_one_pair_stay_apart_clips():
    # Clips are told apart by their id, never by the name of their folder: four methods may share that.
    asked = [Asked(item=f"{m}/000_003/{n}", fake=m != "real", clusters="000") for m in ("real", "a", "b") for n in "01"]
    given = [ok(one.item, 0.9 if one.item.startswith("a") else 0.1) for one in asked]
    found = take(given, asked)
    assert len(found.items) == 6
    assert roc_auc_score(found.truth, found.fake) == 0.75  # blind to method b


def test_a_comparison_keeps_what_both_have():
    a, b = (
        take(scored(without=("i1",)), ASKED, policy="intersect"),
        take(scored(i4=math.nan), ASKED, policy="intersect"),
    )
    left, right, truth, clusters = intersected(a, b)
    assert len(left) == len(right) == len(clusters) == 4
    assert truth.sum() == 2
    with pytest.raises(ValueError, match="compare clips"):
        intersected(a, take(scored(), ASKED, level="frame"))


def test_two_truths_of_one_item_are_refused():
    other = [Asked(item=one.item, fake=not one.fake, clusters=one.clusters) for one in ASKED]
    with pytest.raises(ValueError, match="disagree"):
        intersected(take(scored(), ASKED), take(scored(), other))


def test_order_of_the_file_does_not_matter():
    rng = np.random.default_rng(0)
    given = [ok(one.item, float(s)) for one, s in zip(ASKED, rng.random(6), strict=True)]
    one, two = take(given, ASKED), take([given[i] for i in rng.permutation(6)], ASKED)
    np.testing.assert_array_equal(one.fake, two.fake)
