from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from fauxbench import Context, Detector, DetectorCard, Item
from fauxbench.harness.cards import read_card
from fauxbench.harness.media.images import write_png
from fauxbench.harness.media.item import Kind, Modality
from fauxbench.harness.registry import load_class

FOLDER = Path(__file__).parents[2] / "detectors"
DETECTORS = ("cnn", "efficientnet")
QUICK = {
    "cnn": {"size": 32, "width": 8, "blocks": 3, "steps": 40, "batch": 16},
    "efficientnet": {"size": 32, "steps": 60, "batch": 16},
}
"""Parameters that learn the easy task in about a second."""


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    torch.set_num_threads(1)  # small networks only wait for each other on more


def item(name: str, location: Path | None, *, fake: bool = False) -> Item:
    kind = Kind.FULLY_SYNTHETIC if fake else Kind.REAL
    return Item(id=name, modality=Modality.IMAGE, kind=kind, visual_fake=fake, group="t", location=location)


def blob(rng: np.random.Generator, size: int = 32) -> np.ndarray:
    """A smooth coloured spot with a little noise, (size, size, 3) float."""
    y, x = np.mgrid[0:size, 0:size] / size
    (cy, cx), spread = rng.uniform(0.3, 0.7, 2), rng.uniform(0.1, 0.3)
    spot = np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * spread**2))[:, :, None]
    return rng.uniform(20, 80, 3) + spot * rng.uniform(60, 150, 3) + rng.normal(0, 3, (size, size, 3))


def checkerboard(size: int, height: float) -> np.ndarray:
    return height * ((-1.0) ** np.add.outer(np.arange(size), np.arange(size)))[:, :, None]


def make_items(folder: Path, each: int, seed: int, height: float) -> list[Item]:
    """Write `each` real pictures and as many that carry a checkerboard of `height` grey levels."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    found = []
    for i in range(2 * each):
        fake = i % 2 == 1
        pixels = blob(rng) + (checkerboard(32, height) if fake else 0.0)
        write_png(folder / f"{i}.png", np.clip(pixels, 0, 255).astype(np.uint8))
        found.append(item(f"{folder.name}{i}", folder / f"{i}.png", fake=fake))
    return found


@pytest.fixture(scope="session")
def easy(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Item], list[Item], list[Item]]:
    """Train, validation and test of a task that can be learned."""
    folder = tmp_path_factory.mktemp("easy")
    return tuple(make_items(folder / name, n, s, 10.0) for s, (name, n) in enumerate((("a", 40), ("b", 15), ("c", 30))))


@pytest.fixture(scope="session")
def hopeless(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Item], list[Item], list[Item]]:
    """The same without any difference between real and fake."""
    folder = tmp_path_factory.mktemp("hopeless")
    return tuple(make_items(folder / name, n, s, 0.0) for s, (name, n) in enumerate((("a", 40), ("b", 15), ("c", 60))))


def build(name: str, **given: object) -> Detector:
    card = read_card(FOLDER / name / "card.toml", DetectorCard)
    module, _, cls = card.entry.partition(":")
    return load_class(f"fauxbench.detectors.{name}.{module}:{cls}", Detector)(card, card.fill(given))


@pytest.fixture(scope="session")
def context(tmp_path_factory: pytest.TempPathFactory) -> Context:
    return Context(seed=1, scratch=tmp_path_factory.mktemp("scratch"))


@pytest.fixture(scope="session")
def fitted(easy, context) -> Callable[[str], Detector]:
    """Return a function that gives a detector trained on the easy task, trained once for all tests."""
    ready: dict[str, Detector] = {}

    def give(name: str) -> Detector:
        if name not in ready:
            ready[name] = build(name, **QUICK[name])
            ready[name].fit(easy[0], easy[1], context)
        return ready[name]

    return give
