"""Layouts of published data sets: one module and one card each, over shared parts. Read in place, nothing is copied."""

from importlib import import_module
from typing import TYPE_CHECKING

from ...errors import InputError
from .card import dataset_card, dataset_cards

if TYPE_CHECKING:
    from .reading import Contents, Options
    from .tree import Tree

__all__ = ["dataset_card", "dataset_cards", "read_layout"]


def read_layout(name: str, tree: "Tree", options: "Options | None" = None) -> "Contents":
    """Return what a copy of a data set holds, by its names and lists; no clip is opened.

    Args:
        name: Of the data set.
        tree: What `scan` found below the root.
        options: What is chosen of it; default: everything.

    Raises:
        InputError: No such data set, an option that it does not know, or nothing of it below the root.
    """
    from .reading import Options, Reading

    card = dataset_card(name)
    chosen = options or Options()
    unknown = sorted(set(chosen.record()) - set(card.options))
    if unknown:
        raise InputError(f"'{name}' takes no {', '.join(unknown)}; it takes: {', '.join(card.options) or 'nothing'}")
    reading = Reading(tree=tree, card=card, options=chosen)
    module, _, function = card.entry.partition(":")
    getattr(import_module(f"{__name__}.{module}"), function or "read")(reading)
    contents = reading.finish()
    if not contents.items and not any(finding.item for finding in contents.findings):
        top = sorted({path.split("/")[0] for path in tree.files})[:8]
        asked = "".join(f", {option} {value}" for option, value in chosen.record().items())
        raise InputError(
            f"{tree.root}: nothing of '{name}' ({card.title}{asked}) in it; docs/datasets.md shows the layout. "
            f"Found: {', '.join(top) or 'an empty folder'}"
        )
    return contents
