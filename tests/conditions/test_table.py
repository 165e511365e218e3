import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fauxbench.harness.conditions.change import SEVERITIES, EmptyCellError, Span
from fauxbench.harness.conditions.table import CHANGES, Condition
from fauxbench.harness.errors import InputError
from fauxbench.harness.media.content import SoundMedia
from fauxbench.harness.media.item import Modality


@pytest.fixture(scope="module")
def picture():
    y, x = np.mgrid[0:40, 0:36]
    spot = np.exp(-((y - 20) ** 2 + (x - 18) ** 2) / 120)[:, :, None]
    detail = np.random.default_rng(0).normal(0, 8, (40, 36, 3))
    return np.clip(50 + 150 * spot * (1.0, 0.8, 0.6) + detail, 0, 255).astype(np.uint8)


SEEN = [name for name, change in CHANGES.items() if change.modality is Modality.IMAGE and not change.resizes]
HEARD = [name for name, change in CHANGES.items() if change.modality is Modality.AUDIO and not change.resizes]


@pytest.mark.parametrize("name", SEEN)
@pytest.mark.parametrize("severity", SEVERITIES)
def test_a_change_repeats_from_its_seed_and_from_its_record(name, severity, picture):
    condition = Condition(name=name, severity=severity)
    pixels, applied = condition.apply(picture, np.random.default_rng(5))
    assert pixels.shape == picture.shape
    assert pixels.dtype == np.uint8
    again, same = condition.apply(picture, np.random.default_rng(5))
    assert np.array_equal(pixels, again)
    assert applied == same
    stored = json.loads(json.dumps(applied, allow_nan=False))
    repeated, _ = Condition(name=name, severity=severity, parameters=stored).apply(picture, np.random.default_rng(6))
    assert np.array_equal(pixels, repeated)


@pytest.mark.parametrize("name", SEEN)
def test_severity_grows(name, picture):
    def change(severity):
        condition = Condition(name=name, severity=severity)
        drawn = [condition.apply(picture, np.random.default_rng(seed))[0] for seed in range(12)]
        return np.mean([np.abs(pixels - picture.astype(float)).mean() for pixels in drawn])

    changes = [change(severity) for severity in SEVERITIES]
    assert changes == sorted(changes)
    assert changes[0] > 0


SMALLER = {
    "height": ({"height": 30}, (34, 30), {"height": 60}),
    "scale": ({"factor": 2.0}, (20, 18), None),
    "crop": ({"share": 0.5}, (20, 18), {"side": 38}),
}


@pytest.mark.parametrize("name", SMALLER)
def test_what_makes_pictures_smaller_leaves_them_so_and_never_makes_them_larger(name, picture):
    held, size, too_much = SMALLER[name]
    pixels, _ = Condition(name=name, parameters=held).apply(picture, np.random.default_rng(0))
    assert pixels.shape == (*size, 3)
    if too_much:
        with pytest.raises(EmptyCellError, match="36 x 40 pixels"):
            Condition(name=name, parameters=too_much).apply(picture, np.random.default_rng(0))


def test_the_table_of_resolutions_and_lengths_is_the_one_that_is_asked_for():
    assert [CHANGES["height"].fixed(s)["height"] for s in SEVERITIES] == [1080, 720, 480, 360, 240]
    assert [CHANGES["length"].fixed(s)["seconds"] for s in SEVERITIES] == [300, 120, 60, 30, 15]
    assert {23, 30, 40} <= {CHANGES["h264"].fixed(s)["crf"] for s in SEVERITIES}


@pytest.mark.parametrize("name", CHANGES)
def test_every_ladder_has_one_rung_or_five(name):
    for ladder in CHANGES[name].draws.values():
        assert len(ladder) in (1, len(SEVERITIES))


def test_holding_one_parameter_leaves_the_other_draws_alone():
    free = Condition(name="light").draw(np.random.default_rng(1))
    held = Condition(name="light", parameters={"exposure": 0.0}).draw(np.random.default_rng(1))
    assert held == {**free, "exposure": 0.0}


@settings(deadline=None)
@given(
    low=st.floats(0.1, 10), width=st.floats(0, 10), log=st.booleans(), either=st.booleans(), seed=st.integers(0, 1000)
)
def test_spans_stay_within_their_ends(low, width, log, either, seed):
    high = low + width
    value = Span(low=low, high=high, log=log, either=either).draw(np.random.default_rng(seed))
    opposite = 1 / value if log else -value
    inside = [low * (1 - 1e-9) <= v <= high * (1 + 1e-9) for v in (value, opposite)]
    assert inside[0] or (either and inside[1])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"name": "lihgt"}, "did you mean 'light'"),
        ({"name": "light", "severity": 6}, "1 to 5"),
        ({"name": "light", "severity": True}, "1 to 5"),
        ({"name": "light", "parameters": {"exposur": 1}}, "did you mean 'exposure'"),
    ],
)
def test_what_the_table_does_not_know_is_refused(given, message):
    with pytest.raises(InputError, match=message):
        Condition(**given)


def test_record_is_plain_json():
    record = Condition(name="resolution", severity=2, parameters={"jpeg": 50}).record()
    assert json.loads(json.dumps(record)) == record == {"name": "resolution", "severity": 2, "parameters": {"jpeg": 50}}


def speech():
    sound = 0.1 * np.random.default_rng(3).standard_normal(16_000) * np.sin(np.arange(16_000) / 900) ** 2
    return SoundMedia(sound=sound.astype(np.float32), sample_rate=16_000)


@pytest.mark.parametrize("name", HEARD)
@pytest.mark.parametrize("severity", SEVERITIES)
def test_a_change_of_sounds_repeats_and_grows(name, severity, picture):
    condition = Condition(name=name, severity=severity)
    sound, applied = condition.apply_to_sound(speech(), np.random.default_rng(5))
    assert (sound.sound.shape, sound.sound.dtype, sound.sample_rate) == ((16_000,), np.float32, 16_000)
    held = Condition(name=name, severity=severity, parameters=json.loads(json.dumps(applied, allow_nan=False)))
    assert np.array_equal(sound.sound, held.apply_to_sound(speech(), np.random.default_rng(6))[0].sound)
    assert not np.array_equal(sound.sound, speech().sound)
    with pytest.raises(InputError, match=f"condition {name} is for audio, not for image"):
        condition.apply(picture, np.random.default_rng(0))
    with pytest.raises(InputError, match="condition blur is for image, not for audio"):
        Condition(name="blur").apply_to_sound(speech(), np.random.default_rng(0))


@pytest.mark.parametrize("snr", [30.0, 20.0, 0.0])
def test_pink_noise_has_its_ratio_and_falls_by_3_db_an_octave(snr):
    clean = speech()
    noise = Condition(name="pink_noise", parameters={"snr": snr}).apply_to_sound(clean, np.random.default_rng(1))[0]
    difference = noise.sound.astype(float) - clean.sound
    assert 10 * np.log10(np.mean(clean.sound**2.0) / np.mean(difference**2)) == pytest.approx(snr, abs=0.01)
    power = np.abs(np.fft.rfft(difference)) ** 2  # 1 Hz a bin
    octaves = [10 * np.log10(power[250 * 2**k : 500 * 2**k].mean()) for k in range(4)]
    assert np.diff(octaves) == pytest.approx([-3.01] * 3, abs=1.0)


def test_a_delay_moves_samples_and_nothing_else():
    late = Condition(name="delay", parameters={"seconds": 0.2}).apply_to_sound(speech(), np.random.default_rng(1))[0]
    assert not late.sound[:3200].any()
    assert np.array_equal(late.sound[3200:], speech().sound[:-3200])


def test_silence_stays_silent_under_noise():
    silent = SoundMedia(sound=np.zeros(800, np.float32), sample_rate=16_000)
    assert not Condition(name="pink_noise").apply_to_sound(silent, np.random.default_rng(0))[0].sound.any()
