import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fauxbench.harness.execute.step import Step
from fauxbench.harness.execute.steps import step_function
from fauxbench.harness.execute.steps.detection import clusters_of
from fauxbench.harness.execute.steps.shortcuts import people_of, traits_of
from fauxbench.harness.media.item import Item, Kind, Modality, Split
from fauxbench.harness.media.mediaset import MediaSetWriter
from fauxbench.harness.stats.shortcut_rows import table_of

NOWHERE = Path()


def step(kind: str, inputs: dict[str, Path], out: Path, **key: object) -> Step:
    out.mkdir(parents=True)
    return Step(
        kind=kind,
        key=key,
        task={},
        inputs=inputs,
        out=out,
        scratch=NOWHERE,
        store=NOWHERE,
        device="cpu",
        time_limit=60.0,
        progress=lambda fraction, message: None,
    )


def item(name: str, **more: object) -> Item:
    base = Item(id=name, modality=Modality.IMAGE, kind=Kind.REAL, group="x", split=Split.TEST)
    return replace(base, **more)


def made(folder: Path, suffix: str, level: int, split: Split = Split.TEST, people: int = 10) -> Path:
    """Write a set of pictures of one format and one grey."""
    media = folder / "files"
    media.mkdir(parents=True)
    writer = MediaSetWriter(folder / "set", name="x", origin="folder", roots={"data": media})
    rng = np.random.default_rng(level)
    for number in range(2 * people):
        pixels = rng.normal(level, 20, (24, 24, 3)).clip(0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(media / f"{number}{suffix}")
        who = {"identity": f"{split}{number // 2}"}
        writer.refer(item(f"{number}{suffix}", split=split, clusters=who), root="data", path=f"{number}{suffix}")
    writer.seal()
    return folder


def areas(tmp_path: Path, real: Path, fake: Path) -> dict[str, float]:
    folders = {}
    for role, folder in (("real", real), ("synthetic", fake)):
        folders[role] = tmp_path / f"traits {role}"
        step_function("traits")(step("traits", {"set": folder}, folders[role]))
    asked = step(
        "shortcuts", folders, tmp_path / "out", shortcuts=["format", "size", "bitrate", "metadata", "border"], seed=0
    )
    found = step_function("shortcuts")(asked).facts["measurements"]
    return {name: one["value"] for name, one in found.items()}


def test_a_format_alone_is_seen_and_the_size_is_not(tmp_path: Path) -> None:
    found = areas(tmp_path, made(tmp_path / "a", ".jpg", 100), made(tmp_path / "b", ".png", 101))
    assert found["format"] == 1.0
    assert found["bitrate"] == 1.0
    assert found["size"] == 0.5


def test_the_border_alone_is_seen(tmp_path: Path) -> None:
    found = areas(tmp_path, made(tmp_path / "a", ".png", 80), made(tmp_path / "b", ".png", 160))
    assert found["border"] == 1.0
    assert (found["format"], found["metadata"]) == (0.5, 0.5)


def test_people_in_training_and_test_are_counted(tmp_path: Path) -> None:
    train = made(tmp_path / "train", ".png", 100, Split.TRAIN)
    test = made(tmp_path / "test", ".png", 100)
    inputs = {"train-real": train, "test-000": test}
    found = step_function("overlap")(step("overlap", inputs, tmp_path / "out", names={"test-000": "real"}))
    assert found.facts["measurements"]["real people"]["value"] == 0.0
    assert found.facts["measurements"]["real content"]["value"] == 1.0  # the same noise: the same files


def test_re_encoding_is_compared_item_by_item(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for role, fake, shift in (
        ("real", False, 0.0),
        ("synthetic", True, 0.4),
        ("real-again", False, 0.0),
        ("synthetic-again", True, 0.0),
    ):
        (tmp_path / role).mkdir()
        with (tmp_path / role / "scores.jsonl").open("w") as file:
            for number in range(30):
                line = {
                    "item": f"{number}",
                    "fake": float(rng.uniform(0, 0.5) + shift),
                    "visual_fake": fake,
                    "split": "test",
                }
                line |= {
                    "audio_fake": False,
                    "cluster": f"{fake}{number}",
                    "kind": "real",
                    "status": "ok",
                    "reason": None,
                }
                if (role, number) != ("real-again", 7):
                    file.write(json.dumps(line | {"frames": []}) + "\n")
    inputs = {role: tmp_path / role for role in ("real", "synthetic", "real-again", "synthetic-again")}
    asked = step("reencoded", inputs, tmp_path / "out", target="visual", missing="worst", pooling=None)
    found = step_function("reencoded")(asked).facts["measurements"]
    assert found["auc_before"]["value"] > 0.9 > found["auc_after"]["value"]
    assert found["auc_change"]["value"] == pytest.approx(found["auc_after"]["value"] - found["auc_before"]["value"])
    assert found["auc_change"]["interval"]["high"] < 0
    assert (found["auc_change"]["n"], found["auc_change"]["n_real"]) == (30, 29)  # one came not through the encoder


def test_words_become_columns_and_numbers_stay() -> None:
    found = table_of([{"kind": "PNG", "width": 3}, {"kind": "JPEG", "width": 4}, {"width": 5}])
    assert found.tolist() == [[1.0, 0.0, 0.0, 3.0], [0.0, 1.0, 0.0, 4.0], [0.0, 0.0, 0.0, 5.0]]
    assert table_of([{}, {}]).shape == (2, 0)


def test_traits_of_a_sound(tmp_path: Path) -> None:
    import soundfile

    path = tmp_path / "a.wav"
    soundfile.write(path, np.zeros(16_000, dtype=np.float32), 16_000)
    found = traits_of(item("a", modality=Modality.AUDIO, location=path))
    assert found["duration"]["seconds"] == pytest.approx(1.0)
    assert found["format"]["audio"] == "pcm_s16le"
    assert "border" not in found


def test_a_swapped_face_stands_in_two_clusters() -> None:
    swapped = item("a", clusters={"identity": "p1", "source_identity": "p2"})
    assert clusters_of(swapped) == ("p1", "p2")
    assert people_of(swapped) == {"p1", "p2"}
    assert clusters_of(item("a", clusters={"identity": "p1", "source_identity": "p1"})) == "p1"
    assert clusters_of(item("a")) == "a"
