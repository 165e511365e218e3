"""Planning the real set."""

from collections.abc import Mapping
from contextlib import suppress

from ..canonical import JSON
from ..connect.attach import ELSEWHERE
from ..datasets.inputs import is_set
from ..datasets.listing import list_folder, listing_digest
from ..datasets.sealed import is_split, items_taken, modality_taken
from ..datasets.splits import split_identities
from ..datasets.studio_set import studio_splits
from ..errors import InputError, RefusedError, SuiteError
from ..media.item import Modality, Split
from ..media.mediaset import MediaSet
from ..plan import Unit
from ..registry import GENERATORS
from ..suite import DataSpec, Suite
from .model import REAL, Draft, code_of
from .published import plan_published
from .rendering import add_rendered

FPS = 25
"""Frames a second of the studio's clips."""
FRAME_COST = {240: 0.085, 360: 0.145, 480: 0.33, 720: 0.21, 1080: 0.40}
"""Seconds of one processor that a frame of the studio takes, rendered and encoded, by height."""


def plan_real(draft: Draft) -> Mapping[Split, int]:
    """Add the unit that makes the real set; return how many items each split will have.

    A published data set brings terms and systems of its own into the draft, a sealed set its terms.
    """
    data = draft.suite.data
    if data.published:
        sizes, draft.systems = plan_published(draft, data)
        draft.modality = Modality(draft.units[REAL].key["modality"])
        return sizes
    shares = data.splits.model_dump()
    if data.dataset == "studio":
        names = ("people", "per_person", "clips", "sounds", "seconds", "languages", "height", "seed")
        key: dict[str, JSON] = {name: getattr(data, name) for name in names} | rendered(data)
        code = code_of("datasets/studio", "datasets/studio/speech", "datasets", "media", "execute/steps/sets.py")
        key |= {"size": data.size or 64, "splits": shares, "code": code, "languages": list(data.languages)}
        key |= {"every_language": True} if data.every_language else {}
        counts = rendered(data)
        each = sum(counts.values()) + counts["sounds"] * (len(data.languages) - 1 if data.every_language else 0)
        draft.modality = _modality(draft.suite)
        items = data.people * each
        clips = data.people * data.clips * data.seconds * FPS * FRAME_COST[data.height]
        cost = 0.01 * items + clips
        add_rendered(draft, Unit(id=REAL, kind="render", what=f"studio {items} {data.size}", key=key, cost=cost))
        splits = list(studio_splits(data.people, shares, data.seed).values())
        return {split: each * splits.count(split) for split in Split}
    return _indexed(draft, data, shares)


def rendered(data: DataSpec) -> dict[str, int]:
    """Return how many pictures, clips and sounds the studio renders of each person; pictures, where nothing is said."""
    spoken = data.clips + data.sounds and "per_person" not in data.model_fields_set
    return {"per_person": 0 if spoken else data.per_person, "clips": data.clips, "sounds": data.sounds}


def _modality(suite: Suite) -> Modality:
    """Return what the studio renders: of clips and sounds, from which a system learns to see and to listen, clips.

    Raises:
        SuiteError: Two things, which no metric measures together.
    """
    counts = rendered(suite.data)
    asked = [name for name, count in counts.items() if count]
    learning = asked == ["clips", "sounds"] and not suite.metrics and not suite.detectors
    if len(asked) > 1 and not learning:
        said = ", ".join(f"{name}: {counts[name]}" for name in asked)
        raise SuiteError(f"data: found {said}; a suite is about pictures, clips or sounds: keep one of them")
    return {"per_person": Modality.IMAGE, "clips": Modality.VIDEO, "sounds": Modality.AUDIO}[asked[0]]


def _indexed(draft: Draft, data: DataSpec, shares: Mapping[str, float]) -> Mapping[Split, int]:
    folder = draft.existing(data.path, "data.path")
    if is_set(folder):
        return _sealed(draft, data, MediaSet.open(folder))
    listed = list_folder(folder, data.identities)
    draft.real_names = [one.path for one in listed]
    draft.modality = listed[0].modality
    identities: dict[str, int] = {}
    for one in listed:
        identities[one.identity or one.path] = identities.get(one.identity or one.path, 0) + 1
    key: dict[str, JSON] = {
        "listing": listing_digest(folder, [one.path for one in listed]),
        "identities": data.identities,
        "size": data.size,
        "seed": data.seed,
        "splits": dict(shares),
        "terms": draft.terms.model_dump(mode="json"),
        "code": code_of("datasets", "media", "execute/steps/sets.py"),
    }
    task: dict[str, JSON] = {"path": str(folder), "name": folder.name}
    draft.add(Unit(id=REAL, kind="index", what=f"folder {len(listed)}", key=key, task=task, cost=0.005 * len(listed)))
    return _sizes(identities, shares, data.seed)


def _sealed(draft: Draft, data: DataSpec, media: MediaSet) -> Mapping[Split, int]:
    """Add the unit that takes over a sealed set: its splits, languages, clusters, facts and labels stay as they are."""
    draft.terms = media.card.terms
    if not draft.terms.allow("evaluate"):
        raise RefusedError(f"{media.folder}: its terms do not permit 'evaluate'")
    draft.modality = modality_taken(media, _made(draft))
    drawn = not is_split(media)
    items = items_taken(media, draft.modality, data.splits.model_dump(), data.seed)
    draft.real_names = [item.id for item in items]
    key: dict[str, JSON] = {
        "sealed": media.digest,
        "listing": listing_digest(media.folder, [str(item.location) for item in items]),
        "modality": draft.modality.value,
        "size": data.size,
        "seed": data.seed if drawn else None,
        "splits": data.splits.model_dump() if drawn else None,
        "terms": draft.terms.model_dump(mode="json"),
        "code": code_of("datasets", "media", "execute/steps/sets.py"),
    }
    task: dict[str, JSON] = {"path": str(media.folder), "name": media.card.name}
    draft.add(Unit(id=REAL, kind="index", what=f"set {len(items)}", key=key, task=task, cost=0.005 * len(items)))
    splits = [item.split for item in items] + [missed.split for missed in media.missed]
    return {split: splits.count(split) for split in Split}


def _made(draft: Draft) -> Modality | None:
    """Return what the first system makes; None where its card says nothing of it, or what is wrong is said later."""
    for spec in draft.suite.generators[:1]:
        described = spec.command or spec.http
        if described is not None:
            return Modality(described.modality)
        with suppress(InputError):
            if spec.use not in {"folder", *ELSEWHERE}:
                return Modality(GENERATORS.find(spec.use, draft.base).card.modality)
    return None


def counts_to_ask(draft: Draft) -> Mapping[Split, int]:
    """Return how many items to ask of each system, per split."""
    asked = draft.suite.n
    train, validation, test = (draft.split_sizes.get(split, 0) for split in Split)
    if not draft.suite.detectors:
        validation = 0
        train = train if draft.suite.utility else 0  # nothing else learns from synthetic items
    return {
        Split.TRAIN: train if asked.train is None else asked.train,
        Split.VALIDATION: validation if asked.validation is None else asked.validation,
        Split.TEST: test if asked.test is None else asked.test,
    }


def _sizes(identities: Mapping[str, int], shares: Mapping[str, float], seed: int) -> Mapping[Split, int]:
    sizes: dict[Split, int] = {}
    for identity, split in split_identities(identities, shares, seed).items():
        sizes[split] = sizes.get(split, 0) + identities[identity]
    return sizes
