"""Changes of sounds against what they are defined by."""

import numpy as np
import pytest

from fauxbench.harness.conditions import sound as changes
from fauxbench.harness.conditions.sound_codecs import aac, mp3, opus
from fauxbench.harness.media.content import SoundMedia

RATE = 16_000


def tone(hertz: float, seconds: float = 1.0, level: float = 0.3) -> SoundMedia:
    t = np.arange(round(seconds * RATE)) / RATE
    return SoundMedia(sound=(level * np.sin(2 * np.pi * hertz * t)).astype(np.float32), sample_rate=RATE)


def power(sound: SoundMedia) -> float:
    return float(np.mean(sound.sound.astype(np.float64) ** 2))


def peak(sound: SoundMedia) -> float:
    spectrum = np.abs(np.fft.rfft(sound.sound.astype(np.float64) * np.hanning(len(sound.sound))))
    return float(np.argmax(spectrum) * RATE / len(sound.sound))


@pytest.mark.parametrize(("hertz", "passes"), [(100, False), (1000, True), (5000, False)])
def test_a_telephone_passes_its_band_alone(hertz: float, passes: bool) -> None:
    share = power(changes.telephone(tone(hertz))) / power(tone(hertz))
    assert (share > 0.8) if passes else (share < 0.01)


@pytest.mark.parametrize("share", [0.05, 0.2, 0.4])
def test_packets_are_lost_whole_in_bursts_at_the_share_asked_for(share: float) -> None:
    long = SoundMedia(sound=np.ones(RATE * 120, np.float32), sample_rate=RATE)
    lost = changes.lose_packets(long, share=share, burst=3.0, seed=1).sound.reshape(-1, 320) == 0
    assert (lost.all(axis=1) == lost.any(axis=1)).all()
    gone = lost[:, 0]
    assert gone.mean() == pytest.approx(share, rel=0.2)
    bursts = int((np.diff(gone.astype(int)) == 1).sum() + gone[0])
    assert gone.sum() / bursts == pytest.approx(3.0, rel=0.25)


def test_a_room_has_its_energy_and_its_time() -> None:
    click = SoundMedia(sound=np.eye(1, RATE, dtype=np.float32)[0] * 0.5, sample_rate=RATE)
    heard = changes.reverberate(click, rt60=0.5, wet=-3.0, seed=2).sound.astype(np.float64)
    assert 10 * np.log10((heard[1:] ** 2).sum() / heard[0] ** 2) == pytest.approx(-3.0, abs=0.1)
    early, late = (heard[a : a + 1600] ** 2 for a in (800, 4000))  # 200 ms apart: 24 dB
    assert 10 * np.log10(early.mean() / late.mean()) == pytest.approx(24.0, abs=1.5)


def test_clipping_cuts_the_share_asked_for() -> None:
    noise = SoundMedia(sound=np.random.default_rng(0).normal(0, 0.1, RATE).astype(np.float32), sample_rate=RATE)
    cut = changes.clip_off(noise, share=0.1).sound
    assert (np.abs(cut) >= np.abs(cut).max() * 0.9999).mean() == pytest.approx(0.1, abs=0.002)


def test_pitch_and_tempo_change_what_they_say_and_nothing_else() -> None:
    higher = changes.shift_pitch(tone(440), semitones=12)
    assert peak(higher) == pytest.approx(880, rel=0.01)
    assert len(higher.sound) == RATE
    faster = changes.change_tempo(tone(440), rate=2.0)
    assert peak(faster) == pytest.approx(440, rel=0.01)
    assert len(faster.sound) == RATE // 2


@pytest.mark.parametrize("codec", [mp3, aac, opus])
def test_codecs_keep_length_and_place_and_lose_more_at_fewer_bits(codec) -> None:
    rng = np.random.default_rng(0)
    voice = np.convolve(rng.normal(0, 1, 2 * RATE), np.hanning(12), "same") * np.sin(np.arange(2 * RATE) / 3000) ** 2
    voice = (0.5 * voice / np.abs(voice).max()).astype(np.float32)
    clean = SoundMedia(sound=voice, sample_rate=RATE)
    errors = []
    for kbps in (64, 8):
        heard = codec(clean, kbps=kbps).sound
        assert heard.shape == voice.shape
        lags = np.correlate(heard[2000:30000].astype(float), voice[2400:29600].astype(float), "valid")
        assert abs(int(np.argmax(lags)) - 400) <= 3
        errors.append(float(np.mean((heard - voice) ** 2)))
    assert errors[0] < errors[1] < power(clean)


@pytest.mark.parametrize("change", [changes.reverberate, changes.telephone, changes.lose_packets, changes.clip_off])
@pytest.mark.parametrize("samples", [0, 1, 40])
def test_hardly_any_sound_is_no_error(change, samples: int) -> None:
    assert change(SoundMedia(sound=np.zeros(samples, np.float32), sample_rate=RATE)).sound.shape == (samples,)


def test_a_delay_below_zero_comes_early() -> None:
    early = changes.delay(tone(440), seconds=-0.25).sound
    assert np.array_equal(early[:12_000], tone(440).sound[4000:])
    assert not early[12_000:].any()


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        (changes.reverberate, {"rt60": 0.0}),
        (changes.telephone, {"low": 3000.0, "high": 300.0}),
        (changes.lose_packets, {"share": 1.0}),
        (changes.clip_off, {"share": 1.5}),
        (changes.change_tempo, {"rate": 0.0}),
        (mp3, {"kbps": 1}),
    ],
)
def test_what_is_out_of_range_is_refused(change, wrong) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(wrong))}=.*legal:"):
        change(tone(440), **wrong)
