import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from fauxbench.harness.stats.blocks import blocks
from fauxbench.harness.stats.compare import Replicated, difference, holm, jackknife_covariance, seed_component

BLOCKS, DRAWS, N = 20, 500, 200
SEEDED = (("mean", 3, 0.05), ("mean", 5, 0.2), ("frechet", 3, 0.0), ("frechet", 3, 0.2), ("frechet", 5, 0.05))


def moments(x):
    """(..., N, D) -> mean and variance of all, and with each block left out (..., B, D)."""
    n = x.shape[-2]
    blocks = x.reshape(*x.shape[:-2], BLOCKS, n // BLOCKS, x.shape[-1])
    sums, squares = blocks.sum(-2), (blocks**2).sum(-2)
    total, total_squares, left = sums.sum(-2), squares.sum(-2), n - n // BLOCKS
    mean_left = (total[..., None, :] - sums) / left
    var_left = (total_squares[..., None, :] - squares) / left - mean_left**2
    mean = total / n
    return (mean, total_squares / n - mean**2), (mean_left, var_left)


def mean(fake):
    (full, _), (left, _) = moments(fake[..., None])
    return full[..., 0], left[..., 0]


def frechet(fake, real):
    def distance(f, r):
        return ((f[0] - r[0]) ** 2 + (np.sqrt(f[1]) - np.sqrt(r[1])) ** 2).sum(-1)

    return tuple(distance(f, r) for f, r in zip(moments(fake), moments(real), strict=True))


def systems(kind, rng, seeds, tau, count=2, offsets=(0.0, 0.0), noise=0.7):
    """Values (DRAWS, S) and replicates (DRAWS, S, B) of systems that share real items and requests.

    `tau` is the spread of the recipe: how far retraining alone moves a checkpoint.
    """
    common, real = rng.standard_normal((DRAWS, 1, N)), rng.standard_normal((DRAWS, 1, N, 3))
    made = []
    for offset in offsets[:count]:
        moved = tau * rng.standard_normal((DRAWS, seeds, 1))
        if kind == "mean":
            made.append(mean(common + noise * rng.standard_normal((DRAWS, seeds, N)) + moved + offset))
        else:
            fake = 1.2 * rng.standard_normal((DRAWS, seeds, N, 3)) + 0.6 + moved[..., None] + offset
            made.append(frechet(fake, real))
    return made


def differences(a, b, planted=0.0):
    (va, ra), (vb, rb) = a, b
    return [difference(Replicated(va[i], ra[i]), Replicated(vb[i] + planted, rb[i] + planted)) for i in range(len(va))]


def share_different(found, alpha=0.05):
    return float(np.mean([one.p < alpha for one in found]))


@pytest.mark.parametrize("kind", ["mean", "frechet"])
def test_checkpoints_null_and_power(kind):
    rng = np.random.default_rng(11)
    null = differences(*systems(kind, rng, 1, 0.0))
    assert 0.02 <= share_different(null) <= 0.08
    planted = float(np.median([one.detectable(0.05) for one in null]))
    assert 0.74 <= share_different(differences(*systems(kind, rng, 1, 0.0), planted)) <= 0.86
    assert {one.about for one in null} == {"checkpoint"}


@pytest.mark.parametrize(("kind", "seeds", "tau"), SEEDED)
def test_retrained_seeds_null_and_power(kind, seeds, tau):
    rng = np.random.default_rng(12)
    null = differences(*systems(kind, rng, seeds, tau))
    assert 0.02 <= share_different(null) <= 0.08
    planted = float(np.median([one.detectable(0.05) for one in null]))
    assert 0.74 <= share_different(differences(*systems(kind, rng, seeds, tau), planted)) <= 0.86
    assert {one.about for one in null} == {"recipe"}


def test_one_seed_cannot_speak_for_the_recipe():
    # Two checkpoints of one recipe do differ; that is why such a verdict must say what it is about.
    found = differences(*systems("mean", np.random.default_rng(13), 1, 0.3))
    assert share_different(found) > 0.5


def test_what_both_sides_share_does_not_count():
    rng = np.random.default_rng(14)
    (va, ra), (vb, rb) = systems("mean", rng, 3, 0.05)
    for paired in (differences((va, ra), (vb, rb)), differences((va[:, :1], ra[:, :1]), (vb[:, :1], rb[:, :1]))):
        se = np.sqrt(np.mean([one.se**2 for one in paired]))
        spread = np.std([one.value for one in paired])
        assert se == pytest.approx(spread, rel=0.3 if paired[0].about == "checkpoint" else 0.12)


def test_what_only_one_side_owes_to_its_requests_does_count():
    rng = np.random.default_rng(15)
    a = systems("mean", rng, 3, 0.02, count=1)[0]
    b = systems("mean", rng, 3, 0.02, count=1)[0]
    assert 0.02 <= share_different(differences(a, b)) <= 0.08


def left_out(items, member):
    """Mean of (DRAWS, N) items, and with each block of `member` (N, B) left out."""
    sums = items @ member
    left = (items.sum(-1, keepdims=True) - sums) / (len(member) - member.sum(0))
    return items.mean(-1)[:, None], left[:, None]


@pytest.mark.parametrize(("identities", "most"), [(40, 20), (12, 10)])
def test_identities_of_unequal_size(identities, most):
    rng = np.random.default_rng(17)
    labels = np.repeat(np.arange(identities), rng.integers(1, most, identities))
    member = np.eye(BLOCKS)[blocks([str(label) for label in labels])]
    member = member[:, member.any(axis=0)]

    def of_identity(scale):
        return scale * rng.standard_normal((DRAWS, identities))[:, labels]

    common = of_identity(1.0)
    a, b = (common + of_identity(0.6) + 0.5 * rng.standard_normal((DRAWS, len(labels))) for _ in range(2))
    assert 0.02 <= share_different(differences(left_out(a, member), left_out(b, member))) <= 0.08


def test_areas_under_curves_of_one_detector():
    rng = np.random.default_rng(18)
    count = 60
    real, common = rng.standard_normal((2, DRAWS, count))

    def area():
        fake = 1.5 + 0.7 * common + 0.7 * rng.standard_normal((DRAWS, count))
        wins = (fake[:, :, None] > real[:, None, :]).reshape(DRAWS, BLOCKS, 3, BLOCKS, 3).sum((2, 4)).astype(float)
        own = np.diagonal(wins, axis1=1, axis2=2)
        left = wins.sum((1, 2))[:, None] - wins.sum(2) - wins.sum(1) + own
        return wins.sum((1, 2))[:, None] / count**2, left[:, None] / (count - 3) ** 2

    assert 0.02 <= share_different(differences(area(), area())) <= 0.08


@pytest.mark.parametrize("planted_rows", [0, 1])
def test_table_of_rows_after_holm(planted_rows):
    rng = np.random.default_rng(16)
    rows = [differences(*systems(kind, rng, 1, 0.0)) for kind in ("mean", "frechet", "mean")]
    if planted_rows:
        planted = float(np.median([one.detectable(0.05 / 3) for one in rows[0]]))
        rows[0] = differences(*systems("mean", rng, 1, 0.0), planted)
    adjusted = np.array([holm([row[i].p for row in rows]) for i in range(DRAWS)])
    if planted_rows:
        assert 0.74 <= np.mean(adjusted[:, 0] < 0.05) <= 0.86
    else:
        assert 0.02 <= np.mean((adjusted < 0.05).any(axis=1)) <= 0.08


def test_mean_of_one_seed_is_the_paired_t_test():
    rng = np.random.default_rng(1)
    a, b = rng.standard_normal(BLOCKS), rng.standard_normal(BLOCKS) + 0.4
    left = [(side.sum() - side) / (BLOCKS - 1) for side in (a, b)]
    found = difference(Replicated.of([a.mean()], [left[0]]), Replicated.of([b.mean()], [left[1]]))
    wanted = stats.ttest_rel(b, a)
    assert found.p == pytest.approx(wanted.pvalue)
    assert found.interval == pytest.approx(tuple(wanted.confidence_interval(0.95)))
    assert found.df == BLOCKS - 1


def test_seeds_without_sampling_error_are_the_welch_test():
    a, b = [1.0, 1.2, 0.9], [1.6, 1.1, 1.9, 1.5]
    found = difference(
        Replicated.of(a, [[value] * BLOCKS for value in a]), Replicated.of(b, [[value] * BLOCKS for value in b])
    )
    wanted = stats.ttest_ind(b, a, equal_var=False)
    assert found.about == "recipe"
    assert found.p == pytest.approx(wanted.pvalue)
    assert found.df == pytest.approx(wanted.df)
    assert found.interval == pytest.approx(tuple(wanted.confidence_interval(0.95)))


@pytest.mark.parametrize(("seeds", "about"), [((1, 1), "checkpoint"), ((2, 2), "checkpoint"), ((2, 5), "checkpoint")])
def test_few_or_unequal_seeds_are_about_checkpoints(seeds, about):
    rng = np.random.default_rng(2)
    sides = [Replicated(rng.standard_normal(s), rng.standard_normal((s, BLOCKS))) for s in seeds]
    found = difference(*sides)
    assert (found.about, found.seeds, found.df) == (about, seeds, BLOCKS - 1)


@pytest.mark.parametrize("seeds", [1, 3])
def test_identical_outputs_are_no_evidence(seeds):
    rng = np.random.default_rng(3)
    side = Replicated(rng.standard_normal(seeds), rng.standard_normal((seeds, BLOCKS)))
    found = difference(side, side)
    if seeds == 1:
        assert (found.value, found.se, found.interval, found.p) == (0.0, 0.0, (0.0, 0.0), 1.0)
        assert found.detectable(0.05) is None
    else:
        assert (found.value, found.p) == (0.0, 1.0)
        assert found.interval[0] < 0.0 < found.interval[1]


def test_rounding_is_no_difference():
    replicates = np.linspace(100.0, 101.0, BLOCKS)[None]
    found = difference(
        Replicated(np.array([100.5]), replicates), Replicated(np.array([100.5]) + 1e-12, replicates + 1e-12)
    )
    assert (found.value, found.p) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("seeds", "blocks", "p"), [(1, 20, 2.0**-19), (1, 3, 0.25), (3, 20, 0.1), (2, 20, 2.0**-19), (4, 2, 0.5)]
)
def test_no_variation_between_blocks(seeds, blocks, p):
    found = difference(
        Replicated(np.zeros(seeds), np.zeros((seeds, blocks))), Replicated(np.ones(seeds), np.ones((seeds, blocks)))
    )
    assert (found.value, found.se, found.interval) == (1.0, 0.0, None)
    assert found.p == pytest.approx(p)
    assert "no variation" in found.remark


@pytest.mark.parametrize("scale", [1e-150, 1.0, 1e150])
def test_scale_does_not_matter(scale):
    rng = np.random.default_rng(4)
    values, replicates = rng.standard_normal((2, 3)), rng.standard_normal((2, 3, BLOCKS))
    plain = difference(*(Replicated(values[i], replicates[i]) for i in range(2)))
    scaled = difference(*(Replicated(scale * values[i], scale * replicates[i]) for i in range(2)))
    assert scaled.p == pytest.approx(plain.p)
    assert scaled.se == pytest.approx(scale * plain.se)


def test_holm_against_statsmodels():
    rng = np.random.default_rng(6)
    for count in (1, 2, 5, 12):
        p = (rng.random(count) ** 3).tolist()
        assert holm(p) == pytest.approx(multipletests(p, method="holm")[1])
    assert holm([0.5, 0.5, 0.01, 0.01]) == pytest.approx([1.0, 1.0, 0.04, 0.04])


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=12))
def test_holm_lies_between_the_p_values_and_bonferroni_and_keeps_their_order(p):
    adjusted = holm(p)
    assert all(raw <= one <= min(1.0, len(p) * raw) for raw, one in zip(p, adjusted, strict=True) if raw)
    assert sorted(range(len(p)), key=lambda i: (p[i], adjusted[i])) == sorted(
        range(len(p)), key=lambda i: (adjusted[i], p[i])
    )


def test_holm_of_nothing():
    assert holm([]) == []


def test_jackknife_covariance_of_means_is_the_textbook_one():
    x = np.random.default_rng(5).standard_normal((2, BLOCKS))
    left = (x.sum(axis=1, keepdims=True) - x) / (BLOCKS - 1)
    assert jackknife_covariance(left) == pytest.approx(np.cov(x) / BLOCKS)


@pytest.mark.parametrize(
    ("values", "replicates", "message"),
    [
        ([1.0], [[1.0]], "at least 2"),
        ([1.0, 2.0], [[1.0, 2.0]], "do not fit"),
        ([math.nan], [[1.0, 2.0]], "not finite"),
        ([1.0], [[1.0, math.inf]], "not finite"),
        ([1.0, 1.0], [[1.0, 2.0], [1.0]], "different numbers"),
    ],
)
def test_bad_replicates(values, replicates, message):
    with pytest.raises(ValueError, match=message):
        Replicated.of(values, replicates)


def test_different_numbers_of_blocks():
    with pytest.raises(ValueError, match="20 blocks against 18"):
        difference(Replicated(np.ones(1), np.ones((1, 20))), Replicated(np.ones(1), np.ones((1, 18))))


def test_seeds_are_a_component_of_their_own():
    rng = np.random.default_rng(21)
    values, replicates = systems("mean", rng, 4, 0.1, count=1)[0]
    between = [seed_component(Replicated(v, r)).between for v, r in zip(values, replicates, strict=True)]
    assert np.mean(between) == pytest.approx(0.01, rel=0.25)


def test_one_seed_is_said_to_be_one():
    found = seed_component(Replicated(np.ones(1), np.ones((1, BLOCKS))))
    assert found.between is None
    assert found.said == "one training seed: what retraining would change is not known"
