"""Contact sheets: a quick look at what a recipe renders."""

from pathlib import Path

import numpy as np
from PIL import Image

from .recipe import picture_factors


def contact_sheet(
    people: int = 8, per_person: int = 8, size: int = 160, *, seed: int = 0, first_person: int = 0, plain: bool = False
) -> np.ndarray:
    """Render people in rows and their pictures in columns.

    Args:
        people: Rows.
        per_person: Columns.
        size: Side of a picture in pixels.
        seed: Seed of the population.
        first_person: Index of the first person.
        plain: Leave out noise and JPEG, for a smaller file.

    Returns:
        (people * size, per_person * size, 3) uint8 RGB.
    """
    from .render import render

    rows = []
    for person in range(first_person, first_person + people):
        drawn = [picture_factors(seed, person, index) for index in range(per_person)]
        persons, states, scenes = (list(part) for part in zip(*drawn, strict=True))
        if plain:
            scenes = [scene | {"noise": 0.0, "jpeg_quality": 100.0} for scene in scenes]
        rows.append(np.hstack(list(render(persons, states, scenes, size).pixels.numpy())))
    return np.vstack(rows)


def save_sheet(path: Path, sheet: np.ndarray, width: int) -> None:
    """Write a sheet as a PNG, scaled to `width` pixels."""
    height = round(sheet.shape[0] * width / sheet.shape[1])
    Image.fromarray(sheet).resize((width, height), Image.Resampling.BOX).save(path, optimize=True)
