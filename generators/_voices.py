"""What systems that change a voice share: WORLD's three streams of a sound, and the map from one speaker to another."""

import importlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fauxbench import InputError, Item, MediaError, read_sound

Array = NDArray[np.float64]
Frames = NDArray[np.intp]

RATE = 16_000
PERIOD = 5.0
"""ms between frames."""
F0_LOW, F0_HIGH = 60.0, 600.0
SMOOTH = 40
"""Cosines that keep a mean spectrum's shape and lose its harmonics: 200 Hz apart."""
WARPS = np.exp(np.arange(-0.30, 0.3001, 0.01))
"""Ratios of the lengths of two vocal tracts that are tried."""
SHORTEST = 0.2
"""Seconds."""
QUIET = 35.0
"""dB below the loudest frame that still count as speech."""
ROUNDS = 4
FEWEST = 10
"""Voiced frames without which a speaker's pitch is not known."""


def world() -> Any:  # noqa: ANN401 - a module without types
    """Return the module pyworld.

    Raises:
        InputError: The extra `voices` is not installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pyworld imports pkg_resources, which says that it is old
            return importlib.import_module("pyworld")
    except ImportError as error:
        message = "voices are changed by WORLD: install the extra `voices`, as with: pip install 'fauxbench[voices]'"
        raise InputError(message) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Voiceprint:
    """A sound in WORLD's streams (Morise, Yokomori, Ozawa 2016, WORLD: a vocoder-based speech synthesis system)."""

    f0: Array
    """(T,) Hz, 0 where unvoiced; a frame every 5 ms."""
    log_power: Array
    """(T, F) natural logarithm of the power envelope."""
    aperiodicity: Array
    """(T, F) share of noise in [0, 1]."""
    samples: int

    @property
    def voiced(self) -> NDArray[np.bool_]:
        """(T,) frames with an F0."""
        return np.asarray(self.f0 > 0)

    @property
    def speech(self) -> NDArray[np.bool_]:
        """(T,) voiced frames that are no more than 35 dB below the loudest."""
        loud = 10 / np.log(10) * self.log_power.mean(axis=1)
        return np.asarray(self.voiced & (loud > loud.max() - QUIET))


def analysed(sound: NDArray[Any]) -> Voiceprint:
    """Take a sound (samples,) at 16 kHz apart.

    Raises:
        InputError: Shorter than 0.2 s, silence, or the extra `voices` is not installed.
    """
    if len(sound) < SHORTEST * RATE:
        raise InputError(f"{1000 * len(sound) / RATE:.0f} ms of sound; at least {1000 * SHORTEST:.0f} ms are needed")
    samples = np.ascontiguousarray(sound, dtype=np.float64)
    if not np.isfinite(samples).all() or float(np.abs(samples).max()) < 1e-4:
        raise InputError("silence: there is no voice in it")
    made = world()
    rough, times = made.dio(samples, RATE, f0_floor=F0_LOW, f0_ceil=F0_HIGH, frame_period=PERIOD)
    f0 = made.stonemask(samples, rough, times, RATE)
    envelope = made.cheaptrick(samples, f0, times, RATE)
    aperiodicity = made.d4c(samples, f0, times, RATE)
    log_power = np.log(np.maximum(envelope, 1e-16))
    return Voiceprint(f0=f0, log_power=log_power, aperiodicity=aperiodicity, samples=len(samples))


def resynthesised(print_: Voiceprint) -> NDArray[np.float32]:
    """Put a sound together again: (samples,) float32, as long as it was, no louder than full scale."""
    made = world().synthesize(
        np.ascontiguousarray(print_.f0),
        np.ascontiguousarray(np.exp(print_.log_power)),
        np.ascontiguousarray(print_.aperiodicity),
        RATE,
        PERIOD,
    )
    sound = np.zeros(print_.samples)
    part = made[: print_.samples]
    sound[: len(part)] = part
    return np.asarray(sound / max(1.0, float(np.abs(sound).max()) / 0.99), dtype=np.float32)


def heard(items: Sequence[Item], what: str) -> tuple[Voiceprint, ...]:
    """Take the sounds of some Items apart; those that cannot be used are left out.

    Raises:
        InputError: None can be used, or the extra `voices` is not installed.
    """
    world()
    found, wrong = [], ""
    for item in items:
        try:
            found.append(analysed(sound_of(item)))
        except (InputError, MediaError) as error:
            wrong = wrong or f"{item.id}: {error}"
    if not found:
        raise InputError(f"no {what} can be used{': ' + wrong if wrong else ''}")
    return tuple(found)


def sound_of(item: Item) -> NDArray[np.float32]:
    """Return the sound of an Item at 16 kHz.

    Raises:
        InputError: It has no file on this machine.
        MediaError: It cannot be decoded.
    """
    if item.location is None:
        raise InputError(f"{item.id} has no file on this machine")
    return read_sound(item.location, RATE)


def resampled(sound: NDArray[np.float32], rate: int) -> NDArray[np.float64]:
    """Return a sound (samples,) at 16 kHz."""
    from math import gcd

    from scipy.signal import resample_poly

    common = gcd(rate, RATE)
    return np.asarray(resample_poly(sound.astype(np.float64), RATE // common, rate // common))


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """What is known of a voice from a few sentences."""

    mean: Array
    """(F,) mean logarithm of power over speech, without its own mean, smooth."""
    spread: Array
    """(F,) deviation of the same."""
    pitch: float
    """Mean of log F0."""
    movement: float
    """Deviation of log F0: half of what its middle 68 % span."""
    noise: Array
    """(F,) mean logit of aperiodicity over speech, smooth."""


def speaker_of(prints: Sequence[Voiceprint]) -> Speaker:
    """Learn a voice from all speech in some sounds.

    Raises:
        InputError: There are fewer than 10 voiced frames.
    """
    return _speaker(prints, [np.flatnonzero(one.speech) for one in prints])


def parallel_speakers(source: Voiceprint, references: Sequence[Voiceprint]) -> tuple[Speaker, Speaker]:
    """Learn two voices from the same words: of each, the frames that dynamic time warping puts beside each other.

    What differs is then the voice, and not what was said.

    Raises:
        InputError: There are fewer than 10 voiced frames.
    """
    import librosa

    pairs: list[tuple[Voiceprint, Frames]] = []
    mine: list[Frames] = []
    for reference in references:
        places = [np.flatnonzero(one.speech) for one in (source, reference)]
        if min(map(len, places)) >= FEWEST:
            a, b = (_cosines(one.log_power[at]) for one, at in zip((source, reference), places, strict=True))
            path = librosa.sequence.dtw(X=a.T, Y=b.T, metric="euclidean")[1][::-1]
            mine.append(places[0][path[:, 0]])
            pairs.append((reference, places[1][path[:, 1]]))
    return _speaker([source] * len(mine), mine), _speaker([one for one, _ in pairs], [at for _, at in pairs])


def nearest_speakers(source: Voiceprint, references: Sequence[Voiceprint]) -> tuple[Speaker, Speaker]:
    """Learn two voices from different words: of the references, the frames that are nearest to the source's.

    Four times over, the source is brought to the target's voice as far as it is known, and each of its frames takes the
    nearest of the references' (Erro, Moreno, Bonafonte 2010, INCA algorithm for training voice conversion systems from
    nonparallel corpora, section II, in one direction).

    Raises:
        InputError: There are fewer than 10 voiced frames.
    """
    from scipy.spatial import cKDTree

    whole = speaker_of([source]), speaker_of(references)
    frames = np.flatnonzero(source.speech)
    places = [np.flatnonzero(one.speech) for one in references]
    owner = np.repeat(np.arange(len(references)), [len(at) for at in places])
    tree = cKDTree(_cosines(np.concatenate([one.log_power[at] for one, at in zip(references, places, strict=True)])))
    mine, theirs = whole
    for _ in range(ROUNDS):
        moved = voice_map(mine, theirs).applied(source)
        _, near = tree.query(_cosines(moved.log_power[frames]))
        chosen = [np.concatenate(places)[near[owner[near] == k]] for k in range(len(references))]
        mine, theirs = _speaker([source], [frames]), _speaker(references, chosen)
    return (
        replace(mine, pitch=whole[0].pitch, movement=whole[0].movement),
        replace(theirs, pitch=whole[1].pitch, movement=whole[1].movement),
    )


def _cosines(rows: Array) -> Array:
    from scipy.fft import dct

    return np.asarray(dct(rows, axis=-1, norm="ortho")[:, 1:25])


def _speaker(prints: Sequence[Voiceprint], frames: Sequence[Frames]) -> Speaker:
    count = sum(map(len, frames))
    if count < FEWEST:
        raise InputError(f"{count} voiced frames of {PERIOD:g} ms, at least {FEWEST} are needed to know a voice")
    rows = np.concatenate([one.log_power[at] for one, at in zip(prints, frames, strict=True)])
    rows = smooth(rows - rows.mean(axis=1, keepdims=True))
    pitch = np.log(np.concatenate([one.f0[one.speech] for one in prints]))
    noise = np.concatenate([one.aperiodicity[at] for one, at in zip(prints, frames, strict=True)])
    return Speaker(
        mean=rows.mean(axis=0),
        spread=rows.std(axis=0),
        pitch=float(np.median(pitch)),
        movement=float(np.diff(np.percentile(pitch, [16, 84]))[0] / 2),  # an octave read wrongly does not count
        noise=smooth(_logit(noise)).mean(axis=0),
    )


def smooth(rows: Array) -> Array:
    """Keep the first 40 cosines of each row (T, F)."""
    from scipy.fft import dct, idct

    cosines = dct(rows, axis=-1, norm="ortho")
    cosines[..., SMOOTH:] = 0
    return np.asarray(idct(cosines, axis=-1, norm="ortho"))


def _logit(share: Array) -> Array:
    held = np.clip(share, 1e-4, 1 - 1e-4)
    return np.asarray(np.log(held / (1 - held)))


def warped(rows: Array, warp: float) -> Array:
    """Stretch spectra (..., F) along frequency: what stood at f stands at f * warp afterwards."""
    places = np.arange(rows.shape[-1]) / warp
    low = np.minimum(places.astype(np.intp), rows.shape[-1] - 2)
    part = np.minimum(places - low, 1.0)
    return np.asarray(rows[..., low] * (1 - part) + rows[..., low + 1] * part)


def warp_between(source: Speaker, target: Speaker) -> float:
    """Return the ratio of formants of two voices: the warp under which their mean spectra agree in shape.

    Level and tilt (the first cosines) are not looked at, because they are the voice's and the room's, not the tract's.
    """
    from scipy.fft import dct

    def shape(mean: Array) -> Array:
        cosines = np.asarray(dct(mean, norm="ortho"))[3:SMOOTH]
        return np.asarray(cosines / max(float(np.linalg.norm(cosines)), 1e-9))

    wanted = shape(target.mean)
    likeness = [float(shape(warped(source.mean, warp)) @ wanted) - 0.5 * np.log(warp) ** 2 for warp in WARPS]
    return float(WARPS[int(np.argmax(likeness))])


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceMap:
    """How one voice becomes another."""

    warp: float
    """Ratio of the formants."""
    source: Speaker
    target: Speaker
    movement: float
    """Factor of the deviation of log F0 from its middle."""

    def applied(self, print_: Voiceprint) -> Voiceprint:
        """Return a sound of the source's in the target's voice.

        Spectra are stretched, and mean and deviation of each frequency brought to the target's; log F0 is moved and
        scaled along a line, so that what rises still rises: tones survive.
        """
        source, target = self.source, self.target
        rows = warped(print_.log_power, self.warp)
        mean, spread = warped(source.mean, self.warp), warped(source.spread, self.warp)
        level = rows.mean(axis=1, keepdims=True)
        shape = smooth(rows - level)
        detail = rows - level - shape
        scale = np.clip(target.spread / np.maximum(spread, 1e-3), 0.7, 1.4)
        moved = level + detail + target.mean + scale * (shape - mean)
        noise = _logit(warped(print_.aperiodicity, self.warp)) + target.noise - warped(source.noise, self.warp)
        voiced = print_.voiced
        f0 = np.zeros_like(print_.f0)
        f0[voiced] = np.exp(target.pitch + self.movement * (np.log(print_.f0[voiced]) - source.pitch))
        aperiodicity = np.where(voiced[:, None], 1 / (1 + np.exp(-noise)), print_.aperiodicity)
        return Voiceprint(f0=f0, log_power=moved, aperiodicity=aperiodicity, samples=print_.samples)


def voice_map(source: Speaker, target: Speaker, *, one_language: bool = True) -> VoiceMap:
    """Return the map from one voice to another.

    Between two languages the range of F0 is the source sentence's own: it belongs to the language, not to the voice.
    """
    ratio = target.movement / max(source.movement, 1e-3)
    return VoiceMap(
        warp=warp_between(source, target),
        source=source,
        target=target,
        movement=float(np.clip(ratio, 0.7, 1.4)) if one_language else 1.0,
    )
