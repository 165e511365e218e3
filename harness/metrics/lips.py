"""Metrics of lips against voice: LSE-D, LSE-C, offset, LSER, and a mouth that opens with the sound."""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from ..instruments import syncing
from .arrays import array_of
from .sets import matrix

Array = NDArray[np.float64]
EARLY, LATE = 0.090, 0.185
"""Seconds by which sound may come before and after the picture: ITU-R BT.1359-1 (1998), acceptability."""
MISS = 0.05
"""Share of true windows that may lie below the level of confidence."""
SURE = 0.95
"""How sure the level is not to lie above that."""
_DRAWS = 400
SPEECH = 0.5
"""Share of a window's frames that must hold speech."""
REACH = 15
"""Frames that the sound is moved to either side."""


class LipSync(NamedTuple):
    """What `lip_sync` returns."""

    distance: float
    """LSE-D: the least mean distance over the shifts."""
    confidence: float
    """LSE-C: the median over the shifts less the least."""
    offset: int
    """Frames by which the sound comes later than the picture; SyncNet prints the opposite sign."""
    curve: Array
    """(2 reach + 1,) mean distance at sound moved by -reach to reach frames."""


class Lser(NamedTuple):
    """What `lser` returns."""

    share: float
    """Of the windows with speech, in [0, 1]: those outside the band or unsure."""
    windows: int
    """With speech."""
    outside: int
    """Whose offset lies outside the band."""
    unsure: int
    """Whose confidence is below the level."""


def lip_sync(
    video: ArrayLike, audio: ArrayLike, *, reach: int = REACH, edges: Literal["zero", "drop"] = "zero"
) -> LipSync:
    """LSE-D, LSE-C and the offset of one clip, from the vectors of a network for synchrony.

    The recipe of SyncNet as published: the mean Euclidean distance (1e-6 added to every difference) of the picture at
    window t from the sound at window t + k, for k = -reach to reach. Read the offset too: LSE-D is taken at the best
    shift, so a clip that is late throughout scores well.

    Args:
        video: (T, D) vectors, one a frame; not normalised where the network is SyncNet.
        audio: (S, D) vectors, one a frame; the first min(T, S) of both are used.
        reach: Frames of shift to either side, below min(T, S).
        edges: `zero` compares with a zero vector beyond the sound, as SyncNet does, which makes LSE-C depend on the
            length of the clip; `drop` leaves those terms out.

    Returns:
        Distance, confidence, offset and the whole curve.

    Raises:
        InputError: Other shapes, different D, NaN or infinity, or no more windows than `reach`.

    References:
        Chung, Zisserman 2016, Out of time: automated lip sync in the wild, determining the lip-sync error; Prajwal et
        al. 2020, A Lip Sync Expert Is All You Need for Speech to Lip Generation In The Wild (LSE-D, LSE-C).
    """
    curve = np.nanmean(_apart(video, audio, reach, edges), axis=0)
    best = int(curve.argmin())
    least = float(curve[best])
    return LipSync(least, float(np.median(curve)) - least, best - reach, curve)


def sync_windows(
    video: ArrayLike,
    audio: ArrayLike,
    speech: ArrayLike | None = None,
    *,
    fps: float = 25.0,
    seconds: float = 2.0,
    hop: float = 0.2,
    reach: int = REACH,
) -> syncing.Windows:
    """Offset and confidence of every window of a clip, for `lser`.

    Args:
        video: (T, D) vectors, one a frame.
        audio: (S, D) vectors, one a frame.
        speech: (T,) whether there is speech at each frame, see `speech_activity`; None: everywhere.
        fps: Frames a second.
        seconds: Of a window.
        hop: Seconds from one window to the next.
        reach: Frames of shift to either side. Beyond the sound nothing is compared.

    Returns:
        `start` in seconds, `offset` in frames (sound late is positive), `confidence` and share of `speech`, each (W,);
        W is 0 for a clip shorter than a window.

    Raises:
        InputError: As `lip_sync`, or fewer flags than frames.
    """
    apart = _apart(video, audio, reach, "drop")
    flags = np.ones(len(apart), bool) if speech is None else array_of(speech).astype(bool)
    if flags.ndim != 1 or len(flags) < len(apart):
        raise InputError(f"speech: expected ({len(apart)},) flags, found {flags.shape}")
    return syncing.windows(apart, flags, fps=fps, seconds=seconds, hop=hop)


def _apart(video: ArrayLike, audio: ArrayLike, reach: int, edges: Literal["zero", "drop"]) -> Array:
    v, a = matrix(video, "video", 1), matrix(audio, "audio", 1)
    if v.shape[1] != a.shape[1]:
        raise InputError(f"vectors: of picture {v.shape[1]} numbers, of sound {a.shape[1]}")
    if edges not in ("zero", "drop"):
        raise InputError(f"edges: found {edges!r}, legal: zero, drop")
    if not 0 < reach < min(len(v), len(a)):
        raise InputError(f"reach: {reach} frames, expected 1 to {min(len(v), len(a)) - 1}: one less than there are")
    return syncing.distances(v, a, reach, edges)


def confidence_floor(
    confidences: ArrayLike,
    clips: ArrayLike | None = None,
    *,
    miss: float = MISS,
    sure: float = SURE,
    rng: np.random.Generator | None = None,
) -> float:
    """Return the confidence that at most a share `miss` of true windows does not reach.

    Windows of one clip resemble each other, so the quantile of few clips says little of other clips: with `clips`, the
    level is a one-sided tolerance limit, the quantile's lower limit over bootstrap draws of whole clips. It holds in
    nearly `sure` of many clips; of 15 that differ as much as their windows do, in four cases of five.

    Args:
        confidences: (W,) of windows with speech of true clips, W >= 1.
        clips: (W,) which clip each belongs to; None: the quantile itself.
        miss: In (0, 1).
        sure: Share of draws whose quantile is not below the level, in (0, 1).
        rng: Of the draws; None: a fixed one.

    Raises:
        InputError: No windows, NaN or infinity, other shapes, or a share outside (0, 1).

    References:
        Tolerance limits: Wilks 1941, Determination of sample sizes for setting tolerance limits; draws of clusters:
        Davison, Hinkley 1997, Bootstrap Methods and their Application, section 3.8.
    """
    values = array_of(confidences).astype(np.float64).ravel()
    if not len(values) or not np.isfinite(values).all() or not (0 < miss < 1 and 0 < sure < 1):
        raise InputError(
            f"confidences: expected finite ones and shares in (0, 1), found {len(values)}, {miss} and {sure}"
        )
    if clips is None:
        return float(np.quantile(values, miss))
    _, place = np.unique(array_of(clips).ravel(), return_inverse=True)
    if len(place) != len(values):
        raise InputError(f"clips: expected one for each of {len(values)} windows, found {len(place)}")
    order = np.argsort(values, kind="stable")
    ranked, owner = values[order], place[order]
    drawn = (rng or np.random.default_rng(0)).multinomial(
        owner.max() + 1, np.full(owner.max() + 1, 1 / (owner.max() + 1)), size=_DRAWS
    )
    passed = np.cumsum(drawn[:, owner], axis=1)
    first = (passed >= np.maximum(1.0, miss * passed[:, -1:])).argmax(axis=1)
    return float(np.quantile(ranked[first], 1 - sure))


def lser(
    offsets: ArrayLike,
    confidences: ArrayLike,
    speech: ArrayLike | None = None,
    *,
    least_confidence: float,
    fps: float = 25.0,
    early: float = EARLY,
    late: float = LATE,
    least_speech: float = SPEECH,
) -> Lser:
    """Lip-sync error rate: the share of windows with speech in which the lips do not go with the voice.

    A window is wrong where its best offset lies outside the band in which viewers accept sound before or after the
    picture, or where its confidence is below the level that true clips miss in 5 % of cases (`confidence_floor`); so
    true clips score about 0.05, and a frozen or a random mouth cannot score well by chance.

    Args:
        offsets: (W,) frames by which the sound comes later than the picture, of `sync_windows`.
        confidences: (W,).
        speech: (W,) share of speech in each window, in [0, 1]; None: all have it.
        least_confidence: Below it a window is wrong.
        fps: Frames a second.
        early: Seconds by which the sound may come before the picture.
        late: Seconds by which it may come after it.
        least_speech: Windows with a smaller share of speech are left out.

    Returns:
        The share, the number of windows, and how many are outside and unsure.

    Raises:
        InputError: Different lengths, NaN, no window with speech, or a band that is none.

    References:
        Band: ITU-R BT.1359-1 (1998), Relative timing of sound and vision for broadcasting: acceptability from 90 ms
        early to 185 ms late (detectability: 45 ms early to 125 ms late). The rate is defined here.
    """
    offset, confidence = (array_of(values).astype(np.float64) for values in (offsets, confidences))
    share = np.ones_like(offset) if speech is None else array_of(speech).astype(np.float64)
    if offset.ndim != 1 or not offset.shape == confidence.shape == share.shape:
        raise InputError(f"windows: found shapes {offset.shape}, {confidence.shape} and {share.shape}, expected one")
    if not all(np.isfinite(values).all() for values in (offset, confidence, share)):
        raise InputError("windows: found NaN or infinity")
    if early < 0 or late < 0 or fps <= 0:
        raise InputError(f"band: {early} s early to {late} s late at {fps} frames a second; none may be negative")
    spoken = share >= least_speech
    if not spoken.any():
        raise InputError(f"windows: none of {len(offset)} holds speech")
    outside, unsure = wrong_windows(
        offset[spoken], confidence[spoken], least_confidence, fps=fps, early=early, late=late
    )
    count = int(spoken.sum())
    return Lser(float(np.mean(outside | unsure)), count, int(outside.sum()), int(unsure.sum()))


def wrong_windows(
    offset: Array, confidence: Array, least: float, *, fps: float, early: float, late: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which windows lie outside the band, and which are below the level of confidence."""
    seconds = offset / fps
    return (seconds < -early - 1e-9) | (seconds > late + 1e-9), confidence < least


def speech_activity(sound: ArrayLike, rate: int, *, fps: float = 25.0) -> NDArray[np.bool_]:
    """Whether there is speech during each frame, by the level alone: loud noise and music count as speech.

    A frame is speech if its level (RMS) is within 30 dB of the clip's 95th percentile and above -60 dB of full scale.

    Args:
        sound: (samples,) in [-1, 1], mono.
        rate: Samples a second.
        fps: Frames a second.

    Returns:
        (frames,) flags; the last frame counts if it is whole.

    Raises:
        InputError: Not one-dimensional, NaN or infinity, or no rate.
    """
    return syncing.speech_in(_levels(sound, rate, fps))


def mouth_correlation(opening: ArrayLike, sound: ArrayLike, rate: int, *, fps: float = 25.0) -> float:
    """Correlation of how far a mouth is open with the level of the sound in dB, frame by frame while there is speech.

    A second measure of synchrony in which no network for synchrony has a part, because a system trained on the judge
    wins at the judge. From the first to the last frame with speech; pauses count as loud as the faintest speech. A
    frozen mouth scores 0, a mouth of another sentence about 0, true mouths of the studio about 0.5: jaws do not follow
    loudness alone.

    Args:
        opening: (T,) of any unit, one a frame: known, or read off the face.
        sound: (samples,) in [-1, 1], mono, from the first frame on.
        rate: Samples a second.
        fps: Frames a second.

    Returns:
        Pearson's correlation in [-1, 1]; 0 where opening or level does not vary.

    Raises:
        InputError: Other shapes, NaN or infinity, fewer than 2 frames with speech.

    References:
        After THEval's lip synchronisation (mouth opening against RMS during speech).
    """
    mouth = array_of(opening).astype(np.float64)
    if mouth.ndim != 1 or not np.isfinite(mouth).all():
        raise InputError(f"opening: expected (T,) finite numbers, found {mouth.shape}")
    level = _levels(sound, rate, fps)
    value = syncing.together(mouth, level, syncing.speech_in(level))
    if np.isnan(value):
        raise InputError("sound: fewer than 2 frames with speech beside the mouth")
    return value


def _levels(sound: ArrayLike, rate: int, fps: float) -> Array:
    samples = array_of(sound).astype(np.float64)
    if samples.ndim != 1 or not np.isfinite(samples).all() or rate <= 0 or fps <= 0:
        raise InputError(
            f"sound: expected (samples,) finite, found {samples.shape} at {rate} Hz, {fps} frames a second"
        )
    return syncing.levels(samples, rate, fps)
