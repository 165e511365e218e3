from pathlib import Path

import numpy as np
import pytest

from fauxbench.harness.instruments import load_instrument
from fauxbench.harness.instruments.spectrum import CHROMA_BANDS, FALL, FLOOR, LEVEL, LUMA_BANDS, spectrum
from fauxbench.harness.metrics.frechet import frechet_distance
from fauxbench.harness.metrics.kernel import kernel_distance

NOWHERE = Path("no-weights")


def log_power(picture):
    """The spectrum with the usual photograph put back."""
    luma, chroma = np.arange(1.5, 33, 2), np.arange(4.5, 33, 8)
    usual = [level - FALL * np.log(f) for level, f in zip(LEVEL, (luma, chroma, chroma), strict=True)]
    return spectrum(picture) + np.concatenate(usual)


def pictures(rng, count, size=64):
    """Pictures with the 1/f spectrum of photographs."""
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.fftfreq(size)[None])
    frequency[0, 0] = 1
    for _ in range(count):
        noise = np.fft.fft2(rng.normal(size=(size, size, 3)), axes=(0, 1)) / frequency[:, :, None]
        image = np.fft.ifft2(noise, axes=(0, 1)).real
        yield np.uint8(np.clip(128 + 50 * image / image.std(), 0, 255))


@pytest.mark.parametrize(("name", "width"), [("spectrum", 24), ("thumbnail", 768)])
def test_one_finite_row_a_picture_of_any_size(rng, name, width):
    mixed = [rng.integers(0, 256, size, dtype=np.uint8) for size in ((1, 1, 3), (9, 200, 3), (64, 64, 3))]
    instrument = load_instrument(name, NOWHERE)
    found = instrument.extract(iter(mixed))["features"]
    assert found.shape == (3, width)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(instrument.extract(mixed[2:])["features"][0], found[2])
    assert instrument.extract([])["features"].shape == (0, width)


def test_thumbnail_is_the_mean_of_its_area(rng):
    image = rng.integers(0, 256, (64, 32, 3), dtype=np.uint8)
    expected = image.reshape(16, 4, 16, 2, 3).mean(axis=(1, 3)) / 255
    found = load_instrument("thumbnail", NOWHERE).extract([image])["features"][0]
    np.testing.assert_allclose(found.reshape(16, 16, 3), expected, atol=1e-6)


@pytest.mark.parametrize("cycles", [4, 13, 30])
def test_a_wave_lands_in_its_band(cycles):
    wave = 128 + 100 * np.cos(2 * np.pi * cycles * np.arange(64) / 64)
    image = np.uint8(np.broadcast_to(wave[None, :, None], (64, 64, 3)))
    luma = log_power(image)[:LUMA_BANDS]
    assert luma.argmax() == (cycles - 1) // 2


def test_a_flat_picture_has_the_floor():
    np.testing.assert_allclose(log_power(np.full((40, 40, 3), 77, np.uint8)), np.log(FLOOR), atol=1e-6)


def test_grey_has_no_colour_and_colour_has(rng):
    image = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    grey = np.repeat(image[:, :, :1], 3, axis=2)
    np.testing.assert_allclose(log_power(grey)[LUMA_BANDS:], np.log(FLOOR), atol=1e-3)
    assert (log_power(image)[LUMA_BANDS:] > np.log(FLOOR) + 3).all()
    assert len(spectrum(image)) == LUMA_BANDS + 2 * CHROMA_BANDS


def test_white_noise_is_flat(rng):
    found = np.mean([log_power(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)) for _ in range(30)], axis=0)
    assert np.ptp(found[:LUMA_BANDS]) < 0.5


def test_spectrum_tells_upsampled_pictures_from_real_ones_and_is_well_conditioned(rng):
    instrument = load_instrument("spectrum", NOWHERE)
    real, other = (instrument.extract(pictures(rng, 150))["features"] for _ in range(2))
    coarse = instrument.extract(p.repeat(2, axis=0).repeat(2, axis=1) for p in pictures(rng, 150, size=32))["features"]
    assert frechet_distance(coarse, real) > 10 * frechet_distance(other, real)
    assert kernel_distance(coarse, real) > 20 * abs(kernel_distance(other, real))
    assert np.abs(real).mean() < 2
    assert np.linalg.cond(np.cov(real, rowvar=False)) < 1e4
