import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.metrics import log_loss as peer_log_loss

from fauxbench.detectors._choice import auc, best_threshold, is_fake, log_loss
from fauxbench.detectors._training import augmented, balanced_batches, schedule

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
    truth = np.zeros(30, bool)
    truth[:3] = True
    drawn = balanced_batches({"mark": truth.astype(np.uint8)}, truth, batch=10, context=context)
    for _ in range(5):
        rows, labels = next(drawn)
        assert labels.sum() == 5
        assert torch.equal(rows["mark"] == 1, labels)


def test_every_row_is_seen_before_one_is_seen_again(context):
    drawn = balanced_batches({"place": np.arange(12)}, np.arange(12) < 6, batch=4, context=context)
    seen = torch.cat([next(drawn)[0]["place"] for _ in range(3)])
    assert sorted(seen.tolist()) == list(range(12))


def test_shifts_move_by_no_more_than_asked_and_all_frames_of_a_clip_alike():
    frames = torch.zeros(64, 2, 9, 9, 3, dtype=torch.uint8)
    frames[:, :, 4, 4] = 200
    moved = augmented(frames, flip=False, shift=2, rng=torch.Generator().manual_seed(0))
    assert torch.equal(moved[:, 0], moved[:, 1])
    places = moved[:, 0, :, :, 0].flatten(1).argmax(1)
    rows, columns = places // 9, places % 9
    assert {int(v) for v in (*rows, *columns)} == {2, 3, 4, 5, 6}
    assert torch.equal(augmented(frames, flip=False, shift=0, rng=torch.Generator()), frames)


def test_what_moves_in_from_an_edge_is_mirrored_there():
    frames = torch.arange(7, dtype=torch.uint8).reshape(1, 1, 1, 7, 1).repeat(40, 1, 5, 1, 3)
    moved = augmented(frames, flip=False, shift=2, rng=torch.Generator().manual_seed(0))
    found = {tuple(row[0, 0, :, 0].tolist()) for row in moved}
    ramp = np.pad(np.arange(7), 2, mode="reflect")
    assert found == {tuple(ramp[k : k + 7].tolist()) for k in range(5)}


def test_half_of_the_rows_are_mirrored():
    frames = torch.arange(4, dtype=torch.uint8).reshape(1, 1, 1, 4, 1).repeat(400, 1, 2, 1, 3)
    moved = augmented(frames, flip=True, shift=0, rng=torch.Generator().manual_seed(0))
    ways = [tuple(row[0, 0, :, 0].tolist()) for row in moved]
    assert set(ways) == {(0, 1, 2, 3), (3, 2, 1, 0)}
    assert 150 < ways.count((3, 2, 1, 0)) < 250


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
