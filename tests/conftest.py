"""Shared fixtures: small pictures, systems under test written to a file, a store of one's own."""

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image

settings.register_profile("any machine", deadline=None)  # how long an example takes says more of the machine than of us
settings.load_profile("any machine")


@pytest.fixture(autouse=True)
def _own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep every test away from the user's own store, keys and consents."""
    monkeypatch.setenv("FAUXBENCH_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("FAUXBENCH_CONSENTS", str(tmp_path / "consents.jsonl"))
    monkeypatch.setenv("FAUXBENCH_KEYS", str(tmp_path / "keys"))
    monkeypatch.setenv("FAUXBENCH_TERMS", str(tmp_path / "terms.json"))


def blob(rng: np.random.Generator, size: int = 32) -> np.ndarray:
    """Return a smooth coloured picture, (size, size, 3) uint8."""
    y, x = np.mgrid[0:size, 0:size] / size
    centre, spread = rng.uniform(0.3, 0.7, 2), rng.uniform(0.1, 0.3)
    bump = np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / (2 * spread**2))
    colour, ground = rng.uniform(80, 255, 3), rng.uniform(0, 80, 3)
    noise = rng.normal(0, 4, (size, size, 3))
    return np.clip(ground + bump[:, :, None] * (colour - ground) + noise, 0, 255).astype(np.uint8)


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """Return a folder of 24 people with 3 small pictures each."""
    folder = tmp_path / "photographs"
    rng = np.random.default_rng(0)
    for person in range(24):
        (folder / f"p{person:02d}").mkdir(parents=True)
        for number in range(3):
            Image.fromarray(blob(rng)).save(folder / f"p{person:02d}" / f"{number}.png")
    return folder


CARD = """
name = "{name}"
version = "1"
title = "A system for tests"
technique = "test"
kind = "{kind}"
fits = {fits}
uses = {uses}
"""

HEAD = """
import os, time
import numpy as np
from fauxbench import Artifact, Failure, Generator, ImageMedia, read_image

def picture(seed):
    rng = np.random.default_rng(seed)
    return np.clip(rng.normal(128, 40, (32, 32, 3)), 0, 255).astype(np.uint8)

def good(request):
    return Artifact(request_id=request.id, media=ImageMedia(pixels=picture(request.seed)))
"""


@pytest.fixture
def write_system(tmp_path: Path) -> Callable[..., str]:
    """Return a function that writes a generator to a file and gives the `use` that a suite needs."""

    def write(name: str, body: str, *, kind: str = "fully_synthetic", fits: bool = False, uses: str = "[]") -> str:
        folder = tmp_path / "systems" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "card.toml").write_text(CARD.format(name=name, kind=kind, fits=str(fits).lower(), uses=uses))
        (folder / "model.py").write_text(HEAD + "\nclass System(Generator):\n" + _indent(dedent(body)))
        return f"{folder}/model.py:System"

    return write


def _indent(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.strip().splitlines())


GOOD = """
def generate(self, requests, context):
    for request in requests:
        yield good(request)
"""


@pytest.fixture
def good_system(write_system: Callable[..., str]) -> str:
    """Return a system that does what it should."""
    return write_system("good", GOOD)
