from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fauxbench import Artifact, Context, Failure, Generator, Item, Request, VideoMedia
from fauxbench.harness.media.encode import write_media
from fauxbench.harness.media.item import Kind, Modality

RATE, FRAMES = 16_000, 12


def clip(folder: Path, name: str, pitch: float, language: str | None) -> Item:
    """A grey clip that gets brighter, with a tone in place of a voice."""
    t = np.arange(FRAMES * RATE // 25) / RATE
    tone = (0.3 * np.sin(2 * np.pi * pitch * t)).astype(np.float32)
    shades = [np.full((32, 32, 3), 20 * k, np.uint8) for k in range(FRAMES)]
    media = VideoMedia(frames=lambda: iter(shades), fps=25.0, sound=tone, sample_rate=RATE)
    path = write_media(folder, name, media)[0]
    return Item(id=name, modality=Modality.VIDEO, kind=Kind.REAL, group="t", language=language, location=path)


@pytest.fixture
def people(tmp_path: Path) -> dict[str | None, Item]:
    names = {"en": 150.0, "cmn": 300.0, None: 220.0}
    return {code: clip(tmp_path, f"c-{code}", pitch, code) for code, pitch in names.items()}


def pitch_of(answer: Artifact) -> float:
    sound = answer.media.sound
    return float(np.argmax(np.abs(np.fft.rfft(sound))) * RATE / len(sound))


@pytest.mark.parametrize(("mouth", "pitch"), [("own", 150), ("moving", 300), ("foreign", 300), ("frozen", 300)])
def test_the_frames_are_the_targets_and_the_sound_is_what_was_asked(
    mouth: str, pitch: float, people: dict[str | None, Item], build: Callable[..., Generator], context: Context
) -> None:
    request = Request(id="r", seed=0, target=people["en"], audio=people["cmn"])
    (made,) = build("dub", mouth=mouth).generate([request], context)
    assert isinstance(made, Artifact)
    shades = [float(frame.mean()) for frame in made.media.frames()]
    assert len(shades) == FRAMES
    assert bool(np.ptp(shades) < 1) is (mouth == "frozen")
    assert pitch_of(made) == pytest.approx(pitch, abs=5)
    assert made.facts["mouth"] == mouth


@pytest.mark.parametrize(("mine", "other"), [("en", "en"), ("en", None), (None, "cmn"), ("en", "nobody")])
def test_without_another_language_a_foreign_mouth_is_a_counted_failure(
    mine: str, other: str, people: dict[str | None, Item], build: Callable[..., Generator], context: Context
) -> None:
    bad = Request(id="bad", seed=0, target=people[mine], audio=people.get(other))
    good = Request(id="good", seed=0, target=people["en"], audio=people["cmn"])
    failed, fine = build("dub", mouth="foreign").generate([bad, good], context)
    assert isinstance(failed, Failure)
    assert failed.kind == "missing"
    assert f"no sound in another language than the target's ({mine or 'unknown'})" in failed.message
    assert isinstance(fine, Artifact)
