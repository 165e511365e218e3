"""Steps about languages, over scores and measurements that were made by hand."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fauxbench import SoundMedia, synthesise
from fauxbench.harness.execute.step import Step
from fauxbench.harness.execute.steps import step_function
from fauxbench.harness.media.item import Item, Kind, Modality, Split
from fauxbench.harness.media.mediaset import MediaSetWriter
from fauxbench.harness.stats.blocks import FEWEST
from fauxbench.harness.stats.thresholds import Threshold

PEOPLE = 8
SIDES = {"cmn": True, "yue": True, "vi": True, "th": True, "en": False, "es": False, "de": False, "id": False}


def run(kind: str, inputs: dict[str, Path], out: Path, **key: object) -> dict[str, Any]:
    out.mkdir(parents=True)
    made = step_function(kind)(
        Step(
            kind=kind,
            key=key,
            task={},
            inputs=inputs,
            out=out,
            scratch=out,
            store=out,
            device="cpu",
            time_limit=60.0,
            progress=lambda share, said: None,
        )
    )
    return dict(made.facts["measurements"])


def spoken(folder: Path, kind: Kind) -> Path:
    """A set in which each of eight people has one item in Mandarin and one in English."""
    files = folder / "files"
    files.mkdir(parents=True)
    writer = MediaSetWriter(folder / "set", name="x", origin="folder", roots={"data": files})
    for number in range(2 * PEOPLE):
        name = f"{number}.png"
        Image.fromarray(np.full((4, 4, 3), number, np.uint8)).save(files / name)
        item = Item(id=name, modality=Modality.IMAGE, kind=Kind.REAL, group="x", split=Split.TEST)
        fake = kind is not Kind.REAL
        language = ("cmn", "en")[number % 2]
        who = {"identity": f"p{number // 2}"}
        writer.refer(
            replace(item, kind=kind, visual_fake=fake, language=language, clusters=who), root="data", path=name
        )
    writer.seal()
    return folder


def scored(folder: Path, fake: bool, scores: dict[str, float]) -> Path:
    folder.mkdir()
    lines = [
        {
            **{"item": f"{number}.png", "status": "ok", "frames": [], "reason": None, "split": "test"},
            **{"fake": scores[("cmn", "en")[number % 2]] + 0.001 * (number // 2), "visual_fake": fake},
            **{"audio_fake": False, "cluster": f"p{number // 2}", "kind": "partially_synthetic" if fake else "real"},
        }
        for number in range(2 * PEOPLE)
    ]
    (folder / "scores.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def test_a_detector_that_knows_one_language_is_seen_to(tmp_path: Path) -> None:
    threshold = asdict(Threshold(name="validation", value=0.5, origin="by hand"))
    (tmp_path / "thresholds").mkdir()
    (tmp_path / "thresholds" / "thresholds.json").write_text(json.dumps({"validation": threshold}))
    inputs = {
        "thresholds": tmp_path / "thresholds",
        "real": scored(tmp_path / "a", False, {"cmn": 0.1, "en": 0.2}),
        "synthetic": scored(tmp_path / "b", True, {"cmn": 0.9, "en": 0.2}),
        "real_set": spoken(tmp_path / "real", Kind.REAL),
        "set": spoken(tmp_path / "fake", Kind.PARTIALLY_SYNTHETIC),
    }
    asked = {"target": "visual", "missing": "worst", "pooling": "mean", "seed": 0}
    found = run(
        "languages_detected", inputs, tmp_path / "out", languages={"cmn": True, "en": False, "vi": True}, **asked
    )
    assert (found["cmn/auc"]["value"], found["en/auc"]["value"]) == (1.0, 0.5)
    assert (found["cmn/accuracy"]["value"], found["en/accuracy"]["value"]) == (1.0, 0.5)
    assert found["cmn/auc"]["n"] == PEOPLE
    assert found["cmn/auc"]["interval"] is not None
    assert (found["vi/auc"]["value"], found["vi/auc"]["reason"]) == (None, "no item in this language")


def test_means_by_language_have_intervals_over_people_and_count_what_is_lost(tmp_path: Path) -> None:
    (tmp_path / "measured").mkdir()
    items = {f"{number}.png": float(number % 2) + 0.01 * number for number in range(2, 2 * PEOPLE)}
    (tmp_path / "measured" / "measurement.json").write_text(json.dumps({"items": items}))
    inputs = {"measured": tmp_path / "measured", "set": spoken(tmp_path / "made", Kind.PARTIALLY_SYNTHETIC)}
    found = run("by_language", inputs, tmp_path / "out", languages={"cmn": True, "en": False}, form="paired", seed=0)
    assert found["cmn"]["value"] == pytest.approx(np.mean([0.01 * n for n in range(2, 16, 2)]))
    assert found["cmn"]["interval"]["low"] < found["cmn"]["value"] < found["cmn"]["interval"]["high"]
    assert found["en"]["value"] > 1
    assert found["cmn"]["flags"] == ["1 of 8 items gave no value"]


def told(folder: Path, values: dict[str, float]) -> Path:
    folder.mkdir()
    document = {code: {"value": value} for code, value in values.items()}
    (folder / "measurement.json").write_text(json.dumps(document))
    return folder


@pytest.mark.parametrize(("left", "counts"), [({}, 8), ({"th": 0.7}, 7)])
def test_the_contrast_is_over_languages_whose_controls_fail(
    tmp_path: Path, left: dict[str, float], counts: int
) -> None:
    effects = dict(zip(SIDES, [5.0, 6, 7, 8, 1, 2, 3, 4], strict=True))
    inputs = {
        "system": told(tmp_path / "system", effects),
        "control": told(tmp_path / "control", dict.fromkeys(SIDES, 0.0)),
        "tones-system": told(tmp_path / "kept", dict.fromkeys(SIDES, 0.9)),
        "tones-flattened": told(tmp_path / "flat", dict.fromkeys(SIDES, 0.0) | left),
        "tones-shuffled": told(tmp_path / "mixed", dict.fromkeys(SIDES, 0.1)),
    }
    key = {"languages": SIDES, "place": "", "synthesiser": "eSpeak NG 1.52", "metric": "mcd"}
    found = run("contrast_languages", inputs, tmp_path / "out", **key)
    contrast = found["difference in differences"]
    assert contrast["n"] == counts
    assert ("description only" in contrast["flags"][0]) is (counts < 8)
    assert contrast["p"] == pytest.approx(2 / 70 if counts == 8 else 2 / 35)
    assert found["effect th"]["flags"] == (["left out: flattened F0 keeps 0.70, the system 0.90"] if left else [])
    del inputs["tones-shuffled"]  # its system failed: nothing is judged
    nothing = run("contrast_languages", inputs, tmp_path / "again", **key)["difference in differences"]
    assert nothing["value"] is None
    assert "no comparison" in nothing["reason"]


MANDARIN, VOICE = "今天的天气非常好。", 1_500_003


def from_text(folder: Path, change: Callable[[SoundMedia], SoundMedia], **facts: object) -> Path:
    """A set of what `tts` makes of a Mandarin text, five times, changed."""
    writer = MediaSetWriter(folder / "set", name="x", origin="test", modality=Modality.AUDIO)
    for number in range(FEWEST):
        item = Item(
            id=f"{number}",
            modality=Modality.AUDIO,
            kind=Kind.FULLY_SYNTHETIC,
            audio_fake=True,
            group="x",
            split=Split.TEST,
            language="cmn",
            clusters={"identity": f"{number}"},
            facts={"synthesiser": "eSpeak NG", "voice": VOICE, "text": MANDARIN, **facts},
        )
        writer.add(item, change(synthesise(MANDARIN, "cmn", VOICE)))
    writer.seal()
    return folder


def hummed(media: SoundMedia) -> SoundMedia:
    t = np.arange(len(media.sound)) / media.sample_rate
    hum = 0.1 * sum(np.cos(2 * np.pi * 130 * k * t) / k for k in range(1, 9))
    return SoundMedia(sound=np.asarray(hum, dtype=np.float32), sample_rate=media.sample_rate)


def later(media: SoundMedia) -> SoundMedia:
    return replace(media, sound=np.concatenate([np.zeros(2205, np.float32), media.sound]))


def test_speech_made_from_text_keeps_the_tones_of_its_text(tmp_path: Path) -> None:
    pytest.importorskip("espeakng_loader")

    def said(name: str, change: Callable[[SoundMedia], SoundMedia], **facts: object) -> dict[str, Any]:
        inputs = {"set": from_text(tmp_path / name, change, **facts)}
        found = run("tones_of_text", inputs, tmp_path / f"{name}-out", languages=["cmn", "vi"], seed=0)
        assert found["vi/tone_accuracy_of_text"]["reason"] == "no item in this language"
        return dict(found["cmn/tone_accuracy_of_text"])

    whole, flat = said("whole", lambda media: media), said("hum", hummed)
    assert whole["n"] == flat["n"] == FEWEST
    assert whole["value"] > flat["value"] + 0.3
    assert "no better than flat or shuffled F0" not in whole["flags"]
    assert "no better than flat or shuffled F0" in flat["flags"]
    for unknown in (said("late", later), said("piper", lambda media: media, synthesiser="Piper")):
        assert (unknown["value"], unknown["reason"]) == (None, f"{FEWEST} of {FEWEST} items gave no value")
