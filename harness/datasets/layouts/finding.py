"""Findings: what is wrong with a copy of a data set."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from ...canonical import JSON
from ...media.item import Item

KINDS: Mapping[str, str] = MappingProxyType(
    {
        "missing": "a file that a list, a pair or the layout names is not there",
        "extra": "a clip, picture or sound that the data set does not know",
        "empty": "a file of zero bytes",
        "unreadable": "a file or folder that cannot be read; of media, found by --deep",
        "malformed": "a list or a metadata file that does not say what it should",
        "duplicate": "named twice, there twice, or (by --deep) the same content twice",
        "polarity": "real by one account, fake by another; such an item is not used",
        "overlap": "one person in two splits",
        "outside": "a path that leaves the data set; it is not read",
    }
)
"""Kind of a finding -> what it means."""


class Finding(NamedTuple):
    """One thing that is wrong with a copy of a data set."""

    kind: str
    """One of KINDS."""
    path: str
    """Relative to the data set's root, with forward slashes."""
    message: str
    item: Item | None = None
    """The item that there would be without it; it counts as failed."""

    def record(self) -> dict[str, JSON]:
        """Return the finding as a JSON object."""
        return {"kind": self.kind, "path": self.path, "message": self.message}
