"""The embedded data that every suite falls back on are the same numbers on every machine and in every release.

A change that is meant needs a new version of the recipe and new values here.
"""

from itertools import islice

import numpy as np

from fauxbench.harness.canonical import digest_of
from fauxbench.harness.datasets.studio.recipe import picture_factors, render_pictures
from fauxbench.harness.datasets.studio_set import SHARES, StudioFolder, studio_from_key, studio_splits
from fauxbench.harness.suite import DataSpec

CELLS = np.array(
    [
        [
            [171.3, 75.4, 117.7, 169.9],
            [150.6, 121.7, 139.1, 167.2],
            [161.3, 142.9, 156.7, 150.4],
            [176.7, 174.0, 177.2, 124.6],
        ],
        [
            [170.7, 144.5, 121.5, 168.7],
            [94.8, 107.1, 139.0, 82.8],
            [50.5, 78.6, 138.3, 55.1],
            [62.2, 78.6, 123.7, 71.1],
        ],
        [
            [148.8, 110.1, 120.0, 149.4],
            [95.4, 108.5, 108.6, 90.7],
            [65.4, 94.9, 113.6, 67.6],
            [109.8, 140.2, 150.3, 124.0],
        ],
        [
            [156.3, 140.7, 137.4, 174.2],
            [134.5, 144.1, 139.1, 182.7],
            [133.7, 133.7, 143.2, 119.9],
            [100.6, 127.9, 139.7, 115.2],
        ],
    ]
)
"""Mean grey of the 4 x 4 parts of each picture."""


def the_default() -> StudioFolder:
    data = DataSpec(dataset="studio")
    return studio_from_key({**data.model_dump(include=set(DataSpec.model_fields)), "size": data.size or 64})


def test_the_recipe_and_who_is_in_which_split():
    recipe = the_default()
    assert recipe.digest == "23745c5723039d367dbee32411b20ae451d6047f2f5d704d629a0f149479d42b"
    splits = studio_splits(recipe.pictures.people, SHARES, recipe.pictures.seed)
    assert (
        digest_of({name: split.value for name, split in splits.items()})
        == "f5a37d6faa10d2f8750e53a6bf7a6b9e0eb013917ffe98e365558d7dce2f6a06"
    )


def test_the_factors_of_its_people():
    drawn = [picture_factors(0, person, index) for person in range(48) for index in (0, 9)]
    numbers = [[{name: round(value, 6) for name, value in part.items()} for part in parts] for parts in drawn]
    assert digest_of(numbers) == "b644353397709798f2982bc1e9e4237d1177a7553858782051843d3f9c432a6d"


def test_its_first_pictures_to_the_stated_tolerance():
    pictures = list(islice(render_pictures(the_default().pictures), 4))
    cells = np.stack([p.pixels.reshape(4, 16, 4, 16, 3).mean((1, 3, 4)) for p in pictures])
    np.testing.assert_allclose(cells, CELLS, atol=0.5)
