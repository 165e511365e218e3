"""Parallel detection: every set that leaves is scored by the built-in detectors whose weights come with fauxbench.

Scored are the unmarked masters: a mark would tell them apart from real items at once. What is found has no better
direction, see `safeguards/detectability.py`.
"""

import datetime
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from .canonical import digest_of
from .contracts import Context
from .detect import HEARS, READS, trained_detector
from .errors import FauxbenchError
from .media.item import Item, Kind, Modality
from .media.mediaset import MediaSet
from .registry import DETECTORS
from .safeguards.detectability import DETECTABILITY, Detectability, Detection, detectability_of
from .stats.auc import area_interval
from .stats.clusters import Label
from .stats.lines import is_fake

MOST = {Modality.IMAGE: 400, Modality.VIDEO: 40, Modality.AUDIO: 100}
"""Items of each side that are scored at most, evenly over the set: a set must not take longer to judge than to make."""
NO_DETECTOR = "none"
"""Stands for the detector where none comes with weights."""
_HOLDS = {Modality.IMAGE: "pictures", Modality.VIDEO: "clips", Modality.AUDIO: "sounds"}


def shipped_detectors() -> list[str]:
    """Return the names of the built-in detectors whose weights come with fauxbench."""
    parts = DETECTORS.all().items()
    return sorted(name for name, part in parts if part.origin == "built in" and part.card.weights)


def measure_detectability(media: MediaSet, real: Iterable[Item], digest: str | None = None) -> Detectability | None:
    """Score a set's fakes and real items with every built-in detector that comes trained.

    Whatever a detector cannot do is a reason in its line and never an exception.

    Args:
        media: The set, unmarked.
        real: Items that its fakes are told apart from.
        digest: Of their set; by default over the items that were taken.

    Returns:
        What each detector says, or None if there is no real item to tell the fakes from.
    """
    modality = Modality(media.card.modality)
    fakes = _some([item for item in media if item.kind is not Kind.REAL], modality)
    reals = _some([item for item in real if item.kind is Kind.REAL and item.modality is modality], modality)
    if not fakes or not reals:
        return None
    found = tuple(_asked(name, modality, fakes, reals) for name in shipped_detectors())
    nobody = Detection(
        detector=NO_DETECTOR, auc=None, n=0, expected=0, reason="no detector with weights comes with this fauxbench"
    )
    return Detectability(
        measured=datetime.datetime.now(tz=datetime.UTC).date(),
        real=digest or digest_of([item.digest for item in reals]),
        detections=found or (nobody,),
    )


def with_detectability(media: MediaSet, real: Iterable[Item] = (), digest: str | None = None) -> MediaSet:
    """Return a set whose card says its detectability, as far as it can be measured; the set's folder is not touched.

    What the card says already stays. Real items of the set itself serve where no others are given.
    """
    if detectability_of(media.card) is not None:
        return media
    found = measure_detectability(media, list(real) or media, digest)
    if found is None:
        return media
    facts = {**media.card.facts, DETECTABILITY: found.model_dump(mode="json")}
    return MediaSet(media.folder, media.card.model_copy(update={"facts": facts}), media.items, media.missed)


def _some(items: Sequence[Item], modality: Modality) -> list[Item]:
    """Return at most `MOST` items, evenly over all of them."""
    places = np.linspace(0, len(items) - 1, min(len(items), MOST[modality]))
    return [items[round(place)] for place in places]


def _asked(name: str, modality: Modality, fakes: Sequence[Item], reals: Sequence[Item]) -> Detection:
    card = DETECTORS.all()[name].card
    label, expected = f"{card.name}@{card.version}", len(fakes) + len(reals)

    def without(reason: str) -> Detection:
        return Detection(detector=label, auc=None, n=0, expected=expected, reason=reason)

    if str(modality) not in HEARS[card.modality]:
        return without(f"it reads {READS[card.modality]}, and the set holds {_HOLDS[modality]}")
    if not any(_fake(item, card.target) for item in fakes):
        what = "augmented real" if all(item.kind is Kind.AUGMENTED_REAL for item in fakes) else "not fake to it"
        return without(f"none of the items is a fake that it looks for ({card.target}): they are {what}")
    try:
        scores = list(_scores(name, [*fakes, *reals]))
    except (FauxbenchError, OSError, RuntimeError, ValueError, LookupError, TypeError, ImportError) as error:
        return without(f"{type(error).__name__}: {error!s:.200}")
    return _judged(label, card.target, [*fakes, *reals], scores, expected)


def _scores(name: str, items: Sequence[Item]) -> Iterator[float | None]:
    """Yield P(fake) of each item, None where there is none."""
    detector = trained_detector(name, items).detector
    with tempfile.TemporaryDirectory() as scratch:
        records = list(detector.score(items, Context(seed=0, scratch=Path(scratch), device="cpu")))
    for place, item in enumerate(items):
        one = records[place] if place < len(records) and records[place].item == item.id else None
        usable = one is not None and one.status == "ok" and one.fake is not None and 0.0 <= one.fake <= 1.0
        yield one.fake if one is not None and usable else None


def _judged(label: str, target: str, items: Sequence[Item], scores: Sequence[float | None], expected: int) -> Detection:
    known = [(item, score) for item, score in zip(items, scores, strict=True) if score is not None]
    # Augmented real items of a mixed set are neither fakes nor what fakes are told apart from.
    known = [(item, score) for item, score in known if _fake(item, target) or item.kind is Kind.REAL]
    truth = np.array([_fake(item, target) for item, _ in known], dtype=bool)
    values = np.array([score for _, score in known], dtype=np.float64)
    if not truth.any() or truth.all():
        reason = f"{int(truth.sum())} fakes and {int((~truth).sum())} real items could be scored"
        return Detection(detector=label, auc=None, n=len(known), expected=expected, reason=reason)
    differences = values[truth][:, None] - values[~truth][None, :]
    area = float((differences > 0).mean() + (differences == 0).mean() / 2)
    interval = area_interval(values, truth, [_clusters(item) for item, _ in known])
    return Detection(
        detector=label,
        auc=min(max(area, 0.0), 1.0),
        interval=(interval.low, interval.high) if interval else None,
        n=len(known),
        expected=expected,
    )


def _clusters(item: Item) -> Label:
    """Return what resampling keeps whole: two people where one gave the face and another the body."""
    source = item.clusters.get("source_identity")
    return item.cluster if source in {None, item.cluster} else (item.cluster, str(source))


def _fake(item: Item, target: str) -> bool:
    return is_fake({"visual_fake": item.visual_fake, "audio_fake": item.audio_fake}, target)
