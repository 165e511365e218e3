import sys
from types import SimpleNamespace

import numpy as np
import pytest

from fauxbench.harness.errors import InputError, MediaError
from fauxbench.harness.instruments import instrument_card, load_instrument
from fauxbench.harness.media.content import SoundMedia

RATE = 22_050


class Encoder:
    """Stands in for the package's: two numbers of a sound say whose it is."""

    def __init__(self, device, verbose):
        assert (device, verbose) == ("cpu", False)

    def embed_utterance(self, wave):
        spectrum = np.abs(np.fft.rfft(wave, 8192))
        return np.array([spectrum[k * 16 : k * 16 + 16].sum() for k in range(256)])


def speech_alone(wave, source_sr):
    assert source_sr == 16_000
    return wave[np.abs(wave) > 1e-3]


@pytest.fixture
def instrument(monkeypatch, tmp_path):
    package = SimpleNamespace(VoiceEncoder=Encoder, preprocess_wav=speech_alone)
    monkeypatch.setitem(sys.modules, "resemblyzer", package)
    return load_instrument("resemblyzer", tmp_path)


def hum(frequency, seconds=1.0):
    at = np.arange(round(seconds * RATE)) / RATE
    return SoundMedia(sound=(0.1 * np.cos(2 * np.pi * frequency * at + 0.1)).astype(np.float32), sample_rate=RATE)


def test_one_vector_of_length_1_a_sound(instrument):
    told = instrument.extract([hum(200), hum(210), hum(4000)])["features"]
    assert told.shape == (3, 256)
    assert np.linalg.norm(told, axis=1) == pytest.approx([1, 1, 1])
    assert told[0] @ told[1] > 0.9 > 0.2 > told[0] @ told[2]
    assert instrument.extract([])["features"].shape == (0, 256)
    assert "speaker" in instrument_card("resemblyzer").purpose


@pytest.mark.parametrize("sound", [hum(200, 0.01), SoundMedia(sound=np.zeros(RATE, np.float32), sample_rate=RATE)])
def test_too_little_speech_is_refused(instrument, sound):
    with pytest.raises(MediaError, match=r"less than 0\.4 s of speech"):
        instrument.extract([sound])


def test_without_the_package_it_is_said_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "resemblyzer", None)
    with pytest.raises(InputError, match="pip install resemblyzer, or take the instrument studio-voice"):
        load_instrument("resemblyzer", tmp_path)
