"""Speed of metrics beside the tool that a user would take instead, in one run; the peers' arithmetic is written out.

Run with `pytest tests/benchmarks/test_metric_speed.py --benchmark-only -n 0`.
"""

import numpy as np
import pytest
import scipy.linalg
from skimage.metrics import structural_similarity

from fauxbench.harness.metrics.frechet import frechet_distance
from fauxbench.harness.metrics.paired import ssim

D = 2048


def distance_by_root(a, b):
    """As pytorch-fid reduces features: np.cov, then the matrix square root of the product."""
    step = a.mean(0) - b.mean(0)
    one, two = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = scipy.linalg.sqrtm(one @ two)
    return float(step @ step + np.trace(one) + np.trace(two) - 2 * np.trace(root).real)


def distance_by_eigenvalues(a, b):
    """As torch-fidelity reduces features: np.cov, then the eigenvalues of the product."""
    step = a.mean(0) - b.mean(0)
    one, two = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = np.sqrt(np.linalg.eigvals(one @ two).astype(complex)).real.sum()
    return float(step @ step + np.trace(one) + np.trace(two) - 2 * root)


TOOLS = {"fauxbench": frechet_distance, "root": distance_by_root, "eigenvalues": distance_by_eigenvalues}


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("n", [5000, 1000, 256])
def test_frechet_distance(benchmark, n, tool):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(n, D)), rng.normal(0.1, 1.1, size=(n, D))
    benchmark.group = f"Fréchet distance, {n} x {D}"
    rounds = 5 if tool == "fauxbench" else 1
    value = benchmark.pedantic(TOOLS[tool], args=(a, b), rounds=rounds, warmup_rounds=int(tool == "fauxbench"))
    assert value > 0


@pytest.mark.parametrize("tool", ["fauxbench", "scikit-image"])
def test_ssim(benchmark, tool):
    rng = np.random.default_rng(0)
    a = rng.integers(0, 256, (8, 512, 512, 3), dtype=np.uint8)
    b = np.uint8(np.clip(a + rng.normal(0, 20, a.shape), 0, 255))
    wang = {"channel_axis": 2, "gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}

    def ours():
        return [ssim(x, y) for x, y in zip(a, b, strict=True)]

    def theirs():
        return [structural_similarity(x, y, data_range=255, **wang) for x, y in zip(a, b, strict=True)]

    benchmark.group = "SSIM, 8 frames of 512 x 512"
    values = benchmark.pedantic(ours if tool == "fauxbench" else theirs, rounds=3, warmup_rounds=1)
    np.testing.assert_allclose(values, ours(), atol=1e-6)
