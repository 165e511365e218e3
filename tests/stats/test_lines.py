import math

import numpy as np
import pytest

from fauxbench.harness.errors import InputError
from fauxbench.harness.stats.classification import DECIDED, EQUAL, FLIPPED, METRICS
from fauxbench.harness.stats.lines import Question, alarms, chosen, detection, is_fake, of_groups, of_split, taken

ASKED = Question(target="visual")


def line(item, score, *, fake, **more):
    return {
        "item": item,
        "fake": score,
        "visual_fake": fake,
        "audio_fake": False,
        "cluster": item,
        "kind": "fully_synthetic" if fake else "real",
        "status": "ok",
        "reason": None,
        "frames": [],
        "split": "test",
        **more,
    }


def lines(rng, count=40, shift=0.3, **more):
    real = [line(f"r{i}", s, fake=False, **more) for i, s in enumerate(rng.uniform(0, 0.7, count).tolist())]
    fake = [line(f"f{i}", s, fake=True, **more) for i, s in enumerate(rng.uniform(shift, 0.7 + shift, count).tolist())]
    return real, fake


def thresholds(rng):
    real, fake = lines(rng, split="validation")
    return chosen(real, {"gan@1": fake}, {}, ASKED)


def test_every_measure_at_three_thresholds(rng):
    real, fake = lines(rng)
    found = detection([*real, *fake], ASKED, thresholds(rng), 0)
    assert {place for place in found if "/validation/" in place} == {f"clip/validation/{name}" for name in METRICS}
    assert {place for place in found if "/0.5/" in place} == {f"clip/0.5/{name}" for name in DECIDED}
    assert found["clip/0.5/accuracy"].value == np.mean(
        [(one["fake"] >= 0.5) == one["visual_fake"] for one in real + fake]
    )


def test_frames_are_judged_apart(rng):
    real, fake = lines(rng)
    for one in (*real, *fake):
        one["frames"] = [[0.0, one["fake"]], [1.0, min(1.0, one["fake"] + 0.1)]]
    found = detection([*real, *fake], ASKED, thresholds(rng), 0)
    assert found["clip/validation/auc"].n == 40
    assert found["frame/validation/auc"].n == 80
    pooled = detection([*real, *fake], Question(target="visual", pooling="max"), thresholds(rng), 0)
    assert pooled["clip/0.5/recall"].value > found["clip/0.5/recall"].value


def test_thresholds_know_nothing_of_test_items(rng):
    real, fake = lines(rng, split="validation")
    tested = lines(rng)
    first = chosen([*real, *tested[0]], {"gan@1": [*fake, *tested[1]]}, {}, ASKED)
    for one in (*tested[0], *tested[1]):
        one["fake"] = 1.0 - one["fake"]
    assert chosen([*real, *tested[0]], {"gan@1": [*fake, *tested[1]]}, {}, ASKED) == first
    assert first["validation"].origin == "validation of gan@1"


def test_the_pooled_threshold_takes_every_system_that_has_validation_items(rng):
    real, fake = lines(rng, split="validation")
    harder = [line(f"h{i}", 0.2, fake=True, split="validation") for i in range(40)]
    bare = [line("t", 0.2, fake=True)]
    found = chosen(real, {"gan@1": fake}, {"hard@1": harder, "bare@1": bare}, ASKED)
    assert found["pooled"].origin == "validation of gan@1, hard@1"
    assert found["pooled"].value < found["validation"].value


def test_without_validation_items_the_threshold_is_missing_and_the_rest_is_not(rng):
    real, fake = lines(rng)
    none = chosen(real, {"gan@1": fake}, {}, ASKED)
    found = detection([*real, *fake], ASKED, none, 0)
    assert found["clip/validation/accuracy"].value is None
    assert found["clip/validation/accuracy"].reason == (
        "no threshold: the validation set of gan@1 does not have both classes"
    )
    assert found["clip/0.5/accuracy"].value is not None
    assert found["clip/validation/auc"].value is not None
    assert alarms(real, ASKED, none)["clip/validation/false_alarm_rate"].value is None


BAD = {
    "empty": ([], [], "no items were scored"),
    "one class": (None, [], "only real items in the test set"),
    "other class": ([], None, "only fake items in the test set"),
}


@pytest.mark.parametrize(("real", "fake", "reason"), BAD.values(), ids=BAD)
def test_sets_that_cannot_be_judged_say_why(rng, real, fake, reason):
    both = lines(rng)
    given = [*(both[0] if real is None else real), *(both[1] if fake is None else fake)]
    found = detection(given, ASKED, thresholds(rng), 0)
    assert {one.reason for one in found.values()} == {reason}
    assert all(one.value is None for one in found.values())
    assert of_groups([], ASKED, thresholds(rng), 0, {"all": ""}) == {}


def test_flipped_and_equal_scores_are_said_and_left_as_they_are(rng):
    real, fake = lines(rng, shift=0.3)
    upside = [{**one, "fake": 1.0 - one["fake"]} for one in (*real, *fake)]
    found = detection(upside, ASKED, thresholds(rng), 0)["clip/validation/auc"]
    assert found.value < 0.5
    assert FLIPPED in found.flags
    same = [{**one, "fake": 0.4} for one in (*real, *fake)]
    equal = detection(same, ASKED, thresholds(rng), 0)
    assert equal["clip/validation/auc"].value == 0.5
    assert EQUAL in equal["clip/validation/auc"].flags


@pytest.mark.parametrize("bad", [math.nan, math.inf, -1.0, 3.0, None])
def test_a_bad_score_is_one_failure_and_the_worst_answer(rng, bad):
    real, fake = lines(rng)
    fake[0]["fake"] = bad
    found = detection([*real, *fake], ASKED, thresholds(rng), 0)["clip/0.5/recall"]
    assert found.failures == {"invalid": 1}
    assert found.n == 40
    left = detection([*real, *fake], Question(target="visual", missing="exclude"), thresholds(rng), 0)[
        "clip/0.5/recall"
    ]
    assert left.n == 39
    assert left.value >= found.value


def test_sets_may_share_ids():
    given = [line("a", 0.1, fake=False), line("a", 0.9, fake=True)]
    found = taken(given, ASKED)
    assert (found.fake.tolist(), found.truth.tolist(), found.failures) == ([0.1, 0.9], [False, True], {})


def test_groups_by_kind_and_by_what_is_fake(rng):
    real, fake = lines(rng)
    voices = [{**line(f"v{i}", 0.6, fake=False), "audio_fake": True, "kind": "partially_synthetic"} for i in range(20)]
    asked, at = Question(target="any"), thresholds(rng)
    groups = {"all fully synthetic": "fully_synthetic", "audio fake": "", "visual fake": "", "all fakes": ""}
    found = of_groups([*real, *fake, *voices], asked, at, 0, groups)
    counts = {name: found[f"{name} clip/validation/auc"].n for name in groups}
    assert counts == {"all fully synthetic": 40, "audio fake": 20, "visual fake": 40, "all fakes": 60}
    seen = of_groups([*real, *fake, *voices], ASKED, at, 0, {"audio fake": ""})
    assert seen == {}  # a detector that looks has nothing to say about voices


def test_splits_and_targets():
    assert [one["item"] for one in of_split([{"item": "old"}, {"item": "v", "split": "validation"}], "test")] == ["old"]
    with pytest.raises(InputError, match="target 'smell'; legal: visual, audio, any"):
        is_fake(line("a", 0.1, fake=True), "smell")
