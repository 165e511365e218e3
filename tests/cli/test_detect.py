import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fauxbench import Context, ImageMedia, Item, VideoMedia
from fauxbench.harness.canonical import canonical
from fauxbench.harness.contracts import ScoreRecord
from fauxbench.harness.detect import interval_over
from fauxbench.harness.media.encode import write_sound, write_video
from fauxbench.harness.media.images import write_png
from fauxbench.harness.media.item import Kind, Modality
from fauxbench.harness.media.mediaset import MediaSetWriter
from fauxbench.harness.registry import DETECTORS, load_class
from fauxbench.harness.safeguards.border import release
from fauxbench.harness.store.store import Store

Call = Callable[..., tuple[int, str, str]]


def marked(rng: np.random.Generator, fake: bool) -> np.ndarray:
    board = 14 * (-1.0) ** np.add.outer(np.arange(32), np.arange(32))[:, :, None]
    return np.clip(rng.uniform(60, 180, 3) + rng.normal(0, 4, (32, 32, 3)) + fake * board, 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with weights of a small `cnn` and of `spectrum`, and files to ask about."""
    from fauxbench import Detector

    folder = tmp_path_factory.mktemp("detect")
    rng = np.random.default_rng(0)
    items = []
    (folder / "set").mkdir()
    for i in range(60):
        path = folder / "set" / f"{i}.png"
        write_png(path, marked(rng, bool(i % 2)))
        kind = Kind.FULLY_SYNTHETIC if i % 2 else Kind.REAL
        group = "maker@1" if i % 2 else "people"
        flag = bool(i % 2)
        items.append(Item(id=str(i), modality=Modality.IMAGE, kind=kind, visual_fake=flag, group=group, location=path))
    for name, given in {"cnn": {"size": 32, "width": 8, "blocks": 2, "steps": 30, "batch": 16}, "spectrum": {}}.items():
        part = DETECTORS.find(name, folder)
        detector = load_class(part.spec, Detector)(part.card, part.card.fill(given))
        detector.fit(items[:40], items[40:], Context(seed=0, scratch=folder))
        detector.save(folder / name)
    write_png(folder / "fake.png", marked(rng, True))
    frames = [marked(rng, i >= 15) for i in range(30)]
    write_video(folder / "clip.mp4", VideoMedia(frames=lambda: iter(frames), fps=25.0))
    write_sound(folder / "sound.wav", rng.normal(0, 0.1, 16_000).astype(np.float32), 16_000)
    return folder


def test_a_picture_is_judged_and_the_answer_says_what_it_rests_on(place: Path, call: Call) -> None:
    code, out, err = call("detect", place / "fake.png", "--with", place / "cnn")
    assert (code, err) == (0, "")
    assert "fake.png: P(fake) 0." in out or "fake.png: P(fake) 1." in out
    assert "learned from real: 20 of people; fake: 20 of maker@1" in out
    assert "no proof" in out
    said = json.loads(call("detect", place / "fake.png", "--with", place / "cnn", "--json")[1])
    (item,) = said["items"]
    assert item["fake"] > 0.5
    assert item["called_fake"] is (item["fake"] >= said["detector"]["threshold"])
    assert item["interval"] is None
    assert said["detector"]["learned_from"]["fake"] == {"maker@1": 20}
    assert "no proof" in said["warning"]


def test_the_marks_of_a_file_are_told_beside_the_answer(place: Path, call: Call, tmp_path: Path) -> None:
    ask = ("--with", place / "spectrum")
    assert "\nmarks: not looked for in a folder;" in call("detect", place / "set", *ask)[1]
    out = call("detect", place / "fake.png", *ask)[1]
    (line,) = (line for line in out.splitlines() if line.startswith("marks: "))
    assert line.startswith("marks: not marked: no mark found")
    writer = MediaSetWriter(tmp_path / "set", name="s", origin="gan@2")
    item = Item(id="a", modality=Modality.IMAGE, kind=Kind.FULLY_SYNTHETIC, group="gan@2")
    writer.add(item, ImageMedia(pixels=marked(np.random.default_rng(3), True)))
    release(writer.seal().items, tmp_path / "out", ["a.png"], "0" * 64)
    left = tmp_path / "out" / "a.png"
    said = json.loads(call("detect", left, *ask, "--json")[1])["marks"]
    assert said.startswith("marked: synthetic: fully synthetic, made by gan@2")
    (tmp_path / "out" / "a.png").write_bytes(left.read_bytes() + b"0")
    assert "\nmarks: broken: the " in call("detect", left, *ask)[1]


def test_a_clip_has_an_interval_and_a_curve(place: Path, call: Call, tmp_path: Path) -> None:
    out = tmp_path / "curve.png"
    code, text, _ = call("detect", place / "clip.mp4", "--with", place / "spectrum", "--json", "--curve", out)
    assert code == 0
    (item,) = json.loads(text)["items"]
    assert len(item["frames"]) == 8
    low, high = item["interval"]
    assert low < item["fake"] < high
    assert out.read_bytes().startswith(b"\x89PNG")
    code, _, err = call("detect", place / "fake.png", "--with", place / "spectrum", "--curve", tmp_path / "x.png")
    assert code == 2
    assert "nothing here runs in time" in err


def test_a_heat_map_is_drawn(place: Path, call: Call, tmp_path: Path) -> None:
    pytest.importorskip("captum")
    out = tmp_path / "heat.png"
    assert call("detect", place / "fake.png", "--with", place / "cnn", "--heat-map", out)[0] == 0
    assert out.read_bytes().startswith(b"\x89PNG")
    code, _, err = call("detect", place / "fake.png", "--with", place / "spectrum", "--heat-map", out)
    assert code == 2
    assert "'spectrum' cannot say where" in err


def test_figures_have_names_that_say_what_they_are(place: Path, call: Call, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("a.png", "b.png", "c.png"):
        write_png(tmp_path / "in" / name, marked(np.random.default_rng(1), True))
    (tmp_path / "in" / "c.png").rename(tmp_path / "in" / "b.jpg")
    ask = ("detect", tmp_path / "in", "--with", place / "cnn", "--heat-map")
    code, _, err = call(*ask, tmp_path / "hm.jpg")
    assert (code, len(err.splitlines())) == (2, 1)
    assert "figures are not written as '.jpg'; give .pdf, .png, .svg or a folder" in err
    assert not (tmp_path / "hm.jpg").exists()
    pytest.importorskip("captum")
    assert call(*ask, tmp_path / "hm")[0] == 0
    assert sorted(path.name for path in (tmp_path / "hm").iterdir()) == ["a.png", "b-jpg.png", "b-png.png"]


def test_files_of_another_sort_than_was_learned_from_are_said_to_be(place: Path, call: Call, tmp_path: Path) -> None:
    assert "outside" not in call("detect", place / "clip.mp4", "--with", place / "cnn")[1]  # nothing is known of it
    about = json.loads((place / "cnn" / "config.json").read_text())
    about |= {"recipe": "r", "learned_from": {"real": {"studio": 30}, "fake": {"dcgan@1": 20}}}
    (tmp_path / "config.json").write_text(json.dumps(about))
    (tmp_path / "weights.safetensors").write_bytes((place / "cnn" / "weights.safetensors").read_bytes())
    lines = call("detect", place / "clip.mp4", "--with", tmp_path)[1].splitlines()
    (at,) = (k for k, line in enumerate(lines) if line.startswith("clip.mp4: P(fake) "))
    said = next(line for line in lines[at + 1 :] if not line.startswith("  note: "))
    assert said.startswith("outside what it learned from: 1 of 1 files is a clip, and it learned from 50 rendered pic")
    said = json.loads(call("detect", place / "fake.png", "--with", tmp_path, "--json")[1])["outside"]
    assert "50 rendered files; of photographed people" in said


def test_a_folder_is_judged_file_by_file(place: Path, call: Call, tmp_path: Path) -> None:
    for i, fake in enumerate((True, False)):
        write_png(tmp_path / f"{i}.png", marked(np.random.default_rng(9 + i), fake))
    (tmp_path / "text.png").write_text("no picture")
    write_sound(tmp_path / "a.wav", np.random.default_rng(0).normal(0, 0.1, 8000).astype(np.float32), 16_000)
    code, text, _ = call("detect", tmp_path, "--with", place / "spectrum", "--json")
    assert code == 1, "two could not be judged"
    document = json.loads(text)
    items = {one["file"]: one for one in document["items"]}
    assert list(items) == ["0.png", "1.png", "a.wav", "text.png"]
    assert document["not_judged"] == 2
    assert (items["a.wav"]["status"], items["a.wav"]["fake"]) == ("error", None)
    assert items["a.wav"]["reason"] == "a.wav: a sound, and 'spectrum' reads pictures and clips"
    items = [items[name] for name in ("0.png", "1.png", "text.png")]
    assert items[0]["fake"] > 0.5 > items[1]["fake"]
    assert items[2]["status"] == "error"
    assert "not a picture" in items[2]["reason"]


@pytest.mark.parametrize(
    ("source", "with_", "words"),
    [
        ("nothing.png", "spectrum", "no such file or folder"),
        ("empty", "spectrum", "no pictures, clips or sounds"),
        ("text.png", "spectrum", "not a picture"),
        ("notes.txt", "spectrum", "neither a picture, a clip nor a sound"),
        ("sound.wav", "spectrum", "a sound, and 'spectrum' reads pictures and clips"),
        ("sound.wav", None, "no detector of sounds comes with trained weights"),
        ("fake.png", "empty", "no weights of a detector"),
        ("fake.png", "rnn", "'rnn' has to be trained first"),
        ("fake.png", "spectrun", "did you mean 'spectrum'"),
    ],
)
def test_wrong_input_is_answered_in_a_line(
    source: str, with_: str | None, words: str, place: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    (place / "empty").mkdir(exist_ok=True)
    (place / "text.png").write_text("no picture")
    (place / "notes.txt").write_text("no picture")
    code, out, err = call("detect", source, *(("--with", with_) if with_ else ()))
    assert (code, out) == (2, "")
    assert words in err
    assert len(err.splitlines()) == 1


def test_weights_of_another_shape_are_refused(place: Path, call: Call, tmp_path: Path) -> None:
    config = json.loads((place / "cnn" / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "blocks": 3}))
    (tmp_path / "weights.safetensors").write_bytes((place / "cnn" / "weights.safetensors").read_bytes())
    code, _, err = call("detect", place / "fake.png", "--with", tmp_path)
    assert code == 2
    assert "do not fit 'cnn'" in err


def test_what_a_run_trained_is_found_in_its_store(place: Path, call: Call, tmp_path: Path) -> None:
    store, run = Store(tmp_path / "store"), tmp_path / "run"
    run.mkdir()
    records = []
    for label in ("a@1", "all"):
        fingerprint = f"{len(label):064x}"
        with store.partial(fingerprint) as folder:
            (folder / "weights").mkdir()
            for file in (place / "spectrum").iterdir():
                (folder / "weights" / file.name).write_bytes(file.read_bytes())
            key = {"card": {"name": "spectrum"}, "parameters": {}}
            record = {"key": key, "output": "x", "seconds": 1.0, "facts": {}}
            store.commit("train", fingerprint, folder, record)
        unit = f"train spectrum on {label}"
        records.append({"unit": unit, "kind": "train", "status": "ok", "fingerprint": fingerprint})
    (run / "records.jsonl").write_text("".join(canonical(r) + "\n" for r in records))
    code, out, _ = call("detect", place / "fake.png", "--with", f"{run}:spectrum on all", "--store", store.root)
    assert code == 0
    assert "spectrum on all" in out
    code, _, err = call("detect", place / "fake.png", "--with", f"{run}:spectrum", "--store", store.root)
    assert code == 2
    assert "several sets; give one of: 'spectrum on a@1', 'spectrum on all'" in err
    code, _, err = call("detect", place / "fake.png", "--with", f"{run}:spectrum on all", "--store", tmp_path / "other")
    assert code == 2
    assert "is not in the store" in err


def test_the_interval_narrows_where_frames_agree() -> None:
    def record(scores: list[float]) -> ScoreRecord:
        frames = tuple((i / 25, score) for i, score in enumerate(scores))
        logits = [np.log(p / (1 - p)) for p in scores]
        return ScoreRecord(item="a", fake=float(1 / (1 + np.exp(-np.mean(logits)))), frames=frames)

    wide, narrow = interval_over(record([0.1, 0.9] * 4)), interval_over(record([0.49, 0.51] * 4))
    assert wide is not None
    assert narrow is not None
    assert wide[1] - wide[0] > 0.4 > 0.02 > narrow[1] - narrow[0]
    assert interval_over(record([0.7])) is None
