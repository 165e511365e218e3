import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

import fauxbench
from fauxbench.harness.errors import InputError
from fauxbench.harness.metrics import load_metric
from fauxbench.harness.metrics.base import Evidence, Features
from fauxbench.harness.metrics.lips import EARLY, LATE, confidence_floor

FPS = 25


def track(rng, frames, dims=24, smooth=3):
    """Vectors of length 1 that change as those of speech do: over a few frames."""
    raw = rng.standard_normal((frames + smooth, dims))
    rows = np.stack([raw[k : k + frames] for k in range(smooth)]).sum(0)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def noisy(rng, rows, level=0.15):
    rows = rows + level * rng.standard_normal(rows.shape)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def talk(seed, mouth="true", late=0, frames=125):
    rng = np.random.default_rng(seed)
    said = track(rng, frames + 40)
    audio = said[20 - late : 20 - late + frames]
    video = noisy(rng, said[20 : 20 + frames])
    if mouth == "frozen":
        video = np.repeat(video[:1], frames, axis=0)
    elif mouth == "random":
        video = track(rng, frames)
    return video, audio


# lip_sync


@pytest.mark.parametrize("edges", ["zero", "drop"])
@pytest.mark.parametrize("late", [-10, -4, 0, 1, 7, 10])
def test_a_shift_by_k_frames_gives_k_back(late, edges):
    found = fauxbench.lip_sync(*talk(late + 50, late=late), edges=edges)
    assert found.offset == late
    assert found.curve.shape == (31,)
    assert found.confidence > 0.3
    assert found.distance == pytest.approx(found.curve.min())
    assert found.confidence == pytest.approx(np.median(found.curve) - found.curve.min())


def test_the_numbers_of_syncnets_recipe_by_hand():
    """Two frames of picture and sound in one dimension, one shift to either side, zeros beyond the sound."""
    video, audio = np.array([[1.0], [2.0], [4.0]]), np.array([[2.0], [4.0], [7.0]])
    found = fauxbench.lip_sync(video, audio, reach=1)
    # sound at t - 1: |1 - 0|, |2 - 2|, |4 - 4|; at t: 1, 2, 3; at t + 1: |1 - 4|, |2 - 7|, |4 - 0|
    np.testing.assert_allclose(found.curve, [1 / 3, 2.0, 4.0], atol=1e-5)
    assert found.offset == -1
    assert found.distance == pytest.approx(1 / 3, abs=1e-5)
    assert found.confidence == pytest.approx(2 - 1 / 3, abs=1e-5)
    dropped = fauxbench.lip_sync(video, audio, reach=1, edges="drop")
    np.testing.assert_allclose(dropped.curve, [0.0, 2.0, 4.0], atol=1e-5)


def test_vectors_need_not_have_length_one():
    video, audio = talk(3)
    one, ten = fauxbench.lip_sync(video, audio), fauxbench.lip_sync(10 * video, 10 * audio)
    assert ten.distance == pytest.approx(10 * one.distance, rel=1e-4)
    assert ten.offset == one.offset


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(-8, 8))
def test_picture_and_sound_exchanged_turn_the_offset_around(seed, late):
    video, audio = talk(seed, late=late)
    there, back = (fauxbench.lip_sync(*pair, edges="drop") for pair in ((video, audio), (audio, video)))
    assert there.offset == -back.offset == late
    assert there.distance == pytest.approx(back.distance, rel=1e-4)
    assert there.confidence >= 0


@pytest.mark.parametrize(
    ("video", "audio", "more", "words"),
    [
        (np.zeros((40, 3)), np.zeros((40, 4)), {}, "of picture 3 numbers, of sound 4"),
        (np.zeros((10, 3)), np.zeros((40, 3)), {}, "expected 1 to 9"),
        (np.zeros((40, 3)), np.full((40, 3), np.nan), {}, "NaN"),
        (np.zeros(40), np.zeros((40, 3)), {}, "expected shape"),
        (np.zeros((40, 3)), np.zeros((40, 3)), {"edges": "wrap"}, "legal: zero, drop"),
    ],
)
def test_vectors_that_cannot_be_compared(video, audio, more, words):
    with pytest.raises(InputError, match=words):
        fauxbench.lip_sync(video, audio, **more)


# LSER


def windows_of(mouth, late=0, count=20, first=0):
    found = [fauxbench.sync_windows(*talk(first + k, mouth, late)) for k in range(count)]
    return np.concatenate([one.offset for one in found]), np.concatenate([one.confidence for one in found])


@pytest.fixture(scope="module")
def floor():
    return confidence_floor(windows_of("true", first=1000)[1])


def test_true_mouths_score_low_and_frozen_and_random_ones_high(floor):
    true, frozen, random = (
        fauxbench.lser(*windows_of(mouth), least_confidence=floor) for mouth in ("true", "frozen", "random")
    )
    assert true.share <= 0.10
    assert frozen.share >= 0.80
    assert random.share >= 0.80
    assert true.windows == 20 * len(range(0, 125 - 50 + 1, 5))


def test_the_rate_jumps_where_the_band_ends(floor):
    rates = {late: fauxbench.lser(*windows_of("true", late), least_confidence=floor).share for late in range(-4, 7)}
    assert all(rates[late] <= 0.15 for late in range(-2, 5)), rates
    assert all(rates[late] >= 0.95 for late in (-4, -3, 5, 6)), rates


def test_the_band_is_that_of_the_standard_and_can_be_another():
    offsets, sure = np.arange(-4.0, 7.0), np.ones(11)
    found = fauxbench.lser(offsets, sure, least_confidence=0.5)
    assert (EARLY, LATE) == (0.090, 0.185)
    assert (found.outside, found.windows, found.unsure) == (4, 11, 0)  # -160, -120, 200 and 240 ms
    assert fauxbench.lser(offsets, sure, least_confidence=0.5, early=0.045, late=0.125).outside == 6
    assert fauxbench.lser(offsets, sure, least_confidence=0.5, early=0.04, late=0.16).outside == 5  # edges count as in
    assert fauxbench.lser(offsets, sure, least_confidence=0.5, fps=50).outside == 0


def test_windows_without_speech_do_not_count():
    found = fauxbench.lser([0, 9, 9], [1, 1, 0.1], [1.0, 0.2, 0.6], least_confidence=0.5)
    assert found == (0.5, 2, 1, 1)
    with pytest.raises(InputError, match="none of 1 holds speech"):
        fauxbench.lser([0], [1], [0.0], least_confidence=0)
    with pytest.raises(InputError, match="NaN"):
        fauxbench.lser([np.nan], [1], least_confidence=0)
    with pytest.raises(InputError, match="expected one"):
        fauxbench.lser([0, 1], [1], least_confidence=0)
    with pytest.raises(InputError, match="none may be negative"):
        fauxbench.lser([0], [1], least_confidence=0, early=-1)


def test_a_clip_shorter_than_a_window_has_none_and_speech_is_shared_out():
    video, audio = talk(1, frames=20)
    assert all(part.shape == (0,) for part in fauxbench.sync_windows(video, audio))
    video, audio = talk(1, frames=75)
    speech = np.arange(75) < 50
    found = fauxbench.sync_windows(video, audio, speech)
    np.testing.assert_allclose(found.start, np.arange(0, 1.01, 0.2))
    np.testing.assert_allclose(found.speech, np.clip((50 - 25 * found.start) / 50, 0, 1), atol=1e-9)
    with pytest.raises(InputError, match=r"expected \(75,\) flags"):
        fauxbench.sync_windows(video, audio, speech[:10])


def test_the_floor_is_missed_by_five_in_a_hundred():
    values = np.random.default_rng(0).random(2000)
    assert np.mean(values < confidence_floor(values)) == pytest.approx(0.05, abs=0.001)
    for wrong, miss in (([], 0.05), ([np.nan], 0.05), ([1.0], 1.0)):
        with pytest.raises(InputError, match="confidences"):
            confidence_floor(wrong, miss=miss)


def test_the_floor_of_few_clips_is_missed_by_no_more_in_other_clips():
    rng = np.random.default_rng(3)
    names = np.repeat(np.arange(15), 8)
    plain, sure = [], []
    for _ in range(150):
        values = rng.normal(size=15)[names] + rng.normal(size=len(names))  # clips differ as much as windows
        plain.append(confidence_floor(values))
        sure.append(confidence_floor(values, names, rng=rng))
    missed = [float(np.mean(scipy.stats.norm.cdf(levels, scale=np.sqrt(2)) > 0.05)) for levels in (plain, sure)]
    assert missed[0] > 0.45
    assert missed[1] < 0.26  # of extremes of few clips a bootstrap knows little; far better than nothing
    assert confidence_floor([2.0, 3.0], [0, 0]) == 2.0
    with pytest.raises(InputError, match="one for each of 2 windows"):
        confidence_floor([1.0, 2.0], [0])


# The metric


def features(mouth, late=0, count=12, first=0, windows=None):
    table = []
    for k in range(count):
        told = fauxbench.sync_windows(*talk(first + k, mouth, late))
        table.append(np.stack([told.offset, told.confidence, told.speech], axis=1))
    ids = tuple(f"{mouth}-{first + k}" for k in range(count))
    return Features(ids=ids, clusters=ids, arrays={"windows": np.array(table, np.float32)[:, :windows]})


def test_the_metric_calibrates_on_real_clips_and_has_an_interval():
    metric, real = load_metric("lser"), features("true", first=500)
    for mouth, low, high in (("true", 0.0, 0.12), ("frozen", 0.8, 1.0), ("random", 0.8, 1.0)):
        found = metric.measure(Evidence(synthetic=features(mouth), real=real))
        assert low <= found.value <= high
        assert found.interval.low <= found.value <= found.interval.high
        assert (found.n, found.n_real, len(found.items)) == (12, 12, 12)
        assert np.mean(list(found.items.values())) == pytest.approx(found.value)
    late = metric.measure(Evidence(synthetic=features("true", late=4), real=real))
    assert late.value < 0.2
    narrow = Evidence(synthetic=features("true", late=4), real=real, parameters={"late": 0.125})
    assert metric.measure(narrow).value > 0.9


def test_clips_without_speech_or_windows_are_failures():
    metric, real = load_metric("lser"), features("true", first=500)
    some = features("true")
    some.arrays["windows"][:3, :, 2] = 0
    some.arrays["windows"][3] = np.nan
    found = metric.measure(Evidence(synthetic=some, real=real))
    assert (found.n, dict(found.failures)) == (8, {"no speech": 4})
    some.arrays["windows"][:, :, 2] = 0
    assert metric.measure(Evidence(synthetic=some, real=real)).reason == "no window with speech"
    few = metric.measure(Evidence(synthetic=features("true"), real=features("true", count=2, windows=9)))
    assert few.reason == "18 real windows with speech, at least 20 are needed"
    assert "no windows of the real set" in metric.measure(Evidence(synthetic=some)).reason
    none = Features(ids=(), clusters=(), arrays={"windows": np.zeros((0, 0, 3), np.float32)})
    for nothing, side in (
        (Evidence(synthetic=none, real=real), "synthetic"),
        (Evidence(synthetic=some, real=none), "real"),
    ):
        assert metric.measure(nothing).reason == f"{side} set: 0 items, at least 1 is needed"
    none = features("true", windows=0)
    assert metric.measure(Evidence(synthetic=none, real=real)).value is None


def test_means_over_clips():
    ids = tuple("abcdef")
    arrays = {
        "distance": np.full((6, 1), 0.7),
        "confidence": np.full((6, 1), 0.2),
        "offset": np.array([[-2.0], [-2.0], [-2.0], [4.0], [-2.0], [-2.0]]),
        "together": np.full((6, 1), 0.5),
    }
    evidence = Evidence(synthetic=Features(ids=ids, clusters=ids, arrays=arrays))
    for name, value in (("lse_d", 0.7), ("lse_c", 0.2), ("av_offset", 14 / 6), ("mouth_correlation", 0.5)):
        assert load_metric(name).measure(evidence).value == pytest.approx(value)
    assert "sound 2 frames early in the median" in load_metric("av_offset").measure(evidence).flags
    assert "no distance of the synthetic set" in load_metric("lse_d").measure(Evidence()).reason


# A mouth that opens with the voice


def voice(seed, rate=16_000, seconds=4):
    rng = np.random.default_rng(seed)
    opening = np.clip(np.repeat(rng.random(seconds * 8), 4)[: seconds * FPS], 0, 1)
    opening = np.convolve(np.pad(opening, 2, mode="edge"), np.ones(5) / 5, mode="valid")
    loud = np.interp(np.arange(seconds * rate) / rate, (np.arange(len(opening)) + 0.5) / FPS, opening)
    return opening, (0.3 * loud * rng.standard_normal(len(loud))).astype(np.float32)


def test_a_mouth_that_follows_the_level_is_told_from_others():
    opening, sound = voice(0)
    assert fauxbench.mouth_correlation(opening, sound, 16_000) > 0.8
    assert fauxbench.mouth_correlation(5 * opening + 2, sound, 16_000) == pytest.approx(
        fauxbench.mouth_correlation(opening, sound, 16_000)
    )
    assert fauxbench.mouth_correlation(-opening, sound, 16_000) < -0.8
    assert fauxbench.mouth_correlation(np.full(100, 0.3), sound, 16_000) == 0
    others = [fauxbench.mouth_correlation(voice(k)[0], sound, 16_000) for k in range(1, 25)]
    assert abs(np.mean(others)) < 0.15
    late = [fauxbench.mouth_correlation(np.roll(opening, k), sound, 16_000) for k in (0, 3, 8)]
    assert late[0] > late[1] > late[2]


def test_the_level_is_the_same_at_any_sample_rate():
    opening, sound = voice(1)
    half = np.repeat(sound, 2)
    assert fauxbench.mouth_correlation(opening, half, 32_000) == pytest.approx(
        fauxbench.mouth_correlation(opening, sound, 16_000)
    )


def test_speech_is_where_it_is_loud():
    rate = 16_000
    sound = np.zeros(2 * rate, np.float32)
    sound[rate // 2 : rate] = 0.1 * np.sin(np.arange(rate // 2))
    flags = fauxbench.speech_activity(sound, rate)
    assert flags.shape == (50,)
    assert np.flatnonzero(flags).tolist() in (list(range(13, 25)), list(range(12, 25)))
    assert not fauxbench.speech_activity(np.zeros(rate), rate).any()
    assert not fauxbench.speech_activity(np.full(rate, 1e-5), rate).any()
    assert fauxbench.speech_activity(np.zeros(10), rate).shape == (0,)
    assert fauxbench.speech_activity(sound, rate, fps=50).sum() == 25


def test_sounds_and_mouths_that_cannot_be_compared():
    with pytest.raises(InputError, match="fewer than 2 frames with speech"):
        fauxbench.mouth_correlation(np.ones(25), np.zeros(16_000), 16_000)
    with pytest.raises(InputError, match="opening"):
        fauxbench.mouth_correlation(np.ones((5, 5)), np.ones(16_000), 16_000)
    with pytest.raises(InputError, match="sound"):
        fauxbench.speech_activity(np.full(100, np.nan), 16_000)
