"""Metrics that compare a sound with the one it was made from: spectrum, F0, tones, samples, speaker."""

import hashlib
from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, MediaError
from ..instruments.logmel import RATE
from ..stats.blocks import FEWEST
from ..stats.intervals import cluster_bootstrap
from ..stats.score import Measurement
from .audio_cepstrum import mel_cepstral_distortion
from .audio_pitch import Contour, contour_of
from .audio_prosody import F0Agreement, contour_agreement, shuffled_f0, tone_agreement
from .audio_si_sdr import si_sdr
from .audio_signal import Wave, in_step, wave_of
from .base import Evidence, Features, Link, Metric, SoundPair
from .sets import cluster_name, flags_of, named
from .speech_speaker import speaker_similarity

REMEMBERED = 4096
"""Contours kept, 1.6 kB for each second of sound: several metrics read the same ones."""
_contours: dict[bytes, Contour] = {}


class _Named(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def cluster(self) -> str: ...


P = TypeVar("P", bound=_Named)


class PairedMean(Metric):
    """Mean of a value per pair, with a bootstrap over clusters; what has no value is counted, and named."""

    noun = "sound"
    """What a pair is of."""
    unusable = "unusable sound"
    """What a pair is counted as where there is no value."""

    def mean(self, pairs: Iterable[P], seed: int, value_of: Callable[[P], float]) -> Measurement:
        """Return the mean of a value over pairs."""
        values: dict[str, float] = {}
        clusters: list[str] = []
        refused: dict[str, str] = {}
        for pair in pairs:
            try:
                values[pair.id] = value_of(pair)
            except (InputError, MediaError) as error:
                refused[pair.id] = str(error)
                continue
            clusters.append(pair.cluster)
        failures = MappingProxyType(dict(Counter(self.unusable for _ in refused)))
        unused = named(refused)
        if not values:
            none = f"no pairs: nothing was made from a {self.noun}"
            reason = f"no usable pair among {len(refused)}" if refused else none
            return Measurement(value=None, n=0, failures=failures, flags=unused, reason=reason)
        array = np.fromiter(values.values(), np.float64, len(values))
        interval = cluster_bootstrap(array, clusters, np.random.default_rng(seed), cluster=cluster_name(clusters))
        few = () if interval is not None else (f"no interval: fewer than {FEWEST} clusters",)
        return Measurement(
            value=float(array.mean()),
            interval=interval,
            n=len(values),
            n_real=len(values),
            items=MappingProxyType(values),
            flags=(*flags_of(self.card, len(values)), *few, *unused),
            failures=failures,
        )


class PairedSounds(PairedMean):
    """Mean of a value per pair of sounds."""

    @abstractmethod
    def of_pair(self, pair: SoundPair) -> float:
        """Return the value of one pair; raise InputError or MediaError where there is none."""

    def measure(self, evidence: Evidence) -> Measurement:
        """Return the mean over pairs; the value of each is in `items`."""
        return self.mean(evidence.sounds, evidence.seed, self.of_pair)


def waves_of(pair: SoundPair) -> tuple[Wave, Wave]:
    """Return the real sound and the synthetic one at 16 kHz; InputError names the side that cannot be used."""
    real, synthetic = pair.real, pair.synthetic
    return wave_of(real.sound, real.sample_rate, "real"), wave_of(synthetic.sound, synthetic.sample_rate, "synthetic")


def contours_of(pair: SoundPair) -> tuple[Contour, Contour]:
    """Return the contours of the real sound and the synthetic one, frame beside frame."""
    real, synthetic = in_step(*waves_of(pair))
    return contour_kept(real), contour_kept(synthetic)


def contour_kept(wave: Wave) -> Contour:
    """Return the contour of a sound at 16 kHz, remembered for the other metrics that read it."""
    key = hashlib.blake2b(wave.tobytes(), digest_size=16).digest()
    if key not in _contours:
        if len(_contours) >= REMEMBERED:
            _contours.clear()
        _contours[key] = contour_of(wave)
    return _contours[key]


class CepstralDistortion(PairedSounds):
    """`mcd`: mel-cepstral distortion, frame against frame."""

    align = False

    def of_pair(self, pair: SoundPair) -> float:
        """Return the distortion of one pair, in dB."""
        return mel_cepstral_distortion(*waves_of(pair), RATE, align=self.align)


class AlignedDistortion(CepstralDistortion):
    """`mcd_dtw`: mel-cepstral distortion after dynamic time warping."""

    align = True


class ScaleInvariantRatio(PairedSounds):
    """`si_sdr`: scale-invariant signal to distortion ratio."""

    def of_pair(self, pair: SoundPair) -> float:
        """Return the ratio of one pair, in dB."""
        return si_sdr(*in_step(*waves_of(pair)))


class SpeakerSimilarity(PairedMean):
    """`speaker_similarity`: cosine of the vectors of speakers that an instrument extracted of both sets."""

    array = "features"
    """What of the instrument's is compared."""

    def measure(self, evidence: Evidence) -> Measurement:
        """Return the mean cosine over the links of the evidence."""
        if not evidence.links and evidence.synthetic is not None and not len(evidence.synthetic):
            reason = f"no pairs: no synthetic {self.noun} gives a vector"
            return Measurement(value=None, n=0, reason=reason)
        made, real = (_vectors(found, self.array) for found in (evidence.synthetic, evidence.real))

        def value_of(link: Link) -> float:
            for side, vectors, item in (("synthetic", made, link.id), ("real", real, link.source)):
                if item not in vectors:
                    raise InputError(f"no vector of the {side} item")
            return float(speaker_similarity(made[link.id][None], real[link.source][None]).target[0])

        return self.mean(evidence.links, evidence.seed, value_of)


def _vectors(found: Features | None, name: str) -> dict[str, NDArray[Any]]:
    return dict(zip(found.ids, found.arrays[name], strict=True)) if found is not None else {}


class Prosody(PairedSounds):
    """What is read off the F0 contours of a pair, frame against frame."""

    @abstractmethod
    def read(self, agreement: F0Agreement) -> float | None:
        """Return the number that the metric is about."""

    def of_pair(self, pair: SoundPair) -> float:
        """Return the number of one pair."""
        value = self.read(contour_agreement(*contours_of(pair)))
        if value is None:
            raise InputError("too few frames are voiced in both, or the real F0 does not move")
        return value


class F0Error(Prosody):
    """`f0_rmse`: difference of log F0, in cents."""

    def read(self, agreement: F0Agreement) -> float | None:
        """Return the root mean square difference."""
        return agreement.rmse


class F0Correlation(Prosody):
    """`f0_correlation`: of log F0 over frames voiced in both."""

    def read(self, agreement: F0Agreement) -> float | None:
        """Return the correlation."""
        return agreement.correlation


class VoicingError(Prosody):
    """`voicing_error`: share of frames that are voiced in one sound alone."""

    def read(self, agreement: F0Agreement) -> float | None:
        """Return the share."""
        return agreement.voicing_error


class GrossPitchError(Prosody):
    """`gross_pitch_error`: share of frames voiced in both whose F0 is more than 20 % off."""

    def read(self, agreement: F0Agreement) -> float | None:
        """Return the share."""
        return agreement.gross_error


class Tones(PairedSounds):
    """`tones`: concordance of the movement of F0, flagged where flat or shuffled F0 does as well."""

    def of_pair(self, pair: SoundPair) -> float:
        """Return the concordance of one pair."""
        return _concordance(*contours_of(pair))

    def measure(self, evidence: Evidence) -> Measurement:
        """Return the mean over pairs, with the flag `no better than flat or shuffled F0` where it applies."""
        generator = np.random.default_rng([evidence.seed, 1])
        gains: list[float] = []
        clusters: list[str] = []

        def value_of(pair: SoundPair) -> float:
            real, synthetic = contours_of(pair)
            value = _concordance(real, synthetic)
            # a flat contour has 0; a shuffled one about 0, but below it where there are few pieces to change places
            gains.append(value - max(0.0, _concordance(real, shuffled_f0(real, generator))))
            clusters.append(pair.cluster)
            return value

        found = self.mean(evidence.sounds, evidence.seed, value_of)
        gain = cluster_bootstrap(gains, clusters, generator) if gains else None
        if gain is not None and gain.low <= 0:
            found = replace(found, flags=(*found.flags, "no better than flat or shuffled F0"))
        return found


def _concordance(real: Contour, synthetic: Contour) -> float:
    value = tone_agreement(real, synthetic).concordance
    if value is None:
        raise InputError("the real F0 does not move")
    return value
