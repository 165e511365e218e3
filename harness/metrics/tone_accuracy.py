"""Whether a classifier that has learnt the tones of other voices still hears them."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..errors import InputError
from ..media.content import SoundMedia
from ..stats.intervals import cluster_bootstrap
from ..stats.score import Measurement
from .audio import PairedSounds, contour_kept, contours_of
from .audio_pitch import Contour
from .audio_prosody import flattened_f0, shuffled_f0
from .audio_signal import wave_of
from .base import Evidence, SoundPair
from .tone_classes import Syllable, classes_of, syllables_of, told, tone_features

SPOILT = "no better than flat or shuffled F0"


def tone_accuracy(contour: Contour, syllables: Sequence[Syllable], language: str) -> float:
    """Return the share of syllables whose tone is told from F0 alone, each tone weighing as if all were as frequent.

    Guessing gives 1 / number of tones on average, and so does F0 that does not move. A syllable without voice counts
    as wrong: its tone is gone.

    Args:
        contour: Of the sound.
        syllables: What should be heard, see `tone_classes.syllables_of`.
        language: One of `tone_classes.LANGUAGES`.

    Returns:
        In [0, 1].

    Raises:
        InputError: No syllable of a known tone.

    References:
        Fisher 1936, The use of multiple measurements in taxonomic problems (linear discriminants); features after Xu
        1997, Contextual tonal variations in Mandarin (F0 at equal places of the rime, beside its neighbours).
    """
    classes = classes_of(language)
    numbers = np.array([classes.tones.index(one.tone) if one.tone in classes.tones else -1 for one in syllables])
    kept = np.flatnonzero(numbers >= 0) if len(numbers) else np.zeros(0, dtype=np.intp)
    if not len(kept):
        raise InputError(f"no syllable of '{language}' whose tone is known")
    rows = tone_features(contour, syllables)[kept]
    heard = np.isfinite(rows).all(axis=1)
    right = np.zeros(len(kept), dtype=bool)
    right[heard] = told(rows[heard], classes) == numbers[kept][heard]
    weights = 1 / classes.shares[numbers[kept]]
    return float(weights @ right / weights.sum())


def tone_accuracies(
    sound: SoundMedia, syllables: Sequence[Syllable], language: str, generator: np.random.Generator
) -> dict[str, float]:
    """Return the accuracy of a sound as it is (``), `_flattened` and `_shuffled`.

    Raises:
        InputError: As `tone_accuracy`, or a sound that has no F0.
    """
    contour = contour_kept(wave_of(sound.sound, sound.sample_rate))
    forms = {"": contour, "_flattened": flattened_f0(contour), "_shuffled": shuffled_f0(contour, generator)}
    return {name: tone_accuracy(one, syllables, language) for name, one in forms.items()}


class _OfPair(PairedSounds):
    """Accuracy in one of the two sounds of a pair."""

    unusable = "no lexical tones are known"

    @abstractmethod
    def chosen(self, real: Contour, synthetic: Contour) -> Contour:
        """Return the contour that is asked."""

    def of_pair(self, pair: SoundPair) -> float:
        """Return the accuracy in one pair."""
        language = str(pair.language)
        syllables = syllables_of(pair.facts, pair.language)
        if not syllables:
            raise InputError(f"'{language}': no lexical tones are known of it")
        return tone_accuracy(self.chosen(*contours_of(pair)), syllables, language)


class ToneAccuracyBefore(_OfPair):
    """`tone_accuracy_before`: in the sounds that items were made from."""

    def chosen(self, real: Contour, synthetic: Contour) -> Contour:
        """Return the real one."""
        return real


class ToneAccuracy(_OfPair):
    """`tone_accuracy`: in the items, flagged where the real sound with flat or shuffled F0 does as well."""

    def chosen(self, real: Contour, synthetic: Contour) -> Contour:
        """Return the synthetic one."""
        return synthetic

    def measure(self, evidence: Evidence) -> Measurement:
        """Return the mean over pairs, with the flag where the controls do as well."""
        generator = np.random.default_rng([evidence.seed, 2])
        gains: list[float] = []
        clusters: list[str] = []

        def value_of(pair: SoundPair) -> float:
            value = self.of_pair(pair)
            real, _ = contours_of(pair)
            spoilt = flattened_f0(real), shuffled_f0(real, generator)
            syllables = syllables_of(pair.facts, pair.language)
            gains.append(value - max(tone_accuracy(one, syllables, str(pair.language)) for one in spoilt))
            clusters.append(pair.cluster)
            return value

        found = self.mean(evidence.sounds, evidence.seed, value_of)
        gain = cluster_bootstrap(gains, clusters, generator) if gains else None
        if gain is not None and gain.low <= 0:
            found = replace(found, flags=(*found.flags, SPOILT))
        return found
