"""Stripes of random colours."""

from collections.abc import Iterator, Sequence

import numpy as np

from fauxbench import Artifact, Context, Failure, Generator, ImageMedia, Output, Request


class Stripes(Generator):
    """Draws stripes whose colours depend on the seed alone."""

    def generate(self, requests: Sequence[Request], context: Context) -> Iterator[Artifact | Failure]:
        """Yield one picture a request."""
        for done, request in enumerate(requests, 1):
            asked = request.output or Output()
            width, height = asked.width or 64, asked.height or 64
            rng = np.random.default_rng(request.seed)
            colours = rng.integers(0, 256, (int(self.parameters["stripes"]), 3), dtype=np.uint8)
            columns = np.arange(width) * len(colours) // width
            pixels = np.repeat(colours[columns][None], height, axis=0)
            yield Artifact(request_id=request.id, media=ImageMedia(pixels=pixels))
            context.progress(done / len(requests), f"{done} of {len(requests)} pictures")
