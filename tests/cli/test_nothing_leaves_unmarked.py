"""Every verb that can write media, tried: whatever is synthetic carries all its marks."""

import base64
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fauxbench.harness.cli import _load_verbs, app
from fauxbench.harness.media.content import ImageMedia
from fauxbench.harness.media.item import Item, Kind, Modality, Split
from fauxbench.harness.media.mediaset import MediaSetWriter, Terms
from fauxbench.harness.media.read import modality_of
from fauxbench.harness.safeguards.inspecting import inspect

Call = Callable[..., Any]
WRITES = {"run", "generate", "export", "data", "report"}
"""Verbs that write pictures, clips or sounds where their user can see them; each is tried below."""
WRITES_NONE = {
    *("align", "audit", "compare", "consent", "check-generator", "doctor", "inspect", "keys", "list", "measure"),
    *("board", "detect", "fit", "rescore", "show", "store", "table", "terms"),
}
"""Verbs that write numbers, text, records or nothing; `audit` and `check-generator` make media in the store and in a
folder that is gone when they end; `detect` draws figures of files that the user gives it."""


def media_below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and modality_of(path) is not None)


def check_marks(folder: Path, *, least: int = 1) -> None:
    """Check that every file has watermark, trusted credentials and its row."""
    files = media_below(folder)
    assert len(files) >= least
    for file in files:
        found = inspect(file)
        assert (found.credentials.state, found.findings) == ("trusted", ()), file
        assert found.watermark is not None, file
        assert found.sidecar is not None, file
        assert found.sidecar.intact, file
        assert found.verdict.startswith("synthetic: "), file


def test_every_verb_is_known() -> None:
    """A new verb must be sorted into one of the two lists, and tried here if it writes media."""
    _load_verbs()
    names = {c.name or str(c.callback and c.callback.__name__) for c in app.registered_commands}
    names |= {str(group.name) for group in app.registered_groups}
    assert names <= WRITES | WRITES_NONE, "sort the new verb: does it write media where its user can see it?"
    assert names >= WRITES


def test_generate(good_system: str, photographs: Path, call: Call, tmp_path: Path) -> None:
    words = ("--n", 2, "--from", photographs, "--people", "none", "--out", tmp_path / "out", "--quiet")
    said = call("generate", good_system, *words)
    assert said.code == 0, said.err
    check_marks(tmp_path / "out", least=2)


@pytest.mark.parametrize("form", ["folder", "csv", "deepfakebench"])
def test_export(form: str, call: Call, tmp_path: Path) -> None:
    terms = Terms(people="rendered")
    writer = MediaSetWriter(tmp_path / "set", name="x@1", origin="x@1", terms=terms)
    for place, kind in enumerate(Kind):
        y, x = np.mgrid[0:64, 0:64]
        pixels = np.stack([x * 2 + place, y * 3, x + y], axis=2).astype(np.uint8)
        facts = {"rendered": True} if kind is Kind.REAL else {}
        item = Item(
            id=str(place),
            modality=Modality.IMAGE,
            kind=kind,
            group="x@1",
            split=Split.TEST,
            facts=facts,
            sources=("r",),
        )
        writer.add(item, ImageMedia(pixels=pixels))
    writer.seal()
    said = call("export", tmp_path / "set", "--as", form, "--out", tmp_path / "out")
    assert said.code == 0, said.err
    check_marks(tmp_path / "out", least=4)


def test_data_render(call: Call, tmp_path: Path) -> None:
    words = ("--people", 1, "--per-person", 2, "--size", 64, "--quiet")
    said = call("data", "render", "studio", tmp_path / "out", *words)
    assert said.code == 0, said.err
    check_marks(tmp_path / "out", least=2)
    kinds = {inspect(file).credentials.source_type for file in media_below(tmp_path / "out")}
    assert kinds == {"http://cv.iptc.org/newscodes/digitalsourcetype/algorithmicMedia"}


def test_data_fixture(call: Call, tmp_path: Path) -> None:
    said = call("data", "fixture", "folder", tmp_path / "out")
    assert said.code == 0, said.err
    check_marks(tmp_path / "out", least=18)


def test_run(good_system: str, photographs: Path, call: Call, tmp_path: Path) -> None:
    suite = {
        "suite": "s",
        "data": {"dataset": "folder", "path": str(photographs), "terms": {"people": "none"}},
        "generators": [{"use": good_system}],
        "n": {"train": 0, "validation": 0, "test": 4},
        "metrics": [],
    }
    (tmp_path / "s.yaml").write_text(json.dumps(suite))
    said = call("run", tmp_path / "s.yaml", "--runs", tmp_path / "runs")
    assert said.code == 0, said.err
    check_marks(tmp_path / "runs")
    (run,) = (tmp_path / "runs").iterdir()
    check_page(run, call, tmp_path)


def check_page(run: Path, call: Call, tmp_path: Path) -> None:
    """Check that the pictures of the report are those of the run folder, with all their marks."""
    said = call("report", run, "--out", tmp_path / "page" / "report.html")
    assert said.code == 0, said.err
    samples = (tmp_path / "page" / "report.html").read_text().partition('id="samples"')[2].partition("</section>")[0]
    found = [base64.b64decode(part) for part in re.findall(r"data:image/png;base64,([^\"]+)", samples)]
    assert found == [path.read_bytes() for path in media_below(run / "samples")]
    for path, content in zip(media_below(run / "samples"), found, strict=True):
        (tmp_path / "page" / path.name).write_bytes(content)
    shutil.copyfile(run / "samples" / "provenance.jsonl", tmp_path / "page" / "provenance.jsonl")
    check_marks(tmp_path / "page")


@pytest.mark.parametrize("wrong", ["others read the keys", "no library", "keys damaged"])
def test_what_cannot_be_marked_does_not_leave(
    wrong: str, good_system: str, photographs: Path, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call("keys", "init")
    if wrong == "others read the keys":
        (tmp_path / "keys").chmod(0o755)
    elif wrong == "keys damaged":
        (tmp_path / "keys" / "signing.pem").write_text("")
    else:
        monkeypatch.setitem(__import__("sys").modules, "c2pa", None)
    words = ("--n", 2, "--from", photographs, "--people", "none", "--out", tmp_path / "out", "--quiet")
    said = call("generate", good_system, *words)
    assert (said.code, said.err.count("\n")) == (2, 1)
    said = call("data", "render", "studio", tmp_path / "out", "--people", 1, "--per-person", 1, "--size", 32, "--quiet")
    assert said.code == 2
    said = call("data", "fixture", "folder", tmp_path / "out")
    assert said.code == 2
    assert not media_below(tmp_path / "out") if (tmp_path / "out").exists() else True
    assert not list(tmp_path.glob(".*.part"))


def test_real_pictures_stay_as_they_are(call: Call, tmp_path: Path) -> None:
    terms = Terms(permits=("evaluate", "publish"), grant="form")
    writer = MediaSetWriter(tmp_path / "set", name="x", origin="folder", terms=terms, roots={"data": tmp_path})
    Image.fromarray(np.zeros((40, 40, 3), np.uint8)).save(tmp_path / "a.png")
    writer.refer(Item(id="a", modality=Modality.IMAGE, kind=Kind.REAL, group="x"), root="data", path="a.png")
    writer.seal()
    assert call("export", tmp_path / "set", "--out", tmp_path / "out").code == 0
    (file,) = media_below(tmp_path / "out")
    assert file.read_bytes() == (tmp_path / "a.png").read_bytes()
