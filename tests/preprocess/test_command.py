import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from fauxbench.harness.cli.data import app
from fauxbench.harness.connect import faces as finders
from fauxbench.harness.errors import InputError

from .test_faces import EVEN, HIDDEN, LEFT, Squares, scene

Write = Callable[..., Path]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., object]:
    monkeypatch.setattr(finders, "face_finder", lambda protocol, device: Squares())
    monkeypatch.setenv("FAUXBENCH_STORE", str(tmp_path / "store"))
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


def test_faces_of_a_folder(write: Write, run: Callable[..., object], tmp_path: Path) -> None:
    clips = tmp_path / "clips"
    (clips / "a").mkdir(parents=True)
    write(EVEN, frames=scene(LEFT)).rename(clips / "a" / "one.mp4")
    write(EVEN, frames=scene(HIDDEN)).rename(clips / "a" / "two.mp4")
    (clips / "bad.mp4").write_text("no clip")
    done = run("faces", clips, "--out", tmp_path / "out", "--frames", 12, "--size", 48, "--json")
    assert done.exit_code == 1, "one could not be read"
    told = json.loads(done.output)
    assert told["rate"]["found"] == 22
    assert told["rate"]["asked"] == 24
    assert 0 < told["rate"]["low"] < 22 / 24 < told["rate"]["high"], "one folder for all: files are the clusters"
    assert told["files"]["a/two.mp4"]["missing"][0]["reason"] == "no face"
    assert list(told["failed"]) == ["bad.mp4"]
    assert len(list((tmp_path / "out" / "a" / "one.mp4").glob("*.png"))) == 12
    assert not list((tmp_path / "out").rglob("unit.json"))
    words = run("faces", clips / "a" / "two.mp4", "--out", tmp_path / "again", "--frames", 12, "--size", 48)
    assert "faces in 10 of 12 samples of 1 files, 83.3%" in words.output
    assert "2 missing, first at 0.44 s: no face" in words.output


def test_a_clip_that_is_refused_is_counted(write: Write, run: Callable[..., object], tmp_path: Path) -> None:
    clip = write(EVEN, frames=scene(HIDDEN))
    done = run("faces", clip, "--out", tmp_path / "out", "--frames", 12, "--missing", "refuse")
    assert done.exit_code == 1
    assert "faces in 0 of 0 samples of 0 files; 1 of 1 files refused or not read" in done.output


def test_a_rate_of_nothing_is_refused_by_what_is_legal(
    write: Write, run: Callable[..., object], tmp_path: Path
) -> None:
    clip = write(EVEN[:4], frames=scene(LEFT))
    for fps in (0, -1, 1001):
        told = str(run("faces", clip, "--out", tmp_path / "o", "--fps", fps).exception)
        assert told == f"frames: expected more than 0 and at most 1000 frames a second, found {float(fps)}"


def test_wrong_use_is_said_in_one_line(write: Write, run: Callable[..., object], tmp_path: Path) -> None:
    clip = write(EVEN[:4], frames=scene(LEFT))
    for words in (
        ("faces", tmp_path / "none", "--out", tmp_path / "o"),
        ("faces", clip, "--out", tmp_path / "o", "--choice", "mask"),
        ("faces", clip, "--out", tmp_path / "o", "--choice", "best"),
        ("faces", clip, "--out", tmp_path / "o", "--frames", 3, "--fps", 2),
        ("sound", tmp_path, "--out", tmp_path / "o", "--noise", "magic"),
    ):
        assert isinstance(run(*words).exception, InputError), words
    assert not (tmp_path / "o").exists()


def test_sounds_of_a_folder(run: Callable[..., object], tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    soundfile.write(tmp_path / "in" / "a.wav", 0.1 * np.sin(np.arange(44_100) / 7), 44_100)
    soundfile.write(tmp_path / "in" / "b.wav", np.zeros(16_000), 16_000)
    done = run("sound", tmp_path / "in", "--out", tmp_path / "out")
    assert done.exit_code == 0
    assert "b.wav: silence" in done.output
    assert soundfile.info(tmp_path / "out" / "a.wav.wav").samplerate == 16_000
    record = json.loads((tmp_path / "out" / "sounds.json").read_text())
    assert record["files"]["a.wav"]["loudness"] is not None
    assert record["protocol"]["loudness"] == -23.0
