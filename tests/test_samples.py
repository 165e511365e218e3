import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from fauxbench.harness.media.content import ImageMedia
from fauxbench.harness.media.item import Item, Kind, Modality, Split
from fauxbench.harness.media.mediaset import MediaSet, MediaSetWriter, Terms
from fauxbench.harness.safeguards.inspecting import inspect
from fauxbench.harness.safeguards.keys import own_keys
from fauxbench.harness.samples import COLUMNS, NOT_MARKED, SCORED, STRIP, TILE, grid, write_samples


def made(folder: Path, count: int, size: tuple[int, int] = (32, 32)) -> MediaSet:
    writer = MediaSetWriter(folder, name="s", origin="x@1")
    for number in range(count):
        item = Item(id=str(number), modality=Modality.IMAGE, kind=Kind.FULLY_SYNTHETIC, group="x@1")
        writer.add(item, ImageMedia(pixels=np.full((*size, 3), 10 + number, np.uint8)))
    return writer.seal()


@pytest.mark.parametrize("size", [(32, 32), (64, 64), (20, 50), (200, 100), (1, 1)])
def test_tiles_stand_in_order_and_the_rest_is_white(size: tuple[int, int], tmp_path: Path) -> None:
    picture = grid(made(tmp_path, COLUMNS + 2, size).items)
    assert picture.shape == (2 * TILE, COLUMNS * TILE, 3)
    middles = picture[TILE // 2 :: TILE, TILE // 2 :: TILE, 0]
    assert middles.ravel().tolist() == [*range(10, 10 + COLUMNS + 2), *[255] * (COLUMNS - 2)]


def test_small_pictures_are_enlarged_pixel_by_pixel(tmp_path: Path) -> None:
    writer = MediaSetWriter(tmp_path, name="s", origin="x@1")
    pixels = np.random.default_rng(0).integers(0, 255, (32, 32, 3), dtype=np.uint8)
    item = Item(id="a", modality=Modality.IMAGE, kind=Kind.FULLY_SYNTHETIC, group="x@1")
    writer.add(item, ImageMedia(pixels=pixels))
    picture = grid(writer.seal().items)
    np.testing.assert_array_equal(picture[:TILE:2, :TILE:2], pixels)
    np.testing.assert_array_equal(picture[1:TILE:2, 1:TILE:2], pixels)


def test_what_cannot_be_read_is_grey(tmp_path: Path) -> None:
    media = made(tmp_path, 2)
    assert media.items[0].location is not None
    media.items[0].location.unlink()
    picture = grid([media.items[0], replace(media.items[1], location=None)])
    assert (picture[:TILE, : 2 * TILE] == 128).all()


def finished(folder: Path, terms: Terms | None = None, **facts: Any) -> tuple[Any, Any]:
    """Return a plan with one system and what its run made, as far as samples look at them."""
    writer = MediaSetWriter(folder / "set", name="x@1", origin="x@1", terms=terms or Terms(people="none"))
    for number in range(3):
        pixels = np.random.default_rng(number).integers(0, 255, (32, 32, 3), dtype=np.uint8)
        item = Item(id=str(number), modality=Modality.IMAGE, kind=Kind.FULLY_SYNTHETIC, group="x@1", split=Split.TEST)
        writer.add(item, ImageMedia(pixels=pixels))
    writer.facts = facts
    writer.seal()
    system = SimpleNamespace(name="x@1", sets=("u",))
    unit = SimpleNamespace(folder=folder, fingerprint="a" * 64)
    return SimpleNamespace(systems=[system], detect_units={}), SimpleNamespace(finished={"u": unit})


def test_a_grid_is_marked_and_made_once(tmp_path: Path) -> None:
    plan, ran = finished(tmp_path / "made")
    write_samples(tmp_path / "samples", plan, ran)
    file = tmp_path / "samples" / "x@1.png"
    found = inspect(file)
    assert (found.credentials.state, found.findings) == ("trusted", ())
    assert found.watermark is not None
    before = file.read_bytes()
    write_samples(tmp_path / "samples", plan, ran)
    assert file.read_bytes() == before


def test_what_a_detector_said_stands_below_each(tmp_path: Path) -> None:
    plan, ran = finished(tmp_path / "made")
    plan.detect_units = {"a on b - x@1": "first", "cnn on all - x@1": "all", "cnn on all - real": "real"}
    for unit, scores in {"first": (0.1, 0.1, 0.1), "all": (0.0, 1.0, None)}.items():
        (tmp_path / unit).mkdir()
        lines = [
            {"item": str(n), "fake": one, "status": "missing" if one is None else "ok"} for n, one in enumerate(scores)
        ]
        (tmp_path / unit / "scores.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        ran.finished[unit] = SimpleNamespace(folder=tmp_path / unit)
    write_samples(tmp_path / "samples", plan, ran)
    assert json.loads((tmp_path / "samples" / SCORED).read_text()) == {"x@1": "cnn on all"}
    items = MediaSet.open(tmp_path / "made" / "set").items
    picture = grid(items, {"0": 0.0, "1": 1.0})
    assert picture.shape == (TILE + STRIP, COLUMNS * TILE, 3)
    bars = picture[TILE + STRIP - 4].reshape(COLUMNS, TILE, 3)
    assert [(bar == (0, 114, 178)).all(1).sum() for bar in bars[:3]] == [1, TILE, 0]
    np.testing.assert_array_equal(picture[:TILE], grid(items))
    assert inspect(tmp_path / "samples" / "x@1.png").watermark is not None


def test_people_who_may_not_be_shown_are_not(tmp_path: Path) -> None:
    for name, terms, facts in (
        ("terms", Terms(), {}),
        ("consent", Terms(permits=("evaluate", "publish"), grant="f"), {"consents": {"gone": "anna"}}),
    ):
        write_samples(tmp_path / "samples", *finished(tmp_path / name, terms, **facts))
    assert not (tmp_path / "samples").exists() or not list((tmp_path / "samples").iterdir())


def test_without_keys_there_is_a_reason_and_no_grid(tmp_path: Path) -> None:
    own_keys().folder.chmod(0o755)
    plan, ran = finished(tmp_path / "made")
    write_samples(tmp_path / "samples", plan, ran)
    (file,) = (tmp_path / "samples").iterdir()
    assert file.name == NOT_MARKED
    assert "chmod 700" in file.read_text()
    (tmp_path / "keys").chmod(0o700)
    write_samples(tmp_path / "samples", plan, ran)
    rows = (tmp_path / "samples" / "provenance.jsonl").read_text().splitlines()
    assert [json.loads(row)["file"] for row in rows] == ["x@1.png"]
    assert not file.exists()
