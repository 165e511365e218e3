"""Weights that come with a system: when a suite uses them in place of a training of its own."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..canonical import digest_of_file
from ..cards import GeneratorCard
from ..errors import InputError
from ..registry import Part
from ..suite import DataSpec, SystemSpec

WEIGHTS = "weights"
"""Folder beside a card."""


def shipped_folder(part: Part[GeneratorCard]) -> Path | None:
    """Return the folder of the weights that come with a part, found to be those of its card; None if there are none.

    Raises:
        InputError: A file is missing or is another.
    """
    folder = part.folder / WEIGHTS
    for name, wanted in part.card.weights.items():
        found = digest_of_file(folder / name) if (folder / name).is_file() else "nothing"
        if found != wanted:
            raise InputError(
                f"{folder / name}: expected sha256 {wanted}, found {found}; install {part.card.name} again, or train "
                "anew with refit"
            )
    return folder if part.card.weights else None


def serving(part: Part[GeneratorCard], parameters: Mapping[str, Any], population: int | None) -> Path | None:
    """Return the folder of the weights that come with a part, where they are what is asked for; else None.

    They are of rendered people and the recipe's parameters. So they serve other people of the studio, and other values
    of `sampling` parameters alone.

    Args:
        part: The system.
        parameters: That differ from the recipe's.
        population: Of the studio's people; None for anybody else.

    Raises:
        InputError: A file is missing or is another.
    """
    card = part.card
    if card.recipe is None or population is None or population == card.recipe.population:
        return None
    if any(not card.parameters[name].sampling for name in parameters if name in card.parameters):
        return None
    return shipped_folder(part)


def with_shipped(part: Part[GeneratorCard], spec: SystemSpec, data: DataSpec) -> SystemSpec:
    """Return `spec` with the weights that come with the part, where it asks for no training of its own."""
    if spec.refit or spec.weights is not None or spec.seeds != (0,):
        return spec
    folder = serving(part, spec.parameters, data.seed if data.dataset == "studio" else None)
    if folder is None or part.card.recipe is None:
        return spec
    return spec.model_copy(update={"weights": folder, "parameters": {**part.card.recipe.parameters, **spec.parameters}})
