"""Partially synthetic clips without a network: the mouth is late, smoothed and blended in."""

from collections import deque
from collections.abc import Iterator, Sequence

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
        share: NDArray[np.float32] | None = None
        for pixels in clip.frames():
            past.append(pixels)
            share = _ellipse(*pixels.shape[:2]) if share is None else share
            sigma = float(self.parameters["smooth"]) / 100.0 * pixels.shape[0]
            old = cv2.GaussianBlur(past[0], (0, 0), sigma) if sigma > 0.0 else past[0]
            mixed = pixels + share * (old.astype(np.float32) - pixels)
            yield np.rint(np.clip(mixed, 0.0, 255.0)).astype(np.uint8)


def _ellipse(height: int, width: int) -> NDArray[np.float32]:
    """Return a soft mask (H, W, 1) in [0, 1] around the lower middle, where the mouth of a portrait is."""
    y = (np.arange(height)[:, None] + 0.5) / height - 0.62
    x = ((np.arange(width)[None, :] + 0.5) / width - 0.5) * width / height
    distance = np.sqrt((x / 0.16) ** 2 + (y / 0.12) ** 2)
    return np.clip(2.0 - 1.5 * distance, 0.0, 1.0).astype(np.float32)[:, :, None]
