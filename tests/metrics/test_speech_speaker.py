import hashlib

import numpy as np
import pytest
import torch

from fauxbench import InputError, speaker_similarity
from fauxbench.harness import instruments
from fauxbench.harness.cards import Weights
from fauxbench.harness.instruments import instrument_card
from fauxbench.harness.instruments.studio_voice import VoiceNet
from fauxbench.harness.media.content import SoundMedia
from fauxbench.harness.metrics.frechet import frechet_distance
from fauxbench.harness.training.runtime import save_weights


def test_cosines_by_hand():
    found = speaker_similarity([[3, 0], [0, 2], [1, 1]], [[1, 0], [0, -1], [0, 5]], [[0, 1], [1, 0], [7, 0]])
    np.testing.assert_allclose(found.target, [1, -1, np.sqrt(0.5)])
    np.testing.assert_allclose(found.source, [0, 0, np.sqrt(0.5)], atol=1e-12)
    np.testing.assert_allclose(found.margin, [1, -1, 0], atol=1e-12)
    assert found.accepted(0.7) == pytest.approx(2 / 3)
    assert found.accepted(1.0) == pytest.approx(1 / 3)
    assert speaker_similarity([[1, 0]], [[1, 0]]).margin is None


@pytest.mark.parametrize(
    ("rows", "targets", "message"),
    [
        ([[0, 0]], [[1, 0]], "zeros"),
        ([[1, 0]], [[1, 0], [0, 1]], "one shape"),
        ([[1, np.nan]], [[1, 0]], "NaN"),
        ([1, 0], [1, 0], r"\(N, D\)"),
    ],
)
def test_rows_that_have_no_cosine(rows, targets, message):
    with pytest.raises(InputError, match=message):
        speaker_similarity(rows, targets)


@pytest.fixture
def small_voice(tmp_path, monkeypatch):
    """studio-voice with small random weights, under a file name of its own."""
    torch.manual_seed(0)
    path = tmp_path / "small-voice.safetensors"
    save_weights(VoiceNet(0.3), path, {"width": "0.3"})
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    weights = Weights(file=path.name, url="-", sha256=digest, size=path.stat().st_size, licence="-")
    card = instrument_card("studio-voice").model_copy(update={"weights": weights})
    monkeypatch.setattr(instruments, "instrument_card", lambda name: card if name == "studio-voice" else None)
    return tmp_path


def sound(seed, seconds=1.0):
    rng = np.random.default_rng(seed)
    return SoundMedia(sound=(0.1 * rng.standard_normal(round(16_000 * seconds))).astype(np.float32))


def test_a_frechet_distance_of_voices_is_0_for_equal_sets(small_voice):
    loaded = instruments.load_instrument("studio-voice", small_voice)
    rows = loaded.extract([sound(seed, 0.5) for seed in range(6)])["features"]
    assert frechet_distance(rows, rows) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(rows[:3], rows[3:]) > 0
