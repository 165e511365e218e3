from dataclasses import replace

import numpy as np
import pytest

from fauxbench import f0_agreement, mel_cepstral_distortion, si_sdr
from fauxbench.harness.media.content import SoundMedia
from fauxbench.harness.metrics import load_metric, metric_cards
from fauxbench.harness.metrics.base import Evidence, Features, Link, SoundPair

RATE = 16_000
SOUNDS = [name for name, card in metric_cards().items() if card.entry.startswith("audio:")]


def voice(seed, seconds=0.8):
    """A voice whose pitch moves, with one pause."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * RATE)) / RATE
    phase = 2 * np.pi * np.cumsum(rng.uniform(120, 220) * 2 ** (0.2 * np.sin(2 * np.pi * rng.uniform(1, 4) * t))) / RATE
    sound = 0.1 * sum(np.cos(k * phase) / k for k in range(1, 9))
    sound[len(t) // 2 : len(t) // 2 + 1600] = 0
    return sound.astype(np.float32)


def noisy(sound, seed, level=0.02):
    return (sound + level * np.random.default_rng([seed, 1]).standard_normal(len(sound))).astype(np.float32)


def pair(place, real, synthetic, cluster=None, rate=RATE):
    sounds = (SoundMedia(sound=x, sample_rate=rate) for x in (synthetic, real))
    return SoundPair(
        id=f"p/{place}.wav", cluster=cluster or f"p{place}", **dict(zip(("synthetic", "real"), sounds, strict=True))
    )


def vectors(sounds):
    """What an instrument might extract; of sounds that are too short, nothing."""
    rows = {name: np.abs(np.fft.rfft(one.sound, 256))[:16] for name, one in sounds.items() if len(one.sound) > 1600}
    return Features(ids=tuple(rows), clusters=tuple(rows), arrays={"features": np.array(list(rows.values()))})


def evidence(pairs, seed=0):
    return Evidence(
        sounds=iter(pairs),
        synthetic=vectors({p.id: p.synthetic for p in pairs}),
        real=vectors({f"real {p.id}": p.real for p in pairs}),
        links=tuple(Link(p.id, p.cluster, f"real {p.id}") for p in pairs),
        seed=seed,
    )


@pytest.fixture(scope="module")
def pairs():
    return [pair(i, voice(i), noisy(voice(i), i)) for i in range(8)]


@pytest.mark.parametrize("name", SOUNDS)
def test_every_metric_gives_a_mean_with_an_interval(name, pairs):
    metric = load_metric(name)
    found = metric.measure(evidence(pairs))
    assert found.n == found.n_real == 8
    assert set(found.items) == {p.id for p in pairs}
    assert found.value == pytest.approx(np.mean(list(found.items.values())))
    low, high = metric.card.range
    assert low is None or found.value >= low
    assert high is None or found.value <= high
    assert found.interval.method == "cluster-bootstrap"
    assert found.interval.low <= found.value <= found.interval.high
    assert found.flags == ("n below 20",)
    assert found == metric.measure(evidence(pairs))


@pytest.mark.parametrize("name", SOUNDS)
def test_every_metric_knows_which_of_two_is_better(name, pairs):
    metric = load_metric(name)
    level = 0.12 if name == "voicing_error" else 0.06
    worse = [pair(i, voice(i), noisy(voice(i), i, level)) for i in range(8)]
    good, bad = (metric.measure(evidence(p)).value for p in (pairs, worse))
    if name != "gross_pitch_error":  # what is left voiced is right
        assert good < bad if metric.card.direction == "lower" else good > bad


def test_they_are_the_public_functions(pairs):
    a, b = pairs[3].real.sound, pairs[3].synthetic.sound

    def of(name):
        return load_metric(name).measure(evidence(pairs[3:4])).value

    agreement = f0_agreement(a, b, RATE)
    assert of("mcd") == pytest.approx(mel_cepstral_distortion(a, b, RATE, align=False), rel=1e-6)
    assert of("mcd_dtw") == pytest.approx(mel_cepstral_distortion(a, b, RATE), rel=1e-6)
    assert of("si_sdr") == pytest.approx(si_sdr(a, b))
    assert of("f0_rmse") == pytest.approx(agreement.rmse)
    assert of("f0_correlation") == pytest.approx(agreement.correlation)
    assert of("voicing_error") == pytest.approx(agreement.voicing_error)
    assert of("gross_pitch_error") == agreement.gross_error


BAD = {
    "silence": np.zeros(RATE, np.float32),
    "found 10 ms": voice(0)[:160],
    "found 0 ms": np.zeros(0, np.float32),
    "NaN or infinity": np.full(RATE, np.nan, np.float32),
}


@pytest.mark.parametrize("name", [name for name in SOUNDS if name != "speaker_similarity"])
def test_what_cannot_be_measured_is_counted_and_named(name, pairs):
    bad = [pair(f"bad{i}", voice(0), sound) for i, sound in enumerate(BAD.values())]
    found = load_metric(name).measure(evidence([*pairs, *bad]))
    assert found.value == load_metric(name).measure(evidence(pairs)).value
    assert found.n == 8
    assert dict(found.failures) == {"unusable sound": 4}
    flag = found.flags[-1]
    assert flag.startswith("not measured: p/bad0.wav: synthetic: silence; p/bad1.wav: synthetic: found 10 ms")
    assert flag.endswith("and 1 more")


@pytest.mark.parametrize("why", BAD)
def test_the_reason_is_the_sound_s_own(why):
    for real, synthetic, side in ((voice(0), BAD[why], "synthetic"), (BAD[why], voice(0), "real")):
        found = load_metric("mcd").measure(evidence([pair(0, real, synthetic)]))
        assert found.value is None
        assert found.reason == "no usable pair among 1"
        assert f"{side}: " in found.flags[0]
        assert why in found.flags[0]


def test_sounds_that_are_not_in_step_are_for_warping_alone():
    one = [pair(0, voice(0), voice(0, 1.2))]
    for name in ("mcd", "si_sdr", "f0_rmse", "tones"):
        found = load_metric(name).measure(evidence(one))
        assert found.value is None
        assert "not in step" in found.flags[0]
    assert load_metric("mcd_dtw").measure(evidence(one)).value > 0


def test_mixed_rates_stereo_and_clipping_have_an_answer():
    fine = voice(0)
    low = SoundPair(
        id="low",
        cluster="low",
        real=SoundMedia(sound=fine, sample_rate=RATE),
        synthetic=SoundMedia(sound=fine[::2].copy(), sample_rate=8000),
    )
    clipped = pair("clipped", fine, np.clip(20 * fine, -1, 1))
    for name in SOUNDS:
        found = load_metric(name).measure(evidence([low, clipped]))
        assert found.n == 2, (name, found.flags)
        assert np.isfinite(found.value)
    assert load_metric("f0_rmse").measure(evidence([low])).value < 3
    assert load_metric("si_sdr").measure(evidence([clipped])).value < 10


def test_no_pairs_is_said():
    for name in SOUNDS:
        asked = (
            evidence([])
            if name != "speaker_similarity"
            else Evidence(synthetic=vectors({"a": pair(0, voice(0), voice(1)).real}))
        )
        assert load_metric(name).measure(asked).reason == "no pairs: nothing was made from a sound"


@pytest.mark.parametrize(("name", "noun"), [("speaker_similarity", "sound"), ("identity_similarity", "picture")])
def test_that_nothing_gives_a_vector_is_said(name, noun, pairs):
    empty = Features(ids=(), clusters=(), arrays={"features": np.zeros((0, 4)), "identity": np.zeros((0, 4))})
    found = load_metric(name).measure(replace(evidence(pairs), synthetic=empty, links=()))
    assert found.reason == f"no pairs: no synthetic {noun} gives a vector"


def test_few_people_give_no_interval_and_clusters_widen_it(pairs):
    one = load_metric("mcd").measure(
        evidence([pair(i, p.real.sound, p.synthetic.sound, "a") for i, p in enumerate(pairs)])
    )
    assert one.interval is None
    assert any("no interval" in flag for flag in one.flags)
    noise = [0.01, 0.01, 0.02, 0.02, 0.05, 0.05, 0.1, 0.1, 0.2, 0.2]
    made = [(voice(i), noisy(voice(i), i, level)) for i, level in enumerate(noise)]
    alone, people = (
        load_metric("mcd").measure(evidence([pair(i, *both, name(i)) for i, both in enumerate(made)])).interval
        for name in (lambda i: f"p{i}", lambda i: f"p{i // 2}")
    )
    assert people.high - people.low > alone.high - alone.low
    assert (people.cluster, alone.cluster) == ("cluster", "item")


def flat(seed):
    """The same voice at one pitch, with the same pause."""
    t = np.arange(round(0.8 * RATE)) / RATE
    sound = 0.1 * sum(np.cos(2 * np.pi * 170 * k * t) / k for k in range(1, 9))
    sound[len(t) // 2 : len(t) // 2 + 1600] = 0
    return noisy(sound.astype(np.float32), seed, 0.002)


def test_flattened_voices_fail_the_tones():
    found = load_metric("tones").measure(evidence([pair(i, voice(i), flat(i)) for i in range(10)]))
    assert abs(found.value) < 0.1
    assert "no better than flat or shuffled F0" in found.flags
    kept = load_metric("tones").measure(evidence([pair(i, voice(i), noisy(voice(i), i)) for i in range(10)]))
    assert kept.value > 0.9
    assert "no better than flat or shuffled F0" not in kept.flags


def test_voices_of_others_fail_the_tones():
    found = load_metric("tones").measure(evidence([pair(i, voice(i), voice(i + 50)) for i in range(10)]))
    assert "no better than flat or shuffled F0" in found.flags


def test_speakers_without_vectors_are_named(pairs):
    given = evidence(pairs)
    lost = replace(given, real=given.real.take(np.arange(2, 8)))
    found = load_metric("speaker_similarity").measure(lost)
    assert (found.n, dict(found.failures)) == (6, {"unusable sound": 2})
    assert "p/0.wav: no vector of the real item" in found.flags[-1]
