from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from fauxbench import Context, Detector, DetectorCard, Item, VideoMedia
from fauxbench.harness.cards import read_card
from fauxbench.harness.media.encode import write_sound, write_video
from fauxbench.harness.media.images import write_png
from fauxbench.harness.media.item import Kind, Modality
from fauxbench.harness.registry import load_class

FOLDER = Path(__file__).parents[2] / "detectors"
RATE, FPS = 16_000, 25
QUICK = {
    "cnn": {"size": 32, "width": 8, "blocks": 3, "steps": 40, "batch": 16},
    "efficientnet": {"size": 32, "steps": 40, "batch": 16, "checks": 2},
    "spectrum": {"size": 32},
    "rnn": {"size": 16, "frames": 3, "width": 8, "blocks": 2, "memory": 8, "steps": 40, "batch": 8},
    "voice": {"seconds": 0.4, "pieces": 2, "width": 4, "steps": 40, "batch": 8},
    "fusion": {
        **{"size": 16, "frames": 3, "width": 8, "blocks": 2, "listen": 4, "seconds": 0.3, "steps": 40, "batch": 8},
    },
}
"""Parameters that learn the easy task in about a second. `sync` needs talking people; `timm` is `efficientnet`."""
DETECTORS = tuple(QUICK)
NETWORKS = tuple(name for name in QUICK if name != "spectrum")
PICTURES = ("cnn", "efficientnet", "spectrum")
SORT = {**dict.fromkeys(PICTURES, "image"), "rnn": "video", "voice": "audio", "fusion": "video"}
COUNTS = {"image": (40, 15, 30), "video": (8, 6, 10), "audio": (14, 8, 16)}
"""Real items of train, validation and test, and as many fake ones."""

Splits = tuple[list[Item], list[Item], list[Item]]


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    torch.set_num_threads(1)  # small networks only wait for each other on more


def item(name: str, location: Path | None, *, fake: bool = False, modality: str = "image") -> Item:
    kind = Kind.FULLY_SYNTHETIC if fake else Kind.REAL
    flags = {"visual_fake": fake and modality != "audio", "audio_fake": fake and modality != "image"}
    group = "maker@1" if fake else "people"
    return Item(id=name, modality=Modality(modality), kind=kind, group=group, location=location, **flags)


def blob(rng: np.random.Generator, size: int = 32) -> np.ndarray:
    """A smooth coloured spot with a little noise, (size, size, 3) float."""
    y, x = np.mgrid[0:size, 0:size] / size
    (cy, cx), spread = rng.uniform(0.3, 0.7, 2), rng.uniform(0.1, 0.3)
    spot = np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * spread**2))[:, :, None]
    return rng.uniform(20, 80, 3) + spot * rng.uniform(60, 150, 3) + rng.normal(0, 3, (size, size, 3))


def checkerboard(size: int, height: float) -> np.ndarray:
    return height * ((-1.0) ** np.add.outer(np.arange(size), np.arange(size)))[:, :, None]


def hum(rng: np.random.Generator, seconds: float, buzz: float) -> np.ndarray:
    """A tone in noise, and a second one of 5 kHz where it is fake."""
    time = np.arange(round(seconds * RATE)) / RATE
    tone = np.sin(2 * np.pi * rng.uniform(100, 400) * time) + buzz * np.sin(2 * np.pi * 5000 * time)
    return (0.2 * tone + rng.normal(0, 0.02, len(time))).astype(np.float32)


def write_clip(path: Path, frames: list[np.ndarray], sound: np.ndarray | None) -> None:
    pixels = [np.clip(frame, 0, 255).astype(np.uint8) for frame in frames]
    write_video(path, VideoMedia(frames=lambda: iter(pixels), fps=FPS, sound=sound, sample_rate=RATE))


def write_one(stem: Path, sort: str, rng: np.random.Generator, mark: float) -> Path:
    """Write a picture, clip or sound; `mark` is how strongly it is marked as fake, 0 to 1."""
    if sort == "image":
        path = stem.with_suffix(".png")
        write_png(path, np.clip(blob(rng) + checkerboard(32, 10 * mark), 0, 255).astype(np.uint8))
    elif sort == "audio":
        path = stem.with_suffix(".wav")
        write_sound(path, hum(rng, 0.6, mark), RATE)
    else:
        path = stem.with_suffix(".mp4")
        still = blob(rng) + np.array([60, 0, -60]) * mark
        write_clip(path, [still + rng.normal(0, 2, still.shape) for _ in range(8)], hum(rng, 0.32, mark))
    return path


def make_items(folder: Path, sort: str, each: int, seed: int, mark: float) -> list[Item]:
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    found = []
    for i in range(2 * each):
        fake = i % 2 == 1
        path = write_one(folder / str(i), sort, rng, mark if fake else 0.0)
        found.append(item(f"{folder.name}{i}", path, fake=fake, modality=sort))
    return found


def make_splits(folder: Path, sort: str, mark: float) -> Splits:
    return tuple(
        make_items(folder / name, sort, n, s, mark) for s, (name, n) in enumerate(zip("abc", COUNTS[sort], strict=True))
    )


@pytest.fixture(scope="session")
def easy_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Splits]:
    """Return a function that gives train, validation and test of a task that can be learned, by detector."""
    ready: dict[str, Splits] = {}

    def give(name: str) -> Splits:
        sort = SORT[name]
        if sort not in ready:
            ready[sort] = make_splits(tmp_path_factory.mktemp(f"easy-{sort}"), sort, 1.0)
        return ready[sort]

    return give


@pytest.fixture
def easy(name: str, easy_of: Callable[[str], Splits]) -> Splits:
    return easy_of(name)


@pytest.fixture(scope="session")
def hopeless(tmp_path_factory: pytest.TempPathFactory) -> Splits:
    """Pictures without any difference between real and fake."""
    folder = tmp_path_factory.mktemp("hopeless")
    return tuple(
        make_items(folder / name, "image", n, s, 0.0)
        for s, (name, n) in enumerate(zip("abc", (40, 15, 60), strict=True))
    )


def build(name: str, **given: object) -> Detector:
    card = read_card(FOLDER / name / "card.toml", DetectorCard)
    module, _, cls = card.entry.partition(":")
    return load_class(f"fauxbench.detectors.{name}.{module}:{cls}", Detector)(card, card.fill(given))


@pytest.fixture(scope="session")
def context(tmp_path_factory: pytest.TempPathFactory) -> Context:
    return Context(seed=1, scratch=tmp_path_factory.mktemp("scratch"))


@pytest.fixture(scope="session")
def fitted(easy_of: Callable[[str], Splits], context: Context) -> Callable[[str], Detector]:
    """Return a function that gives a detector trained on the easy task, trained once for all tests."""
    ready: dict[str, Detector] = {}

    def give(name: str) -> Detector:
        if name not in ready:
            train, validation, _ = easy_of(name)
            ready[name] = build(name, **QUICK[name])
            ready[name].fit(train, validation, context)
        return ready[name]

    return give
