"""Augmented real: a real picture under another light, at another resolution, before another background."""

from collections.abc import Iterator, Sequence

import numpy as np

from fauxbench import Artifact, Condition, Context, Failure, Generator, ImageMedia, MediaError, Request, read_image

EDITS = ("light", "resolution", "background")


class Environment(Generator):
    """Changes the surroundings of `request.target`, never the person."""

    def generate(self, requests: Sequence[Request], context: Context) -> Iterator[Artifact | Failure]:
        """Yield one picture a request, of its target's size; it depends on target and seed alone."""
        for done, request in enumerate(requests):
            yield self._edit(request)
            context.progress((done + 1) / len(requests), f"{done + 1} of {len(requests)} pictures")

    def _edit(self, request: Request) -> Artifact | Failure:
        target = request.target
        if target is None or target.location is None:
            missing = "request has no target" if target is None else f"target {target.id} has no file on this machine"
            return Failure(request_id=request.id, kind="missing", message=f"environment: {missing}")
        try:
            pixels = read_image(target.location)
        except MediaError as error:
            return Failure(request_id=request.id, kind="unreadable", message=str(error))
        rng = np.random.default_rng(request.seed % (1 << 63))
        applied = []
        for name in self._chosen(rng):
            condition = Condition(name=name, severity=self.parameters["strength"])
            pixels, values = condition.apply(pixels, rng)
            applied.append({**condition.record(), "parameters": values})
        return Artifact(request_id=request.id, media=ImageMedia(pixels=pixels), facts={"edits": applied})

    def _chosen(self, rng: np.random.Generator) -> tuple[str, ...]:
        """Return the edits of one request: the one asked for, one drawn, or all."""
        edit = self.parameters["edit"]
        if edit == "one":
            return (EDITS[int(rng.integers(len(EDITS)))],)
        return EDITS[::-1] if edit == "all" else (edit,)
