"""Every detector that the registry knows keeps the contract: built in, installed as a plugin, or a class in a file."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.detectors.conftest import QUICK

from fauxbench import Context, Detector, Item
from fauxbench.harness.connect.weights import digest_of_weights
from fauxbench.harness.media.images import write_png
from fauxbench.harness.media.item import Kind, Modality
from fauxbench.harness.registry import DETECTORS, load_class

ELSEWHERE = {"sync", "timm"}
"""`sync` needs talking people (tests/detectors/test_sync.py); `timm` is what `efficientnet` is."""
FEW = {"steps": 4, "batch": 8, "checks": 1}

CARD = """
name = "bright"
version = "1"
title = "Bright pictures are fake"
target = "visual"
reference = "none"
"""
BODY = """
import json
import numpy as np
from fauxbench import Detector, MediaError, ScoreRecord, read_image

class Bright(Detector):
    def fit(self, train, validation, context):
        self.middle = float(np.mean([read_image(item.location).mean() for item in train]))

    def save(self, folder):
        (folder / "middle.json").write_text(json.dumps(self.middle))

    def load(self, folder):
        self.middle = json.loads((folder / "middle.json").read_text())

    def score(self, items, context):
        for item in items:
            try:
                level = read_image(item.location).mean()
            except MediaError as error:
                yield ScoreRecord(item=item.id, status="error", reason=str(error))
                continue
            yield ScoreRecord(item=item.id, fake=float(1 / (1 + np.exp((self.middle - level) / 20))))
"""


def pictures() -> list[str]:
    found = [name for name, part in DETECTORS.all().items() if part.card.modality == "image"]
    return [*sorted(set(found) - ELSEWHERE), "file"]


def test_every_detector_stands_in_a_test() -> None:
    built_in = {name for name, part in DETECTORS.all().items() if part.origin == "built in"}
    assert built_in == set(QUICK) | ELSEWHERE


@pytest.fixture
def make(tmp_path: Path) -> Callable[[str], Detector]:
    def build(name: str) -> Detector:
        use = name
        if name == "file":
            (tmp_path / "bright.py").write_text(BODY)
            (tmp_path / "bright.toml").write_text(CARD)
            use = "bright.py:Bright"
        part = DETECTORS.find(use, tmp_path)
        known = {**QUICK.get(name, {}), **FEW}
        given = {key: value for key, value in known.items() if key in part.card.parameters}
        made = load_class(part.spec, Detector)(part.card, part.card.fill(given))
        assert isinstance(made, Detector)
        assert part.card.reference
        return made

    return build


@pytest.fixture
def items(tmp_path: Path) -> list[Item]:
    rng, found = np.random.default_rng(0), []
    for number in range(24):
        path = tmp_path / f"{number}.png"
        write_png(path, rng.integers(0, 120 + 100 * (number % 2), (32, 32, 3), dtype=np.uint8))
        fake = number % 2 == 1
        kind = Kind.FULLY_SYNTHETIC if fake else Kind.REAL
        found.append(
            Item(id=str(number), modality=Modality.IMAGE, kind=kind, visual_fake=fake, group="g", location=path)
        )
    return found


@pytest.mark.parametrize("name", pictures())
def test_the_contract_is_kept(name: str, make: Callable[[str], Detector], items: list[Item], tmp_path: Path) -> None:
    (tmp_path / "scratch").mkdir()
    context = Context(seed=3, scratch=tmp_path / "scratch")
    trained, again = make(name), make(name)
    for one in (trained, again):
        one.fit(items[:12], items[12:18], context)
    folders = [tmp_path / word for word in ("first", "second")]
    for one, folder in zip((trained, again), folders, strict=True):
        folder.mkdir()
        one.save(folder)
    assert digest_of_weights(folders[0]) == digest_of_weights(folders[1])  # one seed, one training; no pickle in it
    assert 0.0 <= trained.threshold <= 1.0
    (tmp_path / "bad.png").write_bytes(b"no picture")
    bad = Item(id="bad", modality=Modality.IMAGE, kind=Kind.REAL, group="g", location=tmp_path / "bad.png")
    asked = [*items[18:], bad]
    records = list(trained.score(asked, context))
    assert [one.item for one in records] == [item.id for item in asked]  # one of each, in order
    assert records[-1].status == "error"
    assert records[-1].fake is None
    assert records[-1].reason
    assert all(one.status == "ok" and 0.0 <= one.fake <= 1.0 for one in records[:-1])
    loaded = make(name)
    loaded.load(folders[0])
    told = {one.item: one.fake for one in loaded.score(asked[::-1], context)}
    assert told == {one.item: one.fake for one in records}  # saved, loaded, in another order: the same bits
    assert loaded.threshold == trained.threshold
