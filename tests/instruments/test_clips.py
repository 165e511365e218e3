import weakref
from pathlib import Path

import numpy as np
import pytest
import torch

from fauxbench.harness.cards import InstrumentCard
from fauxbench.harness.errors import MediaError
from fauxbench.harness.instruments import instrument_card, instrument_cards, load_instrument, weights_path
from fauxbench.harness.instruments.clip_face import ClipFace, StudioMouth
from fauxbench.harness.instruments.clip_frames import change_of
from fauxbench.harness.instruments.moving import moving, sampled_pairs
from fauxbench.harness.instruments.spectrum import spectrum
from fauxbench.harness.instruments.studio_face import FEATURES, FaceNet, StudioFace
from fauxbench.harness.instruments.studio_sync import StudioSync, SyncNet
from fauxbench.harness.media.content import VideoMedia
from fauxbench.harness.metrics import load_metric
from fauxbench.harness.metrics.base import Evidence, Features
from fauxbench.harness.training.runtime import save_weights

FACE = InstrumentCard(name="clip-face", version="1", title="t", entry="", purpose=("identity",))
SYNC = InstrumentCard(name="studio-sync", version="1", title="t", entry="", purpose=("sync",))


def clip(seed=0, frames=20, size=(48, 64), seconds=0.8, fps=25.0, level=0.1):
    rng = np.random.default_rng(seed)
    pictures = np.uint8(rng.integers(0, 256, (frames, *size, 3)))
    sound = None if level is None else (level * rng.standard_normal(round(seconds * 16_000))).astype(np.float32)
    return VideoMedia(frames=lambda: iter(pictures), fps=fps, sound=sound)


@pytest.fixture(scope="module")
def face_weights(tmp_path_factory):
    torch.manual_seed(1)
    path = tmp_path_factory.mktemp("w") / "face.safetensors"
    save_weights(FaceNet(3, 0.3), path, {"width": "0.3", "factors": "yaw,jaw_open,smile"})
    return path


@pytest.fixture(scope="module")
def sync(tmp_path_factory):
    torch.manual_seed(2)
    path = tmp_path_factory.mktemp("w") / "sync.safetensors"
    save_weights(SyncNet(0.3), path, {"width": "0.3"})
    return StudioSync(SYNC, path)


# Without weights


def test_what_moves_is_told_of_each_clip(tmp_path):
    told = load_instrument("clip-frames", tmp_path).extract([clip(1), clip(2, 5)])
    assert {name: array.shape for name, array in told.items()} == dict.fromkeys(
        instrument_card("clip-frames").outputs, (2, 1)
    )
    expected = moving(clip(2, 5).frames())
    np.testing.assert_allclose([told[name][1, 0] for name in expected._fields], expected, rtol=1e-6)
    assert tuple(told) == instrument_card("clip-frames").outputs
    with pytest.raises(MediaError, match="a clip of 2 frames"):
        load_instrument("clip-frames", tmp_path).extract([clip(1, 2)])


def test_what_moves_alone_is_what_the_slower_instrument_tells(tmp_path):
    whole, fast = (
        load_instrument(name, tmp_path).extract([clip(1), clip(2, 5)]) for name in ("clip-frames", "clip-motion")
    )
    assert tuple(fast) == instrument_card("clip-motion").outputs
    for name, array in fast.items():
        np.testing.assert_array_equal(array, whole[name])


def test_halves_of_changes_are_rounded_to_even():
    first, second = np.meshgrid(np.arange(256, dtype=np.uint8), np.arange(256, dtype=np.uint8))
    changes = change_of(np.stack([first] * 3, axis=2), np.stack([second] * 3, axis=2))
    expected = np.rint(128 + (second.astype(float) - first) / 2).clip(0, 255)
    np.testing.assert_array_equal(changes[:, :, 0], expected)


def test_spectra_of_a_clip_are_means_over_pairs_of_frames(tmp_path):
    instrument = load_instrument("clip-spectrum", tmp_path)
    one = clip(3, 23)
    frames = list(one.frames())
    row = instrument.extract([one])["features"][0]
    assert row.shape == (49,)
    np.testing.assert_allclose(row[:24], np.mean([spectrum(frames[k]) for k in (0, 5, 10, 15, 20)], axis=0), rtol=1e-5)
    changes = [spectrum(change_of(frames[k], frames[k + 1])) for k in (0, 5, 10, 15, 20)]
    np.testing.assert_allclose(row[24:48], np.mean(changes, axis=0), rtol=1e-5)
    assert instrument.extract([])["features"].shape == (0, 49)
    for bad in (clip(1, 1), VideoMedia(frames=lambda: iter([frames[0], frames[0][:40]]), fps=25.0)):
        with pytest.raises(MediaError):
            instrument.extract([bad])


def test_flicker_moves_what_changes_and_hardly_what_is_seen(tmp_path):
    def flickering(amplitude):
        ramp = np.tile(np.linspace(50, 200, 64), (48, 1))[:, :, None].repeat(3, axis=2)
        return VideoMedia(
            frames=lambda: (np.uint8(np.roll(ramp, t) + amplitude * (t % 2)) for t in range(20)), fps=25.0
        )

    instrument = load_instrument("clip-spectrum", tmp_path)
    calm, nervous = instrument.extract([flickering(0), flickering(6)])["features"]
    assert np.abs(nervous - calm)[:24].max() < 0.1
    assert nervous[48] - calm[48] > 3


def test_pairs_are_sampled_evenly_and_streamed():
    assert list(sampled_pairs(iter(range(12)), 5)) == [(0, 1), (5, 6), (10, 11)]
    assert list(sampled_pairs(iter(range(11)), 5)) == [(0, 1), (5, 6)]
    assert list(sampled_pairs(iter(range(5)), 2)) == [(0, 1), (2, 3)]


# With small random weights


def test_faces_over_a_clip(face_weights):
    instrument, one = ClipFace(FACE, face_weights), clip(4, 23)
    told = instrument.extract([one, clip(5)])
    assert (told["features"].shape, told["drift"].shape) == ((2, 2 * FEATURES), (2, 1))
    frames = StudioFace(FACE, face_weights).extract([p for k, p in enumerate(one.frames()) if k % 5 == 0])["features"]
    np.testing.assert_allclose(told["features"][0, :FEATURES], frames.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(told["features"][0, FEATURES:], np.abs(np.diff(frames, axis=0)).mean(axis=0), atol=1e-5)
    picture = next(iter(one.frames()))
    still = VideoMedia(frames=lambda: iter([picture] * 12), fps=25.0)
    assert instrument.extract([still])["drift"][0, 0] == pytest.approx(0, abs=1e-6)
    assert instrument.extract([])["features"].shape == (0, 2 * FEATURES)
    with pytest.raises(MediaError, match="at most 5 frames"):
        instrument.extract([clip(1, 4)])


def test_a_mouth_beside_its_voice(face_weights):
    instrument, one = StudioMouth(FACE, face_weights), clip(6)
    told = instrument.extract([one])
    assert {name: array.shape for name, array in told.items()} == dict.fromkeys(
        ("together", "opening", "speech", "lag"), (1, 1)
    )
    assert told["speech"][0, 0] == pytest.approx(0.8)
    picture = next(iter(one.frames()))
    frozen = VideoMedia(frames=lambda: iter([picture] * 20), fps=25.0, sound=one.sound)
    still = instrument.extract([frozen])
    assert still["together"][0, 0] == 0
    assert still["opening"][0, 0] == pytest.approx(0, abs=1e-5)
    for mute, words in ((clip(1, level=None), "without sound"), (clip(1, level=0.0), "without speech")):
        with pytest.raises(MediaError, match=words):
            instrument.extract([mute])


def test_windows_of_clips_of_different_length_are_filled_up(sync):
    told = sync.extract([clip(7, 60, seconds=2.4), clip(8, 40, seconds=1.6)])
    windows = told["windows"]
    assert windows.shape == (2, 2, 3)
    assert np.isfinite(windows[0]).all()
    assert np.isnan(windows[1, 1:]).all()
    assert np.isfinite(windows[1, :1]).all()
    assert (np.abs(windows[0, :, 0]) <= 15).all()
    assert (windows[0, :, 2] == 1).all()  # noise is as loud throughout: it counts as speech
    assert (sync.extract([clip(7, 60, seconds=2.4, level=0.0)])["windows"][0, :, 2] == 0).all()


def test_a_clip_gives_the_same_alone_and_frame_by_frame(sync):
    one = clip(9, 75, seconds=3.0)
    told = sync.extract([one, clip(8, 40, seconds=1.6)])
    again = sync.extract([VideoMedia(frames=one.frames, fps=25.0, sound=one.sound)])
    np.testing.assert_array_equal(told["curve"][0], again["curve"][0])
    np.testing.assert_array_equal(told["windows"][0], again["windows"][0])


def test_from_clips_to_rows_of_lips(sync):
    clips = [clip(k, 90, seconds=3.6) for k in range(8)]
    ids = tuple("abcdefgh")
    features = Features(ids=ids, clusters=ids, arrays=dict(sync.extract(clips)))
    for name in ("lse_d", "lse_c", "av_offset", "lser"):
        found = load_metric(name).measure(Evidence(synthetic=features, real=features))
        assert found.value is not None
        assert found.interval is not None
        assert found.n == 8


READS_CLIPS = [
    name
    for name, card in instrument_cards().items()
    if card.modality == "video" and (card.weights is None or weights_path(card, Path()).is_file())
]
"""All but those whose weights the user brings."""


@pytest.mark.parametrize("name", READS_CLIPS)
def test_frames_in_memory_do_not_grow_with_the_clip(name, tmp_path, face_weights, sync):
    alive: list[weakref.ref] = []
    most = 0

    def frames():
        nonlocal most
        rng = np.random.default_rng(0)
        for _ in range(300):
            picture = np.uint8(rng.integers(0, 256, (24, 32, 3)))
            alive.append(weakref.ref(picture))
            most = max(most, sum(ref() is not None for ref in alive[-100:]))
            yield picture

    instruments = {"studio-sync": sync, "clip-face": ClipFace(FACE, face_weights)}
    instruments["studio-mouth"] = StudioMouth(FACE, face_weights)
    instrument = instruments.get(name) or load_instrument(name, tmp_path)
    instrument.extract([VideoMedia(frames=frames, fps=25.0, sound=clip(1, seconds=12.0).sound)])
    assert len(alive) == 300
    assert most <= 40
