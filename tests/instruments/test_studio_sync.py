import numpy as np
import pytest
import torch

from fauxbench.harness.cards import InstrumentCard
from fauxbench.harness.errors import MediaError
from fauxbench.harness.instruments import studio_sync as sync
from fauxbench.harness.instruments.logmel import RATE, log_mel, mel_weights, resample
from fauxbench.harness.instruments.studio_sync import StudioSync, SyncNet, distance_curve, mouth
from fauxbench.harness.media.content import VideoMedia
from fauxbench.harness.training.runtime import save_weights

CARD = InstrumentCard(name="studio-sync", version="1", title="t", entry="", purpose=("sync",))


@pytest.fixture(scope="module")
def instrument(tmp_path_factory):
    torch.manual_seed(1)
    path = tmp_path_factory.mktemp("w") / "sync.safetensors"
    save_weights(SyncNet(0.3), path, {"width": "0.3"})
    return StudioSync(CARD, path)


def clip(frames=40, fps=25.0, seconds=1.6, rate=16_000, size=(48, 64)):
    rng = np.random.default_rng(0)
    pictures = np.uint8(rng.integers(0, 256, (frames, *size, 3)))
    sound = rng.standard_normal(round(seconds * rate)).astype(np.float32) * 0.1
    return VideoMedia(frames=lambda: iter(pictures), fps=fps, sound=sound, sample_rate=rate)


def test_a_click_is_heard_in_the_step_that_holds_it_at_any_rate():
    for rate in (16_000, 22_050, 48_000):
        for at in (0.105, 0.115, 0.5049):
            sound = np.zeros(rate, np.float32)
            sound[round(at * rate)] = 1.0
            mel = log_mel(sound, rate, bands=64, window=512)
            assert mel.shape == (100, 64)
            assert int(mel.mean(1).argmax()) == int(at * 100)


def test_loudness_is_taken_off_and_bands_follow_pitch():
    t = np.arange(RATE) / RATE
    for frequency in (200.0, 1000.0, 5000.0):
        tone = np.sin(2 * np.pi * frequency * t).astype(np.float32)
        loud, soft = (log_mel(gain * tone, RATE, bands=64, window=512) for gain in (1.0, 0.01))
        np.testing.assert_allclose(loud, soft, atol=1e-4)
        weights = mel_weights(64, 512)
        at = np.linspace(0, RATE / 2, 257)
        centre = (weights * at).sum(1)
        assert abs(centre[loud.mean(0).argmax()] - frequency) < 0.1 * frequency + 30
    assert log_mel(np.zeros(100, np.float32), RATE, bands=64, window=512).shape == (0, 64)
    np.testing.assert_allclose(mel_weights(80, 1024).sum(1), 1)
    assert len(resample(np.zeros(22_050, np.float32), 22_050)) == RATE


def test_windows_hold_the_frames_and_steps_that_belong_together():
    frames = torch.arange(10, dtype=torch.uint8).view(1, 10, 1, 1, 1).expand(1, 10, 4, 4, 3)
    sights = sync.sight_windows(frames)
    assert sights.shape == (1, 6, 15, 4, 4)
    np.testing.assert_allclose((sights[0, 2, ::3, 0, 0].numpy() + 1) * 127.5, [2, 3, 4, 5, 6], atol=1e-4)
    steps = torch.arange(40.0).view(1, 40, 1).expand(1, 40, 3)
    sounds = sync.sound_windows(steps)
    assert sounds.shape == (1, 6, 1, 3, 20)
    assert sounds[0, 2, 0, 0].tolist() == list(range(8, 28))


@pytest.mark.parametrize("late", [-10, -3, 0, 7, 10])
def test_an_oracle_finds_every_offset(late):
    rng = np.random.default_rng(abs(late))
    rows = rng.standard_normal((100, 16))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    video, audio = (
        rows[20:91],
        rows[20 - late : 91 - late],
    )  # the sound comes later: what was heard at 20 is now at 20 + late
    curve = distance_curve(video, audio)
    assert int(curve.argmin()) - sync.REACH == late
    assert curve.min() == 0
    assert curve.max() > 1


def test_the_mouth_is_cut_from_the_middle_square_at_any_size():
    frame = np.zeros((240, 426, 3), np.uint8)
    frame[108:209] = 200
    cut = mouth(frame)
    assert cut.shape == (sync.HEIGHT, sync.WIDTH, 3)
    assert cut[1:-1].min() == 200
    wide = np.zeros((100, 100, 3), np.uint8)
    wide[:, 50:] = 255
    assert mouth(wide)[:, : sync.WIDTH // 2 - 1].max() < 10


def test_an_instrument_tells_offset_distance_confidence_and_curve(instrument):
    told = instrument.extract([clip(70, seconds=2.8), clip(50, seconds=2.0, rate=22_050)])
    assert {name: part.shape for name, part in told.items()} == {
        "offset": (2, 1),
        "distance": (2, 1),
        "confidence": (2, 1),
        "curve": (2, 31),
        "windows": (2, 4, 3),
    }
    assert np.isfinite(told["windows"][0]).all()
    assert np.isfinite(told["windows"][1]).sum() == 3  # shorter than a window: one of the whole clip
    np.testing.assert_allclose(told["curve"].min(1), told["distance"][:, 0])
    assert (told["confidence"] >= 0).all()
    assert instrument.extract([])["curve"].shape == (0, 31)
    np.testing.assert_array_equal(instrument.extract([clip(70, seconds=2.8)])["curve"][0], told["curve"][0])


@pytest.mark.parametrize(
    ("media", "words"),
    [
        (clip(fps=30.0), "30 frames a second"),
        (VideoMedia(frames=lambda: iter(()), fps=25.0), "a clip without sound"),
        (clip(frames=20), "at least 1.4 s"),
        (clip(seconds=0.5), "at least 1.4 s"),
    ],
)
def test_clips_that_cannot_be_measured_are_refused(instrument, media, words):
    with pytest.raises(MediaError, match=words):
        instrument.extract([media])


def test_weights_of_the_full_network_are_small_enough_to_ship(tmp_path):
    assert save_weights(SyncNet(), tmp_path / "w", {"width": "1.0"}) < 3_000_000
