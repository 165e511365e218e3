"""How well the F0 of one voice follows that of another, and whether tones are still there."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from .audio_cepstrum import alignment
from .audio_pitch import Contour, contour_of
from .audio_signal import in_step, wave_of
from .wording import too_few

GROSS = 0.2
"""Relative error of F0 from which an error is gross: 316 cents up, 386 down."""
FEWEST_FRAMES = 10
"""Frames voiced in both, 0.1 s, that a statement about F0 needs."""
FLAT = 1.0
"""Cents; a contour whose standard deviation is below this does not move."""
SYLLABLE = 20
"""Frames of 10 ms in a piece of the shuffled control: about a syllable."""
_LINE = 50
"""Voiced frames that a straight line needs; of fewer only the mean is taken off."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class F0Agreement:
    """How well one F0 contour follows another; what cannot be said is None."""

    rmse: float | None
    """Cents: root mean square difference over frames voiced in both."""
    offset: float | None
    """Cents: mean of the second less the first, over the same frames; a change of register."""
    correlation: float | None
    """Of log F0 over the same frames, in [-1, 1]; 0 where the second does not move and the first does."""
    voicing_error: float
    """Share of all frames that are voiced in one alone, in [0, 1]."""
    gross_error: float | None
    """Share of frames voiced in both whose F0 is more than 20 % off the first, in [0, 1]."""
    frame_error: float
    """Share of all frames with either error, in [0, 1]."""
    frames: int
    voiced: int
    """Frames voiced in both."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToneAgreement:
    """How well the movement of F0 follows, register and declination taken off; None: the first does not move."""

    correlation: float | None
    """Of the contours in cents, in [-1, 1]."""
    concordance: float | None
    """Lin's coefficient, in [-1, 1]: flatter or livelier movement lowers it too; half the movement gives 0.8."""
    range_ratio: float | None
    """Standard deviation of the second over that of the first."""
    voiced: int
    """Frames voiced in both."""


def f0_agreement(a: ArrayLike, b: ArrayLike, rate: int, *, align: bool = False) -> F0Agreement:
    """How well the F0 of sound b follows that of a.

    F0 by pYIN every 10 ms from 60 to 600 Hz (`f0_contour`).

    Args:
        a: The reference: (samples,), or with channels, which are averaged; floats or int16.
        b: The other.
        rate: Samples a second of both.
        align: False: frame against frame; the sounds may differ by 0.1 s in length. True: along the warping path of
            their mel-cepstra, for the same words at another pace.

    Raises:
        InputError: Shorter than 0.1 s, silence, NaN, another shape; not in step; longer than 60 s to align.

    References:
        Nakatani, Amano, Irino, Ishizuka, Kondo 2008, A method for fundamental frequency estimation and voicing
        decision, section 4 (voicing and gross error); Chu, Alwan 2009, Reducing F0 frame error, equation 3.
    """
    one, two = wave_of(a, rate, "a"), wave_of(b, rate, "b")
    if not align:
        one, two = in_step(one, two)
        return contour_agreement(contour_of(one), contour_of(two))
    path = alignment(one, two)
    first, second = contour_of(one), contour_of(two)
    return contour_agreement(_along(first, path.first), _along(second, path.second))


def contour_agreement(a: Contour, b: Contour) -> F0Agreement:
    """How well contour b follows a, frame against frame.

    Raises:
        InputError: They have different lengths.
    """
    both = _both(a, b)
    apart = b.cents[both] - a.cents[both]
    wrong = np.abs(np.expm1(apart * math.log(2) / 1200)) > GROSS
    differs = a.voiced != b.voiced
    enough = len(apart) >= FEWEST_FRAMES
    return F0Agreement(
        rmse=float(np.sqrt(np.mean(apart**2))) if enough else None,
        offset=float(np.mean(apart)) if enough else None,
        correlation=_correlation(a.cents[both], b.cents[both]) if enough else None,
        voicing_error=float(np.mean(differs)),
        gross_error=float(np.mean(wrong)) if enough else None,
        frame_error=float((differs.sum() + wrong.sum()) / len(a)),
        frames=len(a),
        voiced=len(apart),
    )


def tone_agreement(a: Contour, b: Contour) -> ToneAgreement:
    """Whether the tones of contour a are still there in b, frame against frame.

    Over the frames voiced in both, each contour's own straight line over time is taken off (the register, and the fall
    of a phrase), because neither carries tones; what is left is compared in cents. Differences of level between
    syllables stay. A flattened F0 has concordance 0, a shuffled one about 0.

    Args:
        a: The reference, from `f0_contour`.
        b: The other; the same number of frames.

    Raises:
        InputError: They have different lengths, or fewer than 10 frames are voiced in both.

    References:
        Lin 1989, A concordance correlation coefficient to evaluate reproducibility, equation 3.
    """
    both = _both(a, b)
    voiced = int(both.sum())
    if voiced < FEWEST_FRAMES:
        raise InputError(f"tones: voiced in both: {too_few(voiced, 'frame', FEWEST_FRAMES)}")
    x, y = (_levelled(contour, both) for contour in (a, b))
    if x.std() < FLAT:
        return ToneAgreement(correlation=None, concordance=None, range_ratio=None, voiced=voiced)
    concordance = 2 * np.mean(x * y) / (np.mean(x**2) + np.mean(y**2))
    return ToneAgreement(
        correlation=_correlation(x, y),
        concordance=float(concordance),
        range_ratio=float(y.std() / x.std()),
        voiced=voiced,
    )


def flattened_f0(contour: Contour) -> Contour:
    """Return a contour without movement, at its mean pitch: a control that must fail."""
    mean = 100 * 2 ** (float(np.mean(contour.cents[contour.voiced])) / 1200) if contour.voiced.any() else math.nan
    return Contour(f0=np.where(contour.voiced, mean, np.nan), voicing=contour.voicing)


def shuffled_f0(contour: Contour, generator: np.random.Generator, piece: int = SYLLABLE) -> Contour:
    """Return a contour whose voiced frames have changed places in pieces: a control that must fail.

    What is voiced stays voiced, and the same pitches occur; which of them where is chance, but that no
    piece stays where it was.

    Args:
        contour: To shuffle.
        generator: Source of the order.
        piece: Frames that stay together, about a syllable.
    """
    voiced = np.flatnonzero(contour.voiced)
    f0 = contour.f0.copy()
    if len(voiced):
        pieces = np.array_split(voiced, max(2, len(voiced) // piece))
        turn = int(generator.integers(1, len(pieces)))
        order = generator.permutation(len(pieces))
        moved = np.empty(len(pieces), dtype=np.intp)
        moved[order] = np.roll(order, turn)  # along a cycle: none comes back to its own place
        f0[voiced] = contour.f0[np.concatenate([pieces[i] for i in moved])]
    return Contour(f0=f0, voicing=contour.voicing)


def _both(a: Contour, b: Contour) -> NDArray[np.bool_]:
    if len(a) != len(b) or not len(a):
        raise InputError(f"contours: expected the same number of frames, found {len(a)} and {len(b)}")
    return np.asarray(a.voiced & b.voiced)


def _levelled(contour: Contour, both: NDArray[np.bool_]) -> Array:
    """Cents of the given frames without their straight line over time."""
    cents, times = contour.cents[both], contour.times[both]
    left = cents - cents.mean()
    if len(left) < _LINE:
        return np.asarray(left)
    times = times - times.mean()
    return np.asarray(left - times * float(times @ left) / float(times @ times))


def _correlation(x: Array, y: Array) -> float | None:
    """Pearson's; None where x does not move, 0 where y alone does not."""
    if x.std() < FLAT:
        return None
    if y.std() < FLAT:
        return 0.0
    return float(np.clip(np.mean((x - x.mean()) * (y - y.mean())) / (x.std() * y.std()), -1, 1))


def _along(contour: Contour, frames: NDArray[np.intp]) -> Contour:
    """The contour at the frames of a warping path; sounds end within one frame of it."""
    frames = np.minimum(frames, len(contour) - 1)
    return Contour(f0=contour.f0[frames], voicing=contour.voicing[frames])
