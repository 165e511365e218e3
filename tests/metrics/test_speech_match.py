import numpy as np
import pytest

from fauxbench.harness.metrics import load_metric
from fauxbench.harness.metrics.base import Evidence, Features, Link
from fauxbench.harness.metrics.intelligibility import envelope_correlation


def voices(people: int, each: int, spread: float = 0.05, name: str = "r") -> Features:
    rng = np.random.default_rng(people)
    rows, ids, clusters = [], [], []
    for person in range(people):
        for k in range(each):
            row = np.eye(people)[person] + spread * rng.normal(size=people)
            rows.append(row / np.linalg.norm(row))
            ids.append(f"{name}{person}-{k}")
            clusters.append(f"p{person}")
    return Features(ids=tuple(ids), clusters=tuple(clusters), arrays={"features": np.array(rows, np.float32)})


def made(share: float, people: int) -> tuple[Features, tuple[Link, ...]]:
    """Person k's sound in the voice of person k + 1, so far on the way."""
    rows, links = [], []
    for k in range(people):
        other = (k + 1) % people
        row = (1 - share) * np.eye(people)[k] + share * np.eye(people)[other]
        rows.append(row / np.linalg.norm(row))
        links.append(Link(id=f"m{k}", cluster=f"p{k}", source=f"r{k}-0", person=f"p{other}"))
    ids = tuple(link.id for link in links)
    arrays = {"features": np.array(rows, np.float32)}
    return Features(ids=ids, clusters=tuple(link.cluster for link in links), arrays=arrays), tuple(links)


@pytest.mark.parametrize(("share", "low", "high"), [(1.0, 0.9, 1.1), (0.5, -0.1, 0.1), (0.0, -1.1, -0.9)])
def test_the_margin_says_whose_voice_is_nearer(share: float, low: float, high: float) -> None:
    found, links = made(share, 12)
    told = load_metric("speaker_margin").measure(Evidence(synthetic=found, real=voices(12, 4), links=links))
    assert told.value is not None
    assert low < told.value < high


def test_no_margin_without_another_speakers_sound() -> None:
    found, links = made(1.0, 12)
    links = tuple(link._replace(source=f"r{(k + 1) % 12}-0") for k, link in enumerate(links))
    told = load_metric("speaker_margin").measure(Evidence(synthetic=found, real=voices(12, 4), links=links))
    assert told.value is None
    assert dict(told.failures) == {"no two voices": 12}


@pytest.mark.parametrize(("share", "value"), [(1.0, 1.0), (0.0, 0.0)])
def test_acceptance_is_at_the_threshold_of_other_people(share: float, value: float) -> None:
    found, links = made(share, 12)
    evidence = Evidence(synthetic=found, real=voices(12, 4), unseen=voices(12, 4, name="u"), links=links)
    told = load_metric("speaker_accepted").measure(evidence)
    assert told.value == value
    assert any("equal error among people of another split" in flag for flag in told.flags)


def speech(seed: int, seconds: float = 2.0) -> np.ndarray:
    """Noise in bands whose envelopes move like syllables."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(16_000 * seconds)) / 16_000
    wave = np.zeros(len(t))
    for centre in (200, 400, 800, 1600, 3200):
        envelope = np.repeat(rng.uniform(0.05, 1, int(seconds * 8) + 1), 2000)[: len(t)]
        wave += envelope * np.sin(2 * np.pi * centre * t + rng.uniform(0, 6))
    return wave


def test_the_proxy_is_one_for_the_same_words_less_in_noise_and_low_for_others() -> None:
    clean = speech(1)
    rng = np.random.default_rng(2)
    noisy = [envelope_correlation(clean, clean + level * rng.normal(size=len(clean))) for level in (0.1, 1.0, 5.0)]
    assert envelope_correlation(clean, 0.3 * clean) == pytest.approx(1, abs=1e-6)
    assert 1 > noisy[0] > noisy[1] > noisy[2]
    assert envelope_correlation(clean, speech(9)) < 0.5
