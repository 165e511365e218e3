"""The reductions of peers on the same features; skipped where a peer is not installed."""

import warnings

import numpy as np
import pytest
import torch

from fauxbench import density_coverage, frechet_distance, inception_score, precision_recall
from fauxbench.harness.metrics.kernel import kernel_distance_subsets

FIDELITY = "torch-fidelity is not installed"


def peer(name, reason=FIDELITY):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(name, reason=reason)


@pytest.mark.parametrize("n", [2**k for k in range(1, 12)])
@pytest.mark.parametrize("d", [2, 16, 256])
def test_frechet_distance_is_torch_fidelitys(n, d):
    theirs = peer("torch_fidelity.metric_fid")
    rng = np.random.default_rng(n * d)
    mixing = rng.normal(size=(d, d)) / np.sqrt(d)
    a, b = rng.normal(size=(n, d)) @ mixing, rng.normal(0.3, 1.2, size=(n, d))
    one, two = (theirs.fid_features_to_statistics(torch.from_numpy(x)) for x in (a, b))
    expected = theirs.fid_statistics_to_metric(one, two, False)["frechet_inception_distance"]
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-6)


def test_frechet_distance_of_a_singular_set_from_itself_is_0_where_torch_fidelity_is_off(rng):
    theirs = peer("torch_fidelity.metric_fid")
    a = rng.normal(size=(64, 256))
    stat = theirs.fid_features_to_statistics(torch.from_numpy(a))
    expected = theirs.fid_statistics_to_metric(stat, stat, False)["frechet_inception_distance"]
    assert frechet_distance(a, a) == 0
    assert expected != 0


def test_kernel_distance_is_torch_fidelitys_on_the_same_subsets(rng):
    theirs = peer("torch_fidelity.metric_kid")
    a, b = rng.normal(0.2, 1, size=(300, 32)), rng.normal(size=(250, 32))
    found = theirs.kid_features_to_metric(
        torch.from_numpy(a), torch.from_numpy(b), kid_subsets=20, kid_subset_size=100, rng_seed=2020, verbose=False
    )
    state = np.random.RandomState(2020)
    draws = [(state.choice(300, 100, replace=False), state.choice(250, 100, replace=False)) for _ in range(20)]
    values = kernel_distance_subsets(a, b, draws=draws)
    assert values.mean() == pytest.approx(found["kernel_inception_distance_mean"], rel=1e-6)
    assert values.std() == pytest.approx(found["kernel_inception_distance_std"], rel=1e-6)


def test_inception_score_is_torch_fidelitys_in_its_order(rng):
    theirs = peer("torch_fidelity.metric_isc")
    logits = rng.normal(0, 3, size=(507, 40)).astype(np.float32)
    found = theirs.isc_features_to_metric(torch.from_numpy(logits))
    order = np.random.RandomState(2020).permutation(507)
    mean, values = inception_score(logits, order=order)
    assert mean == pytest.approx(found["inception_score_mean"], rel=1e-9)
    assert values.std() == pytest.approx(found["inception_score_std"], rel=1e-6)


@pytest.mark.parametrize("k", [1, 3, 5])
def test_precision_and_recall_are_torch_fidelitys(rng, k):
    theirs = peer("torch_fidelity.metric_prc")
    real, synthetic = rng.normal(size=(200, 8)), rng.normal(0.3, 0.8, size=(150, 8))
    found = theirs.prc_features_to_metric(
        torch.from_numpy(synthetic), torch.from_numpy(real), prc_neighborhood=k, prc_batch_size=64, verbose=False
    )
    assert precision_recall(real, synthetic, k=k) == pytest.approx((found["precision"], found["recall"]))


def test_density_and_coverage_are_prdcs(rng):
    theirs = peer("prdc", "prdc is not installed")
    real, synthetic = rng.normal(size=(200, 8)), rng.normal(0.3, 0.8, size=(150, 8))
    found = theirs.compute_prdc(real, synthetic, nearest_k=5)
    density, coverage = density_coverage(real, synthetic)
    assert (density, coverage) == pytest.approx((found["density"], found["coverage"]))
    assert precision_recall(real, synthetic, k=5) == pytest.approx((found["precision"], found["recall"]))
