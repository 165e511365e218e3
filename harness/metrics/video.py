"""Metrics of clips: likeness of neighbouring frames with motion beside it, flicker, drift of the identity."""

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError, MediaError
from ..instruments.moving import FROZEN, Moving, drift, moving
from ..stats.intervals import cluster_bootstrap
from ..stats.score import Measurement
from .arrays import LEVELS, array_of
from .base import Evidence, Features, Metric
from .sets import cluster_name, fault, flags_of, matrix, refused


class FrameUniformity(NamedTuple):
    """What `frame_uniformity` returns."""

    uniformity: float
    """Mean SSIM of neighbouring frames, in [-1, 1]."""
    motion: float
    """Mean absolute difference of neighbouring frames, in grey levels a frame, >= 0."""
    frozen: bool
    """Whether it moves so little (below 0.05 grey levels) that its uniformity says nothing."""
    frames: int


def frame_uniformity(frames: ArrayLike | Iterable[ArrayLike]) -> FrameUniformity:
    """Mean SSIM between neighbouring frames, with how much moves beside it.

    Never read one without the other: a frozen clip has uniformity 1 and motion 0. There is no accepted protocol; here
    both are taken on luma (ITU-R BT.601), SSIM as in `ssim`. Frames are streamed: memory does not grow with the clip.
    Both depend on frames a second: compare clips at one rate.

    Args:
        frames: (T, H, W, 3) or (T, H, W) samples in [0, 255], or an iterable of pictures; T >= 2, H and W >= 11.

    Returns:
        Uniformity, motion, whether it is frozen, and the number of frames.

    Raises:
        InputError: Fewer than 2 frames, sizes that change, a side below 11, NaN, samples on another scale.

    References:
        Wang, Bovik, Sheikh, Simoncelli 2004, Image Quality Assessment, equation 13; the motion that must stand beside
        it after Huang et al. 2024, VBench, temporal flickering, which leaves static clips out.
    """
    told = _told(frames, least=2, structure=True)
    return FrameUniformity(told.uniformity, told.motion, told.motion < FROZEN, told.frames)


def flicker(frames: ArrayLike | Iterable[ArrayLike]) -> float:
    """Amplitude of flickering brightness, in grey levels.

    The mean of |c(t-1) - 2 c(t) + c(t+1)| / 4, where c are the mean lumas of 16 x 16 cells of the frame: brightness
    that alternates between +a and -a gives a; a still picture, a fade and a steady change give 0. Frames are streamed.

    Args:
        frames: (T, H, W, 3) or (T, H, W) samples in [0, 255], or an iterable of pictures; T >= 3, H and W >= 11.

    Returns:
        Grey levels, >= 0.

    Raises:
        InputError: Fewer than 3 frames, sizes that change, a side below 11, NaN, samples on another scale.

    References:
        After Huang et al. 2024, VBench, temporal flickering, which takes first differences of pixels and so counts
        motion and fades too.
    """
    return _told(frames, least=3, structure=False).flicker


def identity_drift(embeddings: ArrayLike) -> float:
    """How far the identity of a face drifts over a clip: one less VBench's subject consistency.

    1 - mean over t >= 2 of (cos(e(t), e(t-1)) + cos(e(t), e(1))) / 2.

    Args:
        embeddings: (T, D) of a face at times in order, T >= 2; lengths do not matter.

    Returns:
        The drift in [0, 2]; 0 where all embeddings have one direction.

    Raises:
        InputError: Another shape, fewer than 2 rows, NaN or infinity, a row of zeros.

    References:
        Huang et al. 2024, VBench: Comprehensive Benchmark Suite for Video Generative Models, subject consistency.
    """
    rows = matrix(embeddings, "embeddings")
    if not np.linalg.norm(rows.astype(np.float64), axis=1).all():
        raise InputError("embeddings: a row of zeros has no direction")
    return drift(rows)


def _told(frames: ArrayLike | Iterable[ArrayLike], *, least: int, structure: bool) -> Moving:
    try:
        told = moving(_pictures(frames), structure=structure)
    except MediaError as error:
        raise InputError(f"frames: {error}") from error
    if told.frames < least:
        raise InputError(f"frames: found {told.frames}, at least {least} are needed")
    return told


def _pictures(frames: Any) -> Iterator[NDArray[Any]]:  # noqa: ANN401 - arrays, tensors or iterables of them
    for place, frame in enumerate(array_of(frames) if hasattr(frames, "shape") else frames):
        picture = array_of(frame)
        if picture.ndim not in (2, 3) or (picture.ndim == 3 and picture.shape[2] != 3) or not picture.size:
            raise InputError(f"frame {place}: expected (H, W) or (H, W, 3), found {picture.shape}")
        if picture.dtype != np.uint8:
            _check_scale(place, picture)
        yield picture


def _check_scale(place: int, picture: NDArray[Any]) -> None:
    low, high = float(picture.min()), float(picture.max())
    if not 0 <= low <= high <= LEVELS:  # NaN compares with nothing
        raise InputError(f"frame {place}: found samples from {low:g} to {high:g}, expected the scale of 0 to 255")
    if high <= 1 and bool((picture % 1).any()):
        raise InputError(f"frame {place}: found samples in [0, 1], expected the scale of 0 to 255; multiply by 255")


class ClipMean(Metric):
    """Mean of a value per clip, with a bootstrap over clusters."""

    @property
    @abstractmethod
    def key(self) -> str:
        """Name of the array that it reads."""

    def values(self, found: Features) -> NDArray[np.float64]:
        """Return (N,) the value of each clip."""
        return found.arrays[self.key][:, 0].astype(np.float64)

    def left_out(self, found: Features) -> tuple[str, NDArray[np.bool_]]:
        """Return which clips (N,) do not count, and what to call them."""
        return "", np.zeros(len(found), bool)

    def remarks(self, found: Features) -> tuple[str, ...]:
        """Return flags beyond that of a small sample."""
        return ()

    def measure(self, evidence: Evidence) -> Measurement:
        """Return the mean over clips; the value of each is in `items`."""
        found = evidence.synthetic
        reason = fault(found, "synthetic", self.key, least=1)
        if reason or found is None:
            return refused(evidence, reason or "no clips")
        word, out = self.left_out(found)
        failures = {word: int(out.sum())} if out.any() else {}
        if out.all():
            reason = f"all {len(found)} clips are {word}" if len(found) > 1 else f"the only clip is {word}"
            return Measurement(value=None, n=0, failures=MappingProxyType(failures), reason=reason)
        remarks = self.remarks(found)
        found = found.take(np.flatnonzero(~out))
        return clip_mean(self, found, self.values(found), evidence, remarks, failures)


def clip_mean(
    metric: Metric,
    found: Features,
    values: NDArray[np.float64],
    evidence: Evidence,
    remarks: tuple[str, ...] = (),
    failures: Mapping[str, int] = MappingProxyType({}),
) -> Measurement:
    """Return the mean of (N,) values of clips, with a bootstrap over clusters."""
    generator = np.random.default_rng(evidence.seed)
    interval = cluster_bootstrap(values, found.clusters, generator, cluster=cluster_name(found.clusters))
    flags = (*flags_of(metric.card, len(values)), *remarks)
    return Measurement(
        value=float(values.mean()),
        interval=interval,
        n=len(values),
        items=MappingProxyType(dict(zip(found.ids, values.tolist(), strict=True))),
        flags=flags if interval is not None else (*flags, "no interval: too few clusters"),
        failures=MappingProxyType(dict(failures)),
    )


class Uniformity(ClipMean):
    """`frame_uniformity`: mean likeness of neighbouring frames; how many clips are frozen is a flag."""

    key = "uniformity"

    def remarks(self, found: Features) -> tuple[str, ...]:
        """Say how many clips are frozen."""
        frozen = int(_frozen(found).sum())
        return (f"frozen: {frozen} of {len(found)} clips",) if frozen else ()


class Motion(Uniformity):
    """`motion`: mean change from frame to frame."""

    key = "motion"


class Flicker(ClipMean):
    """`flicker`: mean amplitude of flickering brightness; a frozen clip counts as a failure, not as a good one."""

    key = "flicker"

    def left_out(self, found: Features) -> tuple[str, NDArray[np.bool_]]:
        """Leave frozen clips out."""
        return "frozen", _frozen(found)


class IdentityDrift(ClipMean):
    """`identity_drift`: mean drift of the identity."""

    key = "drift"


def _frozen(found: Features) -> NDArray[np.bool_]:
    return np.asarray(found.arrays["motion"][:, 0] < FROZEN)
