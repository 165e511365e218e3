import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.metrics import log_loss as peer_log_loss

from fauxbench.detectors._training import auc, augmented, balanced_batches, best_threshold, is_fake, log_loss, schedule

from .conftest import item

SCORES = st.lists(
    st.tuples(st.sampled_from(np.linspace(0, 1, 9).tolist()), st.booleans()), min_size=2, max_size=40
).filter(lambda pairs: len({fake for _, fake in pairs}) == 2)


def split(pairs):
    return np.array([score for score, _ in pairs]), np.array([fake for _, fake in pairs])


@settings(deadline=None)
@given(SCORES)
def test_auc_agrees_with_scikit_learn(pairs):
    scores, truth = split(pairs)
    assert auc(scores, truth) == pytest.approx(roc_auc_score(truth, scores), abs=1e-12)


@settings(deadline=None)
@given(SCORES)
def test_log_loss_agrees_with_scikit_learn_under_balanced_weights(pairs):
    scores, truth = split(pairs)
    weights = np.where(truth, 1 / truth.sum(), 1 / (~truth).sum())
    clipped = np.clip(scores, 1e-7, 1 - 1e-7)
    assert log_loss(scores, truth) == pytest.approx(peer_log_loss(truth, clipped, sample_weight=weights), rel=1e-9)


@settings(deadline=None, max_examples=40)
@given(SCORES)
def test_no_threshold_is_better_than_the_best(pairs):
    scores, truth = split(pairs)
    threshold = best_threshold(scores, truth)
    assert 0.0 <= threshold <= 1.0
    reached = balanced_accuracy_score(truth, scores >= threshold)
    everywhere = [balanced_accuracy_score(truth, scores >= t) for t in np.linspace(0.01, 0.99, 33)]
    assert reached >= max(everywhere) - 1e-12


def test_of_equal_thresholds_the_one_nearest_a_half():
    truth = np.array([False, False, True, True])
    assert best_threshold(np.array([0.1, 0.2, 0.8, 0.9]), truth) == 0.5
    assert best_threshold(np.array([0.1, 0.2, 0.3, 0.4]), truth) == pytest.approx(0.25)
    assert best_threshold(np.full(4, 0.7), truth) == 0.5


def test_batches_are_half_fake_however_rare_fakes_are(context):
    pictures = np.zeros((30, 8, 8, 3), np.uint8)
    truth = np.zeros(30, bool)
    truth[:3] = True
    pictures[truth] = 255
    parameters = {"batch": 10, "flip": True, "shift": 2}
    drawn = balanced_batches(pictures, truth, parameters=parameters, context=context)
    for _ in range(5):
        batch, labels = next(drawn)
        assert labels.sum() == 5
        assert torch.equal(batch[:, 0, 0, 0] == 255, labels)


def test_every_picture_is_seen_before_one_is_seen_again(context):
    pictures = np.arange(12, dtype=np.uint8)[:, None, None, None] * np.ones((1, 4, 4, 3), np.uint8)
    truth = np.arange(12) < 6
    drawn = balanced_batches(pictures, truth, parameters={"batch": 4, "flip": False, "shift": 0}, context=context)
    seen = torch.cat([next(drawn)[0][:, 0, 0, 0] for _ in range(3)])
    assert sorted(seen.tolist()) == list(range(12))


def test_shifts_move_by_no_more_than_asked():
    picture = torch.zeros(64, 3, 9, 9, dtype=torch.uint8)
    picture[:, :, 4, 4] = 200
    moved = augmented(picture, flip=False, shift=2, rng=torch.Generator().manual_seed(0))
    places = moved[:, 0].flatten(1).argmax(1)
    rows, columns = places // 9, places % 9
    assert {int(v) for v in (*rows, *columns)} == {2, 3, 4, 5, 6}
    assert torch.equal(augmented(picture, flip=False, shift=0, rng=torch.Generator()), picture)


def test_schedule_rises_then_falls():
    rates = [schedule(step, 50) for step in range(1, 51)]
    assert rates.index(max(rates)) == 4
    assert max(rates) == 1.0
    assert 0 < rates[-1] < 0.01
    assert schedule(1, 1) == 1.0


@pytest.mark.parametrize(
    ("target", "truths"), [("visual", [0, 1, 0, 1]), ("audio", [0, 0, 1, 1]), ("any", [0, 1, 1, 1])]
)
def test_truth_follows_the_target(target, truths):
    items = [dataclasses.replace(item("a", None), visual_fake=bool(i & 1), audio_fake=bool(i & 2)) for i in range(4)]
    assert [is_fake(i, target) for i in items] == [bool(t) for t in truths]
