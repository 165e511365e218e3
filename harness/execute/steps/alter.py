"""Steps that change finished media: real media for an audit, or the test split of any set by a condition."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from ...canonical import JSON
from ...conditions.apply import apply_chain
from ...conditions.chain import Chain
from ...conditions.change import EmptyCellError
from ...conditions.table import Condition
from ...conditions.video import near
from ...errors import Failure, MediaError
from ...media.content import Media, VideoMedia
from ...media.item import Item, Kind, Modality, Split
from ...media.mediaset import MediaSetWriter
from ...safeguards.trial import marked_media
from ..step import Outcome, Step
from .held_out import spread
from .sets import outcome_of_set


def alter(step: Step) -> Outcome:
    """Change the items that a control compares, those of the train and validation splits, into a test split."""
    real = step.set("real")
    group = str(step.key["group"])
    condition = Condition(**step.key["condition"]) if step.key["condition"] else None
    items = tuple(item for item in real if item.split in {Split.TRAIN, Split.VALIDATION})
    marked = bool(step.key.get("marked"))
    chosen = _chosen(items, int(step.key["n"]), whole=marked or condition is not None)
    modality = items[0].modality if items else Modality(real.card.modality)
    writer = MediaSetWriter(step.out / "set", name=group, origin="condition", modality=modality, terms=real.card.terms)
    for done, item in enumerate(chosen, 1):
        if marked:
            _add_marked(writer, item, group, step.scratch)
        else:
            _add(writer, item, condition, group, int(step.key["seed"]), step.scratch)
        step.progress(done / len(chosen), f"{done} of {len(chosen)} items")
    return outcome_of_set(writer.seal())


def _chosen(items: tuple[Item, ...], n: int, *, whole: bool) -> tuple[Item, ...]:
    """Return `n` items spread over all people, or over every second one."""
    if not whole:
        people = list(dict.fromkeys(item.cluster for item in items))[::2]
        items = tuple(item for item in items if item.cluster in set(people))
    return tuple(items[place] for place in spread([item.cluster for item in items], n))


def _add(writer: MediaSetWriter, item: Item, condition: Condition | None, group: str, seed: int, scratch: Path) -> None:
    chain = Chain(name=group, steps=(condition,) if condition else ())
    own = replace(item, sources=())  # by the item itself, whatever it was made from
    with TemporaryDirectory(dir=scratch) as folder:
        try:
            made = apply_chain(chain, own, seed, Path(folder))
        except MediaError as error:
            failure = Failure(request_id=item.id, kind="invalid", message=str(error))
            writer.fail(failure, Split.TEST, item.cluster)
            return
        facts: dict[str, JSON] = dict(made.applied[0]["parameters"]) if made.applied else {}
        changed = replace(
            item, kind=Kind.AUGMENTED_REAL, group=group, split=Split.TEST, sources=(item.id,), seed=seed, facts=facts
        )
        writer.add(changed, made.media)


def _add_marked(writer: MediaSetWriter, item: Item, group: str, scratch: Path) -> None:
    """Add an item with a watermark; of a clip, what its only encoding here costs is in the change `rewrite` as well."""
    with TemporaryDirectory(dir=scratch) as folder:
        try:
            media: Media = marked_media(item)
            if isinstance(media, VideoMedia):
                media = near(media, Path(folder) / "marked.mp4")
        except MediaError as error:
            failure = Failure(request_id=item.id, kind="invalid", message=str(error))
            writer.fail(failure, Split.TEST, item.cluster)
            return
        changed = replace(item, kind=Kind.AUGMENTED_REAL, group=group, split=Split.TEST, sources=(item.id,), facts={})
        writer.add(changed, media)


def condition(step: Step) -> Outcome:
    """Change the test split of a set by a chain: every item alike, by streaming, with what was drawn in its facts."""
    base = step.set("set")
    chain = Chain.from_record(step.key["chain"])
    items = base.select(Split.TEST)
    modality = items[0].modality if items else Modality(base.card.modality)
    writer = MediaSetWriter(
        step.out / "set", name=base.card.name, origin="condition", modality=modality, terms=base.card.terms
    )
    writer.facts = {**base.card.facts, "base": base.digest, "chain": chain.record()}
    for done, item in enumerate(items, 1):
        _add_changed(writer, item, chain, int(step.key["seed"]), step.scratch)
        step.progress(done / len(items), f"{done} of {len(items)} items")
    for missed in base.missed:
        if missed.split is Split.TEST:
            writer.fail(*missed)
    return outcome_of_set(writer.seal())


def _add_changed(writer: MediaSetWriter, item: Item, chain: Chain, seed: int, scratch: Path) -> None:
    """Add one item as the chain leaves it; one that has nothing to show is a failure of the kind `empty`."""
    with TemporaryDirectory(dir=scratch) as folder:
        try:
            made = apply_chain(chain, item, seed, Path(folder))
            facts = {name: value for name, value in item.facts.items() if name not in _SEEN_ANEW}
            changed = replace(item, facts={**facts, "conditions": [dict(one) for one in made.applied]})
            writer.add(changed, made.media)
        except MediaError as error:
            kind = "empty" if isinstance(error, EmptyCellError) else "unreadable"
            writer.fail(Failure(request_id=item.id, kind=kind, message=str(error)), item.split, item.cluster)


_SEEN_ANEW = frozenset({"width", "height", "fps", "seconds"})
"""Facts that the changed file says itself."""
