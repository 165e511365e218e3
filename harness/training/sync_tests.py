"""What studio-sync reaches on held-out people, voices and sentences, and whether its numbers move the right way."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..cards import InstrumentCard
from ..instruments.logmel import log_mel
from ..instruments.studio_sync import BANDS, REACH, WINDOW, StudioSync, distance_curve
from .runtime import Arrays
from .verification import is_monotone, offset_shares

Array = NDArray[Any]
SHARES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
"""Of another clip's mouth mixed into the right one's."""
SNRS = (30.0, 20.0, 10.0, 5.0, 0.0, -5.0)
"""dB, of white noise added to the sound."""
_RATE = 22_050


def instrument_of(path: Path, device: str) -> StudioSync:
    """Return studio-sync with weights that no card knows yet."""
    card = InstrumentCard(name="studio-sync", version="1", title="in training", entry="", purpose=("sync",))
    return StudioSync(card, path, device)


def curves(instrument: StudioSync, clips: Arrays, snr: float | None = None) -> NDArray[np.float64]:
    """Return the distance curve (clips, 31) of each of a set of clips, with noise added to the sound if asked for."""
    rows = []
    for k, (mouths, sound) in enumerate(zip(clips["mouths"], clips["sound"], strict=True)):
        wave = sound.astype(np.float32) / 32768
        if snr is not None:
            noise = np.random.default_rng(k).standard_normal(len(wave))
            wave = (wave + noise * np.sqrt(np.mean(wave**2) / 10 ** (snr / 10))).astype(np.float32)
        mel = log_mel(wave, _RATE, bands=BANDS, window=WINDOW)
        rows.append(distance_curve(*instrument.embed(mouths, mel)))
    return np.array(rows)


def report(path: Path, tests: Mapping[str, Arrays], device: str) -> dict[str, Any]:
    """Measure an instrument by its file.

    Args:
        path: Weights.
        tests: `close`, `240p` and `96p` with injected offsets; `wrong 0`, `wrong 1`, ... by `SHARES`, in step.
        device: Of torch.

    Returns:
        `offsets` by set, with distance and confidence, and `calibration`: curves with whether they are monotone.
    """
    instrument = instrument_of(path, device)
    offsets = {}
    for name in ("close", "240p", "96p"):
        found = curves(instrument, tests[name])
        offsets[name] = offset_shares(found.argmin(1) - REACH, tests[name]["offset"])
        offsets[name]["distance"] = float(found.min(1).mean())
        offsets[name]["confidence"] = float((np.median(found, 1) - found.min(1)).mean())
    return {"offsets": offsets, "calibration": calibration(instrument, tests)}


def calibration(instrument: StudioSync, tests: Mapping[str, Arrays]) -> dict[str, Any]:
    """Return the mean distance at the stated offset by errors of offset, lips and sound."""
    found = curves(instrument, tests["close"])
    true = tests["close"]["offset"]
    away = range(0, 4)  # frames; further off, the syllables before and after begin to fit again

    def at(shift: int) -> float:
        return float(
            np.mean(
                [0.5 * (row[REACH + o + shift] + row[REACH + o - shift]) for row, o in zip(found, true, strict=True)]
            )
        )

    part = {name: values[:60] for name, values in tests["close"].items()}
    place = np.arange(len(part["offset"])), REACH + part["offset"]
    wrong = [float(curves(instrument, tests[f"wrong {k}"])[:, REACH].mean()) for k in range(len(SHARES))]
    return {
        "offset": _curve(list(away), [at(shift) for shift in away]),
        "wrong lips": _curve(list(SHARES), wrong),
        "noise": _curve([-snr for snr in SNRS], [float(curves(instrument, part, snr)[place].mean()) for snr in SNRS]),
    }


def _curve(levels: list[Any], values: list[float]) -> dict[str, Any]:
    return {"level": levels, "value": values, "monotone": is_monotone(values)}
