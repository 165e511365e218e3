"""Augmented real: a real picture under another light, at another resolution, in other weather or surroundings."""

from collections.abc import Iterator, Sequence

import numpy as np

from fauxbench import Artifact, Condition, Context, Failure, Generator, ImageMedia, MediaError, Request, read_image
from fauxbench.generators.environment.weather import WEATHER, draw

SURROUNDINGS = ("light", "resolution", "background")
EDITS = (*SURROUNDINGS, *WEATHER)


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
            strength = self.parameters["strength"]
            if name in WEATHER:
                values = draw(name, strength, rng)
                pixels = WEATHER[name](pixels, **values)
            else:
                pixels, values = Condition(name=name, severity=strength).apply(pixels, rng)
            applied.append({"name": name, "severity": strength, "parameters": values})
        return Artifact(request_id=request.id, media=ImageMedia(pixels=pixels), facts={"edits": applied})

    def _chosen(self, rng: np.random.Generator) -> tuple[str, ...]:
        """Return the edits of one request, in order: the one asked for, one drawn, or all with one of weather."""
        edit = self.parameters["edit"]
        if edit == "one":
            return (EDITS[int(rng.integers(len(EDITS)))],)
        weather = tuple(WEATHER)[int(rng.integers(len(WEATHER)))] if edit in {"weather", "all"} else ""
        return {"weather": (weather,), "all": ("background", weather, "light", "resolution")}.get(edit, (edit,))
