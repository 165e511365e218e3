import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fauxbench.harness.training.losses import (
    discriminant,
    matching_loss,
    offset_curve,
    offset_loss,
    prototype_loss,
    sharpness,
)
from fauxbench.harness.training.verification import (
    equal_error_rate,
    gaussian_distance,
    is_monotone,
    offset_shares,
    pair_scores,
    regression,
    verification,
)


def unit(rows):
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def test_an_oracle_makes_no_error_and_a_blind_one_half():
    rng = np.random.default_rng(0)
    people = np.repeat(np.arange(40), 5)
    oracle = np.eye(40)[people] + 0.01 * rng.standard_normal((200, 40))
    assert verification(oracle, people)["eer"] == 0.0
    assert verification(oracle, people)["genuine"] == 40 * 10
    blind = rng.standard_normal((200, 64))
    assert verification(blind, people)["eer"] == pytest.approx(0.5, abs=0.06)


def test_equal_error_rate_of_two_normal_distributions_is_the_closed_form():
    rng = np.random.default_rng(1)
    found, threshold = equal_error_rate(rng.normal(2.0, 1.0, 200_000), rng.normal(0.0, 1.0, 200_000))
    assert found == pytest.approx(0.158655, abs=2e-3)  # the normal distribution below -1
    assert threshold == pytest.approx(1.0, abs=0.02)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 6), min_size=1, max_size=20), st.lists(st.integers(0, 6), min_size=1, max_size=20))
def test_equal_error_rate_lies_between_the_two_rates_at_some_threshold(genuine, impostor):
    g, i = np.array(genuine), np.array(impostor)
    rate, _ = equal_error_rate(g, i)
    bounds = [sorted(((g < t).mean(), (i >= t).mean())) for t in range(8)]
    assert min(high for _, high in bounds) >= rate - 1e-12
    assert max(low for low, _ in bounds) <= rate + 1e-12
    swapped, _ = equal_error_rate(-i, -g)
    assert swapped == pytest.approx(rate)


def test_scores_are_of_every_pair_once():
    rows = np.array([[1.0, 0], [2, 0], [0, 3], [0, -1]])
    genuine, impostor = pair_scores(rows, np.array([0, 0, 1, 1]))
    np.testing.assert_allclose(genuine, [1, -1])
    np.testing.assert_allclose(impostor, [0, 0, 0, 0], atol=1e-15)
    with pytest.raises(ValueError, match="0 genuine"):
        equal_error_rate(np.zeros(0), impostor)


def test_regression_reports_units_and_the_share_explained():
    true = np.array([[0.0, 1.0], [2.0, 1.0], [4.0, 1.0]])
    told = regression(true + np.array([[1.0, 0.0]]), true, ("slope", "flat"))
    assert told["slope"] == {"mae": 1.0, "mae_of_the_mean": pytest.approx(4 / 3), "r2": pytest.approx(1 - 3 / 8)}
    assert told["flat"]["r2"] == 0.0


def test_frechet_distance_has_its_closed_form():
    rng = np.random.default_rng(2)
    a = rng.standard_normal((50_000, 3))
    assert gaussian_distance(a, 2.0 * a + 1.0) == pytest.approx(3 + 3, rel=0.03)
    assert gaussian_distance(a, a) == pytest.approx(0.0, abs=1e-9)


def test_shares_and_monotony():
    told = offset_shares(np.array([3, 4, -2, 7]), np.array([3, 3, -4, 7]))
    assert told == {"exact": 0.5, "within_one_frame": 0.75, "mean_absolute_error_frames": 0.75, "clips": 4.0}
    assert is_monotone([0, 1, 1, 2])
    assert not is_monotone([0, 1, 0.9])
    assert is_monotone([0, 1, 0.9], slack=0.2)


def test_prototypes_cost_nothing_when_groups_stand_apart_and_their_logarithm_when_all_is_one():
    apart = torch.eye(6).repeat_interleave(3, 0)
    assert float(prototype_loss(apart, 3, scale=40.0)) < 1e-4
    same = torch.ones(18, 4) / 2
    assert float(prototype_loss(same, 3, margin=0.0)) == pytest.approx(np.log(6), rel=1e-5)
    assert float(prototype_loss(same, 3, margin=0.2)) > np.log(6)


def test_the_discriminant_looks_where_groups_differ_and_not_where_rows_do():
    rng = torch.Generator().manual_seed(0)
    who = torch.randn(400, 1, 3, generator=rng, dtype=torch.float64) * torch.tensor([3.0, 1.0, 0.0])
    noise = torch.randn(400, 6, 3, generator=rng, dtype=torch.float64) * torch.tensor([1.0, 1.0, 5.0])
    turn = torch.linalg.qr(torch.randn(3, 3, generator=rng, dtype=torch.float64)).Q
    rows = discriminant(((who + noise) @ turn.T).flatten(0, 1), 6, 3)
    back = rows @ turn  # in the directions that it was drawn in
    assert back[0].abs().argmax() == 0
    assert back[1].abs().argmax() == 1
    assert float(back[0, 0].abs()) == pytest.approx(np.sqrt(9 / 10), rel=0.1)  # of unit variance within
    assert float(back[1, 1].abs()) == pytest.approx(np.sqrt(1 / 2), rel=0.15)
    assert float(back[2].norm()) < 0.1


def test_the_loss_grows_stricter_and_then_stays():
    assert sharpness(0.0) == {"scale": 10.0, "margin": 0.0}
    assert sharpness(0.25)["margin"] == pytest.approx(0.1)
    assert sharpness(0.5) == sharpness(1.0) == {"scale": 28.0, "margin": 0.2}


def test_a_row_is_not_its_own_prototype():
    rows = torch.tensor([[1.0, 0], [0, 1], [1, 0], [0, 1]])  # groups of two that have nothing in common
    assert float(prototype_loss(rows, 2)) > 10


def test_matching_and_offsets_are_right_for_an_oracle():
    generator = torch.Generator().manual_seed(0)
    video = torch.nn.functional.normalize(torch.randn(3, 40, 32, generator=generator), dim=2)
    assert float(matching_loss(video, video, torch.tensor(40.0))) < 1e-3
    assert float(offset_loss(video, video, 15, torch.tensor(40.0))) < 1e-3
    assert float(matching_loss(video, video.flip(0), torch.tensor(40.0))) > 5
    for late in (-7, 0, 4):
        curve = offset_curve(video, torch.roll(video, late, 1), 15)
        assert (curve.argmax(1) - 15).tolist() == [late] * 3
