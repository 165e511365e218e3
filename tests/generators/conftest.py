from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from fauxbench import Context, Generator, GeneratorCard, Item
from fauxbench.harness.cards import read_card
from fauxbench.harness.media.images import write_png
from fauxbench.harness.media.item import Kind, Modality
from fauxbench.harness.registry import load_class

FOLDER = Path(__file__).parents[2] / "generators"


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    torch.set_num_threads(1)  # small networks only wait for each other on more


def item(name: str, location: Path | None) -> Item:
    return Item(id=name, modality=Modality.IMAGE, kind=Kind.REAL, group="t", location=location)


def blob(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """A bright smooth spot near the centre on a dark ground."""
    y, x = np.mgrid[0:height, 0:width]
    cy, cx = (side / 2 + rng.uniform(-2, 2) for side in (height, width))
    spot = np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * (0.2 * min(height, width)) ** 2))
    ground, colour = rng.uniform(10, 50, 3), rng.uniform(150, 250, 3)
    return np.rint(ground + spot[:, :, None] * (colour - ground)).astype(np.uint8)


@pytest.fixture
def blobs(tmp_path: Path) -> tuple[Item, ...]:
    rng = np.random.default_rng(0)
    folder = tmp_path / "blobs"
    folder.mkdir()
    found = []
    for i in range(24):
        write_png(folder / f"{i}.png", blob(rng, 40, 36))
        found.append(item(str(i), folder / f"{i}.png"))
    return tuple(found)


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(seed=3, scratch=tmp_path)


@pytest.fixture
def build() -> Callable[..., Generator]:
    def make(name: str, **given: object) -> Generator:
        card = read_card(FOLDER / name / "card.toml", GeneratorCard)
        module, _, cls = card.entry.partition(":")
        return load_class(f"fauxbench.generators.{name}.{module}:{cls}", Generator)(card, card.fill(given))

    return make
