import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from fauxbench.harness.cli import options
from fauxbench.harness.errors import InputError

Call = Callable[..., tuple[int, str, str]]
GOOD = "suite: s\ndata: {dataset: studio}\ngenerators: [dcgan]\n"
OF_PEOPLE = "suite: s\ndata: {dataset: folder, path: photographs}\ngenerators: [environment]\n"
SUITES = {
    "an unknown key": (GOOD + "metrcs: [fd]\n", "line 4: unknown key 'metrcs'; did you mean 'metrics'?"),
    "a wrong type": (GOOD + "seed: first\n", "line 4: seed: Input should be a valid integer"),
    "a key twice": (GOOD + "seed: 1\nseed: 2\n", "line 5: key 'seed' is given twice"),
    "an unknown generator": (
        GOOD.replace("dcgan", "dcgn"),
        "generators.0: unknown generator 'dcgn'; did you mean 'dcgan'",
    ),
    "a name twice": (GOOD.replace("dcgan", "dcgan, dcgan"), "generators.1: 'dcgan@1' is given twice"),
    "an unknown detector": (GOOD + "detectors: [cn]\n", "detectors.0: unknown detector 'cn'; did you mean 'cnn'"),
    "an unknown metric": (GOOD + "metrics: [fdd]\n", "metrics.0: no metric 'fdd'; did you mean 'fd'"),
    "an unknown instrument": (GOOD + "instruments: [spectra]\n", "instruments.0: no instrument 'spectra'"),
    "a path that is not there": (OF_PEOPLE, "data.path: expected a folder at"),
    "no generators": (GOOD.replace("dcgan", ""), "generators: expected at least one entry"),
    "not YAML": ("a: [", "line 1: not YAML"),
    "binary": ("\x00\x01", "not YAML"),
    "empty": ("", "expected a mapping with the keys suite, data, generators"),
}


def one_message(said: tuple[int, str, str], words: str, *files: object) -> None:
    code, out, err = said
    assert code == 2, said
    assert out == ""
    assert err.startswith("fauxbench: ")
    assert words in err
    assert "Traceback" not in err
    for file in files:
        assert str(file) in err


@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
@pytest.mark.parametrize("case", SUITES)
def test_a_wrong_suite_ends_with_two_and_nothing_is_written(
    case: str, dry: Sequence[str], call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text, words = SUITES[case]
    suite = tmp_path / "mine.yaml"
    suite.write_text(text)
    one_message(call("run", suite, *dry), words, suite)
    assert list(tmp_path.iterdir()) == [suite]  # neither store nor run folder


def test_real_people_without_terms_end_with_two(call: Call, photographs: Path, tmp_path: Path) -> None:
    suite = tmp_path / "mine.yaml"
    suite.write_text(OF_PEOPLE)
    one_message(call("run", suite, "--runs", tmp_path / "runs"), "must permit 'edit'", suite)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.yaml", "photographs"]


WRONG: dict[str, tuple[Sequence[str], str]] = {
    "an unknown suite": (["run", "quik"], "unknown suite 'quik'; did you mean 'quick'?"),
    "a suite that is not there": (["run", "gone.yaml"], "no such suite file: gone.yaml"),
    "a device that is not there": (
        ["run", "quick", "--device", "cuda:99"],
        "--device cuda:99: not here; there is: cpu",
    ),
    "a device without a number": (["run", "quick", "--device", "cuda:x"], "--device cuda:x: not here"),
    "a negative device": (["run", "quick", "--device", "cuda:-1"], "--device cuda:-1: not here"),
    "an unknown device": (["run", "quick", "--device", "tpu"], "--device tpu: not here"),
    "a store that is a file": (["run", "quick", "--store", "file", "--dry-run"], "the store"),
    "folders that are not there": (["measure", "gone", "gone"], "gone: expected a folder"),
    "a folder without pictures": (["measure", "empty", "empty"], "empty: no pictures, clips or sounds in it"),
    "one folder on both sides": (["measure", "full", "./full"], "full: given on both sides"),
    "a folder without pictures on one side": (
        ["measure", "full", "empty"],
        "empty: no pictures, clips or sounds in it",
    ),
    "an unknown metric of measure": (["measure", "full", "gone", "--metrics", "fidd"], "did you mean 'fid'?"),
    "an unknown instrument of measure": (["measure", "full", "gone", "--instruments", "spectra"], "mean 'spectrum'?"),
    "an unknown format": (["measure", "a", "b", "--format", "word"], "--format word: legal: "),
    "no run": (["table", "empty"], "not a finished run folder"),
    "a file for a run": (["table", "file"], "not a finished run folder"),
    "an unknown table format": (["table", "empty", "--format", "latx"], "--format latx; did you mean 'latex'?"),
    "nothing to compare": (["compare", "a", "b"], "names no run"),
    "an unknown generator": (["generate", "dcgn", "--out", "new"], "unknown generator 'dcgn'; did you mean 'dcgan'?"),
    "a parameter without a value": (["generate", "dcgan", "--out", "new", "--set", "steps"], "expected name=value"),
    "a value that is not YAML": (["generate", "dcgan", "--out", "new", "--set", "steps=[1"], "not YAML"),
    "an unknown parameter": (["generate", "dcgan", "--out", "new", "--set", "step=1"], "did you mean 'steps'?"),
    "a version with a space": (["generate", "dcgan", "--out", "new", "--version", "a b"], "version: "),
    "no source": (
        ["generate", "dcgan", "--out", "new", "--from", "gone"],
        "--from gone: neither a folder nor 'studio'",
    ),
    "a file for a source": (["generate", "dcgan", "--out", "new", "--from", "file"], "--from file: neither a folder"),
    "a folder that is not empty": (["generate", "dcgan", "--out", "full"], "full: not empty; choose a new folder"),
    "unknown people": (["generate", "dcgan", "--out", "new", "--people", "dead"], "--people, --permits, --grant: "),
    "permission without a grant": (["generate", "dcgan", "--out", "new", "--permits", "train"], "who allowed it"),
    "an unknown permission": (["generate", "dcgan", "--out", "new", "--permits", "trian"], "found 'trian'"),
    "people without terms": (["generate", "dcgan", "--out", "new", "--from", "full"], "must permit 'train'"),
    "an unknown form": (["export", "empty", "--out", "new", "--as", "foldr"], "--as foldr; did you mean 'folder'?"),
    "no set": (["export", "empty", "--out", "new"], "neither a MediaSet folder (with card.json) nor RUN:name@version"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_is_one_message_and_nothing_is_written(
    case: str, call: Call, photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").mkdir()
    photographs.rename(tmp_path / "full")
    before = sorted(tmp_path.rglob("*"))
    order, words = WRONG[case]
    one_message(call(*order), words)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "order",
    [["gone", "gone"], ["full", "empty"], ["full", "full"], ["full", "full", "--metrics", "x", "--device", "cuda:99"]],
)
def test_wrong_input_of_measure_is_said_before_torch_is_imported(order: Sequence[str], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a.png").write_bytes(b"x")
    heavy = {"torch", "cv2", "scipy", "fauxbench.harness.execute", "fauxbench.harness.run"}
    code = (
        "import sys; from fauxbench.harness.cli import main\n"
        f"sys.argv = {['fauxbench', 'measure', *order]!r}\n"
        "try: main()\n"
        "except SystemExit as ended: print(ended.code)\n"
        f"print(sorted({heavy!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout == "2\n[]\n", done.stderr


@pytest.mark.parametrize(
    "order",
    [
        [],
        ["rnu"],
        ["run"],
        ["run", "quick", "--wrokers", "2"],
        ["run", "quick", "--workers", "0"],
        ["list", "everything"],
        ["generate", "dcgan", "--out", "x", "--n", "none"],
        ["generate", "dcgan", "--out", "x", "--n", "0"],
        ["generate", "dcgan"],
    ],
)
def test_wrong_use_says_how(order: Sequence[str], call: Call) -> None:
    code, out, err = call(*order)
    assert code == 2
    assert "Usage: " in out + err
    assert "Traceback" not in err


def test_run_folders_where_a_file_is(call: Call, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    one_message(call("run", "quick", "--runs", tmp_path / "file"), "cannot make run folders in", tmp_path / "file")


@pytest.mark.parametrize("text", ["", "cuda", "mps:7", "cpu:0", "cuda:", "cuda:0:0"])
def test_devices_that_are_not_here(text: str) -> None:
    with pytest.raises(InputError, match="not here; there is: cpu"):
        options.check_device(text)


def test_words_of_a_list() -> None:
    assert options.words("fd, kd,,fd , is") == ("fd", "kd", "is")
    assert options.words(" ") == ()


def test_one_thing_is_not_several() -> None:
    assert [options.counted(n, "entry", "entries") for n in (0, 1, 1200)] == ["0 entries", "1 entry", "1,200 entries"]


def test_ctrl_c_says_how_to_go_on(tmp_path: Path) -> None:
    order = [sys.executable, "-m", "fauxbench", "run", "quick", "--runs", str(tmp_path / "runs"), "-q"]
    process = subprocess.Popen(
        order, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # shells let what runs behind ignore it
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("runs/*/plan.jsonl")) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, "", "fauxbench: interrupted; the same command resumes\n")
