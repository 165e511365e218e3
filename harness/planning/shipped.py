"""Weights that come with a system: when a suite uses them in place of a training of its own."""

from pathlib import Path

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


def with_shipped(part: Part[GeneratorCard], spec: SystemSpec, data: DataSpec) -> SystemSpec:
    """Return `spec` with the weights that come with the part, where they are what it asks for.

    They are of rendered people, one training seed and the recipe's parameters. So they serve a suite about other people
    of the studio, one that asks for no other training seed, and for other values of `sampling` parameters alone.
    """
    card, recipe = part.card, part.card.recipe
    asks_for_training = spec.refit or spec.weights is not None or spec.seeds != (0,)
    asks_for_training |= any(not card.parameters[name].sampling for name in spec.parameters if name in card.parameters)
    if recipe is None or asks_for_training or data.dataset != "studio" or data.seed == recipe.population:
        return spec
    folder = shipped_folder(part)
    if folder is None:
        return spec
    return spec.model_copy(update={"weights": folder, "parameters": {**recipe.parameters, **spec.parameters}})
