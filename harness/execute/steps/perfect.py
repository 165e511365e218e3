"""The step that renders the perfect result of everything that a system was asked for, where the studio knows it."""

from collections.abc import Mapping, Sequence

from ...datasets.studio.perfect import parts, perfect
from ...errors import Failure
from ...media.content import ImageMedia
from ...media.item import Item, Kind, Modality, Split
from ...media.mediaset import MediaSet, MediaSetWriter
from ..step import Outcome, Step
from .sets import outcome_of_set

BATCH = 32
"""Pictures rendered at a time."""


def render_perfect(step: Step) -> Outcome:
    """Render, for every test item of a system's set, what it should have become; under the same id."""
    from ...datasets.studio.render import render

    made, real = step.set("synthetic"), step.set("real")
    writer = MediaSetWriter(step.out / "set", name="perfect", origin="studio", terms=real.card.terms)
    wanted = _wanted(made, real, writer)
    for start in range(0, len(wanted), BATCH):
        chosen = wanted[start : start + BATCH]
        persons, states, scenes = zip(*(parts(factors) for _, factors in chosen), strict=True)
        side = int(chosen[0][0].facts["height"])
        pixels = render(persons, states, scenes, side).pixels.cpu().numpy()
        for (item, factors), picture in zip(chosen, pixels, strict=True):
            writer.add(_truth(item, factors), ImageMedia(pixels=picture))
        step.progress((start + len(chosen)) / len(wanted), f"{start + len(chosen)} of {len(wanted)} pictures")
    writer.order([item.id for item, _ in wanted])
    return outcome_of_set(writer.seal())


def _wanted(made: MediaSet, real: MediaSet, writer: MediaSetWriter) -> list[tuple[Item, dict[str, float]]]:
    known = {item.id: item for item in real}
    found: list[tuple[Item, dict[str, float]]] = []
    for item in made.select(Split.TEST):
        factors = perfect_of(item, known) if item.modality is Modality.IMAGE else None
        if factors is None or (found and item.facts.get("height") != found[0][0].facts.get("height")):
            message = "the factors of what it was made from are not known, or it has another size than the others"
            writer.fail(Failure(request_id=item.id, kind="missing", message=message), item.split, item.cluster)
            continue
        found.append((item, factors))
    return found


def perfect_of(item: Item, known: Mapping[str, Item]) -> dict[str, float] | None:
    """Return the factors that a system's item should show, given the real Items by id; None if they are not known."""
    target = known.get(item.sources[0]) if item.sources else None
    if target is None:
        return None
    source = _of(item.facts.get("references"), known)
    driver = _of(item.facts.get("driver"), known)
    asked = item.facts.get("attributes")
    attributes = {str(k): float(v) for k, v in asked.items()} if isinstance(asked, Mapping) else None
    mine = factors_of(target)
    if mine is None or not (source or driver or attributes):
        return None
    return perfect(
        mine,
        source=factors_of(source) if source else None,
        driver=factors_of(driver) if driver else None,
        attributes=attributes,
    )


def factors_of(item: Item) -> dict[str, float] | None:
    """Return the factors that a rendered Item carries."""
    found = item.facts.get("factors")
    return {str(k): float(v) for k, v in found.items()} if isinstance(found, Mapping) else None


def _of(value: object, known: Mapping[str, Item]) -> Item | None:
    names = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    return next((known[name] for name in names if isinstance(name, str) and name in known), None)


def _truth(item: Item, factors: dict[str, float]) -> Item:
    return Item(
        id=item.id,
        modality=Modality.IMAGE,
        kind=Kind.REAL,
        group="perfect",
        split=item.split,
        sources=item.sources,
        clusters=item.clusters,
        facts={"rendered": True, "factors": factors},
    )
