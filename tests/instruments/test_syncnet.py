import weakref

import numpy as np
import pytest
import torch

from fauxbench.harness.cards import InstrumentCard
from fauxbench.harness.errors import IntegrityError, MediaError, WeightsMissingError
from fauxbench.harness.instruments import instrument_card, load_instrument
from fauxbench.harness.instruments import syncnet as sync
from fauxbench.harness.instruments.syncnet import SyncNet, SyncNetV2, cepstra, face
from fauxbench.harness.media.content import VideoMedia
from fauxbench.harness.metrics.lips import lip_sync

CEPSTRA = [
    *(19.8956524, 0.19432517, 6.83262647, 40.14424065, -18.44768334, -64.54631333, -0.1807853, 6.75149231),
    *(-59.1093085, -38.28645313, 3.74604613, -19.58088813, -13.47819569),
]
CARD = InstrumentCard(name="syncnet-v2", version="1", title="t", entry="", purpose=("sync",))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A checkpoint as the released one is: tensors by name, no counts of batches."""
    torch.manual_seed(3)
    state = {n: t for n, t in SyncNetV2(1 / 16).state_dict().items() if not n.endswith("num_batches_tracked")}
    path = tmp_path_factory.mktemp("w") / "syncnet_v2.model"
    torch.save(state, path)
    return path


@pytest.fixture(scope="module")
def instrument(checkpoint):
    return SyncNet(CARD, checkpoint)


def clip(frames=26, seconds=1.04, fps=25.0, size=(24, 32)):
    rng = np.random.default_rng(0)
    pictures = np.uint8(rng.integers(0, 256, (frames, *size, 3)))
    sound = (0.1 * rng.standard_normal(round(seconds * 16_000))).astype(np.float32)
    return VideoMedia(frames=lambda: iter(pictures), fps=fps, sound=sound, sample_rate=16_000)


def test_the_layers_are_those_of_the_released_network():
    """Shapes of the first and the last weight of each tower, and the number of all."""
    shapes = {name: tuple(tensor.shape) for name, tensor in SyncNetV2().state_dict().items()}
    assert shapes["netcnnaud.0.weight"] == (64, 1, 3, 3)
    assert shapes["netcnnaud.18.weight"] == (512, 256, 5, 4)
    assert shapes["netcnnlip.0.weight"] == (96, 3, 5, 7, 7)
    assert shapes["netcnnlip.18.weight"] == (512, 256, 1, 6, 6)
    assert shapes["netfcaud.3.weight"] == shapes["netfclip.3.weight"] == (1024, 512)
    assert (
        54_000_000
        < 4 * sum(int(np.prod(shape)) for shape in shapes.values())
        < instrument_card("syncnet-v2").weights.size
    )


def test_one_pass_over_the_frames_is_every_window_alone(instrument):
    frames = torch.rand(8, 3, 224, 224) * 255
    with torch.inference_mode():
        whole = instrument.net.see(frames)
        alone = torch.cat([instrument.net.see(frames[k : k + 5]) for k in range(4)])
    assert whole.shape[0] == 4
    assert torch.allclose(whole, alone, atol=1e-4)


def test_cepstra_are_those_of_the_package_that_the_recipe_names():
    """Values of python_speech_features 0.6, mfcc with its defaults, on this sound."""
    t = np.arange(2000) / 16_000
    samples = np.round(8000 * np.sin(2 * np.pi * 300 * t) + 2000 * np.sin(2 * np.pi * 2500 * t + 1))
    found = cepstra(samples)
    assert found.shape == (11, 13)
    assert found[3] == pytest.approx(CEPSTRA, abs=1e-6)
    assert np.isfinite(cepstra(np.zeros(100))).all()
    assert cepstra(np.zeros(100)).shape == (1, 13)


def test_frames_are_blue_first_from_0_to_255_and_square():
    frame = np.zeros((50, 80, 3), np.uint8)
    frame[:, 15:65, 0] = 250
    frame[:, :10] = 99
    planes = face(frame)
    assert planes.shape == (3, 224, 224)
    assert (planes[2].min(), planes[0].max(), planes[1].max()) == (250, 0, 0)


def test_numbers_are_those_of_the_recipe_on_its_vectors(instrument):
    media = clip()
    told = instrument.extract([media])
    video, audio = instrument.embed(media.frames(), media.sound)
    assert len(video) == 22
    count = 26 - 5
    expected = lip_sync(video[:count], audio[:count])
    assert told["distance"][0, 0] == pytest.approx(expected.distance, rel=1e-5)
    assert told["confidence"][0, 0] == pytest.approx(expected.confidence, rel=1e-3, abs=1e-5)
    assert told["offset"][0, 0] == expected.offset
    assert told["curve"].shape == (1, 31)
    assert told["windows"].shape[2] == 3
    assert instrument.extract([])["curve"].shape == (0, 31)


def test_frames_in_memory_do_not_grow_with_the_clip(instrument):
    alive, most = [], 0

    def frames():
        nonlocal most
        for picture in clip(60).frames():
            mine = picture.copy()
            alive.append(weakref.ref(mine))
            most = max(most, sum(ref() is not None for ref in alive))
            yield mine

    instrument.embed(frames(), clip().sound)
    assert len(alive) == 60
    assert most <= 2 * SyncNet.batch


@pytest.mark.parametrize(
    ("media", "words"),
    [
        (clip(fps=30.0), "30 frames a second"),
        (VideoMedia(frames=lambda: iter(()), fps=25.0), "a clip without sound"),
        (clip(frames=20), "needs 0.84 s"),
        (clip(seconds=0.5), "needs 0.84 s"),
    ],
)
def test_clips_that_cannot_be_measured_are_refused(instrument, media, words):
    with pytest.raises(MediaError, match=words):
        instrument.extract([media])


def test_no_code_of_a_checkpoint_is_run(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (print, ("boom",))

    torch.save({"netcnnaud.0.bias": Bomb()}, tmp_path / "bad.model")
    with pytest.raises(IntegrityError, match="not the checkpoint of SyncNet v2"):
        SyncNet(CARD, tmp_path / "bad.model")
    torch.save({"netcnnaud.0.bias": torch.zeros(64)}, tmp_path / "part.model")
    with pytest.raises(IntegrityError, match=r"without netcnnaud\.0\.weight"):
        SyncNet(CARD, tmp_path / "part.model")


def test_without_the_checkpoint_it_is_said_where_it_comes_from(tmp_path):
    with pytest.raises(WeightsMissingError, match=r"syncnet_v2\.model, expected at .*robots\.ox\.ac\.uk"):
        load_instrument("syncnet-v2", tmp_path)
    assert sync.EMBEDDING == 1024
