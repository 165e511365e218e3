"""Requests: what a suite asks of a system, and the Items that its answers become."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ..canonical import JSON
from ..cards import GeneratorCard
from ..contracts import Artifact, Output, Request
from ..errors import MediaError
from ..media.item import Item, Kind, Modality, Split
from ..media.mediaset import MediaSet
from .casting import cast


class Asked(NamedTuple):
    """A request and the split that its answer belongs to."""

    request: Request
    split: Split

    @property
    def cluster(self) -> str:
        """The cluster of the Item that is to come."""
        if self.request.target:
            return self.request.target.cluster
        return self.request.references[0].cluster if self.request.references else self.request.id


def request_seed(seed: int, split: Split, index: int) -> int:
    """Return the seed of a request: the same for every system and training seed, so that items pair."""
    entropy = [seed, list(Split).index(split), index]
    return int(np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0] >> np.uint64(1))


def requests_for(
    card: GeneratorCard,
    counts: Mapping[Split, int],
    seed: int,
    real: MediaSet,
    output: Output,
    feeds: Mapping[str, MediaSet] | None = None,
) -> list[Asked]:
    """Return the requests for a system, in order: train, validation, test.

    A system that alters a target is given the split's real Items in turn; others are asked for `counts[split]` items.
    What else its card says it uses, it is given too: references and a driver are of other people of the same split,
    attributes are asked for in turn, texts are what other items of the split say, and speech to fit lips to is what
    somebody says in the split. In a chain, `feeds` holds the sets that target or audio are taken from instead.

    Raises:
        InputError: Items are asked of a system that alters targets, in a split that has none; or that needs two people.
    """
    asked = []
    for split in Split:
        count = counts.get(split, 0)
        if not count:
            continue
        roles = cast(card, real, split, seed, feeds)
        for index in range(count):
            parts = roles.parts(index)._asdict()
            seeded = request_seed(seed, split, index)
            request = Request(id=f"{split}-{index:05d}", seed=seeded, output=output, **parts)
            asked.append(Asked(request, split))
    return asked


def item_of(asked: Asked, artifact: Artifact, card: GeneratorCard, group: str) -> Item:
    """Return the Item that an artifact becomes; its file and content are filled in when it is written.

    Raises:
        MediaError: The artifact's facts are no mapping.
    """
    request = asked.request
    if not isinstance(artifact.facts, Mapping):
        raise MediaError(f"facts: expected a mapping, found {artifact.facts!r:.60}")
    sources = tuple(i.id for i in (request.target, *request.references, request.driver, request.audio) if i)
    kind = Kind(card.kind)
    modality = Modality(card.modality)
    fakes = kind.fakes(modality)
    clusters = dict(request.target.clusters) if request.target else {}
    if request.references:
        clusters["source_identity"] = request.references[0].cluster
        if not request.target:  # nobody is altered: it is a new item of the source
            clusters["identity"] = request.references[0].cluster
    if request.driver:
        clusters["driver_identity"] = request.driver.cluster
    heard = request.audio if modality is Modality.VIDEO else None
    if heard:  # its sound is another's: so are voice and words
        clusters |= {name: heard.clusters[name] for name in ("speaker", "sentence") if name in heard.clusters}
    facts: dict[str, JSON] = {**artifact.facts, **_asked(request)}
    if card.small_edit and kind is Kind.AUGMENTED_REAL:
        facts["small_edit"] = True
    return Item(
        id=request.id,
        modality=modality,
        kind=kind,
        visual_fake=fakes.visual,
        audio_fake=fakes.audio or bool(heard and heard.audio_fake),
        group=group,
        split=asked.split,
        language=_language(request),
        sources=sources,
        clusters=clusters,
        seed=request.seed,
        facts=facts,
    )


def _language(request: Request) -> str | None:
    """Return what is spoken: as asked for, else what the sound is in, else what the target is in."""
    known = [request.language, *(item.language for item in (request.audio, request.target) if item)]
    return next((language for language in known if language), None)


def _asked(request: Request) -> dict[str, JSON]:
    """Return the facts that say which source played which part, and what was asked for."""
    facts: dict[str, JSON] = {}
    if request.references:
        facts["references"] = [item.id for item in request.references]
    if request.driver:
        facts["driver"] = request.driver.id
    if request.audio:
        facts["audio"] = request.audio.id
        for name in ("transcript", "text"):
            if isinstance(request.audio.facts.get(name), str):
                facts["transcript"] = request.audio.facts[name]
    if request.attributes:
        facts["attributes"] = dict(request.attributes)
    if request.text is not None:
        facts["text"] = request.text
    if request.text is not None and request.references and request.references[0].language:
        facts["from_language"] = request.references[0].language
    return facts
