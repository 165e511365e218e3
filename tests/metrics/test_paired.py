import math

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from fauxbench.harness.errors import InputError
from fauxbench.harness.metrics import load_metric
from fauxbench.harness.metrics.base import Evidence, Pair
from fauxbench.harness.metrics.paired import psnr, ssim


def picture(rng, height=40, width=52, channels=3):
    smooth = np.cumsum(np.cumsum(rng.normal(size=(height, width, channels)), axis=0), axis=1)
    return np.uint8(255 * (smooth - smooth.min()) / np.ptp(smooth))


def noisy(rng, image, sigma):
    return np.uint8(np.clip(image + rng.normal(0, sigma, image.shape), 0, 255))


@pytest.mark.parametrize("sigma", [0.5, 5, 60])
@pytest.mark.parametrize("size", [(11, 11), (40, 53), (12, 200), (300, 30), (138, 20), (139, 20)])
def test_ssim_is_scikit_images_with_wangs_settings(rng, sigma, size):
    a = picture(rng, *size)
    b = noisy(rng, a, sigma)
    expected = structural_similarity(
        a, b, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255
    )
    assert ssim(a, b) == pytest.approx(expected, abs=1e-6)
    grey = structural_similarity(
        a[..., 0], b[..., 0], gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255
    )
    assert ssim(a[..., 0], b[..., 0]) == pytest.approx(grey, abs=1e-6)


def test_ssim_of_a_position_is_the_formula(rng):
    a, b = picture(rng, 11, 11, 1)[..., 0].astype(float), picture(rng, 11, 11, 1)[..., 0].astype(float)
    line = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
    w = np.outer(line, line) / line.sum() ** 2
    ma, mb = (w * a).sum(), (w * b).sum()
    va, vb, cov = (w * (a - ma) ** 2).sum(), (w * (b - mb) ** 2).sum(), (w * (a - ma) * (b - mb)).sum()
    c1, c2 = 2.55**2, 7.65**2
    expected = (2 * ma * mb + c1) * (2 * cov + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2))
    assert ssim(a, b) == pytest.approx(expected, abs=1e-9)


def test_ssim_of_equal_pictures_is_1_and_it_is_symmetric(rng):
    a, b = picture(rng), picture(rng)
    assert ssim(a, a) == pytest.approx(1, abs=1e-12)
    assert ssim(a, b) == pytest.approx(ssim(b, a), abs=1e-12)
    flat = np.full((20, 20, 3), 7, np.uint8)
    assert ssim(flat, flat) == pytest.approx(1)


def test_psnr_is_scikit_images_and_capped(rng):
    a = picture(rng)
    b = noisy(rng, a, 9)
    assert psnr(a, b) == pytest.approx(peak_signal_noise_ratio(a, b, data_range=255), abs=1e-9)
    assert psnr(a, a) == 100.0
    assert psnr(np.zeros((4, 4)), np.full((4, 4), 255)) == pytest.approx(0)
    assert psnr(np.zeros((9, 9)), np.ones((9, 9))) == pytest.approx(20 * math.log10(255))


@pytest.mark.parametrize("metric", [ssim, psnr])
def test_wrong_pictures_are_refused(metric):
    with pytest.raises(InputError, match="same shape"):
        metric(np.zeros((20, 20, 3)), np.zeros((20, 21, 3)))
    with pytest.raises(InputError, match="NaN"):
        metric(np.full((20, 20), np.nan), np.zeros((20, 20)))
    with pytest.raises(InputError, match=r"\(H, W\)"):
        metric(np.zeros(20), np.zeros(20))


def test_ssim_of_a_picture_below_the_window_is_refused():
    with pytest.raises(InputError, match="smaller than the window"):
        ssim(np.zeros((10, 30)), np.zeros((10, 30)))


def pairs(rng, count, people):
    for i in range(count):
        real = picture(rng, 20, 20)
        yield Pair(id=f"s{i}", cluster=f"p{i % people}", synthetic=noisy(rng, real, 10 + 4 * (i % people)), real=real)


@pytest.mark.parametrize("name", ["ssim", "psnr"])
def test_metric_is_the_mean_over_pairs(rng, name):
    found = load_metric(name).measure(Evidence(pairs=pairs(rng, 40, 8)))
    assert found.n == 40
    assert found.value == pytest.approx(np.mean(list(found.items.values())))
    assert found.interval.low < found.value < found.interval.high
    assert found.interval.method == "cluster-bootstrap"
    assert found.interval.cluster == "cluster"


def test_pairs_that_cannot_be_compared_are_counted(rng):
    good = list(pairs(rng, 3, 3))
    other = Pair(id="x", cluster="x", synthetic=np.zeros((9, 9, 3), np.uint8), real=np.zeros((20, 20, 3), np.uint8))
    small = Pair(id="y", cluster="y", synthetic=np.zeros((9, 9, 3), np.uint8), real=np.zeros((9, 9, 3), np.uint8))
    found = load_metric("ssim").measure(Evidence(pairs=iter([*good, other, small])))
    assert (found.n, dict(found.failures)) == (3, {"size differs": 1, "unusable picture": 1})
    none = load_metric("ssim").measure(Evidence(pairs=iter([other])))
    assert (none.value, none.reason) == (None, "no usable pair among 1")
    assert "no pairs" in load_metric("ssim").measure(Evidence()).reason


def test_one_pair_has_no_interval(rng):
    found = load_metric("psnr").measure(Evidence(pairs=pairs(rng, 1, 1)))
    assert found.interval is None
    assert "no interval: a single cluster" in found.flags
