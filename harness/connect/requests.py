"""Requests: what a suite asks of a system, and the Items that its answers become."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ..canonical import JSON
from ..cards import GeneratorCard
from ..contracts import Artifact, Output, Request
from ..errors import InputError, MediaError
from ..media.item import Item, Kind, Modality, Split
from ..media.mediaset import MediaSet


class Asked(NamedTuple):
    """A request and the split that its answer belongs to."""

    request: Request
    split: Split

    @property
    def cluster(self) -> str:
        """The cluster of the Item that is to come."""
        return self.request.target.cluster if self.request.target else self.request.id


def request_seed(seed: int, split: Split, index: int) -> int:
    """Return the seed of a request: the same for every system and training seed, so that items pair."""
    entropy = [seed, list(Split).index(split), index]
    return int(np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0] >> np.uint64(1))


def requests_for(
    card: GeneratorCard, counts: Mapping[Split, int], seed: int, real: MediaSet, output: Output
) -> list[Asked]:
    """Return the requests for a system, in order: train, validation, test.

    A system that alters a target is given the split's real Items in turn; others are asked for `counts[split]` items.

    Raises:
        InputError: Items are asked of a system that alters targets, in a split that has none.
    """
    asked = []
    for split in Split:
        targets = real.select(split)
        if "target" in card.uses and counts.get(split, 0) and not targets:
            raise InputError(f"'{card.name}' has nothing to alter: no file of the {split} split can be read")
        for index in range(counts.get(split, 0)):
            target = targets[index % len(targets)] if "target" in card.uses else None
            request = Request(
                id=f"{split}-{index:05d}", seed=request_seed(seed, split, index), target=target, output=output
            )
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
    facts: dict[str, JSON] = dict(artifact.facts)
    if request.attributes:
        facts["attributes"] = dict(request.attributes)
    return Item(
        id=request.id,
        modality=modality,
        kind=kind,
        visual_fake=fakes.visual,
        audio_fake=fakes.audio,
        group=group,
        split=asked.split,
        language=request.language,
        sources=sources,
        clusters=clusters,
        seed=request.seed,
        facts=facts,
    )
