"""Dubbing as a control: a clip with a sound that its lips were not fitted to."""

from collections.abc import Iterator, Sequence
from itertools import islice

from fauxbench import Artifact, Context, Failure, Generator, MediaError, Request, VideoMedia
from fauxbench.generators._lips import FPS, RATE, Unfit, frames_of, hear
from fauxbench.generators._lips_cut import Picture


class Dub(Generator):
    """Puts `request.audio` under the frames of `request.target`, as they are."""

    def generate(self, requests: Sequence[Request], context: Context) -> Iterator[Artifact | Failure]:
        """Yield one clip a request, as long as the shorter of target and sound; it depends on the request alone."""
        for done, request in enumerate(requests):
            try:
                yield self._dubbed(request)
            except Unfit as error:
                yield Failure(request_id=request.id, kind=error.kind, message=f"dub: {error}")
            except MediaError as error:
                yield Failure(request_id=request.id, kind="unreadable", message=f"dub: {error}")
            context.progress((done + 1) / len(requests), f"{done + 1} of {len(requests)} clips")

    def _dubbed(self, request: Request) -> Artifact:
        mouth = str(self.parameters["mouth"])
        clip = frames_of(request.target)
        if mouth == "foreign":
            _check_foreign(request)
        heard = hear(request.target if mouth == "own" else request.audio)
        count = sum(1 for _ in islice(clip.frames(), heard.frames))

        def frames() -> Iterator[Picture]:
            first: Picture | None = None
            for frame in islice(clip.frames(), count):
                first = frame if first is None or mouth != "frozen" else first
                yield first

        media = VideoMedia(frames=frames, fps=FPS, sound=heard.sound[: round(count * RATE / FPS)], sample_rate=RATE)
        return Artifact(request_id=request.id, media=media, facts={"mouth": mouth, **heard.facts})


def _check_foreign(request: Request) -> None:
    """Make sure that the sound is in another language than the target, whoever asks."""
    mine, other = (item.language if item else None for item in (request.target, request.audio))
    if not mine or not other or mine == other:
        raise Unfit(
            "missing",
            f"request has no sound in another language than the target's ({mine or 'unknown'}): somebody in the split "
            "must speak one",
        )
