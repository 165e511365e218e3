import json
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fauxbench.harness.cli.progress import told
from fauxbench.harness.safeguards.terms import read_terms, terms_file

Call = Callable[..., tuple[int, str, str]]


def test_verify_exits_with_0_1_or_2(call: Call, tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole ü", tmp_path / "broken"
    code, out, err = call("data", "fixture", "celebdf-v2", whole)
    assert (code, out, err) == (0, f"{whole}\n", "")
    code, out, err = call("data", "verify", "celebdf-v2", whole, "--deep")
    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == "no findings"
    assert call("data", "fixture", "celebdf-v2", broken, "--broken")[0] == 0
    code, out, _ = call("data", "verify", "celebdf-v2", broken)
    assert code == 1
    assert "polarity    Celeb-real/id7_id8_0001.mp4: its folder says real, its name says fake" in out
    code, out, _ = call("data", "verify", "celebdf-v2", broken, "--json", "--deep")
    assert code == 1
    report = json.loads(out)
    assert report["counts"]["unreadable"] == 1
    assert {"kind", "path", "message"} == set(report["findings"][0])
    for words in (
        ("verify", "celebdf", whole),
        ("verify", "celebdf-v2", tmp_path / "gone"),
        ("verify", "faceforensics", whole),
        ("verify", "celebdf-v2", whole, "--compression", "c23"),
        ("fixture", "celebdf-v2", whole),
    ):
        assert call("data", *words)[0] == 2, words


def test_findings_are_cut_short_unless_all_are_asked_for(call: Call, tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / f"{number}.png").touch()
    code, out, _ = call("data", "verify", "folder", tmp_path, "--show", 2)
    assert code == 1
    assert "empty       ... and 3 more; --show 0 prints all" in out
    assert "more" not in call("data", "verify", "folder", tmp_path, "--show", 0)[1]


def test_terms_must_be_accepted_before_a_copy_is_looked_at(call: Call, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    (copy / "trainval" / "abcdefghijk").mkdir(parents=True)
    (copy / "trainval" / "abcdefghijk" / "00001.mp4").write_bytes(b"x")
    code, _, err = call("data", "verify", "lrs3", copy)
    assert code == 2
    assert "not accepted" in err
    code, _, err = call("terms", "accept", "lrs3", "--grant", "a friend's copy")
    assert code == 2
    assert "withdrawn" in err
    assert not terms_file().exists()
    words = ("--grant", "VGG, signed form", "--agreed", "2023-04-01", "--purpose", "evaluate,train")
    assert call("terms", "accept", "lrs3", *words)[0] == 0
    assert read_terms(terms_file())[0].purposes == ("evaluate", "train")
    assert call("data", "verify", "lrs3", copy)[0] == 1
    listed = json.loads(call("terms", "list", "--json")[1])["datasets"]
    assert {row["name"]: row["readable"] for row in listed}["lrs3"]
    assert "accepted for evaluate, train: VGG, signed form" in call("terms", "list")[1]


@pytest.mark.parametrize(
    "words",
    [
        ("nothing", "--grant", "x"),
        ("dfdc", "--grant", ""),
        ("dfdc", "--grant", "x", "--purpose", "fun"),
        ("dfdc", "--grant", "x", "--purpose", ""),
        ("dfdc", "--grant", "x", "--expires", "soon"),
    ],
)
def test_wrong_terms_are_input_errors_and_record_nothing(words: tuple[str, ...], call: Call) -> None:
    code, out, err = call("terms", "accept", *words)
    assert (code, out) == (2, "")
    assert err.startswith("fauxbench: ")
    assert not terms_file().exists()


def test_rendering_tells_how_far_it_is_on_stderr_alone(call: Call, tmp_path: Path) -> None:
    words = ("--people", 2, "--per-person", 1, "--size", 32)
    code, out, err = call("data", "render", "studio", tmp_path / "told", *words)
    assert (code, out) == (0, f"{tmp_path / 'told'}\n")
    first, rendered, marked = (line for line in err.splitlines() if not line.startswith("... "))
    assert first == "2 units: 0 cached, 2 to do"
    assert re.fullmatch(r"\[1/2\] render: [\d.]+ s, about .* left", rendered)
    assert re.fullmatch(r"\[2/2\] mark: [\d.]+ s", marked)
    assert len((tmp_path / "told" / "provenance.jsonl").read_text().splitlines()) == 2
    assert call("data", "render", "studio", tmp_path / "quiet", *words, "--quiet")[2] == ""


def test_progress_is_told_with_the_time_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    with told({"render": 2.0, "mark": 1.0}, quiet=False) as step, step("render") as tell:
        for place in range(1, 6):
            now[0] += 6
            tell(place / 10, f"{place} of 10")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[1:] == [
        "... render: 2 of 10 (about 1 min 18 s left)",  # a line every ten seconds
        "... render: 4 of 10 (about 1 min 06 s left)",
        "[1/2] render: 30.0 s, about 15 s left",
    ]
