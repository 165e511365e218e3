"""Planning published data sets: the real set, and a system for each group of their fakes."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from ..canonical import JSON
from ..cards import GeneratorCard, did_you_mean
from ..datasets.access import terms_of
from ..datasets.layouts import dataset_card, read_layout
from ..datasets.layouts.card import DatasetCard, Group
from ..datasets.layouts.reading import Contents, Options
from ..datasets.layouts.tree import Tree, scan
from ..datasets.published import limited
from ..errors import SuiteError
from ..media.item import Item, Split
from ..plan import Unit
from ..suite import DataSpec
from .model import REAL, Draft, System, code_of


def plan_published(draft: Draft, data: DataSpec) -> tuple[Mapping[Split, int], tuple[System, ...]]:
    """Add the units that read a published data set; return the size of each split, and the systems that made its fakes.

    Raises:
        RefusedError: Its terms were not accepted.
        SuiteError: It is not at the path, or what was chosen of it is not there.
    """
    card = dataset_card(data.dataset)
    root = draft.existing(data.path, "data.path")
    draft.terms = terms_of(card, root)
    options = Options.from_record(data.chosen)
    tree = scan(root)
    contents = read_layout(card.name, tree, options)
    if _lower(data) - set(contents.fake_groups):
        there = read_layout(card.name, tree, replace(options, manipulations=())).fake_groups
        raise _unknown_group(data, there)
    _check(card, data, contents)
    real = contents.group(None)
    draft.real_names = [item.id for item in real]
    _add(draft, card, root, tree, options, None, real)
    groups = contents.fake_groups
    systems = tuple(_system(draft, card, root, tree, options, name, contents.group(name)) for name in groups)
    if not systems and not draft.suite.generators:
        raise SuiteError(f"generators: expected at least one entry; {card.name} at {root} holds no fakes of its own")
    return _sizes(real), systems


def _lower(data: DataSpec) -> set[str]:
    return {name.lower() for name in data.manipulations}


def _unknown_group(data: DataSpec, there: tuple[str, ...]) -> SuiteError:
    name = min(_lower(data) - set(there))
    found = f"no '{name}' in this copy of {data.dataset}{did_you_mean(name, there)}"
    return SuiteError(f"data.manipulations: {found}; there are: {', '.join(there) or 'none'}")


def _check(card: DatasetCard, data: DataSpec, contents: Contents) -> None:
    """Raise SuiteError where a choice must be made, or what was chosen is not there."""
    levels = sorted({str(item.facts["compression"]) for item in contents.items if "compression" in item.facts})
    if len(levels) > 1:
        raise SuiteError(f"data.compression: this copy has {', '.join(levels)}; choose one")
    if len({item.modality for item in contents.items}) > 1:
        raise SuiteError(f"data.media: this copy of {card.name} has its items in several kinds of files; choose one")
    if not contents.group(None):
        raise SuiteError(f"data.path: no real items; see fauxbench data verify {card.name} {data.path}")


def _add(
    draft: Draft,
    card: DatasetCard,
    root: Path,
    tree: Tree,
    options: Options,
    group: str | None,
    items: tuple[Item, ...],
) -> str:
    asked = draft.suite.n if group else None
    key: dict[str, JSON] = {
        "dataset": card.name,
        "options": options.record(),
        "tree": tree.digest,
        "group": group,
        "counts": asked.model_dump(exclude_none=True) if asked else {},
        "modality": items[0].modality.value,
        "terms": draft.terms.model_dump(mode="json"),
        "code": code_of("datasets", "datasets/layouts", "media", "execute/steps/sets.py"),
    }
    unit = Unit(
        id=f"index {group}@{card.name}" if group else REAL,
        kind="index",
        what=f"{card.name} {len(items)}",
        key=key,
        task={"path": str(root), "name": f"{group}@{card.name}" if group else card.name},
        cost=0.2 * len(items),
    )
    return draft.add(unit)


def _system(
    draft: Draft,
    card: DatasetCard,
    root: Path,
    tree: Tree,
    options: Options,
    group: str,
    items: tuple[Item, ...],
) -> System:
    known = card.groups.get(group) or Group(technique="unknown")
    described = GeneratorCard(
        name=group,
        version=card.name,
        title=f"{group} of {card.title}",
        technique=known.technique,
        kind=known.kind,
        modality=items[0].modality.value,
        reference=card.reference,
    )
    counts = draft.suite.n.model_dump(exclude_none=True)
    kept = limited(items, {Split(name): n for name, n in counts.items()})
    return System(
        name=f"{group}@{card.name}",
        card=described,
        parameters={},
        code=tree.digest,
        origin=card.name,
        seeds=(0,),
        sets=(_add(draft, card, root, tree, options, group, items),),
        pairs=False,
        trains={Split.TRAIN, Split.VALIDATION} <= {item.split for item in kept},  # a threshold is chosen on the latter
    )


def _sizes(items: tuple[Item, ...]) -> dict[Split, int]:
    return {split: sum(item.split is split for item in items) for split in Split}
