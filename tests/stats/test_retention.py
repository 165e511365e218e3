"""Retention against closed forms, and its interval by simulation."""

import numpy as np
import pytest
from scipy.special import ndtr

from fauxbench.harness.stats.retention import Answers, retained


def answers(people: int, each: int, gap: float, seed: int, spread: float = 0.7) -> Answers:
    """Logistic scores of people who are real or fake, a cluster each; P(fake) of fakes is higher by `gap`."""
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.arange(people) % 2 == 1, each)
    mood = np.repeat(np.random.default_rng(0).normal(0, spread, people), each)
    logit = mood + rng.normal(0, 1, people * each) + np.where(truth, gap, -gap) / 2
    return Answers(
        ids=tuple(f"i{k}" for k in range(people * each)),
        fake=1 / (1 + np.exp(-logit)),
        truth=truth,
        clusters=tuple(f"p{k}" for k in np.repeat(np.arange(people), each)),
    )


def rng() -> np.random.Generator:
    return np.random.default_rng(1)


def test_the_same_answers_keep_everything_and_flipped_ones_lose_it_twice() -> None:
    clean = answers(20, 4, 2.0, 1)
    flipped = Answers(ids=clean.ids, fake=1 - clean.fake, truth=clean.truth, clusters=clean.clusters)
    found = retained(clean, {"1": clean, "2": flipped}, 0.5, rng())
    assert found["1/retention/auc"].value == pytest.approx(1.0)
    assert found["2/retention/auc"].value == pytest.approx(-1.0)
    assert found["worst/auc"].value == pytest.approx(-1.0)
    assert found["area/auc"].value == pytest.approx((1.0 + 1.0) / 2 / 2 + (1.0 - 1.0) / 2 / 2)
    for side in ("real", "fake"):
        assert found[f"1/shift/{side}"].value == 0.0


def test_retention_is_the_ratio_above_chance() -> None:
    clean, worse = answers(24, 3, 2.5, 1), answers(24, 3, 1.0, 2)
    found = retained(clean, {"3": worse}, 0.5, rng())
    alone = retained(worse, {"0": worse}, 0.5, rng())
    base = retained(clean, {"0": clean}, 0.5, rng())
    for measure in ("auc", "balanced_accuracy"):
        m, c = (one[f"0/value/{measure}"].value for one in (alone, base))
        kept = found[f"3/retention/{measure}"]
        assert kept.value == pytest.approx((m - 0.5) / (c - 0.5))
        assert kept.interval.low < kept.value < kept.interval.high
        assert kept.interval.cluster == "cluster"


def test_items_that_are_not_in_the_cell_leave_the_clean_score_too() -> None:
    clean = answers(20, 4, 2.0, 1)
    half = clean.only(np.arange(len(clean)) % 4 < 2)
    found = retained(clean, {"1": half}, 0.5, rng())
    assert found["1/retention/auc"].value == pytest.approx(1.0)
    assert found["1/value/auc"].n == 20


def test_a_cell_of_other_items_is_compared_with_all_clean_ones() -> None:
    clean, other = answers(20, 4, 2.0, 1), answers(20, 4, 2.0, 3)
    other = Answers(
        ids=tuple(f"new {i}" for i in other.ids), fake=other.fake, truth=other.truth, clusters=other.clusters
    )
    found = retained(clean, {"1": other}, 0.5, rng())
    assert found["1/retention/auc"].interval is not None
    assert found["1/shift/real"].reason == "no item stands in both"


def test_what_cannot_be_said_is_not_said() -> None:
    clean = answers(20, 4, 2.0, 1)
    nothing = clean.only(np.zeros(len(clean), dtype=bool))
    found = retained(clean, {"1": nothing, "2": clean}, 0.5, rng())
    assert found["1/retention/auc"].reason == "no items were scored"
    assert found["area/auc"].value == pytest.approx(1.0)
    assert found["area/auc"].flags == ("1 of 2 cells are empty and left out",)
    guess = answers(20, 4, 0.0, 1)
    assert "no better than chance" in retained(guess, {"1": clean}, 0.5, rng())["1/retention/auc"].reason
    few = answers(4, 4, 6.0, 1)
    kept = retained(few, {"1": few}, 0.5, rng())["1/retention/auc"]
    assert (kept.value, kept.interval) == (pytest.approx(1.0), None)
    assert kept.flags == ("no interval: fewer than 5 clusters in a class",)


def test_perfect_answers_have_an_interval_that_is_not_a_point() -> None:
    clean = answers(16, 2, 30.0, 1)
    kept = retained(clean, {"1": clean}, 0.5, rng())["1/retention/balanced_accuracy"]
    assert kept.value == 1.0
    assert kept.interval.low < 0.95
    found = retained(clean, {"1": clean, "2": clean}, 0.5, rng())
    assert found["worst/balanced_accuracy"].interval.low == pytest.approx(kept.interval.low)
    assert found["area/balanced_accuracy"].interval.low == pytest.approx(0.25 + 0.75 * kept.interval.low)


@pytest.mark.slow
def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    truth = (ndtr(1.0 / np.sqrt(2)) - 0.5) / (ndtr(2.0 / np.sqrt(2)) - 0.5)  # the area of two normals a gap apart
    held = 0
    for seed in range(40):
        clean, worse = (answers(30, 2, gap, 2 * seed + k, 0.0) for k, gap in enumerate((2.0, 1.0)))
        kept = retained(clean, {"1": worse}, 0.5, np.random.default_rng(seed))["1/retention/auc"].interval
        held += kept is not None and kept.low <= truth <= kept.high
    assert held >= 35
