import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fauxbench import InputError, f0_agreement, f0_contour, tone_agreement
from fauxbench.harness.metrics.audio_pitch import Contour
from fauxbench.harness.metrics.audio_prosody import contour_agreement, flattened_f0, shuffled_f0

RATE = 16_000


def contour(cents):
    """A contour of given cents above 100 Hz, NaN where unvoiced."""
    cents = np.asarray(cents, dtype=np.float64)
    return Contour(f0=100 * 2 ** (cents / 1200), voicing=np.isfinite(cents).astype(np.float64))


def melody(seed=0, frames=200):
    """Syllables of 20 frames with tones of their own, falling as a whole, with a pause after each third."""
    rng = np.random.default_rng(seed)
    cents = np.concatenate([rng.normal(0, 200) + np.linspace(0, rng.normal(0, 400), 20) for _ in range(frames // 20)])
    cents -= np.linspace(0, 300, frames)
    cents[(np.arange(frames) // 20) % 3 == 2] = np.nan
    return contour(cents)


def voice(f0, seconds=1.0):
    t = np.arange(round(seconds * RATE)) / RATE
    phase = 2 * np.pi * np.cumsum(np.broadcast_to(f0, t.shape)) / RATE
    return 0.1 * sum(np.cos(k * phase) / k for k in range(1, 11))


def moving(seconds=1.0, cents=300.0, base=160.0):
    t = np.arange(round(seconds * RATE)) / RATE
    return voice(base * 2 ** (cents / 1200 * np.sin(2 * np.pi * 2.3 * t)), seconds)


def test_a_voice_agrees_with_itself():
    found = f0_agreement(moving(), moving(), RATE)
    assert (found.rmse, found.offset, found.voicing_error, found.gross_error, found.frame_error) == (0, 0, 0, 0, 0)
    assert found.correlation == pytest.approx(1)
    assert (found.frames, found.voiced) == (100, 100)


@settings(deadline=None, max_examples=10)
@given(cents=st.floats(-900, 900))
def test_a_shift_is_the_error_and_the_offset_and_nothing_else(cents):
    a, b = moving(), moving(base=160 * 2 ** (cents / 1200))
    found = f0_agreement(a, b, RATE)
    assert found.offset == pytest.approx(cents, abs=4)
    assert found.rmse == pytest.approx(abs(cents), abs=5)
    assert found.correlation == pytest.approx(1, abs=0.005)


def test_known_contours_give_known_numbers():
    a = contour([*range(0, 200, 10), *[np.nan] * 10, *[0.0] * 10])
    b = contour([*range(0, 200, 10), *[np.nan] * 5, *[0.0] * 5, *[400.0] * 5, *[np.nan] * 5])
    found = contour_agreement(a, b)
    assert found.frames == 40
    assert found.voiced == 25
    assert found.voicing_error == pytest.approx(10 / 40)
    assert found.gross_error == pytest.approx(5 / 25)
    assert found.frame_error == pytest.approx(15 / 40)
    assert found.rmse == pytest.approx(np.sqrt(5 * 400**2 / 25))
    assert found.offset == pytest.approx(80)


@pytest.mark.parametrize(("cents", "gross"), [(315, 0), (317, 1), (-385, 0), (-388, 1)])
def test_an_error_is_gross_from_20_percent_on(cents, gross):
    a = melody()
    assert contour_agreement(a, contour(a.cents + cents)).gross_error == gross


def test_a_voice_that_falls_silent_half_way_is_half_wrong():
    half = moving()
    half[RATE // 2 :] = 0
    found = f0_agreement(moving(), half, RATE)
    assert found.voicing_error == pytest.approx(0.5, abs=0.03)
    assert found.gross_error == 0


def test_errors_grow_with_noise():
    rng = np.random.default_rng(0)
    a = moving()
    noise = np.sqrt(np.mean(a**2)) * rng.standard_normal(len(a))
    found = [f0_agreement(a, a + 10 ** (-snr / 20) * noise, RATE) for snr in (40, 10, 0, -6)]
    assert [x.voicing_error for x in found] == sorted(x.voicing_error for x in found)
    assert [x.rmse for x in found[:3]] == sorted(x.rmse for x in found[:3])
    assert found[0].rmse < 1


def test_nothing_voiced_is_said_and_not_made_up():
    noise = 0.1 * np.random.default_rng(0).standard_normal(RATE)
    found = f0_agreement(moving(), noise, RATE)
    assert (found.rmse, found.offset, found.correlation, found.gross_error) == (None,) * 4
    assert found.voicing_error > 0.9
    with pytest.raises(InputError, match="at least 10"):
        tone_agreement(f0_contour(moving(), RATE), f0_contour(noise, RATE))


def test_a_flat_reference_has_no_correlation_and_a_flat_copy_has_none_left():
    flat = contour(np.zeros(100))
    assert contour_agreement(flat, melody(frames=100)).correlation is None
    assert contour_agreement(melody(frames=100), flat).correlation == 0
    assert tone_agreement(flat, melody(frames=100)).concordance is None


def test_another_pace_is_aligned_away():
    vowels = [voice(120 * 2 ** (k / 5), 0.3) for k in range(4)]
    slow = np.concatenate([voice(120 * 2 ** (k / 5), 0.5) for k in range(4)])
    with pytest.raises(InputError, match="not in step"):
        f0_agreement(np.concatenate(vowels), slow, RATE)
    found = f0_agreement(np.concatenate(vowels), slow, RATE, align=True)
    assert found.correlation > 0.95


def test_tones_survive_another_register_and_another_fall():
    a = melody()
    moved = contour(a.cents + 700 - 3 * np.arange(len(a)))
    found = tone_agreement(a, moved)
    assert found.correlation == pytest.approx(1)
    assert found.concordance == pytest.approx(1)
    assert found.range_ratio == pytest.approx(1)


@pytest.mark.parametrize(("factor", "expected"), [(0.5, 0.8), (2, 0.8), (0.1, 0.2 / 1.01), (-1, -1), (0, 0)])
def test_flatter_and_livelier_movement_lowers_concordance_as_lin_says(factor, expected):
    a = melody()
    found = tone_agreement(a, contour(factor * a.cents))
    assert found.concordance == pytest.approx(expected, abs=1e-9)
    assert found.range_ratio == pytest.approx(abs(factor), abs=1e-9)


@pytest.mark.parametrize("seed", range(8))
def test_the_controls_fail(seed):
    a = melody(seed, 400)
    flat, shuffled = flattened_f0(a), shuffled_f0(a, np.random.default_rng(seed))
    assert tone_agreement(a, flat).concordance == pytest.approx(0, abs=1e-9)
    assert tone_agreement(a, shuffled).concordance < 0.5
    jitter = np.random.default_rng(seed).normal(0, 5, len(a))
    assert abs(tone_agreement(a, contour(flat.cents + jitter)).concordance) < 0.1


def test_the_controls_keep_what_is_not_tone():
    a = melody()
    shuffled = shuffled_f0(a, np.random.default_rng(0))
    for made in (shuffled, flattened_f0(a)):
        np.testing.assert_array_equal(made.voiced, a.voiced)
        assert np.nanmean(made.cents) == pytest.approx(np.nanmean(a.cents))
    np.testing.assert_allclose(np.sort(shuffled.f0[a.voiced]), np.sort(a.f0[a.voiced]))
    assert contour_agreement(a, shuffled).voicing_error == 0
    again = shuffled_f0(a, np.random.default_rng(0))
    np.testing.assert_array_equal(shuffled.f0, again.f0)


def test_shuffled_is_0_on_average():
    values = []
    for seed in range(40):
        a = melody(seed, 400)
        values.append(tone_agreement(a, shuffled_f0(a, np.random.default_rng(seed))).concordance)
    assert abs(np.mean(values)) < 0.12


def test_an_unvoiced_contour_is_left_alone():
    nothing = contour([np.nan] * 30)
    assert not flattened_f0(nothing).voiced.any()
    assert not shuffled_f0(nothing, np.random.default_rng(0)).voiced.any()


def test_contours_of_different_length_are_refused():
    with pytest.raises(InputError, match="found 100 and 80"):
        contour_agreement(melody(frames=100), melody(frames=80))


@pytest.mark.parametrize("language", ["cmn", "vi"])
def test_tones_of_a_synthesiser_are_there_in_noise_and_gone_when_shuffled(language):
    pytest.importorskip("espeakng_loader")
    from fauxbench.harness.datasets.studio.speech.clips import SpeechRecipe, render_speech

    sounds = [
        media for _, media in render_speech(SpeechRecipe(people=2, per_person=1, languages=(language,), seconds=2))
    ]
    rng = np.random.default_rng(0)
    for media in sounds:
        level = np.sqrt(np.mean(media.sound**2))
        noisy = media.sound + 0.1 * level * rng.standard_normal(len(media.sound))
        true, heard = (f0_contour(sound, media.sample_rate) for sound in (media.sound, noisy))
        assert tone_agreement(true, heard).concordance > 0.8
        assert tone_agreement(true, shuffled_f0(heard, rng)).concordance < 0.5
        assert tone_agreement(true, flattened_f0(heard)).concordance == pytest.approx(0, abs=1e-9)
