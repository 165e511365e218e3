"""What studio-voice reaches on held-out voices and sentences, and whether its numbers move the right way."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..cards import InstrumentCard
from ..instruments.studio_voice import StudioVoice
from ..media.content import SoundMedia
from .runtime import Arrays
from .verification import is_monotone, verification

SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
"""Of another voice's numbers mixed into a voice's own; with more, it is another voice, as far away as any."""
SNRS = (30.0, 20.0, 10.0, 5.0, 0.0)
"""dB, of pink noise."""
_RATE = 22_050


def instrument_of(path: Path, device: str) -> StudioVoice:
    """Return studio-voice with weights that no card knows yet."""
    card = InstrumentCard(name="studio-voice", version="1", title="in training", entry="", purpose=("speaker",))
    return StudioVoice(card, path, device)


def told(instrument: StudioVoice, sounds: Arrays) -> NDArray[Any]:
    """Return the vectors of a set of sounds."""
    media = (SoundMedia(sound=row.astype(np.float32) / 32768, sample_rate=_RATE) for row in sounds["sound"])
    return np.asarray(instrument.extract(media)["features"])


def report(path: Path, tests: Mapping[str, Arrays], device: str) -> dict[str, Any]:
    """Measure an instrument by its file.

    Args:
        path: Weights.
        tests: `one language` and `several languages`; `reference`, and the same voices as `blend 0`, `noise 0`, ...
        device: Of torch.

    Returns:
        `verification` by set, and `calibration`: curves with whether they are monotone.
    """
    instrument = instrument_of(path, device)
    sets = ("one language", "several languages")
    rates = {name: verification(told(instrument, tests[name]), tests[name]["label"]) for name in sets}
    base = told(instrument, tests["reference"])
    mirrored = np.arange(len(base)) ^ 1  # the other sound of the same voice

    def away(name: str) -> float:
        return float(np.mean(1 - np.sum(base[mirrored] * told(instrument, tests[name]), 1)))

    blend = [away(f"blend {k}") for k in range(len(SHARES))]
    noise = [away(f"noise {k}") for k in range(len(SNRS))]
    curves = {"identity blend": _curve(list(SHARES), blend), "noise": _curve([-snr for snr in SNRS], noise)}
    return {"verification": rates, "calibration": curves}


def _curve(levels: list[float], values: list[float]) -> dict[str, Any]:
    return {"level": levels, "value": values, "monotone": is_monotone(values)}
