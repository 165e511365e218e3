"""Mouths that must score worse than the true one: frozen, of another sentence, of another language."""

from functools import cache

import numpy as np
import pytest

from fauxbench.harness.datasets.studio.speech import ClipRecipe, plan_clip
from fauxbench.harness.instruments import load_instrument
from fauxbench.harness.instruments.logmel import log_mel
from fauxbench.harness.instruments.studio_sync import BANDS, FRAMES, WINDOW
from fauxbench.harness.media.item import Split
from fauxbench.harness.metrics.lips import confidence_floor, lser, mouth_correlation, speech_activity, sync_windows

pytest.importorskip("espeakng_loader")

RATE, SECONDS, PEOPLE = 22_050, 4.0, 8
LANGUAGES = ("en", "cmn", "es", "vi", "de", "yue", "id", "th")
FIRST = 1_950_000
"""People of the tests of judges, whom no training saw."""


@cache
def plan(person: int, language: str, index: int = 0):
    recipe = ClipRecipe(
        people=1,
        clips_per_person=2,
        seconds=SECONDS,
        height=240,
        width=240,
        languages=(language,),
        seed=5,
        first_person=FIRST + person,
    )
    return plan_clip(recipe, 0, index, Split.TEST)


def mouths(person: int):
    """States of every control of a person whose sound is that of its first clip."""
    own, other = LANGUAGES[person % 8], LANGUAGES[(person + 1) % 8]
    true = plan(person, own)
    count = true.recipe.frames
    states = {
        "true": true.states(0, count),
        "another sentence": plan(person, own, 1).states(0, count),
        "another language": plan(person, other).states(0, count),
    }
    return true, {**states, "frozen": states["true"][:1] * count}


def opening(states):
    return np.array([one["jaw_open"] + 0.25 * one["lip_part"] + 0.09 * one["lip_round"] for one in states])


def test_a_mouth_of_another_language_does_not_open_with_the_sound():
    found: dict[str, list[float]] = {}
    for person in range(PEOPLE):
        true, states = mouths(person)
        for name, rows in states.items():
            found.setdefault(name, []).append(mouth_correlation(opening(rows), true.sound, RATE))
    means = {name: np.mean(values) for name, values in found.items()}
    assert means["true"] > 0.35
    assert means["frozen"] == 0
    for name in ("another sentence", "another language"):
        assert means[name] < means["true"] - 0.25
        worse = sum(a < b for a, b in zip(found[name], found["true"], strict=True))
        assert worse >= PEOPLE - 1


@pytest.mark.slow
def test_by_the_judge_a_mouth_of_another_language_is_as_wrong_as_that_of_another_sentence(tmp_path):
    from fauxbench.harness.training.talks import film

    sync = load_instrument("studio-sync", tmp_path)
    told: dict[str, list[object]] = {}
    for person in range(4):
        true, states = mouths(person)
        mel = log_mel(true.sound, RATE, bands=BANDS, window=WINDOW)
        speech = speech_activity(true.sound, RATE)[FRAMES // 2 :]
        for name, rows in states.items():
            pictures = film(true, rows, None)
            if name == "frozen":
                pictures = np.repeat(pictures[:1], len(pictures), axis=0)
            video, audio = sync.embed(pictures, mel)
            told.setdefault(name, []).append(sync_windows(video, audio, speech[: len(video)]))
    joined = {name: [np.concatenate(part) for part in zip(*found, strict=True)] for name, found in told.items()}
    level = confidence_floor(joined["true"][2][joined["true"][3] >= 0.5])
    rates = {
        name: lser(offset, sure, share, least_confidence=level).share
        for name, (_, offset, sure, share) in joined.items()
    }
    assert rates["true"] <= 0.1
    assert all(rates[name] >= 0.8 for name in ("frozen", "another sentence", "another language")), rates
