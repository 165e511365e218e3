"""Lexical tones: which one a syllable carries, told from its F0 alone, register and range of the voice taken off.

What a syllable should carry comes from the facts of the studio's sounds: their phonemes with times, and eSpeak NG's own
tone for each, which stands in `tone_classes.json` beside the weights (`python -m fauxbench.harness.training.tones`).
"""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..canonical import JSON, digest_of_bytes
from ..errors import IntegrityError
from .audio_pitch import Contour

LANGUAGES = ("cmn", "yue", "vi", "th")
"""Languages whose tones are told apart."""
FILE = Path(__file__).with_name("tone_classes.json")
DIGEST = "ed72e0ca01a31f1bbcad773ba7027682417f245c017c6e3567790fae24b1c9da"
"""Of the file: other weights are another metric."""
POINTS = np.array([0.1, 0.3, 0.5, 0.7, 0.9])
"""Places in a syllable's rime where its F0 is read."""
FEWEST_FRAMES = 4
"""Voiced frames of 10 ms that a syllable needs."""
LEAST_SPREAD = 50.0
"""Cents; F0 that moves less than this is not stretched any further."""
CODAS = "mnNjw"
"""First letters of what may follow a vowel within its syllable and has an F0."""

Array = NDArray[np.float64]


class Syllable(NamedTuple):
    """What carries a tone: a vowel, with the nasal or glide that ends its syllable."""

    tone: str
    """As eSpeak NG writes it: `55`, `35`, ... in Mandarin, 1 to 6 elsewhere."""
    start: float
    """Seconds."""
    end: float


class Classes(NamedTuple):
    """A linear classifier of the tones of one language."""

    tones: tuple[str, ...]
    weights: Array
    """(tones, features)."""
    offsets: Array
    """(tones,)."""
    shares: Array
    """(tones,) of the syllables of the studio's sentences."""

    @property
    def chance(self) -> float:
        """Accuracy of guessing, tones weighed alike."""
        return 1 / len(self.tones)


def classes_of(language: str) -> Classes:
    """Return the classifier of a language of `LANGUAGES`."""
    record = _record()["classes"][language]
    return Classes(
        tones=tuple(record["tones"]),
        weights=np.asarray(record["weights"], dtype=np.float64),
        offsets=np.asarray(record["offsets"], dtype=np.float64),
        shares=np.asarray(record["shares"], dtype=np.float64),
    )


@cache
def _record() -> Mapping[str, Any]:
    content = FILE.read_bytes()
    if digest_of_bytes([content]) != DIGEST:
        raise IntegrityError(f"{FILE.name} is not the file that this version was tested with; reinstall fauxbench")
    found: Mapping[str, Any] = json.loads(content)
    return found


def syllables_of(facts: Mapping[str, JSON], language: str | None) -> tuple[Syllable, ...]:
    """Return the syllables of a studio sound, in order; none where its facts or its language do not say them.

    A sentence whose phonemes are not those that are known of it is left out.
    """
    if language not in LANGUAGES or "phonemes" not in facts or "sentences" not in facts:
        return ()
    found: list[Syllable] = []
    heard = [(str(name), float(start), float(end)) for name, start, end in facts["phonemes"]]
    for sentence in facts["sentences"]:
        known = _record()["sentences"].get(sentence["id"])
        first, last = float(sentence["start"]) - 0.002, float(sentence["end"]) + 0.002
        said = [one for one in heard if not one[0].startswith("_") and first <= one[1] < last]
        if known is not None:
            found += matched(said, [token(one) for one in known.split()])
    return tuple(found)


def token(text: str) -> tuple[str, str]:
    """Return mnemonic and tone of `Au/214`, or of `ts`."""
    name, _, tone = text.partition("/")
    return name, tone


def matched(said: Sequence[tuple[str, float, float]], known: Sequence[tuple[str, str]]) -> list[Syllable]:
    """Return the syllables of one sentence: its phonemes with times beside those with tones; none if they differ."""
    if len(said) > len(known) or any(one[0] != name for one, (name, _) in zip(said, known, strict=False)):
        return []
    found = []
    for place, (_, start, end) in enumerate(said):
        tone = known[place][1]
        if tone:
            coda = place + 1 < len(said) and _closes(known, place + 1)
            found.append(Syllable(tone, start, said[place + 1][2] if coda else end))
    return found


def _closes(known: Sequence[tuple[str, str]], place: int) -> bool:
    """Whether a phoneme belongs to the vowel before it: a nasal or glide that no vowel follows."""
    name, tone = known[place]
    return name[:1] in CODAS and not tone and not (place + 1 < len(known) and known[place + 1][1])


def tone_features(contour: Contour, syllables: Sequence[Syllable]) -> Array:
    """Return what is read of each syllable: F0 at five places, and the means of the syllables beside it.

    Log F0 is counted from the median of the sound, in standard deviations of the sound, so that neither register nor
    range of a voice tells.

    Args:
        contour: Of the whole sound.
        syllables: In order.

    Returns:
        (syllables, 7); a row of NaN for a syllable with fewer than `FEWEST_FRAMES` voiced frames.
    """
    rows = np.full((len(syllables), len(POINTS) + 2), np.nan)
    cents = contour.cents[contour.voiced]
    if not len(cents):
        return rows
    height = (contour.cents - np.median(cents)) / max(float(cents.std()), LEAST_SPREAD)
    for place, one in enumerate(syllables):
        inside = contour.voiced & (contour.times >= one.start) & (contour.times < one.end)
        if inside.sum() >= FEWEST_FRAMES:
            times = contour.times[inside]
            rows[place, : len(POINTS)] = np.interp(times[0] + POINTS * (times[-1] - times[0]), times, height[inside])
    means = np.nan_to_num(np.pad(rows[:, : len(POINTS)].mean(axis=1), 1))
    usable = np.isfinite(rows[:, 0])
    rows[usable, -2], rows[usable, -1] = means[:-2][usable], means[2:][usable]
    return rows


def told(rows: Array, classes: Classes) -> NDArray[np.intp]:
    """Return the number of the tone that each row of `tone_features` is taken for."""
    return np.asarray(np.argmax(rows @ classes.weights.T + classes.offsets, axis=1))
