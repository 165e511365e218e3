import numpy as np
import pytest

from fauxbench.harness.datasets.studio import POINTS, RESERVED_PEOPLE, picture_factors
from fauxbench.harness.datasets.studio.speech import RESERVED_VOICES, sentences_of, voice
from fauxbench.harness.instruments import studio_sync as sync
from fauxbench.harness.media.item import Split
from fauxbench.harness.training.faces import close_up
from fauxbench.harness.training.talks import (
    TEST_VOICES,
    HeldOutTalks,
    HeldOutVoices,
    TalkJobs,
    VoiceJobs,
    between,
    compressed,
    mixed_sentences,
    words,
)

pytest.importorskip("espeakng_loader")


def test_a_close_up_is_the_cut_of_the_whole_frame():
    from fauxbench.harness.datasets.studio.render import render

    persons, states, scenes = zip(*(picture_factors(0, k, 0, max_yaw=10.0) for k in range(4)), strict=True)
    plain = [{**s, "blur": 0.0, "noise": 0.0, "jpeg_quality": 100.0, "vignette": 0.0} for s in scenes]
    whole = render(persons, states, plain, 200)
    near = render(persons, states, [close_up(s, sync.TOP, sync.BOTTOM) for s in plain], (sync.HEIGHT, sync.WIDTH))
    side = 200 * (sync.BOTTOM - sync.TOP)
    moved = whole.points.numpy() + 0.5
    expected = np.stack(
        [
            (moved[..., 0] - 100) * sync.HEIGHT / side + sync.WIDTH / 2,
            (moved[..., 1] - 200 * sync.TOP) * sync.HEIGHT / side,
        ],
        -1,
    )
    same = [k for k, name in enumerate(POINTS) if name.startswith(("lip", "mouth", "lid")) or name.endswith("_eye")]
    away = np.abs(near.points.numpy() + 0.5 - expected)[
        :, same
    ]  # others are the nearest vertex at each level of detail
    assert away.max() < 1e-3
    for frame, cut in zip(whole.pixels.numpy(), near.pixels.numpy(), strict=True):
        middle = slice(12, 36), slice(24, 44)
        a, b = sync.mouth(frame)[middle].astype(float), cut[middle].astype(float)
        assert np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.7


def test_talks_are_pure_and_in_step():
    made = TalkJobs(large_every=0)(3)
    again = TalkJobs(large_every=0)(3)
    for name, values in made.items():
        np.testing.assert_array_equal(values, again[name])
    assert made["mouths"].shape == (1, 50, sync.HEIGHT, sync.WIDTH, 3)
    assert made["mel"].shape == (1, 200, sync.BANDS)
    assert made["track"].shape == (1, 50, 7)


def test_an_injected_offset_moves_the_sound_and_not_the_words():
    early, late = (HeldOutTalks(height=None, seconds=1.5, offset=offset)(4) for offset in (0, 5))
    assert late["offset"].tolist() == [5]
    shift = 22_050 * 5 // 25
    a, b = early["sound"][0].astype(float), late["sound"][0].astype(float)
    assert len(a) == len(b)
    # picture is drawn from later in the same speech, so the sounds agree and the mouths are ahead by five frames
    assert np.corrcoef(a[: -shift or None], b[: -shift or None])[0, 1] > 0.9
    moved = np.abs(early["mouths"][0, 10:30].astype(int) - late["mouths"][0, 5:25]).mean()
    still = np.abs(early["mouths"][0, 10:30].astype(int) - late["mouths"][0, 10:30]).mean()
    assert moved < still + 20


def test_held_out_voices_are_reserved_and_noise_and_blends_change_them():
    assert TEST_VOICES > RESERVED_VOICES > 2 * RESERVED_PEOPLE - 1
    plain = HeldOutVoices(per_voice=2)(0)
    assert plain["label"].tolist() == [TEST_VOICES] * 2
    noisy = HeldOutVoices(per_voice=2, snr=0.0)(0)
    other = HeldOutVoices(per_voice=2, blend=0.5)(0)
    assert not np.array_equal(plain["sound"], noisy["sound"])
    assert not np.array_equal(plain["sound"], other["sound"])


def test_between_two_voices_lie_voices():
    a, b = voice("en", TEST_VOICES), voice("en", TEST_VOICES + 3)
    assert between(a, b, 0.0) is a
    half = between(a, b, 0.5)
    assert half.pitch == pytest.approx((a.pitch + b.pitch) / 2)
    assert half.formants[1] == pytest.approx((a.formants[1] + b.formants[1]) / 2)
    assert isinstance(half.words_per_minute, int)
    assert between(a, b, 1.0)._replace(id=b.id, number=b.number, feminine=b.feminine) == b


def test_voices_speak_in_four_languages():
    made = VoiceJobs()(1)["mel"]
    assert made.shape == (8, 250, 80)
    assert made.dtype == np.float16
    assert np.isfinite(made).all()


def test_mixed_sentences_hold_only_words_of_the_training_sentences():
    rng = np.random.default_rng(0)
    for language in ("en", "cmn", "th"):
        test_only = {one.spoken for one in sentences_of(language, Split.TEST)}
        mixed = mixed_sentences(language, rng)
        known = set(words(language))
        for one in mixed:
            parts = one.spoken if language == "cmn" else one.spoken.split()
            assert set(parts) <= known
            assert one.spoken not in test_only


def test_compression_changes_little():
    rng = np.random.default_rng(0)
    smooth = np.uint8(np.cumsum(rng.integers(0, 3, (2, 48, 68, 3)), axis=1) % 200)
    done = compressed(smooth, 95)
    assert done.shape == smooth.shape
    assert 0 < np.abs(done.astype(int) - smooth).mean() < 12
