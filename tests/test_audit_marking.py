import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fauxbench import Context, Detector, Item, ScoreRecord
from fauxbench.harness import audit_marking as module
from fauxbench.harness.audit_marking import audit_marking
from fauxbench.harness.cards import DetectorCard
from fauxbench.harness.detect import Trained
from fauxbench.harness.errors import InputError
from fauxbench.harness.media.content import ImageMedia
from fauxbench.harness.media.images import read_image
from fauxbench.harness.media.item import Kind, Modality
from fauxbench.harness.media.mediaset import MediaSetWriter
from fauxbench.harness.report import FORMATS, render
from fauxbench.harness.safeguards.trial import KEY, marked_media
from fauxbench.harness.safeguards.watermark import find_in_picture
from fauxbench.harness.safeguards.watermark.lattice import Evidence
from fauxbench.harness.safeguards.watermark.picture import Secret, canonical

Call = Callable[..., tuple[int, str, str]]
CARD = {"name": "eye", "version": "1", "title": "e", "modality": "image", "licence": "MIT", "target": "visual"}


class Eye(Detector):
    """Says how bright a picture is; with the key, whether it is marked."""

    knows = False

    def __init__(self) -> None:
        self.card, self.parameters = DetectorCard.model_validate(CARD), {}

    def score(self, items: Sequence[Item], context: Context) -> Iterator[ScoreRecord]:
        for item in items:
            pixels = read_image(Path(str(item.location)))
            turns = Secret.of(KEY).turns(canonical(pixels))
            seen = float(Evidence.of(turns).odds.max()) / 256 if self.knows else float(pixels.mean()) / 255
            yield ScoreRecord(item=item.id, fake=seen)


class Knows(Eye):
    knows = True


def picture(seed: int, size: int = 48) -> np.ndarray:
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:size, 0:size]
    wave = 128 + 50 * np.sin(x / rng.uniform(5, 12)) + 40 * np.cos(y / rng.uniform(6, 15))
    return np.asarray(np.clip(wave[..., None] + rng.normal(0, 4, (size, size, 3)), 0, 255), np.uint8)


@pytest.fixture
def people(tmp_path: Path) -> Path:
    for number in range(15):
        (tmp_path / "people" / f"p{number:02d}").mkdir(parents=True)
        Image.fromarray(picture(number)).save(tmp_path / "people" / f"p{number:02d}" / "a.png")
    return tmp_path / "people"


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SURVIVES", ("none", "JPEG 95"))
    monkeypatch.setattr(module, "CLIPS", 0)


@pytest.fixture
def eyes(monkeypatch: pytest.MonkeyPatch) -> None:
    made = {"blind": Eye, "knows": Knows}
    monkeypatch.setattr(
        module,
        "trained_detector",
        lambda name, _: Trained(detector=made[name](), card=made[name]().card, source="here"),
    )


@pytest.mark.usefixtures("eyes")
def test_who_has_the_key_tells_marked_files_apart_and_nobody_else(
    people: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CLIPS", 1)
    monkeypatch.setattr(module, "CLIP_CHANGES", {"shown again": lambda clip, _: clip})
    found = audit_marking(people, side=48, metrics=(), detectors=["blind", "knows"], taught=["spectrum"])
    blind, knows, taught = found.detectors
    assert knows.auc == 1.0
    assert knows.interval is not None
    assert knows.interval[0] > 0.5
    assert blind.auc == pytest.approx(0.5, abs=0.05)
    assert (blind.n, blind.expected) == (30, 30)
    assert taught.learned == "marked against unmarked files, 9 people"
    assert taught.n == 6
    told = [(row.condition, row.files, row.detected) for row in found.survival]
    assert told == [("none", 15, 1.0), ("JPEG 95", 15, 1.0), ("shown again", 1, 1.0)]
    for name, table in found.tables().items():
        for form in FORMATS:
            assert ("JPEG 95" if "survival" in name else "eye@1") in render(table, form)
    json.dumps(found.record(), allow_nan=False)


def test_every_condition_of_the_table_is_known() -> None:
    from fauxbench.harness.safeguards.watermark.survival import CLIP_CHANGES, PICTURE_CHANGES

    assert set(PICTURE_CHANGES) >= {"JPEG 95", "JPEG 75", "JPEG 50", "half size and back", "crop 10 %"}
    assert set(CLIP_CHANGES) == {"H.264 CRF 23", "H.264 CRF 40"}


@pytest.mark.usefixtures("eyes")
def test_fakes_are_asked_about_before_and_after_they_are_marked(people: Path, tmp_path: Path) -> None:
    writer = MediaSetWriter(tmp_path / "set", name="x@1", origin="x@1")
    for number in range(12):
        item = Item(id=str(number), modality=Modality.IMAGE, kind=Kind.FULLY_SYNTHETIC, visual_fake=True, group="x@1")
        writer.add(item, ImageMedia(pixels=picture(100 + number)))
    fakes = writer.seal()
    real = [
        Item(id=path.parent.name, modality=Modality.IMAGE, kind=Kind.REAL, group="r", location=path)
        for path in sorted(people.rglob("*.png"))
    ]
    found = audit_marking(people, side=48, fakes=fakes, real=real, metrics=(), detectors=["blind", "knows"], taught=[])
    blind, knows = found.detectors
    assert blind.plain is not None
    assert blind.change == pytest.approx(0.0, abs=0.02)
    assert knows.plain is not None
    assert knows.plain < 0.9
    assert knows.marked == 1.0
    assert knows.change_interval is not None
    assert knows.change_interval[0] > 0
    assert "change" in render(found.tables()["marking-detectors"], "csv")
    with pytest.raises(InputError, match="expected fake pictures and real ones"):
        audit_marking(people, side=48, fakes=fakes, metrics=(), detectors=["blind"], taught=[])


def test_nothing_marked_is_left_and_too_few_people_are_said(people: Path, tmp_path: Path) -> None:
    audit_marking(people, side=48, metrics=(), detectors=[], taught=[])
    assert not list((tmp_path / "store").rglob("*.png"))
    with pytest.raises(InputError, match="too few people"):
        audit_marking(people / "p00", side=48, metrics=(), detectors=[], taught=[])


def test_metrics_say_what_marking_does(people: Path) -> None:
    found = audit_marking(
        people, side=48, metrics=["ssim", "psnr"], instruments=["spectrum"], detectors=[], taught=[], workers=1
    )
    assert found.metrics is not None
    rows = {(row.system, row.metric): row for row in found.metrics.rows}
    assert rows["marked", "psnr"].value == pytest.approx(38.7, abs=1.5)
    assert {system for system, _ in rows} == {"marked", "jpeg-95", "real-degraded"}
    assert "marking-audit-pixels" in found.tables()


def test_what_has_no_room_stays_as_it_is(tmp_path: Path) -> None:
    Image.fromarray(picture(0, 24)).save(tmp_path / "small.png")
    Image.fromarray(picture(0)).save(tmp_path / "large.png")
    made = {
        name: marked_media(
            Item(id=name, modality=Modality.IMAGE, kind=Kind.REAL, group="x", location=tmp_path / f"{name}.png")
        )
        for name in ("small", "large")
    }
    assert isinstance(made["small"], ImageMedia)
    assert isinstance(made["large"], ImageMedia)
    assert np.array_equal(made["small"].pixels, picture(0, 24))
    assert find_in_picture(made["large"].pixels, KEY) is not None


@pytest.mark.usefixtures("eyes")
def test_the_verb(people: Path, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "shipped_detectors", lambda: ["blind"])
    monkeypatch.setattr(module, "TAUGHT", ())
    code, out, err = call(
        "audit", "marking", "--data", people, "--metrics", "none", "--out", tmp_path / "t", "-f", "csv"
    )
    assert (code, err) == (0, "")
    assert out.startswith("detector,")
    assert {path.name for path in (tmp_path / "t").iterdir()} == {"marking-detectors.csv", "marking-survival.csv"}
    assert call("audit", "marking", "--format", "pdf")[0] == 2
    assert call("audit", "marking", "--data", tmp_path / "gone")[0] == 2


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    import sys

    from fauxbench.harness.cli import main

    def call(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["fauxbench", *map(str, words)])
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        return code, *capsys.readouterr()

    return call
