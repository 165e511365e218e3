from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from fauxbench.harness.datasets.studio.factors import STATE
from fauxbench.harness.datasets.studio.speech import (
    COLUMNS,
    LANGUAGES,
    SAMPLE_RATE,
    VISEMES,
    ClipRecipe,
    MouthTrack,
    Phoneme,
    opening,
    plan_clip,
    sentences,
    visemes_of,
    voice,
)
from fauxbench.harness.datasets.studio.speech.mouth import state_of
from fauxbench.harness.datasets.studio.speech.visemes import BASE, FAMILIES

FPS = 25
BILABIAL = {"p", "b", "m", "ph", "p_h"}


def phonemes(text, step=0.1):
    names = text.split()
    return [Phoneme(mnemonic=n, start=k * step, end=(k + 1) * step) for k, n in enumerate(names)]


def test_the_table_names_only_visemes_there_are():
    for table in (BASE, *FAMILIES.values()):
        for mnemonic, names in table.items():
            assert names, mnemonic
            assert set(names) <= set(VISEMES), mnemonic
    assert set(FAMILIES) == {language.family for language in LANGUAGES.values()}


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_phoneme_that_espeak_emits_is_in_the_table(code):
    pytest.importorskip("espeakng_loader")
    for number, sentence in enumerate(sentences(code)):
        for phoneme in voice(code, number % 4).say(sentence).phonemes:
            assert visemes_of(phoneme.mnemonic, LANGUAGES[code].family) is not None, (phoneme, sentence)


def test_a_mnemonic_may_be_another_sound_in_another_family():
    assert visemes_of("W", "germanic") == ("mid_front_round",)
    assert visemes_of("W", "tai") == ("close_back",)
    assert visemes_of("_|", "tai") == ()
    assert visemes_of("nonsense", "tai") is None


@pytest.mark.parametrize(
    ("text", "column", "more", "less"),
    [
        ("_ a _", "jaw", "a", "i"),
        ("_ u _", "round", "u", "i"),
        ("_ i _", "width", "i", "u"),
        ("_ l _", "tongue", "l", "a"),
        ("_ f _", "tuck", "f", "t"),
        ("_ m _", "press", "m", "a"),
    ],
)
def test_visemes_move_what_they_should(text, column, more, less):
    place = COLUMNS.index(column)
    values = [MouthTrack(phonemes(f"_ {n} _"), "romance").at(np.array([0.15]))[0, place] for n in (more, less)]
    assert values[0] > values[1] + 0.2


def test_rounding_looks_ahead():
    place = COLUMNS.index("round")
    early = np.array([0.13])
    ahead = MouthTrack(phonemes("a t u _"), "romance").at(early)[0, place]
    without = MouthTrack(phonemes("a t a _"), "romance").at(early)[0, place]
    assert ahead > without + 0.1


def test_strong_visemes_win_over_their_neighbours():
    sibilant = opening(MouthTrack(phonemes("a s a"), "romance").at(np.array([0.15])))[0]
    velar = opening(MouthTrack(phonemes("a k a"), "romance").at(np.array([0.15])))[0]
    vowel = opening(MouthTrack(phonemes("a a a"), "romance").at(np.array([0.15])))[0]
    assert sibilant < velar < vowel


def test_a_track_does_not_depend_on_how_it_is_asked():
    track = MouthTrack(phonemes("m a m a t u p a _ s i f u"), "romance")
    times = np.linspace(0, 1.2, 61)
    whole = track.at(times)
    parts = np.concatenate([track.at(times[k : k + 7]) for k in range(0, 61, 7)])
    assert np.abs(whole - parts).max() < 1e-3


def test_states_are_factors_of_the_studio():
    ranges = {f.name: (f.low, f.high) for f in STATE}
    for viseme in VISEMES.values():
        for name, value in state_of(np.array(viseme[: len(COLUMNS)])).items():
            assert ranges[name][0] <= value <= ranges[name][1]


def clips(codes=LANGUAGES, seconds=8.0, people=3):
    for code in codes:
        recipe = ClipRecipe(people=people, clips_per_person=1, seconds=seconds, languages=(code,), seed=1, height=64)
        for person in range(people):
            yield code, plan_clip(recipe, person, 0)


def mouth_by_frame(plan):
    times = (np.arange(plan.recipe.frames) + 0.5) / plan.recipe.fps + plan.lead
    return opening(plan.mouth.at(times))


def energy(plan):
    edges = np.round(np.arange(plan.recipe.frames + 1) / plan.recipe.fps * SAMPLE_RATE).astype(int)
    power = [np.mean(plan.sound[a:b].astype(float) ** 2) for a, b in pairwise(edges)]
    return np.maximum(10 * np.log10(np.array(power) + 1e-9), -60)


def correlation(mouth, sound, lags):
    """Return the correlation for every lag: positive when the sound comes later than the mouth."""
    mouth, sound = mouth - mouth.mean(), sound - sound.mean()
    n = len(mouth)
    values = [
        np.sum(mouth[max(0, -k) : n - max(0, k)] * sound[max(0, k) : n - max(0, -k)]) / (n - abs(k)) for k in lags
    ]
    return np.array(values) / (mouth.std() * sound.std())


def test_lips_close_when_bilabials_are_heard():
    pytest.importorskip("espeakng_loader")
    counted = 0
    for _, plan in clips():
        shut = np.flatnonzero(mouth_by_frame(plan) <= 0.005)
        middles = (shut + 0.5) / FPS
        for phoneme in plan.utterance.phonemes:
            if phoneme.mnemonic in BILABIAL and 0.1 < phoneme.start < 7.8:
                onsets = middles[middles > phoneme.start - 0.04]
                assert len(onsets), phoneme
                assert abs(onsets[0] - phoneme.start) <= 0.04 + 1e-9, phoneme
                counted += 1
    assert counted > 100


def test_lips_are_open_while_open_vowels_are_heard():
    pytest.importorskip("espeakng_loader")
    found = []
    for _, plan in clips(("en", "cmn", "id")):
        for phoneme in plan.utterance.phonemes:
            names = visemes_of(phoneme.mnemonic, LANGUAGES[plan.item.language].family) or ()
            if names == ("open",) and phoneme.end - phoneme.start > 0.08:
                middle = np.array([(phoneme.start + phoneme.end) / 2])
                found.append(opening(plan.mouth.at(middle))[0])
    assert min(found) > 0.1  # unstressed between two bilabials
    assert np.mean(found) > 0.3


def test_mouth_and_energy_are_in_step():
    pytest.importorskip("espeakng_loader")
    lags = np.arange(-12, 13)
    curves = {code: [] for code in LANGUAGES}
    for code, plan in clips():
        curves[code].append(correlation(mouth_by_frame(plan), energy(plan), lags))
    peaks = [lags[np.mean(curves[code], axis=0).argmax()] for code in LANGUAGES]
    assert np.abs(peaks).max() <= 1
    mean = np.mean([c for some in curves.values() for c in some], axis=0)
    assert lags[mean.argmax()] == 0
    assert mean.max() > 0.3


@pytest.mark.parametrize("offset", [-7, 5])
def test_an_injected_offset_is_found(offset):
    pytest.importorskip("espeakng_loader")
    lags = np.arange(-12, 13)
    recipe = ClipRecipe(
        people=4, clips_per_person=1, seconds=8, languages=("cmn", "vi"), offset_frames=offset, height=64
    )
    plans = [plan_clip(recipe, person, 0) for person in range(4)]
    mean = np.mean([correlation(mouth_by_frame(p), energy(p), lags) for p in plans], axis=0)
    assert lags[mean.argmax()] == offset
    assert plans[0].item.facts["offset_frames"] == offset
    assert plans[0].item.facts["offset_seconds"] == pytest.approx(offset / 25)


def test_the_manual_shows_the_table():
    manual = (Path(__file__).parents[4] / "docs" / "speech.md").read_text(encoding="utf-8")
    for name, v in VISEMES.items():
        forces = f"{v.jaw_force:g} / {v.lip_force:g} / {v.shape_force:g}"
        row = f"| `{name}` | {v.jaw:g} | {v.width:g} | {v.round:g} | {v.part:g} | {v.tongue:g} | {forces} |"
        assert row in manual
