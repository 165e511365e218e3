"""Speed of the built-in detectors; run with `pytest --benchmark-only tests/benchmarks`."""

from pathlib import Path

import numpy as np
import pytest
import torch

from fauxbench import Context, Detector, DetectorCard, Item
from fauxbench.harness.cards import read_card
from fauxbench.harness.media.images import write_png
from fauxbench.harness.media.item import Kind, Modality
from fauxbench.harness.registry import load_class

DETECTORS = Path(__file__).parents[2] / "detectors"
CLASSES = {"cnn": "model:CNN", "efficientnet": "model:EfficientNet"}
FIT_LIMIT = 30.0
"""Seconds for 300 pictures of 64 px with default parameters on one core; about 11 when nothing else runs."""


@pytest.fixture(scope="module")
def items(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    found = []
    for i in range(400):
        write_png(folder / f"{i}.png", rng.integers(0, 120 + 60 * (i % 2), (64, 64, 3), dtype=np.uint8))
        kind = Kind.FULLY_SYNTHETIC if i % 2 else Kind.REAL
        found.append(
            Item(
                id=str(i),
                modality=Modality.IMAGE,
                kind=kind,
                visual_fake=bool(i % 2),
                group="t",
                location=folder / f"{i}.png",
            )
        )
    return found


@pytest.fixture
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def build(name, **given):
    card = read_card(DETECTORS / name / "card.toml", DetectorCard)
    module, _, cls = CLASSES[name].partition(":")
    return load_class(f"fauxbench.detectors.{name}.{module}:{cls}", Detector)(card, card.fill(given))


@pytest.mark.parametrize("name", CLASSES)
def test_fit(name, items, one_thread, benchmark, tmp_path):
    context = Context(seed=0, scratch=tmp_path)
    benchmark.pedantic(lambda: build(name).fit(items[:300], items[300:], context), rounds=1)
    assert benchmark.stats.stats.mean < FIT_LIMIT


@pytest.mark.parametrize("name", CLASSES)
def test_score(name, items, one_thread, benchmark, tmp_path):
    context = Context(seed=0, scratch=tmp_path)
    detector = build(name, steps=2)
    detector.fit(items[:40], items[40:60], context)
    records = benchmark.pedantic(lambda: list(detector.score(items, context)), rounds=3)
    assert len(records) == 400
    assert benchmark.stats.stats.mean / 400 < 0.03
