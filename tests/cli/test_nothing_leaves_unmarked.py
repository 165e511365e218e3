"""Every verb that can write media, tried: whatever is synthetic carries all its marks."""

import base64
import json
import re
import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image

from fauxbench import Context, ScoreRecord
from fauxbench.harness import detect as detecting
from fauxbench.harness.cards import DetectorCard
from fauxbench.harness.cli import _load_verbs, app
from fauxbench.harness.connect import faces as finders
from fauxbench.harness.detect import Trained
from fauxbench.harness.generate import publish_set
from fauxbench.harness.media.content import ImageMedia, SoundMedia, VideoMedia
from fauxbench.harness.media.encode import Coding, write_sound, write_video
from fauxbench.harness.media.item import Item, Kind, Modality, Split
from fauxbench.harness.media.masks import digest_of_masks
from fauxbench.harness.media.mediaset import MediaSet, MediaSetWriter, Terms
from fauxbench.harness.media.read import modality_of, read_frames
from fauxbench.harness.preprocess.align import TEMPLATE
from fauxbench.harness.preprocess.faces import Face, FaceFinder
from fauxbench.harness.safeguards.border import release, suffix_of
from fauxbench.harness.safeguards.inspecting import inspect

Call = Callable[..., Any]
WRITES = {"run", "generate", "export", "data", "report", "detect", "fit"}
"""Verbs that write pictures, clips or sounds where their user can see them; each is tried below."""
WRITES_NONE = {
    *("align", "audit", "compare", "consent", "check-generator", "doctor", "inspect", "keys", "list", "measure"),
    *("board", "rescore", "show", "store", "table", "terms"),
}
"""Verbs that write numbers, text, records or nothing; `audit` and `check-generator` make media in the store and in a
folder that is gone when they end."""
DATA = {
    "render": "writes renders",
    "fixture": "writes renders",
    "faces": "cuts pieces out of files",
    "sound": "brings sounds into another form",
    "unpack": "writes files as they are in a table",
    "verify": "writes nothing",
}
"""Verbs below `data`."""


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


def check_described(folder: Path) -> None:
    """Check that a set has a datasheet, and a Croissant description that holds and names every file."""
    import mlcroissant

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the libraries that it stands on
        dataset = mlcroissant.Dataset(jsonld=folder / "croissant.json")
        assert not dataset.metadata.issues.errors
        named = {one["items/file"].decode() for one in dataset.records("items")}
    assert named == {path.relative_to(folder).as_posix() for path in media_below(folder)}
    assert (folder / "DATASHEET.md").read_text().startswith("# ")


def test_every_verb_is_known() -> None:
    """A new verb must be sorted into one of the two lists, and tried here if it writes media."""
    _load_verbs()
    names = {c.name or str(c.callback and c.callback.__name__) for c in app.registered_commands}
    names |= {str(group.name) for group in app.registered_groups}
    assert names <= WRITES | WRITES_NONE, "sort the new verb: does it write media where its user can see it?"
    assert names >= WRITES
    (group,) = (one for one in app.registered_groups if one.name == "data")
    assert group.typer_instance is not None
    below = {c.name for c in group.typer_instance.registered_commands}
    assert below == set(DATA), "sort the new verb below `data`: does it write media, and are they marked?"


def test_generate(good_system: str, photographs: Path, call: Call, tmp_path: Path) -> None:
    words = ("--n", 2, "--from", photographs, "--people", "none", "--out", tmp_path / "out", "--quiet")
    said = call("generate", good_system, *words)
    assert said.code == 0, said.err
    check_marks(tmp_path / "out", least=2)
    check_described(tmp_path / "out")


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
    check_described(tmp_path / "out")


def test_data_render(call: Call, tmp_path: Path) -> None:
    words = ("--people", 1, "--per-person", 2, "--size", 64, "--quiet")
    said = call("data", "render", "studio", tmp_path / "out", *words)
    assert said.code == 0, said.err
    check_marks(tmp_path / "out", least=2)
    check_described(tmp_path / "out")
    kinds = {inspect(file).credentials.source_type for file in media_below(tmp_path / "out")}
    assert kinds == {"http://cv.iptc.org/newscodes/digitalsourcetype/algorithmicMedia"}


def test_data_fixture(call: Call, tmp_path: Path) -> None:
    said = call("data", "fixture", "folder", tmp_path / "out")
    assert said.code == 0, said.err
    check_marks(tmp_path / "out", least=18)
    check_described(tmp_path / "out")


class Middle(FaceFinder):
    """Takes the middle of every picture for a face."""

    name = "middle"

    @property
    def identity(self) -> Mapping[str, str]:
        return {"name": self.name}

    def find(self, pictures: Sequence[np.ndarray], smallest: float) -> list[tuple[Face, ...]]:
        height, width = pictures[0].shape[:2]
        box = (0.3 * width, 0.3 * height, 0.7 * width, 0.7 * height)
        points = tuple(map(tuple, TEMPLATE * [0.4 * width, 0.4 * height] + [box[0], box[1]]))
        return [(Face(box=box, probability=0.99, points=points),) for _ in pictures]


def waves(size: int, shift: int = 0) -> np.ndarray:
    rng = np.random.default_rng(size)
    y, x = np.mgrid[0:size, shift : size + shift]
    smooth = 128 + 50 * np.sin(x / 9) + 40 * np.cos(y / 11)
    return np.asarray(np.clip(smooth[..., None] + rng.normal(0, 4, (size, size, 3)), 0, 255), np.uint8)


def hum() -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, 0.02, 16_000)
    return (0.2 * np.sin(np.arange(16_000) / 9) + noise).astype(np.float32)


@pytest.fixture
def masters(tmp_path: Path) -> Path:
    """A set as it lies in a store: a picture, a clip and a sound, synthetic and unmarked."""
    writer = MediaSetWriter(tmp_path / "masters", name="x@1", origin="x@1", terms=Terms(people="rendered"))
    media: dict[Modality, Any] = {
        Modality.IMAGE: ImageMedia(pixels=waves(64)),
        Modality.VIDEO: VideoMedia(frames=lambda: (waves(64, i) for i in range(4)), fps=8.0, sound=hum()[:8_000]),
        Modality.AUDIO: SoundMedia(sound=hum(), sample_rate=16_000),
    }
    for modality, content in media.items():
        kind = Kind.FULLY_SYNTHETIC
        writer.add(Item(id=modality, modality=modality, kind=kind, group="x@1"), content)
    writer.seal()
    return tmp_path / "masters"


def forms_of(masters: Path, how: str, tmp_path: Path) -> Path:
    """Return a folder of synthetic files: the masters, as they leave, or stripped of all but the watermark."""
    if how == "masters":
        return masters / "media"
    media = MediaSet.open(masters)
    names = [f"{item.id}{suffix_of(item)}" for item in media]
    release(media.items, tmp_path / "left", names, "x")
    if how == "stripped":
        (tmp_path / "left" / "provenance.jsonl").unlink()
        picture = tmp_path / "left" / "image.png"
        Image.fromarray(np.asarray(Image.open(picture))).save(picture)
        clip = read_frames(tmp_path / "left" / "video.mp4")
        frames = list(clip)
        coding = Coding(options={"crf": "10", "preset": "medium"})
        write_video(tmp_path / "left" / "video.mp4", VideoMedia(frames=lambda: iter(frames), fps=8.0), coding)
        sound, rate = soundfile.read(tmp_path / "left" / "audio.wav", dtype="float32")
        write_sound(tmp_path / "left" / "audio.wav", sound, rate)
    return tmp_path / "left"


@pytest.mark.parametrize("how", ["masters", "as they left", "stripped"])
def test_data_faces(how: str, masters: Path, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finders, "face_finder", lambda protocol, device: Middle())
    source = forms_of(masters, how, tmp_path)
    (source / next(path.name for path in source.iterdir() if path.suffix == ".wav")).unlink()
    said = call("data", "faces", source, "--out", tmp_path / "out", "--frames", 2, "--size", 64)
    assert said.code == 0, said.err
    check_marks(tmp_path / "out", least=3)


@pytest.mark.parametrize("how", ["masters", "as they left", "stripped"])
def test_data_sound(how: str, masters: Path, call: Call, tmp_path: Path) -> None:
    source = forms_of(masters, how, tmp_path)
    for path in source.glob("*.mp4"):
        if how == "stripped":
            path.unlink()  # it has no sound any more
    said = call("data", "sound", source, "--out", tmp_path / "out")
    assert said.code == 0, said.err
    check_marks(tmp_path / "out", least=1 if how == "stripped" else 2)


def test_pieces_of_real_files_stay_unmarked(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finders, "face_finder", lambda protocol, device: Middle())
    (tmp_path / "in").mkdir()
    Image.fromarray(waves(64)).save(tmp_path / "in" / "a.png")
    write_sound(tmp_path / "in" / "a.wav", hum(), 16_000)
    assert call("data", "faces", tmp_path / "in", "--out", tmp_path / "faces", "--size", 64).code == 0
    assert call("data", "sound", tmp_path / "in", "--out", tmp_path / "sounds").code == 0
    for folder in (tmp_path / "faces", tmp_path / "sounds"):
        (file,) = media_below(folder)
        assert not inspect(file).marked
        assert not (folder / "provenance.jsonl").exists()


def test_data_unpack_leaves_every_mark(masters: Path, call: Call, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    source = forms_of(masters, "as they left", tmp_path) / "image.png"
    (tmp_path / "table").mkdir()
    image = pa.array([{"bytes": source.read_bytes(), "path": "a.png"}])
    pq.write_table(pa.table({"image": image, "label": pa.array([1])}), tmp_path / "table" / "train.parquet")
    words = ("--label", "label", "--fake", "1", "--real", "0")
    said = call("data", "unpack", tmp_path / "table", "--out", tmp_path / "out", *words)
    assert said.code == 0, said.err
    (file,) = media_below(tmp_path / "out")
    assert file.read_bytes() == source.read_bytes()


class Everywhere:
    """A detector that looks everywhere."""

    card = DetectorCard.model_validate(
        {"name": "e", "version": "1", "title": "e", "modality": "image", "licence": "Apache-2.0", "target": "visual"}
    )
    threshold = 0.5

    def __init__(self, *_: Any) -> None:
        """Take no parameters."""

    def score(self, items: Sequence[Item], context: Context) -> Iterator[ScoreRecord]:
        yield from (ScoreRecord(item=item.id, fake=0.9) for item in items)

    def heat_map(self, item: Item, context: Context) -> tuple[np.ndarray, np.ndarray]:
        return np.asarray(Image.open(str(item.location)).convert("RGB")), np.eye(64)


@pytest.mark.parametrize("how", ["masters", "as they left", "stripped"])
def test_detect(how: str, masters: Path, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trained = Trained(detector=Everywhere(), card=Everywhere.card, source="here")  # type: ignore[arg-type]
    monkeypatch.setattr(detecting, "_named", lambda *_: trained)
    source = next(path for path in forms_of(masters, how, tmp_path).iterdir() if path.suffix == ".png")
    said = call("detect", source, "--heat-map", tmp_path / "out" / "heat.png")
    assert said.code == 0, said.err
    check_marks(tmp_path / "out")
    for suffix in ("pdf", "svg"):
        said = call("detect", source, "--heat-map", tmp_path / "other" / f"heat.{suffix}")
        assert said.code == 2
        assert "only a PNG can say so" in said.err
        assert not (tmp_path / "other" / f"heat.{suffix}").exists()
    Image.fromarray(waves(64, 7)).save(tmp_path / "real.png")
    assert call("detect", tmp_path / "real.png", "--heat-map", tmp_path / "real" / "heat.pdf").code == 0


def test_masks_hold_no_picture(call: Call, tmp_path: Path) -> None:
    writer = MediaSetWriter(tmp_path / "set", name="x@1", origin="x@1", terms=Terms(people="rendered"))
    item = Item(id="a", modality=Modality.IMAGE, kind=Kind.PARTIALLY_SYNTHETIC, visual_fake=True, group="x@1")
    pixels = waves(64)
    writer.add(item, ImageMedia(pixels=pixels), lambda: iter([pixels[..., 0]]))
    media = writer.seal()
    assert call("export", tmp_path / "set", "--masks", "--out", tmp_path / "exported").code == 0
    left = publish_set(media, tmp_path / "left", "x")
    assert digest_of_masks(left.items[0]) == left.items[0].facts["mask"]["content"]
    for folder in (tmp_path / "exported", tmp_path / "left"):
        (mask,) = (folder / "masks").iterdir()
        assert set(np.unique(np.asarray(Image.open(mask)))) == {0, 255}


def test_fit(call: Call, tmp_path: Path, write_system: Callable[..., str]) -> None:
    body = """
    def fit(self, task, context):
        context.show(np.full((64, 64, 3), 90, np.uint8) + picture(1).repeat(2, 0).repeat(2, 1) // 4, "first")

    def save(self, folder):
        from safetensors.numpy import save_file
        save_file({"value": np.zeros(1)}, folder / "weights.safetensors")

    def generate(self, requests, context):
        for request in requests:
            yield good(request)
    """
    system = write_system("shows", body, fits=True)
    words = ("--on", "studio", "--people", 4, "--per-person", 1, "--size", 32, "--out", tmp_path / "fit", "--quiet")
    said = call("fit", system, *words)
    assert said.code == 0, said.err
    check_marks(tmp_path / "fit")


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


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a place that nobody can write to")
def test_a_read_only_place_is_said_in_one_line(
    masters: Path, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = Trained(detector=Everywhere(), card=Everywhere.card, source="here")  # type: ignore[arg-type]
    monkeypatch.setattr(detecting, "_named", lambda *_: trained)
    monkeypatch.setattr(finders, "face_finder", lambda protocol, device: Middle())
    place, picture = Path("/proc/nowhere"), masters / "media" / "image.png"
    for words in (
        ("data", "fixture", "folder", place),
        ("data", "render", "studio", place / "out", "--people", 1, "--per-person", 1, "--size", 32, "--quiet"),
        ("data", "faces", picture, "--out", place / "out", "--size", 64),
        ("data", "sound", masters / "media", "--out", place / "out"),
        ("detect", picture, "--heat-map", place / "heat.png"),
        ("export", masters, "--out", place / "out"),
    ):
        said = call(*words)
        assert (said.code, said.err.count("\n")) == (2, 1), words
        assert "cannot be written" in said.err
    for name, words in (
        ("KEYS", ("keys", "init")),
        ("TERMS", ("terms", "accept", "dfdc", "--grant", "rules of 2020")),
        (
            "CONSENTS",
            (
                "consent",
                "add",
                "p",
                "--dataset",
                "any",
                "--technique",
                "any",
                "--expires",
                "2999-01-01",
                "--form",
                "0" * 64,
            ),
        ),
    ):
        monkeypatch.setenv(f"FAUXBENCH_{name}", str(place / "file"))
        said = call(*words)
        assert (said.code, said.err.count("\n")) == (2, 1), words
        assert "cannot be written" in said.err


def test_real_pictures_stay_as_they_are(call: Call, tmp_path: Path) -> None:
    terms = Terms(permits=("evaluate", "publish"), grant="form")
    writer = MediaSetWriter(tmp_path / "set", name="x", origin="folder", terms=terms, roots={"data": tmp_path})
    Image.fromarray(np.zeros((40, 40, 3), np.uint8)).save(tmp_path / "a.png")
    writer.refer(Item(id="a", modality=Modality.IMAGE, kind=Kind.REAL, group="x"), root="data", path="a.png")
    writer.seal()
    assert call("export", tmp_path / "set", "--out", tmp_path / "out").code == 0
    (file,) = media_below(tmp_path / "out")
    assert file.read_bytes() == (tmp_path / "a.png").read_bytes()
