import numpy as np
import pytest

from fauxbench import open_clip, sync_features
from fauxbench.detectors.sync import model as sync
from fauxbench.harness.media.content import VideoMedia
from fauxbench.harness.media.encode import write_video

from .conftest import build, hum, item, write_clip


def told(rng, *, fits):
    """What studio-sync says of a clip of which mouth and sound fit, or do not."""
    count = 6
    offset = rng.integers(-1, 2, count) if fits else rng.integers(-15, 16, count)
    confidence = rng.normal(0.5 if fits else 0.1, 0.05, count)
    windows = np.stack([offset, confidence, [1, 1, 1, 1, 1, 0.2]], 1).astype(np.float32)
    curve = rng.normal(1.2, 0.02, 31)
    if fits:
        curve[15] = 0.7
    whole = {"offset": curve.argmin() - 15, "distance": curve.min(), "confidence": np.median(curve) - curve.min()}
    arrays = {name: np.array([value], np.float32) for name, value in whole.items()}
    return {**arrays, "curve": curve.astype(np.float32), "windows": windows, "times": np.arange(count) * 0.2 + 1}


@pytest.fixture
def clips(tmp_path, monkeypatch):
    """Clips with sound, and a stand-in for the network that knows which of them are fake."""
    rng = np.random.default_rng(0)
    write_clip(tmp_path / "any.mp4", [np.zeros((32, 32, 3))] * 10, hum(rng, 0.4, 0.0))
    queue = []
    monkeypatch.setattr(sync, "sync_features", lambda clip: queue.pop(0))

    def give(each):
        queue.extend(told(rng, fits=i % 2 == 0) for i in range(2 * each))
        return [item(str(i), tmp_path / "any.mp4", fake=i % 2 == 1, modality="video") for i in range(2 * each)]

    return give


def test_it_learns_that_lips_fit_and_scores_windows_with_speech(clips, context):
    detector = build("sync")
    train, validation = clips(12), clips(6)
    detector.fit(train, validation, context)
    test = clips(5)
    records = list(detector.score(test, context))
    assert all((record.fake >= detector.threshold) == i.visual_fake for record, i in zip(records, test, strict=True))
    assert [time for time, _ in records[0].frames] == pytest.approx([1.0, 1.2, 1.4, 1.6, 1.8])  # the last is silent


def test_a_clip_without_sound_is_missing_and_says_why(context, tmp_path):
    write_clip(tmp_path / "mute.mp4", [np.zeros((32, 32, 3))] * 10, None)
    detector = build("sync")
    detector.config = {"threshold": 0.5}
    (record,) = detector.score([item("mute", tmp_path / "mute.mp4", modality="video")], context)
    assert (record.status, record.fake) == ("missing", None)
    assert "without sound" in record.reason


def test_the_public_features_are_those_of_the_instrument(tmp_path):
    rng = np.random.default_rng(1)
    frames = rng.integers(0, 255, (55, 64, 64, 3), dtype=np.uint8)
    media = VideoMedia(frames=lambda: iter(frames), fps=25.0, sound=hum(rng, 2.2, 0.5), sample_rate=16_000)
    write_video(tmp_path / "clip.mp4", media)
    found = sync_features(open_clip(tmp_path / "clip.mp4", sound=True, fps=25.0))
    assert found["curve"].shape == (31,)
    assert found["offset"][0] == found["curve"].argmin() - 15
    assert found["windows"].shape == (len(found["times"]), 3)
    assert len(found["times"]) >= 1
    assert found["times"][0] == pytest.approx(1.0, abs=0.2)
    rows = sync.features(found)
    assert rows.shape == (len(found["times"]), 9)
    assert np.isfinite(rows).all()
