import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fauxbench import InputError, si_sdr


def orthogonal(seed=0, length=4000):
    rng = np.random.default_rng(seed)
    s, n = rng.standard_normal((2, length))
    s -= s.mean()
    n -= n.mean()
    n -= (n @ s) / (s @ s) * s
    return s / np.linalg.norm(s), n / np.linalg.norm(n)


@given(db=st.floats(-60, 60), seed=st.integers(0, 99))
def test_noise_that_has_nothing_of_the_reference_gives_the_ratio_of_the_powers(db, seed):
    s, n = orthogonal(seed)
    assert si_sdr(s, s + 10 ** (-db / 20) * n) == pytest.approx(db, abs=1e-6)


def test_correlated_noise_follows_the_closed_form():
    """e = s + c (s cos + n sin): the target is s (1 + c cos), the rest c sin."""
    s, n = orthogonal()
    c, angle = 0.5, 0.7
    expected = 20 * np.log10((1 + c * np.cos(angle)) / (c * np.sin(angle)))
    assert si_sdr(s, s + c * (s * np.cos(angle) + n * np.sin(angle))) == pytest.approx(expected, abs=1e-9)


@given(a=st.floats(1e-6, 1e6), b=st.floats(1e-6, 1e6), sign=st.sampled_from([-1, 1]), offset=st.floats(-1, 1))
def test_neither_scale_nor_sign_nor_offset_counts(a, b, sign, offset):
    s, n = orthogonal()
    estimate = s + 0.1 * n
    assert si_sdr(a * s, sign * b * (estimate + offset)) == pytest.approx(20, abs=1e-5)


def test_the_value_that_torchmetrics_documents_for_means_taken_off():
    """Its `scale_invariant_signal_noise_ratio`; with its default `zero_mean=False` the same gives 18.4030."""
    assert si_sdr([3.0, -0.5, 2.0, 7.0], [2.5, 0.0, 2.0, 8.0]) == pytest.approx(15.0918, abs=1e-4)


def test_both_ends_are_cut():
    s, n = orthogonal()
    assert si_sdr(s, 3 * s) == 100
    assert si_sdr(s, -s) == 100
    assert si_sdr(s, n) == -100
    assert si_sdr([1, -1, 1, -1], [1, 1, -1, -1]) == -100


def test_it_falls_with_noise_and_with_delay():
    rng = np.random.default_rng(0)
    s, n = orthogonal()
    values = [si_sdr(s, s + level * n) for level in (0.01, 0.1, 0.5, 1, 3)]
    assert values == sorted(values, reverse=True)
    slow = np.convolve(rng.standard_normal(4000), np.ones(8), "same")
    delayed = [si_sdr(slow, np.roll(slow, k)) for k in (1, 2, 4)]
    assert delayed == sorted(delayed, reverse=True)
    assert delayed[0] < 15


@pytest.mark.parametrize(
    ("s", "e", "message"),
    [
        (np.ones(9), np.arange(9), "the reference is silence"),
        (np.arange(9), np.zeros(9), "the estimate is silence"),
        (np.arange(9), np.arange(8), "one length"),
        (np.zeros((2, 9)), np.zeros((2, 9)), "one length"),
        (np.zeros(0), np.zeros(0), "empty"),
        (np.array([1.0, np.inf]), np.arange(2), "NaN or infinity"),
    ],
)
def test_what_has_no_ratio_says_why(s, e, message):
    with pytest.raises(InputError, match=message):
        si_sdr(s, e)
