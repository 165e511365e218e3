"""The planner: suite in, plan out."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from ..errors import SuiteError
from ..media.item import Modality, Split
from ..media.mediaset import MediaSet, Terms
from ..metrics.offers import UNITS
from ..plan import Plan
from ..suite import Suite
from .conditions import plan_conditions
from .detection import plan_detection
from .languages import plan_languages
from .model import REAL, RENDERED, Draft, SuitePlan
from .realism import plan_realism
from .safety import plan_safety
from .sets import counts_to_ask, plan_real
from .shortcuts import plan_shortcuts
from .systems import plan_systems
from .terms import terms_of_folder
from .utility import plan_utility


def _check_modality(draft: Draft) -> None:
    """Raise SuiteError if a system makes other media than the real set holds."""
    for system in draft.systems:
        if system.card.modality != draft.modality:
            made, real = UNITS[Modality(system.card.modality)], UNITS[draft.modality]
            raise SuiteError(f"generators: '{system.name}' gives {made}, and the real set holds {real}")


def _check_sealed(draft: Draft) -> None:
    """Raise SuiteError if a sealed set cannot be the real set of a suite, or would be cut in another way than it is."""
    key, data = draft.units[REAL].key, draft.suite.data
    if "sealed" not in key:
        return
    given = {"identities"} | ({"splits"} if key["splits"] is None else set())
    if named := sorted(given & data.model_fields_set):
        raise SuiteError(
            f"data.path: {data.path} is a sealed set, whose identities and splits are kept: leave "
            f"{' and '.join(f'data.{name}' for name in named)} out"
        )
    media = MediaSet.open(draft.existing(data.path, "data.path"))
    made = sum(item.visual_fake or item.audio_fake for item in media)
    if made:
        raise SuiteError(
            f"data.path: {made} of {len(media)} items of {data.path} are fakes, and a suite needs real ones; "
            "for two sets against each other there is fauxbench measure"
        )


def _check_enough(draft: Draft) -> None:
    """Raise SuiteError if nothing could be measured, or something that was asked for could not be done at all."""
    if draft.split_sizes.get(Split.TEST, 0) < 2:
        raise SuiteError(
            f"the test split has {draft.split_sizes.get(Split.TEST, 0)} items, at least 2 are needed: "
            "give data.splits.test a larger share, or more data"
        )
    if draft.suite.detectors and not any(system.is_fake and system.trains for system in draft.systems):
        raise SuiteError(
            "detectors: no system that makes fakes has a train split; give a `use: folder` system `splits` "
            "(for instance {train: 0.4, validation: 0.1, test: 0.5}), or leave detectors out"
        )


def _terms(suite: Suite, base: Path) -> Terms:
    data = suite.data
    if data.dataset == "studio":
        return RENDERED
    if data.dataset != "folder" or data.path is None or not (base / data.path).is_dir():
        return data.terms or Terms()  # of a published set they are read with it; what is not there is said later
    return terms_of_folder(base / data.path, data.terms)


def plan_suite(
    suite: Suite,
    base: Path,
    weights: Path,
    device: str = "cpu",
    *,
    sets_only: bool = False,
    renamed: Mapping[str, str] = MappingProxyType({}),
) -> SuitePlan:
    """Return the plan of a suite; nothing is run and nothing is written.

    Args:
        suite: The suite.
        base: What its paths are relative to.
        weights: Folder of instruments' weights; an instrument whose weights are not there gives rows without a value.
        device: Of torch.
        sets_only: Make the sets and measure nothing.
        renamed: `name@version` of systems whose code changed under it -> what they are called instead.

    Raises:
        InputError: Something that the suite names does not exist, or terms do not allow it.
    """
    draft = Draft(suite=suite, base=base, weights=weights, terms=_terms(suite, base), renamed=renamed)
    draft.split_sizes = plan_real(draft)
    draft.counts = counts_to_ask(draft)
    draft.systems += plan_systems(draft)
    taught: dict[str, tuple[str, ...]] = {}
    if not sets_only:
        _check_sealed(draft)
        _check_modality(draft)
        _check_enough(draft)
        plan_realism(draft)
        detectors = plan_detection(draft)
        plan_conditions(draft)
        plan_shortcuts(draft, detectors)
        plan_utility(draft, detectors)
        plan_safety(draft)
        plan_languages(draft, detectors)
        taught = {one.train: tuple(system.name for system in one.own) for one in detectors if one.trained}
    return SuitePlan(
        suite=suite,
        plan=Plan(units=tuple(draft.units.values()), device=device),
        systems=draft.systems,
        rows=tuple(draft.rows),
        detect_units=draft.detect_units,
        taught=taught,
        renamed=draft.renamed,
    )
