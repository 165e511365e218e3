"""Resemblyzer where it is installed: whose voice it is, by a network that was trained on human voices.

GE2E (Wan et al. 2018) as the package has it, which brings its own weights; it knows English best. The package is no
dependency of ours.
"""

from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..cards import InstrumentCard
from ..errors import InputError, MediaError
from ..media.content import SoundMedia
from .base import Instrument
from .logmel import RATE, resample

EMBEDDING = 256
SHORTEST = 0.4
"""Seconds of speech; the network reads pieces of 1.6 s, and what is shorter is filled up with silence."""
HINT = "resemblyzer: not installed; pip install resemblyzer, or take the instrument studio-voice"


class Resemblyzer(Instrument):
    """`features` (N, 256) float32 of length 1: their cosine says how alike two voices are."""

    def __init__(self, card: InstrumentCard, weights: Path | None = None, device: str = "cpu") -> None:
        super().__init__(card, weights, device)
        try:
            package = import_module("resemblyzer")
        except ImportError as error:
            raise InputError(f"{HINT} ({error})") from error
        self.encoder = package.VoiceEncoder(device, verbose=False)
        self.prepare = package.preprocess_wav

    def extract(self, sounds: Iterable[SoundMedia]) -> Mapping[str, NDArray[Any]]:  # type: ignore[override]
        """Return one vector a sound, of what the package calls speech.

        Raises:
            MediaError: A sound with less than 0.4 s of it.
        """
        rows = [self._of(sound) for sound in sounds]
        return {"features": np.array(rows, dtype=np.float32).reshape(len(rows), EMBEDDING)}

    def _of(self, sound: SoundMedia) -> NDArray[np.float32]:
        wave = np.asarray(resample(sound.sound, sound.sample_rate), dtype=np.float32)
        if len(wave) and float(np.abs(wave).max()) > 0:  # it divides by the level
            wave = np.asarray(self.prepare(wave, source_sr=RATE), dtype=np.float32)
        else:
            wave = wave[:0]
        if len(wave) < SHORTEST * RATE:
            raise MediaError(
                f"a sound of {len(sound.sound) / sound.sample_rate:.2f} s with less than {SHORTEST} s of speech"
            )
        vector = np.asarray(self.encoder.embed_utterance(wave), dtype=np.float64)
        return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)
