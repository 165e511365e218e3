import json
from pathlib import Path

import numpy as np
import pytest

import fauxbench
from fauxbench.harness import parallel_detection as module
from fauxbench.harness.media.content import ImageMedia, SoundMedia
from fauxbench.harness.media.item import Item, Kind, Modality, Split
from fauxbench.harness.media.mediaset import MediaSet, MediaSetWriter, Terms
from fauxbench.harness.parallel_detection import measure_detectability, shipped_detectors, with_detectability
from fauxbench.harness.safeguards.detectability import detectability_of
from fauxbench.harness.safeguards.publishing import publishable


def written(folder: Path, kinds: list[Kind], modality: Modality = Modality.IMAGE) -> MediaSet:
    """Write a set whose fakes are noise and whose real items are smooth."""
    writer = MediaSetWriter(folder, name="x@1", origin="x@1", modality=modality, terms=Terms(people="none"))
    rng = np.random.default_rng(0)
    for place, kind in enumerate(kinds):
        fake = kind in {Kind.FULLY_SYNTHETIC, Kind.PARTIALLY_SYNTHETIC}
        item = Item(
            id=f"{place}",
            modality=modality,
            kind=kind,
            visual_fake=fake and modality is Modality.IMAGE,
            audio_fake=fake and modality is Modality.AUDIO,
            group="x@1",
            split=Split.TEST,
        )
        if modality is Modality.AUDIO:
            writer.add(item, SoundMedia(sound=rng.normal(0, 0.1, 8000).astype(np.float32)))
            continue
        smooth = np.tile(np.linspace(40, 200, 48), (48, 1))[:, :, None].repeat(3, axis=2)
        pixels = rng.normal(128, 60, (48, 48, 3)) if fake else smooth + rng.normal(0, 3, smooth.shape) + 3 * place
        writer.add(item, ImageMedia(pixels=np.clip(pixels, 0, 255).astype(np.uint8)))
    return writer.seal()


def test_weights_come_with_some_detectors() -> None:
    assert {"cnn", "spectrum"} <= set(shipped_detectors())


def test_fakes_are_told_from_real_items(tmp_path: Path) -> None:
    media = written(tmp_path / "a", [Kind.FULLY_SYNTHETIC] * 6 + [Kind.AUGMENTED_REAL] * 2 + [Kind.REAL] * 5)
    found = measure_detectability(media, media, "d" * 64)
    assert found is not None
    assert [one.detector.split("@")[0] for one in found.detections] == shipped_detectors()
    assert found.real == "d" * 64
    for one in found.detections:
        assert one.auc is not None
        assert (one.n, one.expected) == (11, 13)
        assert one.reason is None
    again = measure_detectability(media, media, "d" * 64)
    assert again == found


def test_the_area_is_that_of_the_scores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scores = [0.9, 0.2, None, 0.5, 0.5, 0.1, 0.3]  # three fakes, of which one cannot be scored; four real items
    monkeypatch.setattr(module, "_scores", lambda *_: iter(scores))
    media = written(tmp_path / "a", [Kind.PARTIALLY_SYNTHETIC] * 3 + [Kind.REAL] * 4)
    found = measure_detectability(media, media)
    assert found is not None
    assert [one.auc for one in found.detections] == [pytest.approx((4 + 1) / 8)] * len(found.detections)
    assert {(one.n, one.expected) for one in found.detections} == {(6, 7)}


def test_what_no_detector_reads_is_said(tmp_path: Path) -> None:
    media = written(tmp_path / "a", [Kind.FULLY_SYNTHETIC, Kind.REAL], Modality.AUDIO)
    found = measure_detectability(media, media)
    assert found is not None
    assert {one.auc for one in found.detections} == {None}
    assert found.detections[0].reason == "it reads pictures and clips, and the set holds sounds"


def test_augmented_real_is_no_fake(tmp_path: Path) -> None:
    media = written(tmp_path / "a", [Kind.AUGMENTED_REAL] * 2 + [Kind.REAL] * 2)
    found = measure_detectability(media, media)
    assert found is not None
    assert "they are augmented real" in str(found.detections[0].reason)


def test_a_detector_that_breaks_is_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("out of luck")

    monkeypatch.setattr(module, "trained_detector", broken)
    media = written(tmp_path / "a", [Kind.FULLY_SYNTHETIC, Kind.REAL])
    found = measure_detectability(media, media)
    assert found is not None
    assert {one.reason for one in found.detections} == {"RuntimeError: out of luck"}
    monkeypatch.setattr(module, "shipped_detectors", list)
    found = measure_detectability(media, media)
    assert found is not None
    assert (found.detections[0].detector, found.detections[0].expected) == ("none", 0)
    assert "no detector with weights" in str(found.detections[0].reason)


def test_without_real_items_nothing_is_said(tmp_path: Path) -> None:
    media = written(tmp_path / "a", [Kind.FULLY_SYNTHETIC] * 2)
    assert with_detectability(media) is media
    real = written(tmp_path / "b", [Kind.REAL] * 3)
    found = with_detectability(media, real, real.digest)
    assert detectability_of(found.card) is not None
    assert detectability_of(MediaSet.open(media.folder).card) is None  # the sealed set is not touched
    assert with_detectability(found, media) is found
    assert measure_detectability(real, real) is None


def test_large_sets_are_scored_in_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", {Modality.IMAGE: 3})
    media = written(tmp_path / "a", [Kind.FULLY_SYNTHETIC] * 5 + [Kind.REAL] * 4)
    found = measure_detectability(media, media)
    assert found is not None
    assert {one.expected for one in found.detections} == {6}


def test_what_is_generated_can_be_published(good_system: str, photographs: Path, tmp_path: Path) -> None:
    nobody = Terms(people="none")
    made = fauxbench.generate(good_system, n=6, out=tmp_path / "set", source=str(photographs), terms=nobody)
    found = detectability_of(made.card)
    assert found is not None
    assert found.detections[0].auc is not None
    assert found.detections[0].expected == 6 + 72
    assert publishable(tmp_path / "set") == []
    assert "AUC" in (tmp_path / "set" / "DATASHEET.md").read_text()


def test_an_export_is_scored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from fauxbench.harness.cli.export import export

    written(tmp_path / "set", [Kind.FULLY_SYNTHETIC] * 3 + [Kind.AUGMENTED_REAL])
    export(str(tmp_path / "set"), tmp_path / "out", "folder")
    assert "no real items are at hand" in capsys.readouterr().err
    media = written(tmp_path / "both", [Kind.FULLY_SYNTHETIC] * 3 + [Kind.REAL] * 3)
    export(str(media.folder), tmp_path / "out2", "folder")
    assert capsys.readouterr().err == ""
    assert "- cnn@" in (tmp_path / "out2" / "DATASHEET.md").read_text()
    assert json.loads((media.folder / "card.json").read_text())["facts"] == {}
