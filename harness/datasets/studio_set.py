"""The `studio` data set: rendered people who never lived, every factor known."""

from collections.abc import Callable, Mapping

from ..canonical import JSON
from ..media.content import ImageMedia
from ..media.item import Item, Kind, Modality
from ..media.mediaset import MediaSet, MediaSetWriter
from .splits import split_identities
from .studio.recipe import StudioRecipe, render_pictures


def render_studio(writer: MediaSetWriter, key: Mapping[str, JSON], progress: Callable[[float, str], None]) -> MediaSet:
    """Render the pictures that `key` asks for into `writer` and seal it."""
    people, per_person = int(key["people"]), int(key["per_person"])
    recipe = StudioRecipe(people=people, per_person=per_person, size=int(key["size"]), seed=int(key["seed"]))
    identities = [f"studio-{person:05d}" for person in range(people)]
    splits = split_identities(dict.fromkeys(identities, per_person), key["splits"], int(key["seed"]))
    for done, picture in enumerate(render_pictures(recipe), 1):
        points = {name: list(place) for name, place in picture.points.items()}
        item = Item(
            id=f"{picture.identity}/{picture.index:03d}",
            modality=Modality.IMAGE,
            kind=Kind.REAL,
            group="studio",
            split=splits[picture.identity],
            clusters={"identity": picture.identity},
            facts={"rendered": True, "factors": picture.factors, "points": points},
        )
        writer.add(item, ImageMedia(pixels=picture.pixels))
        progress(done / (people * per_person), f"{done} of {people * per_person} pictures")
    return writer.seal()
