"""Voice conversion as a system under test: what the target says, in the voice of the references."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from fauxbench import Artifact, Context, Failure, Generator, InputError, Item, MediaError, Request, SoundMedia
from fauxbench.generators._voices import (
    PERIOD,
    RATE,
    VoiceMap,
    Voiceprint,
    analysed,
    heard,
    nearest_speakers,
    parallel_speakers,
    resynthesised,
    sound_of,
    voice_map,
)

PIECE = round(200 / PERIOD)
"""Frames that stay together when F0 is shuffled: about a syllable."""
KEPT = 64
"""Sounds whose analysis is kept: requests share references."""


class VoiceClone(Generator):
    """Says what `request.target` says, as long and as loud, in the voice of `request.references`."""

    def generate(self, requests: Sequence[Request], context: Context) -> Iterator[Artifact | Failure]:
        """Yield one sound a request, in step with its target; it depends on target, references and seed alone."""
        known: dict[str, tuple[Voiceprint, ...]] = {}
        for done, request in enumerate(requests):
            try:
                yield self._cloned(request, known)
            except (InputError, MediaError) as error:
                kind = "unreadable" if isinstance(error, MediaError) else "unusable"
                yield Failure(request_id=request.id, kind=kind, message=f"voiceclone: {error}")
            context.progress((done + 1) / len(requests), f"{done + 1} of {len(requests)} sounds")

    def _cloned(self, request: Request, known: dict[str, tuple[Voiceprint, ...]]) -> Artifact:
        if request.target is None:
            raise InputError("request has no target: what is to be said?")
        source = analysed(sound_of(request.target))
        control = str(self.parameters["control"])
        if control == "copy":
            made, facts = source, dict[str, Any]()
        else:
            found, facts = self._map(request, source, known)
            made = found.applied(source)
            made = replace(made, f0=_spoilt(made.f0, control, request.seed))
        media = SoundMedia(sound=resynthesised(made), sample_rate=RATE)
        return Artifact(request_id=request.id, media=media, facts={"vocoder": "WORLD", "control": control, **facts})

    def _map(
        self, request: Request, source: Voiceprint, known: dict[str, tuple[Voiceprint, ...]]
    ) -> tuple[VoiceMap, dict[str, Any]]:
        if not request.references:
            raise InputError("request has no references: whose voice?")
        target = request.target
        one_language = all(target is not None and item.language == target.language for item in request.references)
        same = [item for item in request.references if self.parameters["parallel"] and _says_the_same(item, target)]
        chosen = same or request.references
        key = "\n".join(item.id for item in chosen)
        if key not in known:
            if len(known) >= KEPT:
                known.clear()
            known[key] = heard(chosen, "reference")
        voices = (parallel_speakers if same else nearest_speakers)(source, known[key])
        found = voice_map(*voices, one_language=one_language)
        facts = {"warp": found.warp, "f0_ratio": float(np.exp(found.target.pitch - found.source.pitch))}
        return found, {**facts, "f0_movement": found.movement, "parallel": bool(same)}


def _says_the_same(item: Item, target: Item | None) -> bool:
    if target is None:
        return False
    said = [(one.clusters.get("sentence"), one.facts.get("transcript")) for one in (item, target)]
    return said[0] == said[1] and bool(said[0][0] or said[0][1])


def _spoilt(f0: np.ndarray[Any, Any], control: str, seed: int) -> np.ndarray[Any, Any]:
    """Return F0 as a control wants it; what is voiced stays voiced."""
    voiced = np.flatnonzero(f0 > 0)
    if control == "none" or not len(voiced):
        return f0
    spoilt = f0.copy()
    if control == "flat":
        spoilt[voiced] = np.exp(np.log(f0[voiced]).mean())
        return spoilt
    pieces = np.array_split(voiced, max(2, len(voiced) // PIECE))
    rng = np.random.default_rng(seed % (1 << 63))
    order = rng.permutation(len(pieces))
    moved = np.empty(len(pieces), dtype=np.intp)
    moved[order] = np.roll(order, 1)  # along a cycle: no piece stays where it was
    spoilt[voiced] = f0[np.concatenate([pieces[place] for place in moved])]
    return spoilt
