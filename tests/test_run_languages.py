"""A suite that compares tonal languages with others, from the sounds to the tables."""

from pathlib import Path

import pytest

import fauxbench
from fauxbench.harness.errors import SuiteError
from fauxbench.harness.planning.planner import plan_suite
from fauxbench.harness.report.page import report_page
from fauxbench.harness.suite import Suite, find_suite, read_suite

SPOILER = """
import numpy as np
from fauxbench import Artifact, Generator, SoundMedia, read_sound

RATE = 16000

class Spoiler(Generator):
    def generate(self, requests, context):
        for request in requests:
            sound = read_sound(request.target.location)
            rng = np.random.default_rng(request.seed)
            way = self.parameters["way"]
            if way == "noise":
                loud = 0.05 if request.target.language == "cmn" else 0.002
                sound = sound + loud * rng.standard_normal(len(sound)).astype(np.float32)
            if way == "hum":
                t = np.arange(len(sound)) / RATE
                sound = (0.1 * sum(np.cos(2 * np.pi * 130 * k * t) / k for k in range(1, 9))).astype(np.float32)
            if way == "mixed":
                sound = np.concatenate([sound[len(sound) // 2 :], sound[: len(sound) // 2]])
            yield Artifact(request_id=request.id, media=SoundMedia(sound=sound, sample_rate=RATE))
"""
CARD = """
name = "spoiler"
version = "1"
title = "Spoils sounds in known ways"
technique = "test"
kind = "partially_synthetic"
modality = "audio"
fits = false
uses = ["target"]

[parameters.way]
default = "noise"
description = "How."
choices = ["noise", "copy", "hum", "mixed"]
"""
ASKED = {
    "synthesiser": "eSpeak NG 1.52",
    "systems": ["spoiler@1"],
    "control": "spoiler@copy",
    "flattened": "spoiler@flat",
    "shuffled": "spoiler@shuffled",
}


@pytest.fixture
def suite(tmp_path: Path) -> dict[str, object]:
    (tmp_path / "spoiler").mkdir()
    (tmp_path / "spoiler" / "model.py").write_text(SPOILER)
    (tmp_path / "spoiler" / "card.toml").write_text(CARD)
    use = f"{tmp_path}/spoiler/model.py:Spoiler"
    ways = {"copy": "copy", "flat": "hum", "shuffled": "mixed"}
    return {
        "suite": "tongues",
        "data": {
            "dataset": "studio",
            "people": 6,
            "sounds": 1,
            "seconds": 1.0,
            "languages": ["cmn", "en"],
            "every_language": True,
            "splits": {"train": 0.17, "validation": 0.17, "test": 0.66},
        },
        "generators": [use, *({"use": use, "version": v, "parameters": {"way": w}} for v, w in ways.items())],
        "metrics": ["tones", "fd", "tone_accuracy"],
        "instruments": ["sound-spectrum"],
        "languages": ASKED,
    }


@pytest.mark.slow
def test_a_run_says_language_by_language_what_a_system_does(suite: dict[str, object], tmp_path: Path) -> None:
    suite = {**suite, "generators": [*suite["generators"], "tts"]}  # type: ignore[misc]
    ran = fauxbench.run(Suite.model_validate(suite), runs=tmp_path / "runs", workers=2)
    rows = {
        (row.system, row.metric, row.slice["statistic"], row.slice.get("language")): row
        for row in ran.results.rows
        if row.section == "languages"
    }
    whole = next(row for row in ran.results.rows if (row.system, row.metric) == ("spoiler@copy", "tones"))
    assert whole.value == pytest.approx(1)
    for code in ("cmn", "en"):
        assert rows["spoiler@copy", "tones", "value", code].value == pytest.approx(1)
        assert rows["spoiler@flat", "tones", "value", code].value < 0.5
        own, control = (rows[f"spoiler@{v}", "fd[sound-spectrum]", "value", code] for v in ("1", "copy"))
        effect = rows["spoiler@1", "fd[sound-spectrum]", "effect", code]
        assert effect.value == pytest.approx(own.value - control.value)
    for code in ("cmn", "en"):  # four sounds each; one whose F0 is lost in the noise is counted
        found = rows["spoiler@1", "tones", "value", code]
        assert 2 <= found.n <= 4
        assert (found.n == 4) is not any(f"{4 - found.n} of 4 items gave no value" in flag for flag in found.flags)
    contrast = rows["spoiler@1", "fd[sound-spectrum]", "difference in differences", None]
    cmn, en = (rows["spoiler@1", "fd[sound-spectrum]", "effect", code].value for code in ("cmn", "en"))
    assert contrast.value == pytest.approx(cmn - en)
    assert contrast.value > 0  # Mandarin was given more noise
    assert "description only" in contrast.flags[0]
    assert "eSpeak NG 1.52" in contrast.flags[0]
    assert ("spoiler@1", "tone_accuracy", "difference in differences", None) not in rows
    own = rows["real", "tone_accuracy", "value", "cmn"]
    assert own.value > rows["real", "tone_accuracy_flattened", "value", "cmn"].value
    assert rows["spoiler@copy", "tone_accuracy", "value", "cmn"].value == pytest.approx(own.value)
    of_text = rows["tts@1", "tone_accuracy_of_text", "value", "cmn"]
    assert of_text.n >= 1
    assert 0 <= of_text.value <= 1
    assert not [
        place for place in rows if place[0] == "tts@1" and place[2] != "value"
    ]  # it has no control to be beside
    for name in ("languages", "languages-spoiler@1", "languages-tones", "languages-values"):
        for suffix in (".tex", ".md", ".csv", ".html"):
            assert (ran.folder / "tables" / f"{name}{suffix}").is_file()
    assert "Tonal languages against the others" in report_page(ran.folder)


WRONG = {
    "no such system": ({"control": "spoiler@cpoy"}, r"languages\.control: no system 'spoiler@cpoy'; did you mean"),
    "one side": ({"tonal": ["cmn"]}, "give both"),
    "twice": ({"control": "spoiler@1"}, "must be different systems"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_compared_is_refused_before_anything_runs(
    suite: dict[str, object], tmp_path: Path, name: str
) -> None:
    given, said = WRONG[name]
    with pytest.raises((SuiteError, ValueError), match=said):
        plan_suite(Suite.model_validate({**suite, "languages": {**ASKED, **given}}), tmp_path, tmp_path)


def test_tones_of_speech_from_text_are_rows_of_what_has_no_source(tmp_path: Path) -> None:
    found = plan_suite(read_suite(find_suite("languages"), "tiny"), tmp_path, tmp_path)
    rows = [(row.system, row.slice["language"]) for row in found.rows if row.metric == "tone_accuracy_of_text"]
    assert sorted(rows) == [("crosslingual@1", "cmn"), ("tts@1", "cmn")]
    with_source = {row.system for row in found.rows if row.metric == "tone_accuracy" and row.role == "system"}
    assert "voiceclone@1" in with_source
    assert not {"tts@1", "crosslingual@1"} & with_source


def test_languages_need_the_metric_that_judges_them(suite: dict[str, object], tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="name 'tones' among the metrics"):
        plan_suite(Suite.model_validate({**suite, "metrics": ["fd"]}), tmp_path, tmp_path)
    alone = {**suite, "data": {**suite["data"], "languages": ["cmn"]}}  # type: ignore[dict-item]
    with pytest.raises(SuiteError, match="tonal languages and others"):
        plan_suite(Suite.model_validate(alone), tmp_path, tmp_path)
