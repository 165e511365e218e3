"""Partially synthetic clips without a network: the mouth is late, smoothed and blended in."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fauxbench import Artifact, Context, Failure, Generator, MediaError, Request, VideoMedia, has_sound, open_clip


class StandIn(Generator):
    """Delays the lower middle of every frame of `request.target`; the sound stays."""

    def generate(self, requests: Sequence[Request], context: Context) -> Iterator[Artifact | Failure]:
        """Yield one clip a request, streamed."""
        for done, request in enumerate(requests):
            yield self._edit(request)
            context.progress((done + 1) / len(requests), f"{done + 1} of {len(requests)} clips")

    def _edit(self, request: Request) -> Artifact | Failure:
        target = request.target
        if target is None or target.location is None:
            return Failure(request_id=request.id, kind="missing", message="stand-in: the request has no target here")
        try:
            clip = open_clip(target.location, sound=has_sound(target.location))
        except MediaError as error:
            return Failure(request_id=request.id, kind="unreadable", message=str(error))
        made = VideoMedia(
            frames=lambda: self._frames(clip), fps=clip.fps, sound=clip.sound, sample_rate=clip.sample_rate
        )
        return Artifact(request_id=request.id, media=made)

    def _frames(self, clip: VideoMedia) -> Iterator[NDArray[np.uint8]]:
        late = max(1, round(float(self.parameters["late"]) * clip.fps))
        past: deque[NDArray[np.uint8]] = deque(maxlen=late + 1)
        place: _Place | None = None
        for pixels in clip.frames():
            place = place or _Place.of(pixels.shape[0], pixels.shape[1], float(self.parameters["smooth"]) / 100.0)
            past.append(pixels[place.around].copy())
            made = pixels.copy()
            made[place.inside] = place.mixed(pixels[place.inside], past[0])
            yield made


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where a frame is changed; the rest of it is not looked at."""

    share: NDArray[np.float32]
    """Of the old frame, (h, w, 1) in [0, 1]."""
    sigma: float
    inside: tuple[slice, slice]
    """Of a frame: where the share is above 0."""
    around: tuple[slice, slice]
    """As far around it as the filter reaches."""
    within: tuple[slice, slice]
    """`inside`, in what lies `around`."""

    @classmethod
    def of(cls, height: int, width: int, smooth: float) -> "_Place":
        """Return the place for frames of a size."""
        share = _ellipse(height, width)
        sigma = smooth * height
        reach = int(np.ceil(4 * sigma)) + 1
        inside, around, within = [], [], []
        for axis, side in ((1, height), (0, width)):
            held = np.flatnonzero(share[:, :, 0].any(axis=axis))
            first, last = int(held[0]), int(held[-1]) + 1
            start, end = max(0, first - reach), min(side, last + reach)
            inside.append(slice(first, last))
            around.append(slice(start, end))
            within.append(slice(first - start, last - start))
        kept = share[inside[0], inside[1]]
        return cls(
            share=kept,
            sigma=sigma,
            inside=(inside[0], inside[1]),
            around=(around[0], around[1]),
            within=(within[0], within[1]),
        )

    def mixed(self, pixels: NDArray[np.uint8], old: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return pixels (h, w, 3) with the old ones, smoothed, blended in."""
        smooth = np.asarray(cv2.GaussianBlur(old, (0, 0), self.sigma) if self.sigma > 0.0 else old)[self.within]
        blended = pixels + self.share * (smooth.astype(np.float32) - pixels)
        return np.rint(np.clip(blended, 0.0, 255.0)).astype(np.uint8)


def _ellipse(height: int, width: int) -> NDArray[np.float32]:
    """Return a soft mask (H, W, 1) in [0, 1] around the lower middle, where the mouth of a portrait is."""
    y = (np.arange(height)[:, None] + 0.5) / height - 0.62
    x = ((np.arange(width)[None, :] + 0.5) / width - 0.5) * width / height
    distance = np.sqrt((x / 0.16) ** 2 + (y / 0.12) ** 2)
    return np.clip(2.0 - 1.5 * distance, 0.0, 1.0).astype(np.float32)[:, :, None]
