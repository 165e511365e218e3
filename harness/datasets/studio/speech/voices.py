"""Voices: throats of named numbers that eSpeak speaks with."""

from typing import NamedTuple

import numpy as np

from ..recipe import RESERVED_PEOPLE
from .espeak import Spoken, speak
from .languages import Language, find_language
from .sentences import Sentence

RESERVED_VOICES = 2 * RESERVED_PEOPLE
"""Voices with this number and above belong to reserved people, for the training and testing of judges alone."""

_POPULATION = 22_050  # seed of the one population of voices


class Voice(NamedTuple):
    """A speaker: numbers that define a throat and a manner of speaking.

    Even numbers are built as most men's voices are, odd ones as most women's. Two languages with the same number share
    the throat.
    """

    id: str
    """Stable, as `voice-en-0003`."""
    language: str
    number: int
    feminine: bool
    pitch: float
    """Hz at the bottom of the usual range, a fifth below the median: 72 to 112, or 132 to 182."""
    liveliness: float
    """How far the pitch moves, 1 as in eSpeak's own voice: 0.75 to 1.3."""
    words_per_minute: int
    """140 to 195."""
    tract: float
    """All formants, 1 as in eSpeak's own voice: 0.88 to 1.04, or 1.08 to 1.20. Longer tracts have lower formants."""
    formants: tuple[float, float, float]
    """The first three formants over what `tract` makes of them: 0.94 to 1.06."""
    bandwidth: float
    """Width of the formants: 0.9 to 1.2, or 1.3 to 1.65."""
    tilt: float
    """Strength of high formants: 0.6 dark to 1.3 bright."""
    roughness: int
    """0 clear to 4 rough."""
    breath: int
    """0 to 5."""
    consonants: int
    """Strength of consonants in per cent: 75 to 125."""

    def profile(self) -> str:
        """Return the lines of an eSpeak voice file that make this voice."""
        span = 1.0 + (find_language(self.language).pitch_span - 1.0) * self.liveliness
        lines = [f"pitch {self.pitch:.0f} {self.pitch * span:.0f}", f"roughness {self.roughness}"]
        for formant in range(9):
            own = self.formants[formant - 1] if 1 <= formant <= 3 else 1.0
            strength = 100.0 * (0.8 if self.feminine else 1.0) * (self.tilt if formant >= 3 else 1.0)
            frequency = 100.0 * self.tract * own
            lines.append(f"formant {formant} {frequency:.0f} {strength:.0f} {100.0 * self.bandwidth:.0f}")
        if self.breath:
            lines.append("breath 0 " + " ".join([str(self.breath)] * 7))
        lines.append(f"consonants {self.consonants} {self.consonants}")
        return "\n".join(lines)

    def numbers(self) -> dict[str, float]:
        """Return the named numbers, for an Item's facts."""
        named = {f"formant_{place}": value for place, value in enumerate(self.formants, 1)}
        rest = {k: float(v) for k, v in self._asdict().items() if isinstance(v, int | float)}
        return {**rest, **named}

    def say(self, sentence: Sentence) -> Spoken:
        """Speak a sentence of this voice's language.

        Raises:
            InputError: The extra `speech` is not installed.
        """
        language: Language = find_language(self.language)
        return speak(
            sentence.spoken,
            self.language,
            profile=self.profile(),
            words_per_minute=self.words_per_minute,
            phonemic=language.phonemic,
        )


def voice(language: str, number: int) -> Voice:
    """Return voice `number` of a language; the same on every machine and in every set.

    Raises:
        InputError: The studio does not speak the language.
    """
    find_language(language)
    rng = np.random.default_rng([_POPULATION, number])
    feminine = bool(number % 2)
    low, high = (132.0, 182.0) if feminine else (72.0, 112.0)
    pitch = low * (high / low) ** rng.uniform()
    formants = tuple(float(rng.uniform(0.94, 1.06)) for _ in range(3))
    return Voice(
        id=f"voice-{language}-{number:04d}",
        language=language,
        number=number,
        feminine=feminine,
        pitch=round(pitch, 1),
        liveliness=float(rng.uniform(0.75, 1.3)),
        words_per_minute=int(rng.integers(140, 196)),
        tract=float(rng.uniform(1.08, 1.20) if feminine else rng.uniform(0.88, 1.04)),
        formants=(formants[0], formants[1], formants[2]),
        bandwidth=float(rng.uniform(1.3, 1.65) if feminine else rng.uniform(0.9, 1.2)),
        tilt=float(rng.uniform(0.6, 1.3)),
        roughness=int(rng.integers(0, 5)),
        breath=int(rng.integers(0, 6)) if rng.uniform() < 0.5 else 0,
        consonants=int(rng.integers(75, 126)),
    )


def voice_of_person(language: str, person: int, masculinity: float) -> Voice:
    """Return the voice of person number `person`; a person has one throat, whatever the language."""
    return voice(language, 2 * person + (0 if masculinity >= 0.5 else 1))
