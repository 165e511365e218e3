"""Cards of data sets: what one holds, who grants access to it and what that permits."""

import datetime
import tomllib
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from pydantic import ValidationError

from ...cards import Document, Name, did_you_mean
from ...errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

Permit = Literal["evaluate", "train", "edit", "manipulate", "publish", "leave_machine"]
OptionName = Literal["compression", "manipulations", "media", "list_name", "frames_per_clip"]


class Access(Document):
    """Who grants access to a data set, and what that permits. Not accepted, not read."""

    grantor: str
    """Who grants it."""
    address: str
    """Where the official form or download is."""
    how: str
    """What one signs, sends or accepts."""
    permits: tuple[Permit, ...] = ("evaluate", "train")
    """The most that a grant allows; existing fakes may always be evaluated."""
    withdrawn: datetime.date | None = None
    """Since when nobody is granted access any more; only an agreement from before counts."""


class Group(Document):
    """Fakes of one kind in a data set."""

    technique: str
    kind: Literal["partially_synthetic", "fully_synthetic"] = "partially_synthetic"


class DatasetCard(Document):
    """What is known of a data set without reading it; `NAME.toml` beside the module that reads it."""

    name: Name
    title: str
    entry: str
    """The module beside the card whose `read` reads the layout."""
    marks: tuple[str, ...] = ()
    """Names in the root of a copy that give it away, small letters, `*` for anything; one is enough."""
    modality: Literal["image", "video", "audio"] = "video"
    sound: Literal["none", "yes", "unlabelled"] = "none"
    """`unlabelled`: there is sound, and nobody says whether it is fake."""
    language: str | None = None
    """BCP 47, if it has one."""
    people: str
    """Who is seen or heard, and whether they consented."""
    splits: str
    """Where the splits come from."""
    disjoint: bool = True
    """Whether no person is in two of the official splits; where False, an overlap is a note and not a finding."""
    options: tuple[OptionName, ...] = ()
    """What can be chosen."""
    groups: dict[str, Group] = {}
    """The groups of fakes that the data set is known to hold."""
    traps: tuple[str, ...] = ()
    """What others got wrong."""
    reference: str = ""
    """The paper."""
    access: Access | None = None
    """None: whatever lies in it has an owner of its own."""


@cache
def dataset_cards() -> "Mapping[str, DatasetCard]":
    """Return the card of every data set by name."""
    found = {}
    for path in sorted(Path(__file__).parent.glob("*.toml")):
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        try:
            card = DatasetCard.model_validate({"name": path.stem, **table})
        except ValidationError as error:
            raise InputError(f"{path}: {error}") from error
        found[card.name] = card
    return MappingProxyType(found)


def dataset_card(name: str) -> DatasetCard:
    """Return the card of a data set.

    Raises:
        InputError: There is no such data set.
    """
    cards = dataset_cards()
    if name not in cards:
        raise InputError(f"no data set '{name}'{did_you_mean(name, cards)}; there are: {', '.join(cards)}")
    return cards[name]
