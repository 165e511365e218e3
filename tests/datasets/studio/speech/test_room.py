import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fauxbench.harness.datasets.studio.speech import Room, hear
from fauxbench.harness.datasets.studio.speech.room import noise, response
from fauxbench.harness.errors import InputError

RATE = 22_050


def tone(seconds=1.0):
    t = np.arange(round(seconds * RATE)) / RATE
    return (0.05 * np.sin(2 * np.pi * 220 * t) * (np.sin(2 * np.pi * 3 * t) > 0)).astype(np.float32)


@settings(max_examples=30, deadline=None)
@given(st.floats(-5, 40), st.sampled_from(["white", "pink"]), st.integers(0, 1000))
def test_noise_has_the_stated_ratio(snr, colour, seed):
    dry = tone()
    heard = hear(dry, Room(snr=snr, colour=colour), RATE, np.random.default_rng(seed))
    gain = np.abs(heard).max() / 0.98
    scale = np.dot(heard, dry) / np.dot(dry, dry) if gain > 0.999 else 1.0  # what was turned down to avoid clipping
    rest = heard - scale * dry
    found = 10 * np.log10(np.mean((scale * dry) ** 2) / np.mean(rest**2))
    assert found == pytest.approx(snr, abs=0.3 if gain > 0.999 else 0.02)


@pytest.mark.parametrize("rt60", [0.2, 0.5, 1.2])
def test_reverberation_decays_as_stated(rt60):
    tail = response(Room(rt60=rt60), RATE, np.random.default_rng(0))[1:].astype(float)
    left = 10 * np.log10(np.cumsum(tail[::-1] ** 2)[::-1] / np.sum(tail**2))  # Schroeder's backward integration
    at = [np.flatnonzero(left <= level)[0] / RATE for level in (-5, -35)]
    assert 2 * (at[1] - at[0]) == pytest.approx(rt60, rel=0.1)


def test_direct_path_is_first_and_has_the_stated_energy():
    answer = response(Room(rt60=0.4, direct_to_reverberant=3.0), RATE, np.random.default_rng(0)).astype(float)
    assert answer[0] == 1.0
    assert -10 * np.log10(np.sum(answer[1:] ** 2)) == pytest.approx(3.0, abs=0.01)


def test_a_room_does_not_delay():
    click = np.zeros(RATE, np.float32)
    click[5000] = 0.5
    heard = hear(click, Room(rt60=0.6, snr=30), RATE, np.random.default_rng(0))
    assert len(heard) == RATE
    assert np.abs(heard).argmax() == 5000


def test_pink_noise_falls_by_three_decibels_an_octave():
    power = np.abs(np.fft.rfft(noise(RATE * 8, "pink", np.random.default_rng(0)).astype(float))) ** 2
    low, high = power[8 * 200 : 8 * 400].mean(), power[8 * 1600 : 8 * 3200].mean()
    assert 10 * np.log10(low / high) == pytest.approx(9.0, abs=0.6)


def test_same_seed_same_room():
    one, two = (hear(tone(), Room(rt60=0.3, snr=10), RATE, np.random.default_rng(4)) for _ in range(2))
    assert np.array_equal(one, two)
    assert np.array_equal(hear(tone(), Room(), RATE, np.random.default_rng(0)), tone())


def test_silence_stays_silent():
    assert not hear(np.zeros(1000, np.float32), Room(snr=10), RATE, np.random.default_rng(0)).any()


@pytest.mark.parametrize("room", [Room(rt60=9), Room(colour="blue"), Room(snr=1000.0), Room(rt60=0.01)])
def test_impossible_rooms_are_refused(room):
    with pytest.raises(InputError):
        hear(tone(), room, RATE, np.random.default_rng(0))
