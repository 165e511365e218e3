import numpy as np
import pytest
from scipy.optimize import brentq
from sklearn import metrics

from fauxbench.harness.stats import classification
from fauxbench.harness.stats.blocks import blocks_by_id
from fauxbench.harness.stats.classification import (
    DECIDED,
    EQUAL,
    FLIPPED,
    METRICS,
    RANKED,
    Judged,
    false_alarms,
    judge,
    judge_at,
)


def judged(rng, *, people=12, each=10, fakes=120, distance=1.5, threshold=0.5) -> Judged:
    """Real items in clusters of people, fakes each its own; scores are squashed normal draws."""
    person = np.repeat(rng.normal(0, 0.6, people), each)
    real = person + rng.normal(0, 0.8, people * each)
    fake = distance + rng.normal(0, 1, fakes)
    scores = 1 / (1 + np.exp(-(np.concatenate([real, fake]) - distance / 2)))
    ids = [f"r{i}" for i in range(people * each)], [f"f{i}" for i in range(fakes)]
    labels = [f"p{i // each}" for i in range(people * each)]
    mine, theirs = blocks_by_id(dict(zip(ids[1], ids[1], strict=True)), dict(zip(ids[0], labels, strict=True)))
    return Judged(
        fake=scores,
        truth=np.arange(len(scores)) >= people * each,
        clusters=(*labels, *ids[1]),
        blocks=(*theirs.values(), *mine.values()),
        threshold=threshold,
    )


def test_values_are_scikit_learns():
    one = judged(np.random.default_rng(0))
    found = judge(one, np.random.default_rng(0))
    decided = one.fake >= one.threshold
    for name in ("accuracy", "balanced_accuracy", "precision", "recall", "f1"):
        score = getattr(metrics, f"{name}_score")
        assert found[name].value == pytest.approx(score(one.truth, decided), abs=1e-12)
    for name, score in (
        ("auc", metrics.roc_auc_score), ("ap", metrics.average_precision_score), ("log_loss", metrics.log_loss),
        ("brier", metrics.brier_score_loss),
    ):  # fmt: skip
        assert found[name].value == pytest.approx(score(one.truth, one.fake), abs=1e-12)
    assert found["specificity"].value == pytest.approx(float((~decided[~one.truth]).mean()))
    fpr, tpr, _ = metrics.roc_curve(one.truth, one.fake)
    eer = brentq(lambda x: 1 - x - np.interp(x, fpr, tpr), 0, 1)
    assert found["eer"].value == pytest.approx(eer, abs=1e-9)
    assert found["tpr_at_1pct_fpr"].value == pytest.approx(tpr[fpr <= 0.01].max())
    for name in METRICS:
        interval = found[name].interval
        assert len(found[name].replicates) == 12
        if name == "calibration_error":
            assert interval is None
            assert "resampling" in found[name].flags[0]
            continue
        assert interval.low <= found[name].value <= interval.high, name


def test_intervals_cover_with_few_people(monkeypatch):
    monkeypatch.setattr(classification, "DRAWS", 300)
    truth = {name: [] for name in METRICS if name not in {"calibration_error", "tpr_at_1pct_fpr"}}
    large = judge(judged(np.random.default_rng(1), people=4000, each=2, fakes=8000), np.random.default_rng(0))
    draws = 60
    for draw in range(draws):
        found = judge(judged(np.random.default_rng([2, draw])), np.random.default_rng(draw))
        for name, hits in truth.items():
            hits.append(found[name].interval.low <= large[name].value <= found[name].interval.high)
    for name, hits in truth.items():
        assert np.mean(hits) >= 0.88, name  # 95 % nominal; three standard errors of 60 draws are 8 points


def test_a_perfect_detector_of_few_people_is_not_certain():
    found = judge(judged(np.random.default_rng(3), distance=40.0), np.random.default_rng(0))
    for name in (*DECIDED, *RANKED):
        assert found[name].value == (0.0 if name == "eer" else 1.0)
        if name not in {"recall", "log_loss", "brier", "eer"}:
            assert found[name].interval.low < 0.92, name  # 12 people say little about the false alarms
    assert found["eer"].interval.high > 0.1
    assert found["recall"].interval.low > 0.95


def test_precision_is_undefined_where_nothing_is_called_fake():
    found = judge(judged(np.random.default_rng(4), threshold=1.1), np.random.default_rng(0))
    assert found["precision"].value is None
    assert found["precision"].reason == "undefined: nothing was called fake"
    assert found["recall"].value == 0.0
    assert found["accuracy"].interval.high < 0.6


@pytest.mark.parametrize("people", [1, 2, 4])
def test_too_few_people_give_no_interval_and_no_error(people):
    found = judge(judged(np.random.default_rng(5), people=people), np.random.default_rng(0))
    for name in METRICS:
        assert found[name].value is not None
        if name != "recall" or people == 1:
            assert found[name].interval is None or name in DECIDED
        assert found[name].replicates == ()
    assert found["auc"].interval is None
    assert found["auc"].flags


def test_one_class_says_so():
    one = judged(np.random.default_rng(6))
    rows = ~one.truth
    real = Judged(
        fake=one.fake[rows],
        truth=one.truth[rows],
        clusters=tuple(c for c, r in zip(one.clusters, rows, strict=True) if r),
        blocks=tuple(b for b, r in zip(one.blocks, rows, strict=True) if r),
        threshold=0.5,
    )
    assert {m.reason for m in judge(real, np.random.default_rng(0)).values()} == {"only real items in the test set"}
    alarms = false_alarms(real)
    assert alarms.value == pytest.approx(float((real.fake >= 0.5).mean()))
    assert alarms.interval.low <= alarms.value <= alarms.interval.high


def changed(one, **given):
    fields = {name: getattr(one, name) for name in ("fake", "truth", "clusters", "blocks", "threshold")}
    return Judged(**(fields | given))


def test_flipped_scores_are_said_and_left_as_they_are():
    one = judged(np.random.default_rng(7))
    found = judge(changed(one, fake=1 - one.fake), np.random.default_rng(0))
    assert found["auc"].value < 0.3
    assert FLIPPED in found["auc"].flags
    assert FLIPPED in found["accuracy"].flags
    assert not any(FLIPPED in m.flags for m in judge(one, np.random.default_rng(0)).values())


def test_a_wholly_flipped_detector_is_said_too():
    one = judged(np.random.default_rng(3), distance=40.0, people=30)
    found = judge(changed(one, fake=1 - one.fake), np.random.default_rng(0))
    assert found["auc"].value == 0.0
    assert FLIPPED in found["auc"].flags


def test_a_blind_detector_is_rarely_called_flipped(monkeypatch):
    monkeypatch.setattr(classification, "DRAWS", 10)
    flipped = 0
    for draw in range(60):
        one = judged(np.random.default_rng([8, draw]), distance=0.0)
        flipped += FLIPPED in judge(one, np.random.default_rng(0))["auc"].flags
    assert flipped <= 3


def test_equal_scores_tell_nothing_apart():
    one = judged(np.random.default_rng(9))
    found = judge(changed(one, fake=np.full(len(one.fake), 0.5)), np.random.default_rng(0))
    assert (found["auc"].value, found["eer"].value, found["tpr_at_1pct_fpr"].value) == (0.5, 0.5, 0.0)
    assert found["ap"].value == pytest.approx(one.truth.mean())
    assert EQUAL in found["auc"].flags
    assert (found["recall"].value, found["specificity"].value) == (1.0, 0.0)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_scores_that_are_no_numbers_are_left_out_and_counted(bad):
    one = judged(np.random.default_rng(10))
    spoilt = one.fake.copy()
    spoilt[[3, 130]] = bad
    found = judge(changed(one, fake=spoilt), np.random.default_rng(0))
    rows = np.isfinite(spoilt)
    assert found["auc"].value == pytest.approx(metrics.roc_auc_score(one.truth[rows], one.fake[rows]))
    assert found["auc"].failures == {"not finite": 2}
    assert (found["auc"].n, found["auc"].n_real) == (119, 119)
    nothing = judge(changed(one, fake=np.full(len(one.fake), np.nan)), np.random.default_rng(0))
    assert nothing["auc"].reason == "no items were scored"


def test_an_empty_slice_has_no_value_and_says_why():
    none = Judged(fake=np.empty(0), truth=np.empty(0, bool), clusters=(), blocks=(), threshold=0.5)
    assert {m.reason for m in judge(none, np.random.default_rng(0)).values()} == {"no items were scored"}
    assert false_alarms(none).reason == "no items"


def test_few_real_items_cannot_show_one_percent():
    found = judge(judged(np.random.default_rng(11), people=9), np.random.default_rng(0))
    assert "90 real items" in found["tpr_at_1pct_fpr"].flags[0]


def test_thresholds_side_by_side():
    one = judged(np.random.default_rng(12))
    found = judge_at(one, {"0.5": 0.5, "validation": 0.3}, np.random.default_rng(0))
    assert set(found["0.5"]) == set(DECIDED)
    assert found["validation"]["recall"].value == pytest.approx((one.fake >= 0.3)[one.truth].mean())


def test_two_identities_are_resampled_both():
    one = judged(np.random.default_rng(13))
    rng = np.random.default_rng(14)
    pairs = tuple(tuple(f"p{i}" for i in rng.choice(12, 2, replace=False)) for _ in one.clusters)
    found = judge(changed(one, clusters=pairs), np.random.default_rng(0))
    assert found["brier"].interval.method == "pigeonhole-bootstrap"
    assert found["auc"].interval.cluster == "two identities"
    for name in METRICS:
        if found[name].interval is not None:
            assert found[name].interval.low <= found[name].value <= found[name].interval.high, name
