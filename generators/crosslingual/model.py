"""Cross-lingual speech as a system under test: a speaker says a text in a language they were not heard in."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from fauxbench import Artifact, Context, Failure, Generator, InputError, MediaError, Request, SoundMedia, synthesise
from fauxbench.generators._voices import (
    RATE,
    Voiceprint,
    analysed,
    heard,
    nearest_speakers,
    resampled,
    resynthesised,
    speaker_of,
    voice_map,
)

VOICES = (1_600_000, 1_600_001)
"""The synthesiser's own: the first built as most men's, the second as most women's; neither is anybody's."""


class CrossLingual(Generator):
    """Says `request.text` in `request.language`, in the voice of `request.references`."""

    def generate(self, requests: Sequence[Request], context: Context) -> Iterator[Artifact | Failure]:
        """Yield one sound a request; it depends on text, language and references alone."""
        known: dict[str, tuple[Voiceprint, ...]] = {}
        for done, request in enumerate(requests):
            try:
                yield self._said(request, known)
            except (InputError, MediaError) as error:
                yield Failure(request_id=request.id, kind="unusable", message=f"crosslingual: {error}")
            context.progress((done + 1) / len(requests), f"{done + 1} of {len(requests)} sounds")

    def _said(self, request: Request, known: dict[str, tuple[Voiceprint, ...]]) -> Artifact:
        if not request.references:
            raise InputError("request has no references: whose voice?")
        key = "\n".join(item.id for item in request.references)
        if key not in known:
            known[key] = heard(request.references, "reference")
        pitch = speaker_of(known[key]).pitch
        begun = [_begun(request.text or "", request.language, number) for number in VOICES]
        place = int(np.argmin([abs(speaker_of([one]).pitch - pitch) for one in begun]))
        found = voice_map(*nearest_speakers(begun[place], known[key]), one_language=False)
        facts: dict[str, Any] = {"synthesiser": "eSpeak NG", "vocoder": "WORLD", "warp": found.warp}
        media = SoundMedia(sound=resynthesised(found.applied(begun[place])), sample_rate=RATE)
        return Artifact(request_id=request.id, media=media, facts={**facts, "begun_as": VOICES[place]})


def _begun(text: str, language: str | None, number: int) -> Voiceprint:
    said = synthesise(text, language, number)
    return analysed(resampled(said.sound, said.sample_rate))
