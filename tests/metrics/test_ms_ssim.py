import numpy as np
import pytest
from scipy.signal import convolve2d

from fauxbench import InputError, ms_ssim
from fauxbench.harness.metrics import load_metric
from fauxbench.harness.metrics.base import Evidence, Pair

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


def picture(rng, height, width):
    smooth = np.cumsum(np.cumsum(rng.normal(size=(height, width, 3)), axis=0), axis=1)
    return np.uint8(255 * (smooth - smooth.min()) / np.ptp(smooth))


def noisy(rng, image, sigma):
    return np.uint8(np.clip(image + rng.normal(0, sigma, image.shape), 0, 255))


def by_definition(x, y):
    """Wang, Simoncelli and Bovik's own route: filter with a 2 x 2 mean, symmetric edges, every second sample."""
    line = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
    window = np.outer(line, line) / line.sum() ** 2

    def blur(z):
        return convolve2d(z, window, mode="valid")

    x, y, found = x.astype(float), y.astype(float), 1.0
    for scale, weight in enumerate(WEIGHTS):
        mx, my = blur(x), blur(y)
        vx, vy, cov = blur(x * x) - mx**2, blur(y * y) - my**2, blur(x * y) - mx * my
        index = (2 * cov + 7.65**2) / (vx + vy + 7.65**2)
        if scale == 4:
            index = index * (2 * mx * my + 2.55**2) / (mx**2 + my**2 + 2.55**2)
        found *= index.mean() ** weight
        x, y = (convolve2d(np.pad(z, (0, 1), "symmetric"), np.full((2, 2), 0.25), "valid")[::2, ::2] for z in (x, y))
    return found


@pytest.mark.parametrize("size", [(176, 192), (181, 203)])
@pytest.mark.parametrize("sigma", [3, 30])
def test_is_the_definition(rng, size, sigma):
    a = picture(rng, *size)
    b = noisy(rng, a, sigma)
    channels = [by_definition(a[..., c], b[..., c]) for c in range(3)]
    assert ms_ssim(a, b) == pytest.approx(np.mean(channels), abs=1e-9)
    assert ms_ssim(a[..., 0], b[..., 0]) == pytest.approx(channels[0], abs=1e-9)


def test_properties(rng):
    a = picture(rng, 176, 176)
    b, c = noisy(rng, a, 10), noisy(rng, a, 40)
    assert ms_ssim(a, a) == pytest.approx(1, abs=1e-12)
    assert ms_ssim(a, b) == pytest.approx(ms_ssim(b, a), abs=1e-12)
    assert 1 > ms_ssim(a, b) > ms_ssim(a, c) > 0
    assert ms_ssim(a, 255 - a) >= 0  # a negative scale has no real power


@pytest.mark.parametrize("size", [(175, 300), (300, 175)])
def test_small_pictures_are_refused(size):
    with pytest.raises(InputError, match="both sides must be at least 176"):
        ms_ssim(np.zeros(size), np.zeros(size))


def test_metric_counts_pictures_that_are_too_small(rng):
    def pair(name, size):
        real = picture(rng, size, size)
        return Pair(id=name, cluster=name, synthetic=noisy(rng, real, 10), real=real)

    found = load_metric("ms_ssim").measure(Evidence(pairs=iter([pair("a", 176), pair("b", 180), pair("c", 64)])))
    assert (found.n, dict(found.failures)) == (2, {"unusable picture": 1})
    assert 0.3 < found.value < 1
